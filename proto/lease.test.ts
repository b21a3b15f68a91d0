import { expect, test } from 'vitest';
import { heartbeatMs, MAX_HEARTBEAT_MS, MIN_HEARTBEAT_MS } from './lease.ts';

test.each([[0.001], [0], [-30], [Number.NaN], ['soon'], [null], [undefined], [{}]])(
  'a lease of %j floods nobody with heartbeats',
  (lease) => {
    expect(heartbeatMs(lease)).toBe(MIN_HEARTBEAT_MS);
  },
);

test.each([[1e12], [Number.POSITIVE_INFINITY]])('a lease of %d seconds fits into a timer', (lease) => {
  expect(heartbeatMs(lease)).toBe(MAX_HEARTBEAT_MS);
});

test('a usual lease is renewed after a third of it', () => {
  expect(heartbeatMs(30)).toBe(10_000);
});
