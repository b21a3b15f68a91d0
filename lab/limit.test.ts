import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createLimit } from './limit.ts';

test('runs at most so many at one time, in order, and goes on after a failure', async () => {
  const limit = createLimit(3);
  let running = 0;
  let most = 0;
  const order: number[] = [];
  const work = (number: number) =>
    limit(async () => {
      order.push(number);
      most = Math.max(most, ++running);
      await sleep(2);
      running--;
      if (number % 4 === 0) throw new Error('one of many');
      return number;
    });
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, number) => work(number)));
  expect(most).toBe(3);
  expect(order).toEqual([...Array(20).keys()]);
  expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(5);
  expect(await limit(async () => 'free again')).toBe('free again');
});
