import { expect, test } from 'vitest';
import type { Cluster } from './cluster.ts';
import { ClusterRefusal } from './cluster.ts';
import { microTime } from './objects.ts';
import { hasLapsed } from './sweeper.ts';

const WATCH_MS = 20;
const LONG_AGO = microTime(new Date('2001-01-01T00:00:00Z'));

/** A server whose answers about the Lease are these, one after another; the last one stays. */
function cluster(...answers: (string | Error)[]): Pick<Cluster, 'ask'> {
  const left = [...answers];
  return {
    async ask<T>(): Promise<T> {
      const answer = (left.length > 1 ? left.shift() : left[0]) as string | Error;
      if (answer instanceof Error) throw answer;
      return { spec: { renewTime: answer, leaseDurationSeconds: 40 } } as T;
    },
  };
}

const none = new ClusterRefusal('leases', 404, 'not found');

test('a Lease that nobody renews has lapsed, and so has one that was never made', async () => {
  expect(await hasLapsed(cluster(LONG_AGO), 'x', WATCH_MS)).toBe(true);
  expect(await hasLapsed(cluster(none), 'x', WATCH_MS)).toBe(true);
});

test('one that was renewed a moment ago is not even watched', async () => {
  expect(await hasLapsed(cluster(microTime(), LONG_AGO), 'x', 60_000)).toBe(false);
});

test('a lab whose clock is wrong lives, and so does one that is just beginning', async () => {
  const later = microTime(new Date('2001-01-01T00:00:10Z'));
  expect(await hasLapsed(cluster(LONG_AGO, later), 'x', WATCH_MS)).toBe(false);
  expect(await hasLapsed(cluster(none, microTime()), 'x', WATCH_MS)).toBe(false);
});

test('a server that does not answer has said nothing about a Lease', async () => {
  const refused = new ClusterRefusal('leases', 500, 'etcd is away');
  await expect(hasLapsed(cluster(refused), 'x', WATCH_MS)).rejects.toThrow('etcd is away');
  await expect(hasLapsed(cluster(LONG_AGO, refused), 'x', WATCH_MS)).rejects.toThrow('etcd is away');
});
