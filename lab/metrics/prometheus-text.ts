/** One series of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** NaN, too, when the text there is no number. */
  readonly value: number;
}

// The text format: prometheus.io/docs/instrumenting/exposition_formats. Own parser, because those on npm lose labels.
const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*$/;
const LABEL = /\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?/gy;
const ESCAPES: Record<string, string> = { n: '\n', '\\': '\\', '"': '"' };
const INFINITIES: ReadonlyMap<string, number> = new Map([
  ['+Inf', Number.POSITIVE_INFINITY],
  ['-Inf', Number.NEGATIVE_INFINITY],
]);

/** What one line of a scrape says: a series, or the name of a metric that there is (`# TYPE`, `# HELP`). */
export type Line = { readonly sample: Sample } | { readonly declares: string };

/** What an instance said at one time: its series, and its metrics by name, those included that have no series yet. */
export interface Scrape {
  readonly samples: readonly Sample[];
  readonly declared: ReadonlySet<string>;
}

export function parsePrometheusText(text: string): Scrape {
  return scrapeOf(text.split('\n').map(parsePrometheusLine));
}

export function scrapeOf(lines: Iterable<Line | undefined>): Scrape {
  const samples: Sample[] = [];
  const declared = new Set<string>();
  for (const line of lines) {
    if (line && 'sample' in line) samples.push(line.sample);
    else if (line) declared.add(line.declares);
  }
  return { samples, declared };
}

const DECLARATION = /^#\s*(?:HELP|TYPE)\s+([a-zA-Z_:][\w:]*)/;

/** Undefined for a line that says nothing (another comment, or not the format). */
export function parsePrometheusLine(line: string): Line | undefined {
  if (line.startsWith('#')) {
    const declares = DECLARATION.exec(line)?.[1];
    return declares === undefined ? undefined : { declares };
  }
  const match = LINE.exec(line);
  if (!match) return undefined;
  const [, name = '', labelText = '', number = ''] = match;
  const labels: Record<string, string> = {};
  for (const [, key = '', raw = ''] of labelText.matchAll(LABEL))
    labels[key] = raw.replace(/\\(.)/g, (_, c: string) => ESCAPES[c] ?? c);
  return { sample: { name, labels, value: INFINITIES.get(number) ?? Number(number) } };
}

type Labels = Sample['labels'];

/** The labels include these. */
export function having(wanted: Labels): (labels: Labels) => boolean {
  return (labels) => Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

/**
 * Sum of the series of `name` whose labels are meant. Undefined when the instance has no such metric: what is not known is not zero. A
 * metric that it has, and of which it shows no such series, is zero: nothing of the kind has happened there yet. A sum that is not finite
 * is no figure, and compares with none: whoever judges by it must look at that first.
 */
export function sumOf(
  { samples, declared }: Scrape,
  name: string,
  isMeant: (labels: Labels) => boolean = () => true,
): number | undefined {
  const series = samples.filter((sample) => sample.name === name);
  if (series.length === 0 && !declared.has(name) && !declared.has(name.replace(SUFFIX, ''))) return undefined;
  return series.filter(({ labels }) => isMeant(labels)).reduce((sum, { value }) => sum + value, 0);
}

/** What series of a histogram, a summary, or an OpenMetrics counter have behind the name of their metric. */
const SUFFIX = /_(?:bucket|sum|count|total)$/;
