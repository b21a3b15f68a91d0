import { expect, test } from 'vitest';
import type { OperationEvent } from '../history/events.ts';
import { waitsIn } from './waits.ts';

const event = (peer: string, start: number, end: number, more: Partial<OperationEvent> = {}): OperationEvent => ({
  ...{ id: 0, step: '1', operation: 'login', peer, start, end, outcome: 'ok', bytes: 0, sources: [] },
  ...more,
});
const refused = { outcome: 'failed', error: { code: 'no-answer', message: 'none', definite: false } } as const;

test('one peer that hangs is named, with what it did and what came of it', () => {
  const events = [event('a-1', 0, 1), event('a-2', 0, 2), event('a-3', 0, 60, refused)];
  expect(waitsIn(events)).toEqual([{ peer: 'a-3', seconds: 58, step: '1', operation: 'login', code: 'no-answer' }]);
});

test('a peer that never answers is named after a short deadline, too', () => {
  const events = [event('a-1', 0, 1), event('a-2', 0, 3, refused)];
  expect(waitsIn(events)).toMatchObject([{ peer: 'a-2', seconds: 2, code: 'no-answer' }]);
});

test('the longest wait comes first', () => {
  const events = ['1', '2'].flatMap((step, i) => [event('a-1', 0, 1, { step }), event('a-2', 0, 10 + i, { step })]);
  expect(waitsIn(events).map(({ step }) => step)).toEqual(['2', '1']);
});

test.each<[string, OperationEvent[]]>([
  ['several hang', [event('a-1', 0, 1), event('a-2', 0, 60), event('a-3', 0, 60)]],
  ['a peer is by itself in the step', [event('a-1', 0, 60)]],
  ['it comes last, but only just', [event('a-1', 0, 50), event('a-2', 0, 54)]],
  ['it began after the others had ended', [event('a-1', 0, 1), event('a-2', 58, 60)]],
  [
    'the others go on in steps of their own',
    [event('a-1', 0, 60, { step: '1.1' }), event('a-2', 0, 59, { step: '1.2' })],
  ],
])('nobody is waited for when %s', (_, events) => {
  expect(waitsIn(events)).toEqual([]);
});

test('who stands at a barrier waits, and is not waited for', () => {
  const events = [event('a-1', 0, 1), event('a-1', 1, 60, { operation: 'barrier' }), event('a-2', 0, 60)];
  expect(waitsIn(events)).toMatchObject([{ peer: 'a-2', seconds: 59 }]);
});
