import { expect, test } from 'vitest';
import { DownloadLimits } from './download-limits.ts';

const MIB = 1024 * 1024;
const NEVER = new AbortController().signal;

test('large files take turns at one source, in the order they came; another source is not waited for', async () => {
  const limits = new DownloadLimits();
  const [first] = await Promise.all([1, 2].map(() => limits.turn('a', 9 * MIB, NEVER)));
  const order: string[] = [];
  const third = limits.turn('a', 9 * MIB, NEVER).then(() => order.push('third'));
  const fourth = limits.turn('a', 9 * MIB, NEVER).then(() => order.push('fourth'));
  using _elsewhere = await limits.turn('b', 9 * MIB, NEVER);
  using _small = await limits.turn('a', MIB, NEVER);
  expect(order).toEqual([]);
  first?.[Symbol.dispose]();
  await third;
  expect(order).toEqual(['third']);
  void fourth;
});

test('who is alone may ask for all; at one source each for a fair part; at several for what fits', async () => {
  const limits = new DownloadLimits();
  expect(limits.shareBytes).toBe(Number.POSITIVE_INFINITY);
  using alone = await limits.turn('a', 9 * MIB, NEVER);
  expect(limits.shareBytes).toBe(Number.POSITIVE_INFINITY);
  using _second = await limits.turn('a', 9 * MIB, NEVER);
  expect(limits.shareBytes).toBe(24 * MIB);
  const stop = new AbortController();
  const waiting = limits.turn('a', 9 * MIB, stop.signal);
  using _third = await limits.turn('b', 9 * MIB, NEVER);
  expect(limits.shareBytes).toBe(12 * MIB);
  using fourth = await limits.turn('c', 9 * MIB, NEVER);
  expect(limits.shareBytes).toBe(8 * MIB);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
  fourth[Symbol.dispose]();
  alone[Symbol.dispose]();
  expect(limits.shareBytes).toBe(12 * MIB);
});

test('downloads share the lanes', () => {
  const limits = new DownloadLimits();
  const lanes = [1, 3, 8, 24, 100].map((downloads) => {
    limits.downloads = downloads;
    return limits.lanes;
  });
  expect(lanes).toEqual([8, 8, 3, 1, 1]);
});
