import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Range, Work, type Worker } from './work.ts';

const at = (bytesPerSecond: number | undefined, has: (index: number) => boolean = () => true): Worker => ({
  speed: () => bytesPerSecond,
  usualSpeed: () => bytesPerSecond,
  has,
});
const ALL = Number.POSITIVE_INFINITY;
const size = (range: Range | undefined) => (range ? range.end - range.start : 0);

test('one alone gets everything at once; among several, shares get smaller towards the end', () => {
  expect(size(new Work(1000, 1, () => false).take(at(1), 1, ALL))).toBe(1000);
  const work = new Work(100, 1, () => false);
  const shares = Array.from({ length: 6 }, () => size(work.take(at(1), 2, ALL)));
  expect(shares).toEqual([25, 19, 14, 11, 8, 6]);
  expect(size(new Work(1000, 1, () => false).take(at(1), 2, 3))).toBe(3);
});

test('what is there already is not given out; what a lane did not do is given out again', () => {
  const work = new Work(10, 1, (index) => index < 2 || index === 5);
  const first = work.take(at(1), 1, ALL) as Range;
  expect([first.start, first.end]).toEqual([2, 5]);
  work.arrived(first);
  work.release(first);
  const again = work.take(at(1), 1, ALL) as Range;
  expect([again.start, again.end]).toEqual([3, 5]);
});

test('the end of what would be done last goes over, in proportion to the speeds', () => {
  const work = new Work(100, 1000, () => false);
  const slow = work.take(at(1000), 1, ALL) as Range;
  expect(size(work.take(at(3000), 2, ALL))).toBe(75);
  expect(slow.end).toBe(25);
});

test('one that stands still loses all but its piece, and that is doubled', () => {
  const work = new Work(4, 1000, () => false);
  const still = work.take(at(0), 1, ALL) as Range;
  const taken = work.take(at(5000), 2, ALL) as Range;
  expect([taken.start, taken.end]).toEqual([1, 4]);
  for (let i = 0; i < 3; i++) work.arrived(taken);
  work.release(taken);
  const double = work.take(at(5000), 2, ALL) as Range;
  expect([double.start, double.end]).toEqual([0, 1]);
  // Another one would not have it sooner than the one that has just begun.
  expect(work.take(at(5000), 3, ALL)).toBeUndefined();
  let stopped = false;
  still.stop = () => {
    stopped = true;
  };
  work.arrived(double);
  expect(stopped).toBe(true);
});

test('a piece that two slow ones fetch goes to a third that would bring it much sooner, and to no slow one', () => {
  const work = new Work(2, 1_000_000, (index) => index === 0);
  const riders = [at(30_000), at(33_000), at(31_000)];
  const first = work.takePiece(riders[0] as Worker, undefined) as Range;
  const second = work.takePiece(riders[1] as Worker, undefined) as Range;
  expect([first.start, second.start]).toEqual([1, 1]);
  expect(work.offers(riders[2] as Worker)).toBe(false);
  expect(work.takePiece(riders[2] as Worker, undefined)).toBeUndefined();
  // It sends to nobody just now, and has sent fast before.
  const fast = { ...at(0), usualSpeed: () => 2_000_000 };
  const third = work.takePiece(fast, undefined) as Range;
  expect(third.start).toBe(1);
  // Never a second time to the same one.
  expect(work.takePiece(fast, undefined)).toBeUndefined();
  const stopped: string[] = [];
  first.stop = () => stopped.push('first');
  second.stop = () => stopped.push('second');
  work.arrived(third);
  expect(stopped).toEqual(['first', 'second']);
});

test('of those of whom nothing is known, so many fetch the same late piece, and no more', () => {
  const work = new Work(1, 1_000_000, () => false);
  const copies = Array.from({ length: 10 }, () => work.takePiece({ ...at(0), usualSpeed: () => undefined }, undefined));
  expect(copies.filter(Boolean)).toHaveLength(4);
});

test('nothing is taken from one that has just begun, or is nearly done', () => {
  for (const speed of [undefined, 1_000_000]) {
    const work = new Work(4, 1000, () => false);
    work.take(at(speed), 1, ALL);
    expect(work.take(at(1), 2, ALL)).toBeUndefined();
  }
});

test('one that is fetching the file itself takes nothing from a call that goes on, only from one that stands still', () => {
  for (const [speed, taken] of [
    [1000, 0],
    [0, 1],
  ] as const) {
    const work = new Work(4, 1000, () => false);
    work.take(at(speed), 1, ALL);
    const partial = { ...at(5000, (index) => index === 3), isPartial: true };
    expect(size(work.take(partial, 2, ALL))).toBe(taken);
  }
});

test('one that has some pieces gets those only, and takes over no others', () => {
  const work = new Work(10, 1000, () => false);
  const partial = at(5000, (index) => index === 2 || index === 3 || index >= 8);
  const first = work.take(partial, 1, ALL) as Range;
  expect([first.start, first.end]).toEqual([2, 4]);
  const whole = at(0);
  const rest = Array.from({ length: 2 }, () => work.take(whole, 1, ALL) as Range);
  expect(rest.map(({ start, end }) => [start, end])).toEqual([
    [0, 2],
    [4, 10],
  ]);
  // Of what stands still it has the last two.
  const over = work.take(partial, 2, ALL) as Range;
  expect([over.start, over.end]).toEqual([8, 10]);
  expect(
    work.take(
      at(5000, () => false),
      3,
      ALL,
    ),
  ).toBeUndefined();
  expect(work.needs(at(1, () => false))).toBe(false);
  expect(work.needs(partial)).toBe(true);
});

test('whatever each has: what somebody has arrives, and nobody is asked for what it lacks', () => {
  const sets = fc.array(fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(sets, (sets) => {
      const present = new Set<number>();
      const work = new Work(12, 1000, (index) => present.has(index));
      const workers = sets.map((set) => at(1000, (index) => set[index] === true));
      for (let turn = 0; turn < 200; turn++) {
        const worker = workers[turn % workers.length] as Worker;
        const range = work.take(worker, workers.length, ALL);
        if (!range) continue;
        while (range.next < range.end) {
          expect(worker.has(range.next)).toBe(true);
          present.add(range.next);
          work.arrived(range);
        }
        work.release(range);
      }
      const somebodys = Array.from({ length: 12 }, (_, index) => index).filter((index) =>
        sets.some((set) => set[index]),
      );
      expect([...present].sort((a, b) => a - b)).toEqual(somebodys);
      expect(workers.some((worker) => work.needs(worker))).toBe(false);
    }),
  );
});

test('whatever fails and whenever: every piece arrives, and whoever holds what', () => {
  const step = fc.record({ lane: fc.nat(3), does: fc.constantFrom('piece', 'piece', 'piece', 'fail') });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.array(step, { maxLength: 80 }), (pieces, steps) => {
      const present = new Set<number>();
      const work = new Work(pieces, 1000, (index) => present.has(index));
      const lanes = [at(0), at(100), at(5000), at(undefined)];
      const held = new Map<number, Range>();
      const act = (lane: number, does: string) => {
        const range = held.get(lane) ?? work.take(lanes[lane] as Worker, lanes.length, ALL);
        if (!range) return;
        held.set(lane, range);
        if (does === 'piece' && range.next < range.end) {
          present.add(range.next);
          work.arrived(range);
        }
        if (does === 'piece' && range.next < range.end && !present.has(range.next)) return;
        work.release(range);
        held.delete(lane);
      };
      for (const { lane, does } of steps) act(lane, does);
      for (let i = 0; i < 10 * pieces && present.size < pieces; i++) act(i % lanes.length, 'piece');
      expect(present.size).toBe(pieces);
    }),
  );
});
