import { METRICS, type MetricName } from '#proto/metrics.ts';
import { isDirectory, type OperationEvent } from '../history/events.ts';
import { type Scrape, sumOf, whyUnreadable } from '../metrics/prometheus-text.ts';
import type { Figure, Scope } from './figure.ts';
import { type Figures, scopeFiguresOf } from './figures.ts';
import type { History } from './history.ts';
import { whyUncounted } from './logs.ts';
import { eventsOf, membersOf, type PeerNames } from './scope.ts';
import { matchesAll } from './selector.ts';
import { whyNoSwarmFigure } from './swarm/swarm-figures.ts';

/** What a figure can be read from: a whole history at the end, or what is known so far. */
export interface FigureSource {
  readonly events: readonly OperationEvent[];
  readonly peers: PeerNames;
  /** The last scrape of each instance that ran; undefined for one that never answered. */
  readonly metrics: History['metrics'];
  readonly logs?: History['logs'];
  readonly logRules?: History['logRules'];
  /** result.json's own figures, at the end. */
  readonly figures?: Figures;
}

/** What a figure is; or why nobody knows it. */
export type FigureReading = { readonly value: number } | { readonly missing: string };

export function readingOf({ scope, what }: Figure, source: FigureSource): FigureReading {
  if (what.kind === 'path') return pathReading(what.path, scope, source);
  if (what.kind === 'metric')
    return sumOfAll(speakersOf(what.name, scope, source), (instance) =>
      metricReading(what, source.metrics.get(instance), instance),
    );
  const { logs, logRules = {} } = source;
  if (!logs) return { missing: 'logs are known only at the end' };
  const { level, text } = what;
  const uncounted = logsOf(scope, source).flatMap(
    (log) =>
      (text === undefined
        ? whyUncounted(log, logs, level ?? 0, logRules)
        : logs.logs.has(log)
          ? undefined
          : `no log of ${log} was collected`) ?? [],
  );
  if (uncounted[0] !== undefined) return { missing: andMore(uncounted) };
  const counts = text === undefined ? logs.levels : logs.texts;
  const lines = membersOf(scope, source.peers, [...counts.keys()]).map(
    (name) => (text === undefined ? logs.levels.get(name)?.get(level ?? 0) : logs.texts.get(name)?.get(text)) ?? 0,
  );
  return { value: sum(lines) };
}

/** A sum in which one is missing is none: what a part of them say is not the figure. */
function sumOfAll(instances: readonly string[], readingOf: (instance: string) => FigureReading): FigureReading {
  if (instances.length === 0) return { missing: 'none of its instances ever ran' };
  const readings = instances.map(readingOf);
  const missing = readings.flatMap((reading) => ('missing' in reading ? [reading.missing] : []));
  if (missing.length > 0) return { missing: andMore(missing) };
  return { value: sum(readings.flatMap((reading) => ('value' in reading ? [reading.value] : []))) };
}

function metricReading(
  { name, matchers }: Extract<Figure['what'], { kind: 'metric' }>,
  scrape: Scrape | undefined,
  instance: string,
): FigureReading {
  if (!scrape) return { missing: `${instance} never answered at /metrics` };
  const unreadable = whyUnreadable(scrape, name, instance);
  if (unreadable !== undefined) return { missing: unreadable };
  const value = sumOf(scrape, name, (labels) => matchesAll(matchers, labels));
  if (value === undefined) return { missing: `${instance} has no metric ${name}` };
  return Number.isFinite(value) ? { value } : { missing: `the ${name} of ${instance} is no finite number` };
}

function andMore([first = '', ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} (and ${others.length} more)`;
}

/** The instances of which the figure is the sum: in the whole run, those whose role has such a metric. */
function speakersOf(metric: string, scope: Scope, source: FigureSource): string[] {
  const ran = membersOf(scope, source.peers, [...source.metrics.keys()]);
  if (scope.of !== 'all') return ran;
  const at = (METRICS[metric as MetricName] ?? METRICS[metric.replace(/_(bucket|sum|count)$/, '') as MetricName])?.at;
  if (at !== undefined) return ran.filter((name) => isDirectory(name) === (at === 'directory'));
  // Of somebody else's metric it is not known who should have it: if one peer has, all should; and so for the directory.
  const has = (name: string) => {
    const scrape = source.metrics.get(name);
    return scrape !== undefined && sumOf(scrape, metric) !== undefined;
  };
  const [directories, peers] = [ran.filter(isDirectory), ran.filter((name) => !isDirectory(name))];
  const speakers = [directories, peers].filter((alike) => alike.some(has)).flat();
  return speakers.length > 0 ? speakers : ran;
}

/** The logs of the instances that ran, a host's instead of those of its peers; in the whole run, without those that stood before it. */
function logsOf(scope: Scope, source: FigureSource): string[] {
  const hostOf = new Map(source.peers.map(({ name, host }) => [name, host ?? name]));
  const elsewhere = new Set(scope.of === 'all' ? source.logs?.elsewhere : []);
  const ran = membersOf(scope, source.peers, [...source.metrics.keys()]).filter((name) => !elsewhere.has(name));
  return [...new Set(ran.map((name) => hostOf.get(name) ?? name))];
}

function pathReading(path: readonly string[], scope: Scope, source: FigureSource): FigureReading {
  const part =
    source.figures && scope.of === 'all'
      ? source.figures
      : scopeFiguresOf(source.events.filter(eventsOf(scope, source.peers)));
  const value = valueAt(part, path);
  if (typeof value === 'number') return { value };
  // No operation failed with this code: that is zero, not unknown.
  if (path[0] === 'failures') return { value: 0 };
  const [head, name = ''] = path;
  return { missing: head === 'swarm' ? whyNoSwarmFigure(source.figures?.swarm, name) : whyAbsent(path) };
}

function valueAt(result: object, path: readonly string[]): unknown {
  let value: unknown = result;
  for (const key of path) {
    value =
      value !== null && typeof value === 'object' && Object.hasOwn(value, key)
        ? (value as Record<string, unknown>)[key]
        : undefined;
  }
  return value;
}

const WHY_ABSENT: Readonly<Record<string, string>> = {
  transfers: 'no transfer ended well and moved bytes',
  fairness: 'fewer than two peers downloaded something',
  directory: 'there was no answer of the directory to judge',
  faults: 'no fault was undone',
  lab: 'no operation had a planned time',
  resources: 'the driver could not read it for every instance',
};

function whyAbsent([part = '', verb = '', figure]: readonly string[]): string {
  if (part === 'operations') return figure === 'latency' ? `no ${verb} ended well` : `no ${verb} was done`;
  return WHY_ABSENT[part] ?? 'nothing in this run tells it';
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
