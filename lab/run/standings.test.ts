import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { parseExpectation } from '../checks/expectation.ts';
import type { OperationEvent } from '../history/events.ts';
import type { RunEvent } from '../history/run-event.ts';
import { Standings } from './standings.ts';

const NAMES = { verbs: new Set(['login', 'download']), groups: new Set<string>(), steps: new Set<string>() };
const PEERS = [{ name: 'a-1', group: 'a' }];
const ended = (more: Partial<OperationEvent> = {}): RunEvent => {
  const common = { id: 0, step: '1', operation: 'download', peer: 'a-1', start: 0, end: 1, bytes: 5, sources: [] };
  return { kind: 'operation-ended', at: 1, operation: { ...common, outcome: 'ok', ...more } };
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function standings(...expressions: string[]) {
  const told: string[] = [];
  const expectations = expressions.map((text) => {
    const read = parseExpectation(text, NAMES);
    if ('flaw' in read) throw new Error(read.flaw);
    return read.expectation;
  });
  const all = new Standings(expectations, PEERS, ({ expression, actual, ok }) =>
    told.push(`${expression} (${actual}) ${ok}`),
  );
  return { all, told };
}

test('what changed is told once a second, and at the end of the steps', () => {
  const { all, told } = standings('transfers.ok == 3', 'transfers.failed == 0');
  for (let n = 0; n < 2; n++) all.take(ended());
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1000);
  expect(told).toEqual(['transfers.ok == 3 (2) false', 'transfers.failed == 0 (0) true']);
  all.take(ended({ outcome: 'failed', error: { code: 'x', message: '', definite: true } }));
  all.take(ended());
  all.take({ kind: 'steps-ended', at: 2 });
  expect(told.slice(2)).toEqual(['transfers.ok == 3 (3) true', 'transfers.failed == 0 (1) false']);
});

test('figures that are known at the end only, or that no operation was of, are not told', () => {
  const { all, told } = standings('integrity.mismatched == 0', 'operations.login.latency.p95 < 1s', 'logs.errors == 0');
  all.take(ended());
  all.take({ kind: 'steps-ended', at: 2 });
  expect(told).toEqual([]);
});

test('a figure that needs too many operations is told no more', () => {
  const { all, told } = standings('operations.download.latency.p95 < 2s');
  all.take(ended());
  vi.advanceTimersByTime(1000);
  for (let n = 0; n < 5000; n++) all.take(ended({ end: 3 }));
  vi.advanceTimersByTime(1000);
  expect(told).toEqual(['operations.download.latency.p95 < 2s (1) true']);
});
