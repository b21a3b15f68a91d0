import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyOf, takesPlace } from './neighbours.ts';

/** sfc32 would do as well: any chance that a seed decides. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

test('neighbours are a random sample of all that were heard of: who came first counts no more than who came last', () => {
  const [places, crowd, rounds] = [8, 40, 4000];
  const random = chance(7);
  const times = new Array<number>(crowd).fill(0);
  for (let round = 0; round < rounds; round++) {
    const neighbours: number[] = [];
    for (let one = 0; one < crowd; one++) {
      if (neighbours.length < places) neighbours.push(one);
      else if (takesPlace(places, one + 1, random))
        neighbours[neighbours.indexOf(anyOf(neighbours, random) as number)] = one;
    }
    for (const one of neighbours) times[one] = (times[one] as number) + 1;
  }
  // 800 of each are expected; five standard deviations are 126.
  for (const count of times) expect(Math.abs(count - (rounds * places) / crowd)).toBeLessThan(126);
});

test('one of those that are there, and nobody where there is none', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 1 }), fc.nat(), (some, seed) => {
      expect(some).toContain(anyOf(some, chance(seed)));
    }),
  );
  expect(anyOf([])).toBeUndefined();
});
