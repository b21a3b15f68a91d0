import { expect, test } from 'vitest';
import { cpuPressure, cpuStalledSeconds } from './pressure.ts';

test.each([
  [
    'some avg10=28.22 avg60=23.58 avg300=57.69 total=5601969599\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
    0.2822,
    5601.969599,
  ],
  ['some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n', 0, 0],
  ['something else\n', undefined, undefined],
])('of %j, the pressure is %s, and %s s in all', (text, pressure, stalled) => {
  expect(cpuPressure(() => text)).toBe(pressure);
  expect(cpuStalledSeconds(() => text)).toBe(stalled);
});

test('a machine that does not tell has no pressure, rather than none at all', () => {
  const missing = () => {
    throw new Error('ENOENT');
  };
  expect(cpuPressure(missing)).toBeUndefined();
  expect(cpuStalledSeconds(missing)).toBeUndefined();
});
