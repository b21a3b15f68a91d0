import { printable } from '#proto/printable.ts';

/** One series of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** NaN, too, when the text there is no number. */
  readonly value: number;
}

// The text format: prometheus.io/docs/instrumenting/exposition_formats. Own parser, because those on npm lose labels.
// After the value there may be a time, and in OpenMetrics an example behind #.
const LINE =
  /^([a-zA-Z_:][\w:]*)\s*(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\}\s*|\s)(\S+)(?:\s+-?[\d.]+(?:e[+-]?\d+)?)?(?:\s+#\s.*)?$/;
const LABEL = /\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,\s*|$)/gy;
const ESCAPES: Record<string, string> = { n: '\n', '\\': '\\', '"': '"' };
const INFINITIES: ReadonlyMap<string, number> = new Map([
  ['+Inf', Number.POSITIVE_INFINITY],
  ['-Inf', Number.NEGATIVE_INFINITY],
]);

/** What one line of a scrape says: a series, the name of a metric that there is (`# TYPE`, `# HELP`), or nobody knows what. */
export type Line = { readonly sample: Sample } | { readonly declares: string } | { readonly unreadable: string };

/** What an instance said at one time: its series, and its metrics by name, those included that have no series yet. */
export interface Scrape {
  readonly samples: readonly Sample[];
  readonly declared: ReadonlySet<string>;
  /** Lines that can't be read, by their numbers, from 1. */
  readonly unreadable: ReadonlyMap<number, string>;
}

export function parsePrometheusText(text: string): Scrape {
  return scrapeOf(text.split('\n').map(parsePrometheusLine));
}

/** @param lines all lines of the text, in their order */
export function scrapeOf(lines: readonly (Line | undefined)[]): Scrape {
  const samples: Sample[] = [];
  const declared = new Set<string>();
  const unreadable = new Map<number, string>();
  for (const [at, line] of lines.entries()) {
    if (!line) continue;
    if ('sample' in line) samples.push(line.sample);
    else if ('declares' in line) declared.add(line.declares);
    else unreadable.set(at + 1, line.unreadable);
  }
  return { samples, declared, unreadable };
}

const DECLARATION = /^#\s*(?:HELP|TYPE)\s+([a-zA-Z_:][\w:]*)/;

/** Undefined for a line that says nothing: an empty one, or another comment. */
export function parsePrometheusLine(line: string): Line | undefined {
  const text = line.trim();
  if (text === '') return undefined;
  if (text.startsWith('#')) {
    const declares = DECLARATION.exec(text)?.[1];
    return declares === undefined ? undefined : { declares };
  }
  const match = LINE.exec(text);
  if (!match) return { unreadable: text };
  const [, name = '', labelText = '', number = ''] = match;
  const labels: Record<string, string> = {};
  let read = 0;
  for (const [whole, key = '', raw = ''] of labelText.matchAll(LABEL)) {
    labels[key] = raw.replace(/\\(.)/g, (_, c: string) => ESCAPES[c] ?? c);
    read += whole.length;
  }
  if (labelText.slice(read).trim() !== '') return { unreadable: text };
  return { sample: { name, labels, value: INFINITIES.get(number) ?? Number(number) } };
}

const WORD = /[a-zA-Z_:][\w:]*/g;

/**
 * The first line that can't be read and has the name of the metric in it. It may be about any of its series, so no sum
 * over them is known.
 */
function unreadableLine({ unreadable }: Scrape, name: string): number | undefined {
  for (const [number, text] of unreadable) if (text.match(WORD)?.includes(name)) return number;
  return undefined;
}

/** So much of such a line is shown. */
const MAX_SHOWN_CHARS = 80;

/** Why no sum over the metric is known, if it is a line that can't be read. */
export function whyUnreadable(scrape: Scrape, name: string, instance: string): string | undefined {
  const number = unreadableLine(scrape, name);
  if (number === undefined) return undefined;
  const text = printable(scrape.unreadable.get(number) ?? '', MAX_SHOWN_CHARS);
  return `line ${number} of the metrics of ${instance} can't be read, and may be about ${name}: ${text}`;
}

type Labels = Sample['labels'];

/** The labels include these. */
export function having(wanted: Labels): (labels: Labels) => boolean {
  return (labels) => Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

/**
 * Sum of the series of `name` whose labels are meant. Undefined when the instance has no such metric: what is not known is not zero. A
 * metric that it has, and of which it shows no such series, is zero: nothing of the kind has happened there yet. A sum that is not finite
 * is no figure, and compares with none: whoever judges by it must look at that first. It is NaN where a line of the metric can't be read.
 */
export function sumOf(
  scrape: Scrape,
  name: string,
  isMeant: (labels: Labels) => boolean = () => true,
): number | undefined {
  if (unreadableLine(scrape, name) !== undefined) return Number.NaN;
  const { samples, declared } = scrape;
  const series = samples.filter((sample) => sample.name === name);
  if (series.length === 0 && !declared.has(name) && !declared.has(name.replace(SUFFIX, ''))) return undefined;
  return series.filter(({ labels }) => isMeant(labels)).reduce((sum, { value }) => sum + value, 0);
}

/** What series of a histogram, a summary, or an OpenMetrics counter have behind the name of their metric. */
const SUFFIX = /_(?:bucket|sum|count|total)$/;
