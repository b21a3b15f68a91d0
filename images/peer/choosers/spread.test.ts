import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Spread } from './spread.ts';

test('every piece is suggested once before anything else, whatever of it is not asked for', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.infiniteStream(fc.boolean()), (pieces, answers) => {
      const spread = new Spread(pieces);
      const sent = new Set<number>();
      // As often as it takes: a piece that was passed on comes again.
      for (let turns = 0; turns < 100 * pieces && sent.size < pieces; turns++) {
        const index = spread.suggest() as number;
        expect(sent.has(index)).toBe(false);
        if (answers.next().value || turns > 50 * pieces) {
          spread.sent(index);
          sent.add(index);
        }
        spread.unlessSent(index);
      }
      expect(sent.size).toBe(pieces);
      expect(spread.suggest()).toBeUndefined();
    }),
  );
});

test('a piece that was asked for by itself is not suggested any more; an index from nowhere does nothing', () => {
  const spread = new Spread(3);
  spread.sent(1);
  spread.sent(99);
  expect([spread.suggest(), spread.suggest(), spread.suggest()].sort()).toEqual([0, 2, undefined]);
});
