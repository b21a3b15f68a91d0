import { expect, test } from 'vitest';
import { linear, logarithmic } from './scale.ts';

test.each([
  [1.75, 8, [0, 0.5, 1, 1.5]],
  [37.2, 4, [0, 10, 20, 30]],
  [0, 3, [0, 0.5, 1]],
  [4_900_000, 3, [0, 2_000_000, 4_000_000]],
])('an axis up to %d has ticks that people count in', (max, wanted, ticks) => {
  const scale = linear(max, 100, 200, wanted);
  expect(scale.ticks.map((tick) => Number(tick.toPrecision(6)))).toEqual(ticks);
  expect(scale(0)).toBe(100);
  expect(scale(max || 1)).toBe(200);
});

test('a logarithmic axis begins and ends at nice values, and each time as much is as wide', () => {
  const scale = logarithmic(0.007, 0.6, 0, 100, 20);
  expect(scale.ticks.map((tick) => Number(tick.toPrecision(3)))).toEqual([0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]);
  expect([scale(0.005), scale(1)].map(Math.round)).toEqual([0, 100]);
  expect(scale(0.02) - scale(0.01)).toBeCloseTo(scale(0.2) - scale(0.1));
});

test('where there is no room for all ticks, powers of ten are left; one value has an axis, too', () => {
  const few = logarithmic(0.0001, 90, 0, 100, 6);
  expect(few.ticks.map((tick) => Number(tick.toPrecision(3)))).toEqual([0.0001, 0.001, 0.01, 0.1, 1, 10, 100]);
  const one = logarithmic(0.2, 0.2, 0, 100, 6);
  expect(one(0.2)).toBeGreaterThanOrEqual(0);
  expect(one.ticks.length).toBeGreaterThan(1);
});
