/** One series of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

// The text format: prometheus.io/docs/instrumenting/exposition_formats. Own parser, because those on npm lose labels.
const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*$/;
const LABEL = /\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?/gy;
const ESCAPES: Record<string, string> = { n: '\n', '\\': '\\', '"': '"' };
const NUMBERS: Record<string, number> = {
  '+Inf': Number.POSITIVE_INFINITY,
  '-Inf': Number.NEGATIVE_INFINITY,
  NaN: Number.NaN,
};

/** Every series of a scrape; lines that are no series (comments, or not the format) are passed over. */
export function parsePrometheusText(text: string): Sample[] {
  return text.split('\n').flatMap((line) => parsePrometheusLine(line) ?? []);
}

/** The series of one line; undefined when it has none. */
export function parsePrometheusLine(line: string): Sample | undefined {
  const match = line.startsWith('#') ? null : LINE.exec(line);
  if (!match) return undefined;
  const [, name = '', labelText = '', number = ''] = match;
  const labels: Record<string, string> = {};
  for (const [, key = '', raw = ''] of labelText.matchAll(LABEL))
    labels[key] = raw.replace(/\\(.)/g, (_, c: string) => ESCAPES[c] ?? c);
  return { name, labels, value: NUMBERS[number] ?? Number(number) };
}

/** Sum of the series of `name` whose labels include `labels`; undefined when there is none. */
export function sumOf(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const wanted = Object.entries(labels);
  const matching = samples.filter(
    (sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value),
  );
  return matching.length === 0 ? undefined : matching.reduce((sum, { value }) => sum + value, 0);
}
