import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseExpectation } from '../lab/checks/expectation.ts';
import type { OperationEvent, RunFacts } from '../lab/history/events.ts';
import { ResultsFolder } from '../lab/history/results-folder.ts';
import { writeReport } from '../lab/report/write-report.ts';
import { Live } from '../lab/run/live.ts';
import { sayBar } from './kit/report.ts';

/**
 * What a million operations leave in the lab's memory while a run goes on: each is recorded and held against live expectations, as in a run
 * that ends as soon as a transfer fails. Growth of the heap, after a collection, from the first hundred thousand to the last.
 * And what the report of such a history takes, in a process of its own: it reads all of it, once, when the run is over.
 */

const OPERATIONS = 1_000_000;
const SETTLED_AFTER = 100_000;
const PEERS = 100;
const LIMIT_MIB = 8;
const MIB = 1024 * 1024;
const EXPECTED = ['transfers.failed == 0', 'operations.search.failed == 0', 'groups.a.transfers.bytes > 0B'];

const peers = Array.from({ length: PEERS }, (_, i) => ({ name: `a-${i + 1}`, group: 'a', address: `10.0.0.${i}:1` }));

function event(id: number): OperationEvent {
  const { name: peer, address } = peers[id % PEERS] as (typeof peers)[number];
  const start = id / 1000;
  const common = { id, step: '1', peer, start, end: start + 0.01, outcome: 'ok' as const };
  if (id % 2 === 0) return { ...common, operation: 'login', bytes: 0, sources: [] };
  return {
    ...common,
    operation: 'search',
    asked: `file-${id}.bin`,
    bytes: 0,
    results: 1,
    sources: [{ peer: address, bytes: 0 }],
  };
}

const FACTS: RunFacts = {
  ...{
    runId: 'bench',
    scenario: 'bench',
    description: 'Does the lab grow?',
    driver: 'process',
    seed: 1,
    leaseSeconds: 30,
  },
  ...{ startedAt: new Date(0).toISOString(), setupSeconds: 1, durationSeconds: OPERATIONS / 1000, peers },
  ...{ planned: OPERATIONS, steps: [{ id: '1', label: 'all', taken: true }], completed: true, observations: [] },
  ...{ stallSeconds: 0, resources: {}, artifacts: {}, exits: [], trouble: [], leftovers: [] },
};

function heapMib(): number {
  (globalThis as unknown as { gc(): void }).gc();
  return process.memoryUsage().heapUsed / MIB;
}

async function record(folder: ResultsFolder): Promise<number> {
  const names = { verbs: new Set(['login', 'search']), groups: new Set(['a']), steps: new Set<string>() };
  const figures = EXPECTED.map((text) => {
    const read = parseExpectation(text, names);
    if ('flaw' in read) throw new Error(read.flaw);
    return read.expectation.figure;
  });
  const live = new Live({ figures, peers, now: () => 0, scrape: async () => new Map() });
  const events = folder.append('events.ndjson');
  let settled = Number.NaN;
  for (let id = 0; id < OPERATIONS; id++) {
    if (id === SETTLED_AFTER) settled = heapMib();
    const one = event(id);
    live.take({ kind: 'operation-ended', at: one.end, operation: one });
    await events.append(one);
  }
  const grown = heapMib() - settled;
  await events.close();
  folder.writeFacts(FACTS);
  return grown;
}

const [mode, path] = process.argv.slice(2);
if (mode === 'report') {
  const began = performance.now();
  await writeReport(new ResultsFolder(path as string), { demands: [] });
  const maxMib = process.resourceUsage().maxRSS / 1024;
  console.log(
    `lab-memory: the report of ${OPERATIONS} operations took ${((performance.now() - began) / 1000).toFixed(1)} s and ${maxMib.toFixed(0)} MiB at most`,
  );
} else if (mode === 'record') {
  const grown = await record(new ResultsFolder(path as string));
  console.log(`lab-memory: the heap grew by ${grown.toFixed(1)} MiB from operation ${SETTLED_AFTER} to ${OPERATIONS}`);
  sayBar('lab-memory', Math.max(0, grown), LIMIT_MIB);
} else {
  const results = mkdtempSync(join(tmpdir(), 'peerlab-bench-'));
  try {
    const folder = ResultsFolder.create(results, 'bench');
    const self = fileURLToPath(import.meta.url);
    for (const step of ['record', 'report']) {
      execFileSync(process.execPath, ['--expose-gc', self, step, folder.path], { stdio: 'inherit', timeout: 300_000 });
    }
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
}
