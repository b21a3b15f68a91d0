import { expect, test } from 'vitest';
import type { OperationEvent } from '../../lab/history/events.ts';
import type { RunEvent } from '../../lab/history/run-event.ts';
import { fold } from './fold.ts';
import { knownUntil } from './known-until.ts';
import { EMPTY_SCENE, linkKey, peersOf, type Scene } from './scene.ts';

const BEGAN: RunEvent = {
  ...{ kind: 'run-began', at: 0 },
  run: {
    ...{ runId: 'r', scenario: 'try', description: 'd', driver: 'process', seed: 1, leaseSeconds: 30 },
    startedAt: '2026-01-01T00:00:00.000Z',
    peers: [
      { name: 's-1', group: 's', host: 'host1' },
      { name: 'l-1', group: 'l', host: 'host1' },
    ],
    steps: [
      { id: '1', label: 'in parallel', taken: false },
      { id: '1.1', label: 'download l', taken: false },
    ],
  },
};
const ready = (instance: string, address: string): RunEvent => ({
  ...{ kind: 'instance-ready', at: 0, instance, role: 'peer', address, tookSeconds: 1 },
});
const READY = [BEGAN, ready('s-1', '127.0.0.1:1'), ready('l-1', '127.0.0.1:2')];
const operation = (more: Partial<OperationEvent>): RunEvent => {
  const common = { id: 0, step: '1.1', operation: 'download', peer: 'l-1', start: 1, end: 2, bytes: 0, sources: [] };
  const ended: OperationEvent = { ...common, outcome: 'ok', ...more };
  return { kind: 'operation-ended', at: ended.end, operation: ended };
};
const began = (id: number, at: number, more: object = {}): RunEvent => ({
  ...{ kind: 'operation-began', at, id, step: '1.1', operation: 'download', peer: 'l-1', deadlineSeconds: 9 },
  ...more,
});
const FETCHED = operation({ file: 'x', bytes: 100, sources: [{ peer: '127.0.0.1:1', bytes: 100 }] });
const after = (...events: RunEvent[]): Scene => fold(EMPTY_SCENE, [...READY, ...events]);
const peer = (scene: Scene, name: string) => scene.instances.get(name);
const counter = (at: number, value: number | null, instance = 'l-1'): RunEvent => ({
  ...{ kind: 'sample', at, instance, values: { 'peerlab_transfer_bytes_total{direction="received"}': value } },
});

test('a transfer that ended is counted, gives its receiver the file, and links the two', () => {
  const scene = after(began(0, 1, { file: 'x' }), FETCHED);
  expect(scene.verbs.get('download')).toEqual({ ok: 1, failed: 0 });
  expect(peer(scene, 'l-1')).toMatchObject({ ok: 1, received: 100, sent: 0, files: new Map([['x', 100]]) });
  expect(peer(scene, 's-1')).toMatchObject({ ok: 0, received: 0, sent: 100 });
  const link = { from: 's-1', to: 'l-1', bytes: 100, transfers: 1, at: 2 };
  expect(scene.links).toEqual(new Map([[linkKey('s-1', 'l-1'), link]]));
  expect(scene.underWay.size).toBe(0);
  expect(scene.steps.get('1')).toMatchObject({ ok: 1 });
  expect(scene.steps.get('1.1')).toMatchObject({ ok: 1 });
});

test('the steps around an operation count it; the place of a branch is no step', () => {
  const scene = after(operation({ step: '1.1.3' }));
  expect([...scene.steps].map(([id, { ok }]) => [id, ok])).toEqual([
    ['1', 1],
    ['1.1', 1],
  ]);
});

test('an upload goes to its receiver', () => {
  const scene = after(operation({ operation: 'upload', peer: 's-1', to: 'l-1', file: 'x', bytes: 7 }));
  expect(peer(scene, 'l-1')).toMatchObject({ received: 7, files: new Map([['x', 7]]), ok: 0 });
  expect(peer(scene, 's-1')).toMatchObject({ sent: 7, ok: 1 });
});

const told = (at: number, map: string): RunEvent => {
  const there = map.replaceAll('0', '').length;
  const content = { name: 'x', sha256: '', size: 100, pieces: map.length, there, map };
  return { kind: 'pieces', at, peer: 'l-1', contents: [content] };
};

test('the pieces of a file are what its peer said last, until it has the file whole', () => {
  const during = after(told(1, '000'), told(1.5, '090'));
  expect(peer(during, 'l-1')?.pieces).toEqual(new Map([['x', { size: 100, pieces: 3, there: 1, map: '090' }]]));
  expect(during.contents).toEqual(new Map([['x', { size: 100, pieces: 3 }]]));
  // What was asked before its end may be told after it.
  const whole = fold(during, [FETCHED, told(2, '099')]);
  expect(peer(whole, 'l-1')).toMatchObject({ pieces: new Map(), files: new Map([['x', 100]]) });
  expect(whole.contents.size).toBe(1);
  const failed = fold(during, [operation({ outcome: 'failed', file: 'x' })]);
  expect(peer(failed, 'l-1')?.pieces.get('x')).toMatchObject({ map: '090' });
});

test('what failed moves bytes, and gives nobody a file', () => {
  const scene = after(
    operation({ outcome: 'failed', file: 'x', bytes: 9, sources: [{ peer: '127.0.0.1:1', bytes: 9 }] }),
  );
  expect(peer(scene, 'l-1')).toMatchObject({ failed: 1, received: 9, files: new Map() });
});

test('what is under way is there until it ends, the oldest first', () => {
  const scene = after(began(3, 1), began(2, 2), operation({ id: 3, end: 3 }));
  expect([...scene.underWay.keys()]).toEqual([2]);
  expect(after(began(3, 1), began(2, 2)).underWay.keys().next().value).toBe(3);
});

test('who is in, and how lives end', () => {
  const scene = after(
    operation({ operation: 'login', peer: 'l-1' }),
    operation({ operation: 'login', peer: 's-1' }),
    operation({ operation: 'logout', peer: 's-1' }),
  );
  expect(peersOf(scene).map(({ name, loggedIn }) => [name, loggedIn])).toEqual([
    ['s-1', false],
    ['l-1', true],
  ]);
  const end = { kind: 'instance-ended', at: 3, how: 'exit code 1', inOrder: true } as const;
  const dead = fold(scene, [{ ...end, instance: 'host1', asked: false }]);
  expect(peersOf(dead).map(({ life, loggedIn }) => [life, loggedIn])).toEqual(Array(2).fill(['lost', false]));
  expect(peer(fold(scene, [{ ...end, instance: 'l-1', asked: true }]), 'l-1')).toMatchObject({ life: 'ended' });
});

test('a fault holds its instance until it is over; the same one may come again', () => {
  const fault = { fault: 'freeze', who: 'l-1', step: '1' } as const;
  const proof = { when: 'before', at: 1, wanted: 'x', seen: 'x', ok: true } as const;
  const record = { kind: 'freeze', who: 'l-1', step: '1', from: 1, inForce: 1.5, until: 3, proofs: [proof] } as const;
  const during = after({ kind: 'fault-proved', at: 1, ...fault, proof }, { kind: 'fault-begun', at: 2, ...fault });
  expect([...during.faults.values()]).toMatchObject([{ since: 2, until: undefined, proofs: [proof] }]);
  expect(peer(during, 'l-1')?.faults).toEqual(new Map([['freeze', 2]]));
  const over = fold(during, [{ kind: 'fault-ended', at: 4, record: { ...record, proofs: [proof] } }]);
  expect([...over.faults.values()]).toMatchObject([{ since: 1.5, until: 3 }]);
  expect(peer(over, 'l-1')?.faults.size).toBe(0);
  expect(fold(over, [{ kind: 'fault-begun', at: 5, ...fault }]).faults.size).toBe(2);
  // Its last proof comes after its record, as when they are read from files.
  expect(fold(over, [{ kind: 'fault-proved', at: 4, ...fault, proof }]).faults.size).toBe(1);
});

test('without a counter, bytes came from the start of a transfer to its end', () => {
  const { binSeconds, bytes } = after(FETCHED).throughput;
  expect(binSeconds).toBe(0.1);
  expect(bytes.slice(0, 10)).toEqual(Array(10).fill(0));
  expect(bytes.slice(10)).toEqual(Array(10).fill(expect.closeTo(10)));
});

test('with one, they came as it grew, while a transfer was under way', () => {
  const scene = after(counter(0, 0), began(0, 0.5), counter(1, 50), FETCHED, counter(2, 100), counter(3, 100));
  const { bytes } = scene.throughput;
  expect(bytes.slice(0, 5)).toEqual(Array(5).fill(0));
  expect(bytes.slice(5)).toEqual([...Array(5).fill(expect.closeTo(10)), ...Array(10).fill(expect.closeTo(5))]);
});

test('what came since a receiver was last read is not known yet; who was not heard of for long is not waited for', () => {
  const reading = [counter(0, 0), began(0, 0.5), counter(1, 50), counter(2, 10, 's-1')];
  expect(knownUntil(after(counter(0, 0), counter(2, 0)))).toBe(Number.POSITIVE_INFINITY);
  expect(knownUntil(after(...reading))).toBe(1);
  expect(knownUntil(after(...reading, FETCHED))).toBe(1);
  expect(knownUntil(after(...reading, FETCHED, counter(3, 100)))).toBe(Number.POSITIVE_INFINITY);
  expect(knownUntil(after(...reading, counter(9, 10, 's-1')))).toBe(Number.POSITIVE_INFINITY);
  const over: RunEvent = { kind: 'run-ended', at: 3, completed: true, leftovers: [] };
  expect(knownUntil(after(...reading, over))).toBe(Number.POSITIVE_INFINITY);
});

test('a counter that begins late, begins again, or is unknown moves no byte twice', () => {
  const sum = (scene: Scene) => scene.throughput.bytes.reduce((a, b) => a + b, 0);
  expect(sum(after(FETCHED, counter(3, 100)))).toBeCloseTo(100);
  expect(sum(after(counter(0, 0), counter(1, 70), counter(2, 30)))).toBeCloseTo(100);
  expect(sum(after(counter(0, 0), counter(1, 70), counter(2, null), counter(3, 100)))).toBeCloseTo(100);
});

test('the scene before stays as it was, and what did not change is the same object after', () => {
  const before = after(began(0, 1, { file: 'x' }));
  const copy = structuredClone({ ...before, operations: [], observations: [], remarks: [] });
  const now = fold(before, [FETCHED]);
  expect(structuredClone({ ...before, operations: [], observations: [], remarks: [] })).toEqual(copy);
  expect([...before.operations]).toEqual([]);
  expect([...now.operations]).toHaveLength(1);
  expect(now.faults).toBe(before.faults);
  expect(peer(now, 'directory')).toBe(peer(before, 'directory'));
  expect(peer(now, 'l-1')).not.toBe(peer(before, 'l-1'));
});

test('events of hosts, of unknown peers and of unknown kinds do no harm', () => {
  const scene = after(
    { kind: 'instance-started', at: 0, instance: 'host1' },
    operation({ peer: 'nobody', bytes: 5, sources: [{ peer: '9.9.9.9:9', bytes: 5 }] }),
    counter(1, 5, 'nobody'),
    { kind: 'from-the-future', at: 9 } as unknown as RunEvent,
  );
  expect(scene.now).toBe(9);
  expect([...scene.links.values()]).toMatchObject([{ from: '9.9.9.9:9', to: 'nobody' }]);
});

test('how an expectation stands is as it was told last', () => {
  const stands = (at: number, actual: number, ok: boolean): RunEvent => ({
    ...{ kind: 'expectation-stands', at, expression: 'transfers.ok == 2', actual, unit: 'count', ok },
  });
  const { standings } = after(stands(1, 1, false), stands(2, 2, true));
  expect([...standings]).toEqual([['transfers.ok == 2', { at: 2, actual: 2, unit: 'count', ok: true }]]);
});
