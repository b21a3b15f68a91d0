import { expect, test } from 'vitest';
import { ReceiveMemory } from './receive-memory.ts';

const MIB = 1024 * 1024;
const NEVER = new AbortController().signal;

test('large files take turns at one source, in the order they came; another source is not waited for', async () => {
  const memory = new ReceiveMemory();
  const [first] = await Promise.all([1, 2].map(() => memory.turn('a', 9 * MIB, NEVER)));
  const order: string[] = [];
  const third = memory.turn('a', 9 * MIB, NEVER).then(() => order.push('third'));
  const fourth = memory.turn('a', 9 * MIB, NEVER).then(() => order.push('fourth'));
  using _elsewhere = await memory.turn('b', 9 * MIB, NEVER);
  using _small = await memory.turn('a', MIB, NEVER);
  expect(order).toEqual([]);
  first?.[Symbol.dispose]();
  await third;
  expect(order).toEqual(['third']);
  void fourth;
});

test('who is alone may ask for all; at one source each for a fair part; at several for what fits', async () => {
  const memory = new ReceiveMemory();
  expect(memory.shareBytes).toBe(Number.POSITIVE_INFINITY);
  using alone = await memory.turn('a', 9 * MIB, NEVER);
  expect(memory.shareBytes).toBe(Number.POSITIVE_INFINITY);
  using _second = await memory.turn('a', 9 * MIB, NEVER);
  expect(memory.shareBytes).toBe(24 * MIB);
  const stop = new AbortController();
  const waiting = memory.turn('a', 9 * MIB, stop.signal);
  using _third = await memory.turn('b', 9 * MIB, NEVER);
  expect(memory.shareBytes).toBe(12 * MIB);
  using fourth = await memory.turn('c', 9 * MIB, NEVER);
  expect(memory.shareBytes).toBe(8 * MIB);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
  fourth[Symbol.dispose]();
  alone[Symbol.dispose]();
  expect(memory.shareBytes).toBe(12 * MIB);
});

test('downloads share the lanes', () => {
  const memory = new ReceiveMemory();
  const lanes = [1, 3, 8, 24, 100].map((downloads) => {
    memory.downloads = downloads;
    return memory.lanes;
  });
  expect(lanes).toEqual([8, 8, 3, 1, 1]);
});
