import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { EXIT, PeerLabError } from '#proto/errors.ts';
import type { RunFacts } from './history/events.ts';
import { ResultsFolder } from './history/results-folder.ts';
import { reportAgain } from './report-again.ts';

const SHA = 'a';
const SCENARIO = `name: try
description: Does it?
groups: {a: {count: 2}}
steps: [{login: all}]
expect:
  - transfers.failed < 5
  - transfers.ok == 1
`;
const FACTS: RunFacts = {
  ...{ runId: '0123456789', scenario: 'try', description: 'Does it?', driver: 'process', seed: 1, leaseSeconds: 30 },
  ...{ startedAt: '2026-01-01T00:00:00.000Z', setupSeconds: 1, durationSeconds: 3 },
  peers: ['a-1', 'a-2'].map((name, i) => ({ name, group: 'a', address: `127.0.0.1:${i + 1}` })),
  ...{ planned: 2, steps: [{ id: '1', label: 'all', taken: true }], completed: true, observations: [] },
  ...{ stallSeconds: 0, resources: {}, artifacts: {}, exits: [], trouble: [], leftovers: [] },
};
const proof = (when: string) => ({ when, at: 1, wanted: 'x', seen: 'x', ok: true });
const METRICS = ['received', 'sent'].map((way) => `peerlab_transfer_bytes_total{direction="${way}"}`);
const CONTENT: Record<string, string> = {
  'events.ndjson': lines(
    ...[0, 1].map((id) => ({
      ...{ id, step: '1', peer: 'a-1', start: 1, end: 2, outcome: 'ok' },
      ...(id === 0 ? { operation: 'index', bytes: 0, sources: [], results: 0 } : {}),
      ...(id === 1
        ? { operation: 'download', file: 'f', bytes: 7, sources: [{ peer: '127.0.0.1:2', bytes: 7, cut: false }] }
        : {}),
    })),
  ),
  'answers.ndjson': lines({ id: 0, entries: [] }),
  'faults.ndjson': lines(
    ...['a-1', 'a-2'].map((who) => ({
      ...{
        kind: 'freeze',
        who,
        step: '1',
        from: 1,
        inForce: 1,
        until: 2,
        proofs: ['before', 'during', 'after'].map(proof),
      },
    })),
  ),
  'shares.ndjson': lines({ peer: 'a-2', name: 'f', size: 7, sha256: SHA }),
  'stored.ndjson': lines(...['a-1', 'a-2'].map((peer) => ({ peer, name: 'f', size: 7, sha256: SHA }))),
  'timeline.ndjson': lines({ kind: 'note', at: 0, text: 'hello' }),
  'metrics/samples.ndjson': lines({ at: 1, instance: 'a-1', values: {} }),
  'metrics/a-1.prom': `${METRICS[1]} 0\n${METRICS[0]} 7\n`,
  'metrics/a-2.prom': `${METRICS[0]} 0\n${METRICS[1]} 7\n`,
  'logs/a-1.log': '{"level":30,"msg":"hello"}\n',
  'scenario.yaml': SCENARIO,
};

function lines(...records: object[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

/** The results of a run that passes. */
function passedRun(facts: Partial<RunFacts> = {}): ResultsFolder {
  const results = mkdtempSync(path.join(tmpdir(), 'peerlab-report-'));
  onTestFinished(() => rmSync(results, { recursive: true }));
  const folder = ResultsFolder.create(results, FACTS.runId);
  for (const [file, content] of Object.entries(CONTENT)) writeFileSync(path.join(folder.path, file), content);
  folder.writeFacts({ ...FACTS, files: folder.sizes(), ...facts });
  return folder;
}

/** The exit code of `bin/lab report`. */
async function exitOf(folder: ResultsFolder): Promise<number> {
  try {
    return EXIT[(await reportAgain(folder)).verdict];
  } catch (error) {
    if (error instanceof PeerLabError) return error.kind.exit ?? Number.NaN;
    throw error;
  }
}

/** Judges the folder with `file` cut at every byte of its last line; JSON that lacks no more than its newline is whole. */
async function* cutEverywhere(folder: ResultsFolder, file: string): AsyncGenerator<number> {
  const at = path.join(folder.path, file);
  const whole = readFileSync(at);
  for (
    let bytes = whole.length - (file === 'run.json' ? 2 : 1);
    bytes > whole.lastIndexOf(0x0a, whole.length - 2);
    bytes--
  ) {
    truncateSync(at, bytes);
    yield await exitOf(folder);
  }
  writeFileSync(at, whole);
}

test('a run is judged again from its files', async () => {
  const result = await reportAgain(passedRun());
  expect([result.reason, result.verdict]).toEqual([expect.stringContaining('kept'), 'pass']);
});

test.each([...Object.keys(CONTENT), 'run.json'])('%s cut at any byte of its last line is no pass', async (file) => {
  for await (const code of cutEverywhere(passedRun(), file)) expect(code).toBe(EXIT.inconclusive);
});

test.each([...Object.keys(CONTENT), 'run.json'])('of a killed run, %s may end anywhere', async (file) => {
  const folder = passedRun({ completed: false, files: undefined });
  for await (const code of cutEverywhere(folder, file)) expect(code).toBe(EXIT.inconclusive);
});

test('every file is tried, and every one that a report relies on is sealed', () => {
  const folder = passedRun();
  expect(Object.keys(folder.sizes()).sort()).toEqual(Object.keys(CONTENT).sort());
  const files = readdirSync(folder.path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files).toHaveLength(Object.keys(CONTENT).length + 1);
});

test('a metric that can not be read is as unknown in a report as it was in the run', async () => {
  const folder = passedRun();
  const garbled = `# TYPE peerlab_transfer_bytes_total counter\n${METRICS[0]} 0\npeerlab_transfer_bytes_total{direction="sent\n`;
  writeFileSync(path.join(folder.metrics, 'a-2.prom'), garbled);
  writeFileSync(folder.file('metrics/samples.ndjson'), lines({ at: 1, instance: 'a-2', values: { x: null } }));
  folder.writeFacts({ ...FACTS, files: folder.sizes() });
  const { verdict, reason } = await reportAgain(folder);
  expect({ verdict, reason }).toEqual({
    verdict: 'inconclusive',
    reason: expect.stringContaining("line 3 of the metrics of a-2 can't be read"),
  });
  expect(await Array.fromAsync(folder.readLines('metrics/samples.ndjson'))).toHaveLength(1);
});

test('a reason names what is wrong with the files', async () => {
  const folder = passedRun();
  appendFileSync(folder.file('faults.ndjson'), '{"kind":"free');
  expect((await reportAgain(folder)).reason).toMatch(/^files whole: faults.ndjson had \d+ bytes when the run ended/);
  writeFileSync(folder.file('events.ndjson'), `not JSON\n${CONTENT['events.ndjson']}`);
  const { checks } = await reportAgain(folder);
  const details = checks.find(({ name }) => name === 'files whole')?.details.join('\n');
  expect(details).toMatch(/events\.ndjson/);
});

test('what is not the folder of a run is wrong usage', async () => {
  const folder = passedRun();
  rmSync(folder.file('run.json'));
  expect(await exitOf(folder)).toBe(EXIT.usage);
  mkdirSync(path.join(folder.path, 'empty'));
  expect(await exitOf(new ResultsFolder(path.join(folder.path, 'empty')))).toBe(EXIT.usage);
});
