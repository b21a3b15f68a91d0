import { expect, test } from 'vitest';
import type { OperationEvent } from '../history/events.ts';
import { type Figure, readFigure } from './figure.ts';
import { readingOf } from './reading.ts';
import { RunningFigure } from './running-figure.ts';

const PEERS = ['a-1', 'a-2', 'b-1'].map((name) => ({ name, group: name.slice(0, 1) }));
const NAMES = {
  verbs: new Set(['login', 'download', 'upload', 'search']),
  groups: new Set(['a', 'b']),
  steps: new Set(['s']),
};

const SUMS = [
  'operations.login.failed',
  'operations.search.count',
  'groups.a.operations.download.ok',
  'peers.b-1.transfers.bytes',
  'steps.s.transfers.count',
  'transfers.failed',
  'failures.busy',
  'failures.no-answer',
];
const DISTRIBUTIONS = [
  'operations.login.latency.p95',
  'steps.s.operations.search.latency.max',
  'transfers.throughputBytesPerSecond.p50',
  'transfers.throughputBytesPerSecond.aggregate',
  'transfers.firstByteSeconds.p95',
  'fairness.jain',
];

function figure(text: string): Figure {
  const read = readFigure({ text, name: text }, NAMES);
  if ('flaw' in read) throw new Error(read.flaw);
  return read.figure;
}

/** The same numbers from 0 to 1 for the same seed (a linear congruential generator). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

function randomEvent(id: number, random: () => number): OperationEvent {
  const pick = <T>(some: readonly T[]) => some[Math.floor(random() * some.length)] as T;
  const start = random() * 10;
  const failed = random() < 0.3;
  return {
    ...{ id, step: '1', operation: pick([...NAMES.verbs]), peer: pick(PEERS).name },
    ...(random() < 0.5 && { as: 's' }),
    ...{ start, end: start + random(), sources: [], bytes: Math.floor(random() * 1000) },
    ...(failed
      ? { outcome: 'failed', error: { code: pick(['busy', 'cancelled']), message: '', definite: true } }
      : { outcome: 'ok', firstByteSeconds: random() }),
  };
}

test.each([...SUMS, ...DISTRIBUTIONS])('%s is at every moment what the events so far give', (text) => {
  const random = numbers(text.length);
  const asked = figure(text);
  const running = new RunningFigure(asked, PEERS);
  const events: OperationEvent[] = [];
  for (let id = 0; id <= 300; id++) {
    if (id % 20 === 0) {
      const right = readingOf(asked, { events, peers: PEERS, metrics: new Map() });
      const reading = running.reading();
      if ('missing' in right || 'missing' in reading) expect(reading).toEqual(right);
      else expect(reading.value).toBeCloseTo(right.value, 6);
    }
    const event = randomEvent(id, random);
    events.push(event);
    running.add(event);
  }
});

test('counts and sums keep no event, however many come', () => {
  const event = (id: number): OperationEvent => randomEvent(id, numbers(id));
  for (const text of SUMS) {
    const running = new RunningFigure(figure(text), PEERS);
    for (let id = 0; id < 100; id++) running.add(event(id));
    expect({ text, kept: running.kept }).toEqual({ text, kept: 0 });
  }
});
