import { expect, test, vi } from 'vitest';
import { KeyedMutex, orAborted, Slots, StallWatch } from './bounds.ts';

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

test('mutex: one at a time for a key, keys apart', async () => {
  const mutex = new KeyedMutex();
  const first = await mutex.take('a', never);
  const other = await mutex.take('b', never);
  const gaveUp = new AbortController();
  const second = mutex.take('a', gaveUp.signal);
  let third = false;
  const waiting = mutex.take('a', never).then((turn) => {
    third = true;
    return turn;
  });
  gaveUp.abort();
  await expect(second).rejects.toMatchObject({ code: 'cancelled' });
  expect(third).toBe(false);
  first[Symbol.dispose]();
  (await waiting)[Symbol.dispose]();
  other[Symbol.dispose]();
});

test('a stall is the time that the other side needs, not the own', () => {
  vi.useFakeTimers();
  const onStall = vi.fn();
  using watch = new StallWatch(100, onStall);
  return (async () => {
    await watch.during(Promise.resolve());
    vi.advanceTimersByTime(350);
    expect(onStall).not.toHaveBeenCalled();
    void watch.during(new Promise(() => {}));
    vi.advanceTimersByTime(101);
    expect(onStall).toHaveBeenCalledTimes(1);
    vi.useRealTimers();
  })();
});

test('orAborted: whichever comes first', async () => {
  await expect(orAborted(Promise.resolve(1), never)).resolves.toBe(1);
  await expect(orAborted(new Promise(() => {}), AbortSignal.timeout(5))).rejects.toMatchObject({ code: 'cancelled' });
});
