import { expect, test } from 'vitest';
import { addressesOf } from './network.ts';

test('gives out the addresses of a subnet in order, without the gateway and the broadcast', () => {
  const take = addressesOf('192.168.7.0/29');
  expect([take(), take(), take(), take(), take()]).toEqual([2, 3, 4, 5, 6].map((last) => `192.168.7.${last}`));
  expect(take).toThrow(/an address left in 192\.168\.7\.0\/29/);
});

test('counts over the bytes of an address', () => {
  const take = addressesOf('172.18.0.0/16');
  const all = Array.from({ length: 300 }, take);
  expect(all.at(0)).toBe('172.18.0.2');
  expect(all.at(253)).toBe('172.18.0.255');
  expect(all.at(254)).toBe('172.18.1.0');
});
