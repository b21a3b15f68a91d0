import type { FaultRecord, OperationEvent } from '../history/events.ts';
import { judgeAnswers } from './directory-answers.ts';
import type { Scope } from './figure.ts';
import { type History, isTransfer } from './history.ts';
import { compareDisks } from './integrity.ts';
import type { Result, ScopeFigures } from './result-schema.ts';
import { eventsOf } from './scope.ts';
import { swarmFigures } from './swarm/swarm-figures.ts';

export type Figures = ScopeFigures &
  Pick<
    Result,
    | 'groups'
    | 'steps'
    | 'integrity'
    | 'directory'
    | 'faults'
    | 'lab'
    | 'peers'
    | 'durationSeconds'
    | 'setupSeconds'
    | 'resources'
    | 'swarm'
  >;

/** Every figure of result.json, from the history alone. */
export function figuresOf(history: History): Figures {
  const { facts, events, faults } = history;
  const { verified, wrong } = compareDisks(history);
  const { answers, precision, recall, stalenessSeconds } = judgeAnswers(history);
  const swarm = swarmFigures(history);
  const lags = events
    .flatMap(({ due, start }) => (due === undefined ? [] : Math.max(0, start - due)))
    .sort((a, b) => a - b);
  const groups = [...new Set(facts.peers.map(({ group }) => group))];
  const named = [...new Set(events.flatMap(({ as }) => as ?? []))];
  const part = (scope: Scope) => scopeFiguresOf(events.filter(eventsOf(scope, facts.peers)));
  return {
    ...scopeFiguresOf(events),
    durationSeconds: facts.durationSeconds,
    setupSeconds: facts.setupSeconds,
    peers: facts.peers.length,
    groups: Object.fromEntries(groups.map((name) => [name, part({ of: 'groups', name })])),
    steps: Object.fromEntries(named.map((name) => [name, part({ of: 'steps', name })])),
    integrity: { verified, mismatched: wrong.length },
    directory: {
      answers,
      ...(precision !== undefined && { precision }),
      ...(recall !== undefined && { recall }),
      ...(stalenessSeconds !== undefined && { stalenessSeconds }),
    },
    faults: faultFigures(faults),
    ...(swarm && { swarm }),
    lab: { stallSeconds: facts.stallSeconds, ...(lags.length > 0 && { lagSeconds: percentile(lags, 99) }) },
    resources: facts.resources,
  };
}

/** The figures of some operations. */
export function scopeFiguresOf(events: readonly OperationEvent[]): ScopeFigures {
  const byVerb = Map.groupBy(events, ({ operation }) => operation);
  const fairness = fairnessOf(events);
  return {
    operations: Object.fromEntries([...byVerb].map(([verb, some]) => [verb, operationFigures(some)])),
    transfers: transferFigures(events.filter(isTransfer)),
    failures: failuresByCode(events),
    ...(fairness && { fairness }),
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
        aggregate: throughputOf(moving),
      },
    }),
    ...(firstByteSeconds && { firstByteSeconds }),
  };
}

function faultFigures(faults: readonly FaultRecord[]): Result['faults'] {
  const recoverySeconds = percentiles(faults.flatMap(({ recoverySeconds }) => recoverySeconds ?? []));
  return {
    count: faults.length,
    ...(recoverySeconds && { recoverySeconds }),
    list: faults.map((fault) => {
      const { inForce, until } = fault;
      return { ...fault, ...(inForce !== undefined && until !== undefined && { achievedSeconds: until - inForce }) };
    }),
  };
}

/** Jain, Chiu, Hawe: A Quantitative Measure of Fairness, DEC TR-301 (1984): (Σx)² / (n·Σx²). */
function fairnessOf(events: readonly OperationEvent[]): ScopeFigures['fairness'] {
  const downloads = events.filter(
    ({ operation, outcome, bytes }) => operation === 'download' && outcome === 'ok' && bytes > 0,
  );
  const rates = [...Map.groupBy(downloads, ({ peer }) => peer).values()].map(throughputOf).sort((a, b) => a - b);
  if (rates.length < 2) return undefined;
  return {
    jain: sum(rates) ** 2 / (rates.length * sum(rates.map((rate) => rate ** 2))),
    slowestToMedian: (rates[0] ?? 0) / percentile(rates, 50),
  };
}

/** Bytes of the transfers by the time in which at least one was under way. */
function throughputOf(events: readonly OperationEvent[]): number {
  return sum(events.map(({ bytes }) => bytes)) / Math.max(busySeconds(events), 1e-6);
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
  return {
    p50: percentile(sorted, 50),
    p95: percentile(sorted, 95),
    p99: percentile(sorted, 99),
    max: sorted.at(-1) as number,
  };
}

/** Nearest rank: the smallest value that at least `p` percent of all do not exceed. `sorted` is not empty. */
export function percentile(sorted: readonly number[], p: number): number {
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] as number;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
