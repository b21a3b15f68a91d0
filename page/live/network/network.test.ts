import { describe, expect, test } from 'vitest';
import type { OperationEvent } from '../../../lab/history/events.ts';
import type { RunEvent } from '../../../lab/history/run-event.ts';
import { fold } from '../../model/fold.ts';
import { directoriesOf, EMPTY_SCENE, type Instance, newInstance, peersOf, type Scene } from '../../model/scene.ts';
import { movedOf } from '../moved.ts';
import { type Condition, conditionOf } from './condition.ts';
import { byGroup, flowsOf, rateOf, tellersOf } from './flows.ts';
import { Holdings } from './holdings.ts';
import { type Box, layoutOf, TITLE_HEIGHT } from './layout.ts';
import { type Colours, edgesOf, labelBox, paintMoving, type Words } from './paint.ts';

const NAMES = ['s-1', 's-2', 'l-1', 'l-2'];
const BEGAN: RunEvent = {
  ...{ kind: 'run-began', at: 0 },
  run: {
    ...{ runId: 'r', scenario: 'try', description: 'd', driver: 'process', seed: 1, leaseSeconds: 30 },
    ...{ startedAt: '2026-01-01T00:00:00.000Z', steps: [] },
    peers: NAMES.map((name) => ({ name, group: name.slice(0, 1) })),
  },
};
const READY = NAMES.map(
  (instance, n): RunEvent => ({
    ...{ kind: 'instance-ready', at: 0, instance, role: 'peer', address: `127.0.0.1:${n}`, tookSeconds: 1 },
  }),
);
const has = (peer: string, name: string, size: number): RunEvent => ({
  ...{ kind: 'share-recorded', at: 0, file: { peer, name, size, sha256: '' } },
});
const STEPS: RunEvent = { kind: 'steps-began', at: 0, setupSeconds: 1 };
const fetching = (id: number, at: number, file: string, peer = 'l-1'): RunEvent => ({
  ...{ kind: 'operation-began', at, id, step: '1', operation: 'download', peer, file, deadlineSeconds: 9 },
});
const fetched = (id: number, end: number, sources: OperationEvent['sources'], file = 'x', peer = 'l-1'): RunEvent => {
  const bytes = sources.reduce((sum, one) => sum + one.bytes, 0);
  const common = { id, step: '1', operation: 'download', peer, file, start: end - 2, end, bytes, sources };
  return { kind: 'operation-ended', at: end, operation: { ...common, outcome: 'ok' } };
};
const sample = (at: number, instance: string, values: Record<string, number>): RunEvent => ({
  ...{ kind: 'sample', at, instance, values },
});
const RECEIVED = 'peerlab_transfer_bytes_total{direction="received"}';
const SENDING = 'peerlab_transfers_in_progress{direction="sent"}';
const scene = (...events: RunEvent[]): Scene =>
  fold(EMPTY_SCENE, [
    BEGAN,
    ...READY,
    has('s-1', 'x', 100),
    has('s-2', 'x', 100),
    has('s-2', 'y', 300),
    STEPS,
    ...events,
  ]);
const instance = (of: Scene, name: string) => of.instances.get(name) as Instance;

describe('what moves', () => {
  test('a transfer that ended is certain, with the rate of each source, and seen for a moment', () => {
    const sources = [
      { peer: '127.0.0.1:0', bytes: 60 },
      { peer: '127.0.0.1:1', bytes: 40 },
    ];
    const after = scene(fetching(0, 1, 'x'), fetched(0, 3, sources));
    expect(flowsOf(after)).toEqual([
      { from: 's-1', to: 'l-1', bytesPerSecond: 30, isCertain: true },
      { from: 's-2', to: 'l-1', bytesPerSecond: 20, isCertain: true },
    ]);
    expect(flowsOf(fold(after, [sample(5, 'l-2', {})]))).toEqual([]);
  });

  test('one under way may come from all who have the file, or from those that say that they send', () => {
    const all = scene(fetching(0, 1, 'x'));
    expect(flowsOf(all).map(({ from, isCertain }) => [from, isCertain])).toEqual([
      ['s-1', false],
      ['s-2', false],
    ]);
    const sending = fold(all, [sample(1.1, 's-2', { [SENDING]: 1 })]);
    expect(flowsOf(sending).map(({ from }) => from)).toEqual(['s-2']);
    // Who fetches the same gives on what it has of it.
    const both = fold(sending, [fetching(1, 1.2, 'x', 'l-2'), sample(1.3, 'l-2', { [SENDING]: 1 })]);
    expect(flowsOf(both).map(({ from, to }) => `${from} ${to}`)).toEqual(['s-2 l-1', 'l-2 l-1', 's-2 l-2']);
  });

  test('who is dead or frozen sends nothing', () => {
    const frozen: RunEvent = { kind: 'fault-begun', at: 2, fault: 'freeze', who: 's-1', step: '1' };
    expect(flowsOf(scene(fetching(0, 1, 'x'), frozen)).map(({ from }) => from)).toEqual(['s-2']);
  });

  test('the rate of a peer is that of its counter, as long as it is fresh', () => {
    const now = scene(sample(1, 'l-1', { [RECEIVED]: 0 }), sample(2, 'l-1', { [RECEIVED]: 50 }));
    expect(rateOf(instance(now, 'l-1'), now)).toBe(50);
    const later = fold(now, [sample(20, 'l-2', {})]);
    expect(rateOf(instance(later, 'l-1'), later)).toBe(0);
  });

  test('who receives has told how fast when its counter was read since it began', () => {
    const early = scene(fetching(0, 1, 'x'), fetching(1, 2, 'x', 'l-2'), sample(1.5, 'l-1', { [RECEIVED]: 10 }));
    expect(tellersOf(early)).toEqual({ told: 1, receivers: 2 });
    expect(tellersOf(fold(early, [sample(3, 'l-2', { [RECEIVED]: 10 })]))).toEqual({ told: 2, receivers: 2 });
  });

  test('what was moved counts transfers under way, by the counters of the peer, until the run is over', () => {
    const sources = [{ peer: '127.0.0.1:0', bytes: 100 }];
    const now = scene(fetched(0, 3, sources), sample(4, 'l-1', { [RECEIVED]: 150 }));
    expect(movedOf(instance(now, 'l-1'), now)).toEqual({ received: 150, sent: 0 });
    expect(movedOf(instance(now, 's-1'), now)).toEqual({ received: 0, sent: 100 });
    expect(movedOf(instance(now, 'l-1'), { stage: 'over' })).toEqual({ received: 100, sent: 0 });
  });

  test('many are summed up by group', () => {
    const flow = (from: string, to: string, isCertain = false) => ({ from, to, bytesPerSecond: 10, isCertain });
    expect(byGroup([flow('a-1', 'b-1'), flow('a-2', 'b-1', true)], (name) => name.slice(0, 1))).toEqual([
      { from: 'a', to: 'b', bytesPerSecond: 20, isCertain: true },
    ]);
  });
});

test('what a peer has: files by name, each as wide as it is large; what came of those under way', () => {
  const now = scene(fetching(0, 1, 'y'), sample(2, 'l-1', { [RECEIVED]: 150 }));
  const holdings = new Holdings(now);
  expect(holdings.of(instance(now, 's-1'))).toEqual([
    { share: 0.25, whole: 1, map: undefined, coming: 0 },
    { share: 0.75, whole: 0, map: undefined, coming: 0 },
  ]);
  expect(holdings.of(instance(now, 'l-1'))).toEqual([
    { share: 0.25, whole: 0, map: undefined, coming: 0 },
    { share: 0.75, whole: 0, map: undefined, coming: 0.5 },
  ]);
  expect(holdings.partOf(instance(now, 's-2'))).toBe(1);
});

test('what a peer says of its pieces is known better than by its counter', () => {
  const content = { name: 'y', sha256: '', size: 300, pieces: 4, there: 1, map: '0090' };
  const pieces: RunEvent = { kind: 'pieces', at: 2, peer: 'l-1', contents: [content] };
  const now = scene(fetching(0, 1, 'y'), sample(2, 'l-1', { [RECEIVED]: 150 }), pieces);
  expect(new Holdings(now).of(instance(now, 'l-1'))[1]).toEqual({ share: 0.75, whole: 0.25, map: '0090', coming: 0 });
});

test('many files are told together', () => {
  const many = scene(...Array.from({ length: 100 }, (_, n) => has('s-1', `f${n}`, 1)));
  const segments = new Holdings(many).of(instance(many, 's-1'));
  expect(segments.length).toBeLessThanOrEqual(32);
  expect(segments.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
});

test.each<[Condition, Partial<Instance>]>([
  ['in', { life: 'up', loggedIn: true }],
  ['out', { life: 'up' }],
  ['starting', {}],
  ['dead', { life: 'lost', loggedIn: true }],
  ['dead', { life: 'ended' }],
  ['frozen', { life: 'up', faults: new Map([['freeze', 1]]) }],
  // What such a program does may be a lie, or be slow: it breaks rules, and lies when it was told to.
  ['double', { life: 'up', program: 'double: byzantine' }],
  ['lying', { life: 'up', program: 'double: byzantine', faults: new Map([['lie', 1]]) }],
  ['lying', { life: 'up', faults: new Map([['lie', 1]]) }],
  [
    'cut',
    {
      life: 'up',
      faults: new Map([
        ['delay', 1],
        ['cut', 1],
      ]),
    },
  ],
  ['slow', { life: 'up', loggedIn: true, faults: new Map([['limit', 1]]) }],
  ['in', { life: 'up', loggedIn: true, program: 'my-peer:1' }],
])('%s: %o', (condition, known) => {
  expect(conditionOf(newInstance('a', known), 'steps')).toBe(condition);
});

test('replicas of the directory are no peers, and take its place', () => {
  expect(directoriesOf(scene()).map(({ name }) => name)).toEqual(['directory']);
  const replicas = [1, 2].map(
    (n): RunEvent => ({
      ...{ kind: 'instance-ready', at: 0, instance: `directory-${n}`, role: 'directory', address: 'x', tookSeconds: 1 },
    }),
  );
  const two = scene(...replicas);
  expect(directoriesOf(two).map(({ name }) => name)).toEqual(['directory-1', 'directory-2']);
  expect(peersOf(two)).toHaveLength(NAMES.length);
});

test('who ended with the run is not dead; who was lost is', () => {
  expect(conditionOf(newInstance('a', { life: 'ended' }), 'over')).toBe('over');
  expect(conditionOf(newInstance('a', { life: 'lost' }), 'over')).toBe('dead');
});

test.each([
  [390, [3]],
  [1280, [6]],
  [1280, [2, 2]],
  [390, [10, 30, 5]],
  [1280, [1, 50, 149]],
  [390, [1000]],
  [1280, [50, 950]],
  [1280, Array(40).fill(2)],
])('at %i pixels, groups of %j stand in the drawing, and nobody on another', (width, counts) => {
  const groups = (counts as number[]).map((count, g) => ({
    name: `g${g}`,
    peers: Array.from({ length: count }, (_, n) => `g${g}-${n}`),
  }));
  const { cells, directories, height, groups: boxes } = layoutOf(groups, ['directory-1', 'directory-2'], width);
  const all: Box[] = [...cells.values(), ...directories.values()];
  expect(all).toHaveLength((counts as number[]).reduce((sum, one) => sum + one, 0) + 2);
  for (const box of [...all, ...boxes]) {
    expect(box.x).toBeGreaterThanOrEqual(0);
    expect(box.x + box.width).toBeLessThanOrEqual(width);
    expect(box.y + box.height).toBeLessThanOrEqual(height);
  }
  const apart = (a: Box, b: Box) =>
    a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
  expect(all.every((a, n) => all.slice(n + 1).every((b) => apart(a, b)))).toBe(true);
});

test('a label is inside the drawing and over no other; where there is no room, there is none', () => {
  const edge = { from: [300, 100], over: [340, 150], to: [300, 200] } as const;
  const place = (taken: Box[]) => labelBox(edge, 60, 330, taken);
  const taken: Box[] = [];
  for (let box = place(taken); box; box = place(taken)) {
    expect(box.x).toBeGreaterThanOrEqual(0);
    expect(box.x + box.width).toBeLessThanOrEqual(330);
    expect(taken.every(({ y }) => Math.abs(y - box.y) >= box.height)).toBe(true);
    taken.push(box);
  }
  expect(taken.length).toBeGreaterThan(1);
});

test('what moves goes behind whoever stands there, and rates are written over nobody', () => {
  const groups = ['s', 'between', 'l'].map((name) => ({ name, peers: [1, 2, 3].map((n) => `${name}-${n}`) }));
  const layout = layoutOf(groups, ['directory'], 1280);
  const ends = groups[0]?.peers.flatMap((from) => (groups[2]?.peers ?? []).map((to) => ({ from, to }))) ?? [];
  const flows = ends.map((both) => ({ ...both, bytesPerSecond: 1000, isCertain: true }));
  const drawn: { what: string; box: number[] }[] = [];
  const canvas = {
    ...Object.fromEntries(
      [
        'beginPath',
        'moveTo',
        'arc',
        'fill',
        'setLineDash',
        'quadraticCurveTo',
        'stroke',
        'clearRect',
        'fillRect',
        'fillText',
      ].map((what) => [what, (...box: number[]) => void drawn.push({ what, box })]),
    ),
    measureText: () => ({ width: 50 }),
  } as unknown as CanvasRenderingContext2D;
  const edges = edgesOf(flows, (name) => layout.cells.get(name), layout.width);
  const words = { rate: () => '1 kB/s' } as unknown as Words;
  paintMoving(canvas, edges, layout, { colours: {} as Colours, words, phase: 0.5 });
  const titles = layout.groups.map((box) => ({ ...box, height: TITLE_HEIGHT }));
  const standing = [...layout.cells.values(), ...layout.directories.values(), ...titles];
  const last = Math.max(...['stroke', 'fill'].map((what) => drawn.findLastIndex((one) => one.what === what)));
  const cleared = drawn.slice(last).filter(({ what }) => what === 'clearRect');
  expect(cleared.map(({ box }) => box)).toEqual(standing.map(({ x, y, width, height }) => [x, y, width, height]));
  const labels = drawn
    .filter(({ what }) => what === 'fillRect')
    .map(({ box }) => box as [number, number, number, number]);
  expect(labels.length).toBeGreaterThan(3);
  for (const [x, y, width, height] of labels)
    for (const cell of standing)
      expect(x >= cell.x + cell.width || cell.x >= x + width || y >= cell.y + cell.height || cell.y >= y + height).toBe(
        true,
      );
});
