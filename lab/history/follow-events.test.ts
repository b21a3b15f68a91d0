import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { EventFollower } from './follow-events.ts';
import { ResultsFolder } from './results-folder.ts';
import type { RunEvent } from './run-event.ts';

function folderOf(): ResultsFolder {
  const results = mkdtempSync(path.join(tmpdir(), 'peerlab-follow-'));
  onTestFinished(() => rmSync(results, { recursive: true }));
  return ResultsFolder.create(results, 'run');
}

async function follow(folder: ResultsFolder, from?: string): Promise<EventFollower> {
  const follower = await EventFollower.begin({
    open: (file) => open(folder.file(file)).catch(() => undefined),
    from,
  });
  onTestFinished(() => follower[Symbol.asyncDispose]());
  return follower;
}

const add = (folder: ResultsFolder, file: Parameters<ResultsFolder['file']>[0], ...records: unknown[]) =>
  appendFileSync(folder.file(file), records.map((record) => `${JSON.stringify(record)}\n`).join(''));
const heard = async (follower: EventFollower): Promise<RunEvent[]> =>
  (await follower.next()).events.map((json) => JSON.parse(json));
const kinds = (events: readonly RunEvent[]) => events.map(({ kind, at }) => `${kind} ${at}`);

const began = (id: number, at: number) => ({
  ...{ kind: 'operation-began', at, id, step: '1', operation: 'download', peer: 'a', deadlineSeconds: 9 },
});
const ended = (id: number, end: number, more: object = {}) => ({
  ...{ id, step: '1', operation: 'download', peer: 'a', start: 0, end, outcome: 'ok', bytes: 1, sources: [] },
  ...more,
});
const sample = (at: number, values: object = { x: 1 }) => ({ at, instance: 'a', values });
const PIECES = { name: 'f', sha256: '0'.repeat(64), size: 3, pieces: 3, there: 1, map: '090' };
const FAULT = { kind: 'freeze', who: 'a', step: '1', from: 1, inForce: 1, proofs: [] };

test('records of all files come in the order of their times, as they are appended', async () => {
  const folder = folderOf();
  const follower = await follow(folder);
  expect(await heard(follower)).toEqual([]);
  add(folder, 'shares.ndjson', { peer: 'a', name: 'f', size: 1, sha256: '' });
  add(folder, 'timeline.ndjson', { kind: 'phase-began', at: 0, what: 'x' }, began(0, 1), began(1, 2));
  add(folder, 'events.ndjson', ended(0, 1.5));
  add(folder, 'metrics/samples.ndjson', sample(1.2));
  add(folder, 'pieces.ndjson', { at: 1.3, peer: 'a', contents: [PIECES] });
  expect(kinds(await heard(follower))).toEqual([
    ...[
      'phase-began 0',
      'share-recorded 0',
      'operation-began 1',
      'sample 1.2',
      'pieces 1.3',
      'operation-ended 1.5',
      'operation-began 2',
    ],
  ]);
  expect(await heard(follower)).toEqual([]);
  add(folder, 'stored.ndjson', { peer: 'a', name: 'f', size: 1, sha256: '' });
  add(folder, 'faults.ndjson', FAULT);
  add(folder, 'events.ndjson', ended(1, 3));
  add(folder, 'timeline.ndjson', { kind: 'run-ended', at: 4, completed: true, leftovers: [] });
  // What was in force at the end, and what lay on the disks, are known at the end.
  expect(kinds(await heard(follower))).toEqual([
    ...['operation-ended 3', 'run-ended 4', 'fault-ended 4', 'file-stored 4'],
  ]);
});

test('half a line is no record until the other half is there', async () => {
  const folder = folderOf();
  const follower = await follow(folder);
  const line = `${JSON.stringify(began(0, 1))}\n`;
  appendFileSync(folder.file('timeline.ndjson'), line.slice(0, 20));
  const { events, place } = await follower.next();
  expect([events, place]).toEqual([[], '0.0.0.0.0.0.0']);
  appendFileSync(folder.file('timeline.ndjson'), line.slice(20));
  expect(kinds(await heard(follower))).toEqual(['operation-began 1']);
});

test('whoever goes on from a place gets what is missing, once', async () => {
  const folder = folderOf();
  const [first, later] = [Array.from({ length: 50 }, (_, n) => n), Array.from({ length: 3000 }, (_, n) => n + 50)];
  add(folder, 'timeline.ndjson', ...first.map((n) => began(n, n)));
  add(folder, 'events.ndjson', ...first.map((n) => ended(n, n + 0.5)));
  const { events, place } = await (await follow(folder)).next();
  expect(events).toHaveLength(100);
  add(folder, 'timeline.ndjson', ...later.map((n) => began(n, n)));
  add(folder, 'events.ndjson', ...later.map((n) => ended(n, n + 0.5)));
  // Each batch by another reader, from the place after the one before.
  const rest: RunEvent[] = [];
  for (let from = place; ; ) {
    const follower = await follow(folder, from);
    expect(follower.isResumed).toBe(true);
    const batch = await follower.next();
    expect(batch.events.length).toBeLessThanOrEqual(2000);
    if (batch.events.length === 0) break;
    rest.push(...batch.events.map((json) => JSON.parse(json)));
    from = batch.place;
  }
  const ids = (kind: string) =>
    rest.flatMap((event) =>
      event.kind !== kind ? [] : 'operation' in event && 'id' in event ? event.id : (later[0] ?? 0),
    );
  expect(ids('operation-began')).toEqual(later);
  expect(rest.filter(({ kind }) => kind === 'operation-ended')).toHaveLength(later.length);
  expect(rest.map(({ at }) => at)).toEqual(rest.map(({ at }) => at).toSorted((a, b) => a - b));
});

test.each(['', 'x', '1.2.3', '3.0.0.0.0.0.0', '99999.0.0.0.0.0.0', '-1.0.0.0.0.0.0', '1e3.0.0.0.0.0.0'])(
  'what is no place (%j) is the beginning',
  async (from) => {
    const folder = folderOf();
    add(folder, 'timeline.ndjson', began(0, 1));
    const follower = await follow(folder, from);
    expect(follower.isResumed).toBe(false);
    expect(await heard(follower)).toHaveLength(1);
  },
);

test('what is no record is left out, what is too long is cut, and what follows is there', async () => {
  const folder = folderOf();
  appendFileSync(folder.file('timeline.ndjson'), 'null\n{"kind":"what"}\n{\n\n');
  appendFileSync(folder.file('timeline.ndjson'), `${'x'.repeat(9 * 1024 * 1024)}\n`);
  add(folder, 'timeline.ndjson', { kind: 'note', at: 1, text: 'n'.repeat(70_000) }, began(0, 2));
  const follower = await follow(folder);
  const events = await heard(follower);
  expect(kinds(events)).toEqual(['note 1', 'operation-began 2']);
  expect(JSON.stringify(events[0]).length).toBeLessThan(2100);
});

test('parts of histograms are left out', async () => {
  const folder = folderOf();
  const values = { x: 1, 'y_bucket{le="1"}': 2, y_sum: 3, 'y_count{a="b"}': 4, 'z_total{a="b"}': 5 };
  add(folder, 'metrics/samples.ndjson', sample(1, values));
  expect(await heard(await follow(folder))).toMatchObject([{ values: { x: 1, 'z_total{a="b"}': 5 } }]);
});

test('the end of a fault comes after the last look at it, which is told a moment after it was made', async () => {
  const folder = folderOf();
  const follower = await follow(folder);
  const proof = { when: 'after', at: 2, wanted: 'answers', seen: 'answers', ok: true };
  add(folder, 'timeline.ndjson', { kind: 'fault-proved', fault: 'freeze', who: 'a', step: '1', proof, at: 2.00001 });
  add(folder, 'faults.ndjson', { ...FAULT, until: 1.5, recoverySeconds: 0.5, proofs: [proof] });
  expect(kinds(await heard(follower))).toEqual(['fault-proved 2.00001', 'fault-ended 2']);
});
