import { expect, test } from 'vitest';
import { EventStream, type Listener, MAX_WAITING_EVENTS } from './event-stream.ts';
import type { RunEvent } from './run-event.ts';

const note = (text: string): RunEvent => ({ kind: 'note', at: 0, text });
const texts = (events: readonly RunEvent[]) => events.map((event) => (event.kind === 'note' ? event.text : event.kind));

function streamWith(listener: Partial<Listener>) {
  const stream = new EventStream();
  const seen: RunEvent[] = [];
  const dropped: string[] = [];
  stream.add({ name: 'tried', take: () => {}, dropped: (why) => void dropped.push(why), ...listener });
  stream.add({ name: 'other', take: (event) => void seen.push(event) });
  return { stream, seen, dropped };
}

test.each([
  [
    'throws',
    () => {
      throw new Error('boom');
    },
  ],
  ['rejects', () => Promise.reject(new Error('boom'))],
])('a listener that %s is dropped, and the others hear everything', async (_, take) => {
  let calls = 0;
  const { stream, seen, dropped } = streamWith({
    take: () => {
      calls++;
      return take();
    },
  });
  stream.emit(note('a'));
  await Promise.resolve();
  stream.emit(note('b'));
  expect(texts(seen)).toEqual(['a', 'b']);
  expect(dropped).toEqual(['boom']);
  expect(calls).toBe(1);
});

test('a slow listener gets every event in order, one at a time', async () => {
  const heard: string[] = [];
  let under = 0;
  const { stream } = streamWith({
    take: async (event) => {
      expect(++under).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      heard.push(...texts([event]));
      under--;
    },
  });
  for (const text of ['a', 'b', 'c']) stream.emit(note(text));
  await expect.poll(() => heard).toEqual(['a', 'b', 'c']);
});

test('a listener that does not keep up is dropped before it fills the memory, and holds up nobody', () => {
  const { stream, seen, dropped } = streamWith({ take: () => new Promise(() => {}) });
  for (let n = 0; n < MAX_WAITING_EVENTS + 2; n++) stream.emit(note(`${n}`));
  expect(dropped).toEqual([`it was ${MAX_WAITING_EVENTS} events late`]);
  expect(seen).toHaveLength(MAX_WAITING_EVENTS + 2);
});
