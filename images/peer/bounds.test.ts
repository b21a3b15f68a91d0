import { expect, test, vi } from 'vitest';
import { KeyedMutex, StallWatch } from './bounds.ts';

const never = new AbortController().signal;

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
