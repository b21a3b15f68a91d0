import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Listener } from '../history/event-stream.ts';
import { LINE_FILES } from '../history/result-files.ts';
import { ResultsFolder } from '../history/results-folder.ts';
import type { RunEvent, Told } from '../history/run-event.ts';
import { RunClock } from './clock.ts';
import { Recorder } from './recorder.ts';

const FILE = { peer: 'a-1', name: 'f', size: 7, sha256: 'x' };
const PIECES = { name: 'f', sha256: '0'.repeat(64), size: 3, pieces: 3, there: 1, map: '090' };
const OPERATION = {
  ...{ id: 0, step: '1', operation: 'index', peer: 'a-1', start: 0, end: 1, bytes: 0, sources: [] },
  outcome: 'ok',
} as const;
const STORY: Told[] = [
  { kind: 'share-recorded', file: FILE },
  { kind: 'instance-ready', instance: 'a-1', role: 'peer', address: '127.0.0.1:1', tookSeconds: 1 },
  { kind: 'step-began', step: '1', label: 'index', operations: 1, total: 1 },
  { kind: 'operation-ended', operation: OPERATION, answer: { id: 0, entries: [] } },
  { kind: 'step-ended', step: '1', taken: true },
  { kind: 'fault-ended', record: { kind: 'kill', who: 'a-1', step: '1', from: 0, proofs: [] } },
  { kind: 'sample', instance: 'a-1', values: { x: 1, y: null } },
  { kind: 'pieces', peer: 'a-1', contents: [{ ...PIECES }] },
  { kind: 'file-stored', file: FILE },
  { kind: 'instance-killed', instance: 'a-1', graceSeconds: 8, cpuPressure: 0.25 },
  { kind: 'instance-ended', instance: 'a-1', how: 'by itself', asked: false, inOrder: true },
  { kind: 'run-ended', completed: true, leftovers: [] },
];

async function record(...listeners: Listener[]) {
  const results = mkdtempSync(path.join(tmpdir(), 'peerlab-recorder-'));
  onTestFinished(() => rmSync(results, { recursive: true }));
  const folder = ResultsFolder.create(results, 'run');
  const run = {
    ...{ runId: 'run', scenario: 'try', description: 'd', driver: 'process', seed: 1, leaseSeconds: 30 },
    ...{ peers: [{ name: 'a-1', group: 'a' }], steps: [{ id: '1', label: 'index', taken: false }] },
  } as const;
  const recorder = new Recorder({ folder, clock: new RunClock(), run: structuredClone(run), listeners });
  for (const told of STORY) await recorder.record(told);
  await recorder.close();
  const lines = (name: (typeof LINE_FILES)[number]) =>
    readFileSync(folder.file(name), 'utf8').split('\n').filter(Boolean).length;
  return { recorder, folder, counts: Object.fromEntries(LINE_FILES.map((name) => [name, lines(name)])) };
}

test('each event is in one file, and can be read back', async () => {
  const { folder, counts } = await record();
  expect(counts).toMatchObject({
    ...{ 'events.ndjson': 1, 'answers.ndjson': 1, 'faults.ndjson': 1, 'shares.ndjson': 1, 'stored.ndjson': 1 },
    ...{ 'metrics/samples.ndjson': 1, 'pieces.ndjson': 1, 'timeline.ndjson': 7 },
  });
  expect(await Array.fromAsync(folder.readLines('metrics/samples.ndjson'))).toMatchObject([
    { values: { x: 1, y: null } },
  ]);
  const timeline = await Array.fromAsync(folder.readLines('timeline.ndjson'));
  expect(timeline.map(({ kind }) => kind)).toEqual([
    ...['run-began', 'instance-ready', 'step-began', 'step-ended'],
    ...['instance-killed', 'instance-ended', 'run-ended'],
  ]);
});

test('the facts are the events, added up', async () => {
  const { recorder } = await record();
  expect(recorder.facts()).toMatchObject({
    ...{ planned: 1, completed: true, steps: [{ id: '1', taken: true }] },
    ...{ peers: [{ address: '127.0.0.1:1' }], exits: [{ instance: 'a-1', how: 'by itself' }] },
    kills: [{ instance: 'a-1', graceSeconds: 8, cpuPressure: 0.25 }],
  });
});

test('a listener hears all of it; one that crashes, or never answers, changes nothing', async () => {
  const heard: RunEvent[] = [];
  const crashes: Listener = {
    name: 'crashes',
    take: () => {
      throw new Error('boom');
    },
  };
  const hangs: Listener = { name: 'hangs', take: () => new Promise(() => {}) };
  const { recorder, counts } = await record(crashes, hangs, { name: 'hears', take: (event) => void heard.push(event) });
  expect(heard.filter(({ kind }) => kind !== 'note')).toHaveLength(STORY.length + 1);
  expect(heard[1]).toMatchObject({ kind: 'note', text: 'crashes does not follow the run any more: boom' });
  expect(counts['events.ndjson']).toBe(1);
  expect(recorder.facts().trouble).toEqual([]);
});
