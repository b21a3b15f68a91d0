import fc from 'fast-check';
import { expect, test } from 'vitest';
import { knownOf } from './bounds.ts';
import { WAYS } from './choosers.ts';
import type { Model, ModelPeer } from './model.ts';
import { simulate } from './simulate.ts';

const MB = 1_000_000;
const MIB = 1024 * 1024;

interface Crowd {
  readonly crowd: readonly Partial<ModelPeer>[];
  readonly seeder?: Partial<ModelPeer>;
  readonly way?: string;
}

function modelOf({ crowd, seeder, way = 'rarest', ...more }: Crowd & Partial<Model>): Model {
  const peer = { upload: 5 * MB, download: undefined, isSeeder: false, arrivesMs: 0, reciprocity: false };
  const chosen = WAYS.find(({ name }) => name === way);
  if (!chosen) throw new Error(`no way "${way}"`);
  return {
    peers: [
      { ...peer, group: 'seeder', isSeeder: true, ...seeder },
      ...crowd.map((one) => ({ ...peer, group: 'crowd', ...one })),
    ],
    ...{ sizeBytes: 16 * MIB, pieceSizeBytes: MIB, latencyMs: 5, seederLeaves: false, seed: 1 },
    ...{ choose: chosen.choose, suggests: chosen.suggests },
    ...more,
  };
}

const alike = (count: number) => Array.from({ length: count }, () => ({}));

const crowds = fc.record({
  crowd: fc.array(
    fc.record({
      upload: fc.constantFrom(0.2 * MB, MB, 5 * MB, 20 * MB),
      download: fc.constantFrom(undefined, 3 * MB, 10 * MB),
      arrivesMs: fc.constantFrom(0, 0, 700, 4000),
      reciprocity: fc.boolean(),
    }),
    { minLength: 1, maxLength: 40 },
  ),
  // The last piece may be a short one.
  sizeBytes: fc.integer({ min: 1, max: 12 * MIB }),
  pieceSizeBytes: fc.constantFrom(MIB / 4, MIB),
  latencyMs: fc.constantFrom(0, 5, 80),
  seed: fc.nat(),
  way: fc.constantFrom(...WAYS.map(({ name }) => name)),
});

test('everyone gets the whole file, nobody before the bound, and every byte that was sent is accounted for', () => {
  fc.assert(
    fc.property(crowds, (given) => {
      const model = modelOf(given);
      const outcome = simulate(model);
      expect(outcome.unfinished).toBe(0);
      // A link that was idle before they came is 50 ms ahead, and numbers are rounded.
      expect(outcome.lastSeconds + 0.051).toBeGreaterThanOrEqual(knownOf(model).boundSeconds);
      const useful = given.crowd.length * given.sizeBytes;
      expect(outcome.sentBytes - outcome.wastedBytes).toBeCloseTo(useful, 0);
      expect(outcome.groups.reduce((sum, { sentBytes }) => sum + sentBytes, 0)).toBeLessThanOrEqual(outcome.sentBytes);
    }),
    { numRuns: 60 },
  );
});

test('the same seed gives the same outcome, another one another', () => {
  const outcome = (seed: number) => simulate(modelOf({ crowd: alike(30), seed }));
  expect(outcome(7)).toEqual(outcome(7));
  expect(outcome(7)).not.toEqual(outcome(8));
});

test('what is rare comes first for a reason: the file in order needs twice as long, and at random it is not faster', () => {
  const seconds = (way: string) => simulate(modelOf({ crowd: alike(20), way })).lastSeconds;
  const [rarest, random, inOrder] = ['rarest', 'random', 'in-order'].map(seconds) as [number, number, number];
  expect(random).toBeGreaterThan(rarest);
  expect(inOrder).toBeGreaterThan(2 * rarest);
});

test('a seeder that suggests has one copy out before it sends anything twice', () => {
  const copies = (way: string) => simulate(modelOf({ crowd: alike(12), way, seederLeaves: true })).seederCopies;
  // What is under way when it leaves is cut off.
  expect(copies('rarest')).toBeLessThan(1.2);
  expect(copies('random')).toBeGreaterThan(1.3);
});

test('a crowd larger than anybody has neighbours: who came first or last makes no difference, all give what they can', () => {
  const crowd = Array.from({ length: 100 }, (_, i) => ({ group: i < 25 ? 'first' : 'later' }));
  const { lastSeconds, fairness, groups } = simulate(modelOf({ crowd, sizeBytes: 32 * MIB }));
  expect(lastSeconds / knownOf(modelOf({ crowd, sizeBytes: 32 * MIB })).boundSeconds).toBeLessThan(1.6);
  expect(fairness).toBeGreaterThan(0.95);
  const [first, later] = groups.map(({ meanSeconds }) => meanSeconds) as [number, number];
  expect(later / first).toBeGreaterThan(0.9);
  expect(later / first).toBeLessThan(1.1);
});

test('the seeder leaves after one copy, and everyone gets the file all the same', () => {
  for (let seed = 0; seed < 20; seed++) {
    const outcome = simulate(modelOf({ crowd: alike(16), seederLeaves: true, seed }));
    expect([outcome.finished, outcome.unfinished]).toEqual([16, 0]);
  }
});

test('where those who give come first, who gives next to nothing is not starved', () => {
  const giving = { group: 'givers', reciprocity: true };
  const riding = { group: 'riders', upload: 0.05 * MB };
  const crowd = [...Array.from({ length: 8 }, () => giving), riding, riding];
  const { groups, unfinished } = simulate(modelOf({ crowd, seeder: { reciprocity: true } }));
  const [givers, riders] = groups;
  expect(unfinished).toBe(0);
  expect(riders?.slowestSeconds).toBeLessThan(2 * (givers?.slowestSeconds as number));
});

test('with one seeder and one peer, only what the link and the messages take', () => {
  const outcome = simulate(modelOf({ crowd: alike(1), sizeBytes: 50 * MB, pieceSizeBytes: MIB, latencyMs: 10 }));
  expect(outcome.lastSeconds).toBeGreaterThan(10);
  expect(outcome.lastSeconds).toBeLessThan(10.3);
  expect(outcome.seederCopies).toBe(1);
});

test('a limit on what is received holds', () => {
  const { lastSeconds } = simulate(modelOf({ crowd: [{ download: 2 * MB }], sizeBytes: 20 * MB }));
  expect(lastSeconds).toBeGreaterThanOrEqual(10);
  expect(lastSeconds).toBeLessThan(10.5);
});

test('what is known of a crowd beforehand', () => {
  const known = knownOf(modelOf({ crowd: alike(16), sizeBytes: 64 * MIB }));
  // docs/swarm.md: 13.4 s, and 215 s for the seeder alone.
  expect(known.boundSeconds).toBeCloseTo(13.42, 2);
  expect(known.seedersAloneSeconds).toBeCloseTo(214.7, 1);
  // 1 + 4/64 times what one copy takes.
  expect(known.optimalSeconds).toBeCloseTo(14.26, 2);
  expect(knownOf(modelOf({ crowd: [{ arrivesMs: 0 }, { arrivesMs: 60_000 }] })).boundSeconds).toBe(60);
  expect(knownOf(modelOf({ crowd: [{ upload: 2 * MB }] })).optimalSeconds).toBeUndefined();
});
