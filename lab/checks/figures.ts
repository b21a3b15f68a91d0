import type { OperationEvent } from '../history/events.ts';
import type { Result } from '../report/result-schema.ts';
import { type History, isTransfer } from './history.ts';
import { compareDisks } from './integrity.ts';

export type Figures = Pick<
  Result,
  'operations' | 'transfers' | 'integrity' | 'failures' | 'peers' | 'durationSeconds' | 'setupSeconds' | 'resources'
>;

/** Every figure of result.json that expectations can name, from the history alone. */
export function figuresOf(history: History): Figures {
  const { facts, events } = history;
  const { verified, wrong } = compareDisks(history);
  const byVerb = Map.groupBy(events, ({ operation }) => operation);
  return {
    durationSeconds: facts.durationSeconds,
    setupSeconds: facts.setupSeconds,
    peers: facts.peers.length,
    operations: Object.fromEntries([...byVerb].map(([verb, some]) => [verb, operationFigures(some)])),
    transfers: transferFigures(events.filter(isTransfer)),
    integrity: { verified, mismatched: wrong.length },
    failures: failuresByCode(events),
    resources: facts.resources,
  };
}

function operationFigures(events: readonly OperationEvent[]) {
  const good = events.filter(({ outcome }) => outcome === 'ok');
  const latency = percentiles(good.map(({ start, end }) => end - start));
  return { count: events.length, ok: good.length, failed: events.length - good.length, ...(latency && { latency }) };
}

function transferFigures(events: readonly OperationEvent[]): Result['transfers'] {
  const good = events.filter(({ outcome }) => outcome === 'ok');
  const moving = good.filter(({ bytes }) => bytes > 0);
  const rates = moving.map(({ bytes, start, end }) => bytes / Math.max(end - start, 1e-6)).sort((a, b) => a - b);
  const firstByteSeconds = percentiles(good.flatMap((event) => event.firstByteSeconds ?? []));
  return {
    count: events.length,
    ok: good.length,
    failed: events.length - good.length,
    bytes: sum(events.map(({ bytes }) => bytes)),
    ...(rates.length > 0 && {
      throughputBytesPerSecond: {
        p50: percentile(rates, 50),
        p95: percentile(rates, 95),
        max: rates.at(-1) ?? 0,
        aggregate: sum(moving.map(({ bytes }) => bytes)) / Math.max(busySeconds(moving), 1e-6),
      },
    }),
    ...(firstByteSeconds && { firstByteSeconds }),
  };
}

function failuresByCode(events: readonly OperationEvent[]): Record<string, number> {
  const codes = events.flatMap(({ error }) => error?.code ?? []);
  return Object.fromEntries([...Map.groupBy(codes, (code) => code)].map(([code, some]) => [code, some.length]));
}

/** Time in which at least one of the operations was under way: the length of the union of their intervals. */
function busySeconds(events: readonly OperationEvent[]): number {
  let busy = 0;
  let until = Number.NEGATIVE_INFINITY;
  for (const { start, end } of [...events].sort((a, b) => a.start - b.start)) {
    if (end > until) busy += end - Math.max(start, until);
    until = Math.max(until, end);
  }
  return busy;
}

function percentiles(values: readonly number[]) {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  return { p50: percentile(sorted, 50), p95: percentile(sorted, 95), p99: percentile(sorted, 99) };
}

/** Nearest rank: the smallest value that at least `p` percent of all are not above (NIST handbook 7.2.6.2 calls it the simplest). `sorted` is not empty. */
export function percentile(sorted: readonly number[], p: number): number {
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] as number;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
