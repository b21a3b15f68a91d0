import { expect, test } from 'vitest';
import type { RunEvent } from '../../lab/history/run-event.ts';
import { fold } from './fold.ts';
import { Log } from './log.ts';
import { EMPTY_SCENE } from './scene.ts';
import { Timeline } from './timeline.ts';

/** One event each tenth of a second. */
const EVENTS = Array.from({ length: 7000 }, (_, n): RunEvent => {
  const operation = { id: n, step: '1', operation: 'index', peer: 'a-1', start: n / 10, end: n / 10, bytes: 0 };
  return { kind: 'operation-ended', at: n / 10, operation: { ...operation, outcome: 'ok', sources: [] } };
});
const done = ({ verbs }: { verbs: ReadonlyMap<string, { ok: number }> }) => verbs.get('index')?.ok ?? 0;

test.each([1, 13, 2000, 7000])('any moment is the events up to it, added up; they come %i at a time', (size) => {
  const timeline = new Timeline();
  for (let n = 0; n < EVENTS.length; n += size) timeline.add(EVENTS.slice(n, n + size));
  expect(timeline.latest).toEqual(fold(EMPTY_SCENE, EVENTS));
  for (const seconds of [0, 0.05, 199.9, 200, 200.1, 650, 699.9, 9999]) {
    const { now, ...scene } = timeline.at(seconds);
    const until = EVENTS.filter(({ at }) => at <= seconds);
    expect(done(scene)).toBe(until.length);
    expect(now).toBe(Math.min(seconds, 699.9));
    expect([...scene.operations].map(({ id }) => id)).toEqual(until.map((_, id) => id));
  }
  expect(done(timeline.latest)).toBe(7000);
});

test('before anything happened there is nothing, and what comes later does not change a moment that was asked for', () => {
  const timeline = new Timeline();
  expect(timeline.at(5)).toBe(EMPTY_SCENE);
  timeline.add(EVENTS.slice(0, 10));
  const then = timeline.at(0.5);
  timeline.add(EVENTS.slice(10, 20));
  expect(done(then)).toBe(6);
  expect([...then.operations]).toHaveLength(6);
});

test('what is too long ago is forgotten; the rest is right', () => {
  const timeline = new Timeline(4000);
  for (const event of EVENTS) timeline.add([event]);
  expect(timeline.count).toBe(7000);
  expect(timeline.from).toBeGreaterThan(0);
  expect(done(timeline.latest)).toBe(7000);
  expect(done(timeline.at(650))).toBe(6501);
  expect(timeline.at(0).now).toBe(timeline.from);
});

test('a log that is full leaves out its oldest, and says how many', () => {
  const numbers = Array.from({ length: 25 }, (_, n) => n);
  const log = numbers.reduce((known, n) => known.with([n]), new Log<number>(10));
  expect(log.length + log.leftOut).toBe(25);
  expect(log.length).toBeLessThanOrEqual(10);
  expect([...log]).toEqual(numbers.slice(log.leftOut));
  expect(log.latest(3)).toEqual([24, 23, 22]);
});

test('two that add to one moment do not see each other', () => {
  const base = new Log<number>(10).with([1, 2]);
  const [left, right] = [base.with([3]), base.with([4, 5])];
  expect([...left]).toEqual([1, 2, 3]);
  expect([...right]).toEqual([1, 2, 4, 5]);
  expect([...base]).toEqual([1, 2]);
});
