import { expect, test } from 'vitest';
import { orAborted, Slots } from './slots.ts';

const never = new AbortController().signal;

test('slots: so many at once, the rest in order, and only so many wait', async () => {
  const slots = new Slots(1, 2);
  const first = await slots.take(never);
  const order: number[] = [];
  const second = slots.take(never).then((slot) => {
    order.push(2);
    return slot;
  });
  const third = slots.take(never).then((slot) => {
    order.push(3);
    return slot;
  });
  await expect(slots.take(never)).rejects.toMatchObject({ code: 'busy' });
  expect(() => slots.takeNow()).toThrow(expect.objectContaining({ code: 'busy' }));
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  (await second)[Symbol.dispose]();
  (await third)[Symbol.dispose]();
  expect(order).toEqual([2, 3]);
  slots.takeNow()[Symbol.dispose]();
});

test('slots: who gives up waiting leaves no hole and takes no slot', async () => {
  const slots = new Slots(1, 2);
  const first = await slots.take(never);
  const gaveUp = new AbortController();
  const second = slots.take(gaveUp.signal);
  const third = slots.take(never);
  gaveUp.abort();
  await expect(second).rejects.toMatchObject({ code: 'cancelled' });
  first[Symbol.dispose]();
  (await third)[Symbol.dispose]();
  slots.takeNow()[Symbol.dispose]();
});

test('slots: so many at once also after some have waited, and without a signal', async () => {
  const slots = new Slots(2, 10);
  let running = 0;
  let most = 0;
  const task = async () => {
    using _slot = await slots.take();
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running--;
  };
  for (let wave = 0; wave < 3; wave++) await Promise.all(Array.from({ length: 8 }, task));
  expect(most).toBe(2);
});

test('orAborted: whichever comes first', async () => {
  await expect(orAborted(Promise.resolve(1), never)).resolves.toBe(1);
  await expect(orAborted(new Promise(() => {}), AbortSignal.timeout(5))).rejects.toMatchObject({ code: 'cancelled' });
});
