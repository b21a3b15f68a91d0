import fc from 'fast-check';
import { expect, test } from 'vitest';
import { choosePiece } from './choose-piece.ts';

const choose = (rarities: readonly number[], random: () => number, suggested?: number) =>
  choosePiece({ candidates: rarities.keys(), rarity: (index) => rarities[index] as number, random, suggested });

test('the rarest, whatever the chance says; nothing where there is nothing', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(5), { maxLength: 30 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (all, chance) => {
        const chosen = choose(all, () => chance);
        if (all.length === 0) expect(chosen).toBeUndefined();
        else expect(all[chosen as number]).toBe(Math.min(...all));
      },
    ),
  );
});

test('among equals each comes about as often', () => {
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 4000; i++) {
    const chosen = choose([1, 1, 7, 1], Math.random) as number;
    counts[chosen] = (counts[chosen] as number) + 1;
  }
  expect(counts[2]).toBe(0);
  for (const index of [0, 1, 3]) expect(counts[index]).toBeGreaterThan(1000);
});

test('what the source suggests is taken unless something is rarer', () => {
  for (const chance of [0, 0.5, 0.99]) {
    expect(choose([2, 2, 2, 2], () => chance, 2)).toBe(2);
    expect(choose([2, 1, 2, 2], () => chance, 2)).toBe(1);
    expect([0, 1]).toContain(choose([2, 2], () => chance, 5));
  }
});
