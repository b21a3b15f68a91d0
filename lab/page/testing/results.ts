import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Result } from '../../checks/result-schema.ts';
import type { FaultRecord, OperationEvent, RunFacts } from '../../history/events.ts';
import { ResultsFolder } from '../../history/results-folder.ts';
import { writeReport } from '../../report/write-report.ts';

/** Results of a run that nobody played, to make pages of: as large as is wanted, with the names that are wanted. */
export interface MadeInit {
  readonly peers: readonly string[];
  /** Downloads, from the first peer, by the others in turn. */
  readonly downloads: number;
  readonly file?: (n: number) => string;
  readonly label?: string;
  readonly faults?: readonly FaultRecord[];
  /** One of that many downloads fails. */
  readonly failsEvery?: number;
  readonly message?: string;
  readonly samplesOfEach?: number;
  /** How often each peer but the first says which pieces it has of one more file. */
  readonly pieceLooks?: number;
}

const SECONDS = 20;

export async function madeResults(init: MadeInit): Promise<{ folder: ResultsFolder; result: Result } & Disposable> {
  const parent = mkdtempSync(path.join(tmpdir(), 'peerlab-page-'));
  const folder = ResultsFolder.create(parent, 'made');
  const put = (name: string, lines: readonly object[]) =>
    writeFileSync(path.join(folder.path, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const operations = Array.from({ length: init.downloads }, (_, id) => download(init, id));
  const facts = factsOf(init);
  put('events.ndjson', operations);
  put('shares.ndjson', [{ peer: init.peers[0], name: fileOf(init, 0), size: 1000, sha256: 'a'.repeat(64) }]);
  put('faults.ndjson', init.faults ?? []);
  put('timeline.ndjson', timelineOf(init, facts, operations));
  put('metrics/samples.ndjson', samplesOf(init));
  put('pieces.ndjson', piecesOf(init));
  put('logs/directory.log', [{ level: 30, msg: 'ready' }]);
  writeFileSync(path.join(folder.path, 'scenario.yaml'), 'name: made\n');
  folder.writeFacts(facts);
  const result = await writeReport(folder, { demands: [] });
  return { folder, result, [Symbol.dispose]: () => rmSync(parent, { recursive: true, force: true }) };
}

function fileOf({ file = (n) => `file-${n}.bin` }: MadeInit, n: number): string {
  return file(n);
}

function addressOf(peer: number): string {
  return `127.0.0.1:${20_000 + peer}`;
}

function download(init: MadeInit, id: number): OperationEvent {
  const { peers, downloads, failsEvery = 0, message = 'the stream ended early' } = init;
  const start = (id * (SECONDS - 2)) / downloads;
  const who = 1 + (id % (peers.length - 1));
  const isFailed = failsEvery > 0 && id % failsEvery === 0;
  return {
    ...{ id, step: '1', operation: 'download', peer: peers[who] ?? '', start, end: start + 0.5 + (id % 7) / 10 },
    ...{ file: fileOf(init, id), bytes: isFailed ? 0 : 1000, told: { size: 1000, sha256: `${id}`.padStart(64, '0') } },
    ...(isFailed
      ? { outcome: 'failed', error: { code: 'truncated', message, definite: true }, sources: [] }
      : { outcome: 'ok', sources: [{ peer: addressOf(0), bytes: 1000 }] }),
  };
}

function factsOf({ peers, downloads, label = 'download all' }: MadeInit): RunFacts {
  return {
    ...{ runId: 'made', scenario: 'made', description: 'Was it made?', driver: 'made-up', seed: 1, leaseSeconds: 30 },
    ...{ startedAt: '2026-01-01T00:00:00.000Z', setupSeconds: 1, durationSeconds: SECONDS, planned: downloads },
    peers: peers.map((name, n) => ({ name, group: n === 0 ? 'seeders' : 'leechers', address: addressOf(n) })),
    ...{ steps: [{ id: '1', label, taken: true }], completed: true, observations: [], stallSeconds: 0 },
    resources: { labCpuSeconds: 2, labMemoryBytes: 3 * 1024 * 1024, cpuPressure: 0.957 },
    ...{ artifacts: {}, exits: [], trouble: [], leftovers: [] },
  };
}

function timelineOf(init: MadeInit, facts: RunFacts, operations: readonly OperationEvent[]): object[] {
  const { label = 'download all', downloads } = init;
  const { runId, scenario, description, driver, seed, leaseSeconds, startedAt, peers, steps } = facts;
  const run = { runId, scenario, description, driver, seed, leaseSeconds, startedAt, peers };
  return [
    { kind: 'run-began', at: 0, run: { ...run, steps: steps.map((step) => ({ ...step, taken: false })) } },
    ...peers.map(({ name, address }) => ({
      ...{ kind: 'instance-ready', at: 0, instance: name, role: 'peer', address, tookSeconds: 1 },
    })),
    { kind: 'steps-began', at: 0, setupSeconds: 1 },
    { kind: 'step-began', at: 0, step: '1', label, operations: downloads, total: downloads },
    ...operations.map(({ id, step, operation, peer, file, start }) => ({
      ...{ kind: 'operation-began', at: start, id, step, operation, peer, file, deadlineSeconds: 300 },
    })),
    { kind: 'step-ended', at: SECONDS, step: '1', taken: true },
    { kind: 'steps-ended', at: SECONDS },
    { kind: 'run-ended', at: SECONDS + 1, completed: true, leftovers: [] },
  ];
}

function samplesOf({ peers, samplesOfEach = 0 }: MadeInit): object[] {
  return Array.from({ length: samplesOfEach }, (_, n) =>
    peers.map((instance) => ({
      ...{ at: (n * SECONDS) / samplesOfEach, instance },
      values: { 'peerlab_transfer_bytes_total{direction="received"}': n * 100 },
    })),
  ).flat();
}

const PIECES = 20;

/** Each has one piece more each time, from a place of its own on. */
function piecesOf(init: MadeInit): object[] {
  const { peers, pieceLooks = 0, downloads } = init;
  return Array.from({ length: pieceLooks }, (_, n) =>
    peers.slice(1).map((peer, own) => {
      const map = Array.from({ length: PIECES }, (_, place) => ((place - own + PIECES) % PIECES <= n ? 9 : 0)).join('');
      const there = Math.min(PIECES, n + 1);
      const content = { name: fileOf(init, downloads), sha256: 'c'.repeat(64), size: PIECES * 1000, pieces: PIECES };
      return { at: ((n + 1) * SECONDS) / (pieceLooks + 1), peer, contents: [{ ...content, there, map }] };
    }),
  ).flat();
}
