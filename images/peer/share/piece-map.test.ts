import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_MAP_PLACES } from '#proto/piece-map.ts';
import { mapOf } from './piece-map.ts';

test('of a small file each place is a piece, which is there or not', () => {
  expect(mapOf(5, (index) => index !== 1)).toBe('90999');
  expect(mapOf(MAX_MAP_PLACES, () => false)).toBe('0'.repeat(MAX_MAP_PLACES));
});

test('of a large file each place stands for several pieces', () => {
  const pieces = MAX_MAP_PLACES * 4;
  expect(mapOf(pieces, (index) => index < 7).slice(0, 3)).toBe('970');
  expect(mapOf(pieces, (index) => index % 4 === 0)).toBe('3'.repeat(MAX_MAP_PLACES));
});

test('a place says 0 only if none of its pieces is there, and 9 only if all are; no piece is forgotten', () => {
  const some = fc.array(fc.boolean(), { minLength: 1, maxLength: 1000 });
  fc.assert(
    fc.property(some, (there) => {
      const map = mapOf(there.length, (index) => there[index] === true);
      expect(map).toHaveLength(Math.min(there.length, MAX_MAP_PLACES));
      expect(/^0*$/.test(map)).toBe(!there.includes(true));
      expect(/^9*$/.test(map)).toBe(!there.includes(false));
    }),
  );
});
