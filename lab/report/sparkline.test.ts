import { expect, test } from 'vitest';
import { sparkline } from './sparkline.ts';

test('a bar for each bin, as high as its part of the highest; what is little is seen, and nothing is nothing', () => {
  expect(sparkline({ binSeconds: 0.5, bytes: [0, 1, 500, 1000, 250] })).toBe(' ▁▄█▂  at most 2 kB/s');
});

test('a long run fits the line', () => {
  const line = sparkline({ binSeconds: 1, bytes: Array.from({ length: 1000 }, (_, n) => n) });
  expect([...(line ?? '')].length).toBeLessThan(80);
  expect(line).toMatch(/^▁.*█ {2}at most 989\.5 B\/s$/);
});

test('where nothing was moved there is no line', () => {
  expect(sparkline({ binSeconds: 1, bytes: [] })).toBeUndefined();
  expect(sparkline({ binSeconds: 1, bytes: [0, 0] })).toBeUndefined();
});
