import { describe, expect, test } from 'vitest';
import type { OperationEvent } from '../history/events.ts';
import { failedOperations, failureBehind, failureKinds, LogSearch } from './failures.ts';
import type { Figure } from './figure.ts';

const failure = (id: number, more: Partial<OperationEvent>): OperationEvent => ({
  ...{
    id,
    step: '1',
    operation: 'download',
    peer: 'a-1',
    start: 10,
    end: 11,
    outcome: 'failed',
    bytes: 0,
    sources: [],
  },
  error: { code: 'truncated', message: 'the stream ended early', definite: true },
  ...more,
});
const RUN = { startedAt: '2026-01-01T00:00:00.000Z', setupSeconds: 5 };
const PEERS = [
  { name: 'a-1', group: 'a', address: '127.0.0.1:1' },
  { name: 'a-2', group: 'a', host: 'host1' },
];

test('one example for each kind and code, the most frequent first', () => {
  const busy = { error: { code: 'busy', message: 'too many at once', definite: true } };
  const events = [
    failure(0, busy),
    failure(1, {}),
    failure(2, { file: 'b' }),
    failure(3, { outcome: 'ok', error: undefined }),
  ];
  expect(failedOperations(failureKinds(events), PEERS, new Map([[1, 7]]))).toEqual([
    {
      operation: 'download',
      code: 'truncated',
      count: 2,
      example: { message: 'the stream ended early', peer: 'a-1', at: 10, log: 'logs/a-1.log', line: 7 },
    },
    {
      operation: 'download',
      code: 'busy',
      count: 1,
      example: { message: 'too many at once', peer: 'a-1', at: 10, log: 'logs/a-1.log' },
    },
  ]);
});

test('an example names the sources that failed, and why', () => {
  const sources = [
    { peer: '127.0.0.1:1', bytes: 7, error: 'hash-mismatch' },
    { peer: '127.0.0.1:2', bytes: 7 },
    { peer: '127.0.0.1:9', bytes: 0, error: 'unreachable' },
  ];
  const event = failure(0, { peer: 'a-2', file: 'f', sources });
  const why = 'the stream ended early; a-1: hash-mismatch; 127.0.0.1:9: unreachable';
  const figure: Pick<Figure, 'scope' | 'what'> = {
    scope: { of: 'all' },
    what: { kind: 'path', path: ['transfers', 'failed'] },
  };
  expect(failureBehind(figure, [event], PEERS)).toBe(`download of a-2 "f" failed: ${why} [truncated]`);
  expect(failedOperations(failureKinds([event]), PEERS, new Map())[0]?.example.message).toBe(why);
});

test('the log of a hosted peer is that of its host', () => {
  const [only] = failedOperations(failureKinds([failure(0, { peer: 'a-2' })]), PEERS, new Map());
  expect(only?.example.log).toBe('logs/host1.log');
});

describe('the line of the log', () => {
  const found = (lines: string[], event = failure(0, { file: 'x.bin' })) => {
    const search = new LogSearch([event], RUN);
    for (const [i, line] of lines.entries()) search.see('a-1', line, i + 1);
    return search.lines.get(0);
  };
  const at = (second: number, rest: string, level = 30) =>
    `{"level":${level},"time":"2026-01-01T00:00:${second}.000Z","name":"peer",${rest}}`;

  test('is the one that names file or code, in the time of the operation', () => {
    const speaks = '"file":"x.bin","code":"truncated"';
    expect(
      found([
        at(10, speaks),
        at(16, '"msg":"y"'),
        at(15, '"url":"/control/download"'),
        at(16, speaks, 40),
        at(30, speaks),
      ]),
    ).toBe(4);
  });

  test('of a log without times is one that speaks of trouble', () => {
    expect(found(['started', 'Traceback (most recent call last):', 'KeyError: 1'])).toBe(2);
  });

  test('of an operation that went well is the one that names its file', () => {
    const event = failure(0, { file: 'x.bin', outcome: 'ok', error: undefined });
    expect(found([at(15, '"msg":"an error of another"', 50), at(15, '"file":"x.bin"')], event)).toBe(2);
  });

  test('of several that say the same is the one from the end of the operation', () => {
    const asked = '"url":"/control/download"';
    expect(found([at(15, asked), at(16, asked), at(17, asked)])).toBe(2);
  });

  test('is none, when none has to do with it', () => {
    expect(found([at(15, '"msg":"ready"'), at(40, '"url":"/control/download"')])).toBeUndefined();
  });
});
