import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { METRICS, type MetricName, type MetricSpec } from '#proto/metrics.ts';

type At = 'peer' | 'directory';
type NamesOf<A extends At, K extends MetricSpec['kind']> = {
  [N in MetricName]: (typeof METRICS)[N] extends { at: A; kind: K } ? N : never;
}[MetricName];

/** The live metrics of one image, made from the table in proto/metrics.ts: `metrics.counter('peerlab_…').inc({…})`. */
export interface Metrics<A extends At> {
  readonly registry: Registry;
  counter(name: NamesOf<A, 'counter'>): Counter<string>;
  gauge(name: NamesOf<A, 'gauge'>): Gauge<string>;
  histogram(name: NamesOf<A, 'histogram'>): Histogram<string>;
}

export function createMetrics<A extends At>(at: A): Metrics<A> {
  const registry = new Registry();
  for (const [name, spec] of Object.entries<MetricSpec>(METRICS)) {
    if (spec.at === at) create(name, spec, registry);
  }
  const get = <M>(name: string) => registry.getSingleMetric(name) as M;
  return {
    registry,
    counter: (name) => get<Counter<string>>(name),
    gauge: (name) => get<Gauge<string>>(name),
    histogram: (name) => get<Histogram<string>>(name),
  };
}

function create(name: string, { kind, help, labels, buckets }: MetricSpec, registry: Registry): void {
  const common = { name, help, labelNames: [...labels], registers: [registry] };
  if (kind === 'counter') new Counter(common);
  else if (kind === 'gauge') new Gauge(common);
  else new Histogram({ ...common, buckets: [...(buckets ?? [])] });
}
