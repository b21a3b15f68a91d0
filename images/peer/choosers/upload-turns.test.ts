import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Guest, type Turn, UploadTurns } from './upload-turns.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class Caller implements Guest {
  readonly turns: Turn[] = [];
  gave = () => 0;
  granted(turn: Turn): void {
    this.turns.push(turn);
  }
}

function setUp(callers: number, slots = 2) {
  const turns = new UploadTurns({ slots, reciprocity: false });
  const all = Array.from({ length: callers }, () => new Caller());
  for (const caller of all) turns.want(caller, 1);
  return { turns, all, counts: () => all.map((caller) => caller.turns.length) };
}

test('no more turns at a time than there are slots; the next comes when one is over', () => {
  const { turns, all, counts } = setUp(4);
  expect(counts()).toEqual([1, 1, 0, 0]);
  const use = turns.use(all[0]?.turns[0]?.number as number);
  expect(counts()).toEqual([1, 1, 0, 0]);
  use?.[Symbol.dispose]();
  expect(counts()).toEqual([1, 1, 1, 0]);
  turns.pass(all[1] as Caller, all[1]?.turns[0]?.number as number);
  expect(counts()).toEqual([1, 1, 1, 1]);
});

test('who does not make use of a turn, or reads nothing in it, loses it', () => {
  const { turns, all, counts } = setUp(4, 1);
  vi.advanceTimersByTime(1000);
  expect(counts()).toEqual([1, 1, 0, 0]);
  const idle = turns.use(all[1]?.turns[0]?.number as number);
  vi.advanceTimersByTime(3000);
  idle?.moved();
  vi.advanceTimersByTime(3999);
  expect(counts()).toEqual([1, 1, 0, 0]);
  vi.advanceTimersByTime(1);
  expect(counts()).toEqual([1, 1, 1, 0]);
  // Its end frees nothing any more.
  idle?.[Symbol.dispose]();
  expect(counts()).toEqual([1, 1, 1, 0]);
});

test('a number is good for one call of its owner: nobody else can pass it on, and made-up ones are nothing', () => {
  const { turns, all, counts } = setUp(3, 1);
  const number = all[0]?.turns[0]?.number as number;
  turns.pass(all[1] as Caller, number);
  expect(counts()).toEqual([1, 0, 0]);
  expect(turns.use(99)).toBeUndefined();
  expect(turns.use(0)).toBeUndefined();
  expect(turns.use(number)).toBeDefined();
  expect(turns.use(number)).toBeUndefined();
});

test('who leaves gives its turn back, and who wants very many waits for two', () => {
  const { turns, all, counts } = setUp(2, 1);
  turns.want(all[1] as Caller, 1_000_000);
  turns.leave(all[0] as Caller);
  expect(counts()).toEqual([1, 1]);
  for (let i = 0; i < 5; i++) turns.use(all[1]?.turns.at(-1)?.number as number)?.[Symbol.dispose]();
  expect(counts()).toEqual([1, 2]);
});
