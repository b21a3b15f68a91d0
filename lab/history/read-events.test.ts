import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readEvents } from './read-events.ts';
import { ResultsFolder } from './results-folder.ts';

const FACTS = {
  ...{ runId: 'r', scenario: 'try', description: 'd', driver: 'process', seed: 1, leaseSeconds: 30 },
  ...{ startedAt: '2026-01-01T00:00:00.000Z', setupSeconds: 1, durationSeconds: 3 },
  peers: [{ name: 'a-1', group: 'a', address: '127.0.0.1:1' }],
  ...{ planned: 2, steps: [{ id: '1', label: 'all', taken: true }], completed: true, observations: [] },
  ...{ stallSeconds: 0, resources: {}, artifacts: {}, exits: [], trouble: [], leftovers: [] },
};
const operation = (id: number, end: number) => ({
  ...{ id, step: '1', operation: 'index', peer: 'a-1', start: 0, end, outcome: 'ok', bytes: 0, sources: [] },
});
const PIECES = { name: 'f', sha256: '0'.repeat(64), size: 3, pieces: 3, there: 1, map: '090' };
const note = (at: number) => ({ kind: 'note', at, text: `at ${at}` });

async function read(files: Readonly<Record<string, readonly (object | string)[]>>) {
  const results = mkdtempSync(path.join(tmpdir(), 'peerlab-read-'));
  onTestFinished(() => rmSync(results, { recursive: true }));
  const folder = ResultsFolder.create(results, 'r');
  writeFileSync(folder.file('run.json'), JSON.stringify(FACTS));
  for (const [name, lines] of Object.entries(files)) {
    const texts = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
    writeFileSync(path.join(folder.path, name), `${texts.join('\n')}\n`);
  }
  const damage: string[] = [];
  const events = await Array.fromAsync(readEvents(folder, (why) => void damage.push(why)));
  return { events, kinds: events.map(({ kind, at }) => `${kind} ${at}`), damage };
}

test('a folder whose timeline does not begin with the plan gets that from run.json', async () => {
  const { events } = await read({ 'timeline.ndjson': [note(0)] });
  expect(events).toMatchObject([{ kind: 'run-began', run: { runId: 'r', peers: FACTS.peers } }, { kind: 'note' }]);
  expect(events[0]).toMatchObject({ run: { steps: [{ taken: false }] } });
  expect((await read({})).kinds).toEqual(['run-began 0']);
});

test('what the files have is told by time, and at one time what began comes before what ended', async () => {
  const began = {
    kind: 'operation-began',
    at: 2,
    id: 1,
    step: '1',
    operation: 'index',
    peer: 'a-1',
    deadlineSeconds: 9,
  };
  const { kinds } = await read({
    'events.ndjson': [operation(0, 1), operation(1, 2), operation(2, 9)],
    'timeline.ndjson': [note(0.5), began, note(3)],
    'metrics/samples.ndjson': [{ at: 2.5, instance: 'a-1', values: { x: 1 } }],
    'pieces.ndjson': [{ at: 2.6, peer: 'a-1', contents: [PIECES] }],
  });
  expect(kinds).toEqual([
    ...[
      'run-began 0',
      'note 0.5',
      'operation-ended 1',
      'operation-began 2',
      'operation-ended 2',
      'sample 2.5',
      'pieces 2.6',
      'note 3',
    ],
    'operation-ended 9',
  ]);
});

test('answers stay with their operations, those included that have none', async () => {
  const { events } = await read({
    'events.ndjson': [operation(0, 1), operation(1, 2), operation(2, 3)],
    'answers.ndjson': [{ id: 1, entries: [['127.0.0.1:1', 'f', 'x', 7]] }],
  });
  expect(events.map((event) => ('answer' in event ? event.answer?.id : undefined))).toEqual([
    undefined,
    undefined,
    1,
    undefined,
  ]);
});

test('a damaged file is told of, and the rest is read', async () => {
  const { kinds, damage } = await read({
    'events.ndjson': [operation(0, 1), '{"id":', operation(1, 2)],
    'timeline.ndjson': [note(5)],
    'faults.ndjson': ['nonsense', 'more of it'],
  });
  expect(kinds).toEqual(['run-began 0', 'operation-ended 1', 'note 5']);
  expect(damage).toHaveLength(2);
});

test('a run that was cut off loses nothing that was recorded', async () => {
  const file = { peer: 'a-1', name: 'f', size: 7, sha256: 'x' };
  const fault = { kind: 'kill', who: 'a-1', step: '1', from: 1, inForce: 1, proofs: [] };
  const { kinds } = await read({
    'shares.ndjson': [file],
    'stored.ndjson': [file],
    'faults.ndjson': [fault],
    'timeline.ndjson': [note(0)],
  });
  expect(kinds.map((kind) => kind.split(' ')[0])).toEqual([
    ...['run-began', 'note', 'share-recorded', 'fault-ended', 'file-stored'],
  ]);
});

test('the end of a fault comes after the last look at it, which is told a moment after it was made', async () => {
  const proof = { when: 'after', at: 2, wanted: 'answers', seen: 'answers', ok: true };
  const what = { who: 'a-1', step: '1' };
  const { kinds } = await read({
    'faults.ndjson': [
      { kind: 'kill', ...what, from: 1, inForce: 1, until: 1.5, recoverySeconds: 0.5, proofs: [proof] },
    ],
    'timeline.ndjson': [{ kind: 'fault-proved', fault: 'kill', ...what, proof, at: 2.00001 }, note(2.1)],
  });
  expect(kinds).toEqual(['run-began 0', 'fault-proved 2.00001', 'fault-ended 2', 'note 2.1']);
});
