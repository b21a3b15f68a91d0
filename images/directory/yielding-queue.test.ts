import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { YieldingQueue } from './yielding-queue.ts';

it('does one piece after the other, and gives way between them, whether they fail or not', async () => {
  const queue = new YieldingQueue(1);
  const seen: string[] = [];
  const pieces = [1, 2, 3].map((n) =>
    queue.run(() => {
      seen.push(`piece ${n}`);
      if (n === 2) throw new Error('broken');
      return n;
    }),
  );
  const others = (async () => {
    for (let n = 1; n <= 3; n++) {
      await nextTurn();
      seen.push(`other ${n}`);
    }
  })();
  expect((await Promise.allSettled(pieces)).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  await others;
  const between = seen.slice(seen.indexOf('piece 1'), seen.indexOf('piece 3'));
  expect(between.filter((one) => one.startsWith('other')).length).toBeGreaterThanOrEqual(1);
  expect(seen.filter((one) => one.startsWith('piece'))).toEqual(['piece 1', 'piece 2', 'piece 3']);
});
