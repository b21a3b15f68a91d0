import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import prettyBytes from 'pretty-bytes';

const RESULTS = fileURLToPath(new URL('../../results/bench', import.meta.url));

interface Bar {
  readonly id: string;
  readonly actual: number;
  readonly limit: number;
  readonly met: boolean;
}

/** What a benchmark has measured: a table for people, `results/bench/<name>.json` for programs, and a line for each bar. */
export class Report {
  readonly #name: string;
  readonly #rows: { what: string; figures: Record<string, string | number> }[] = [];
  readonly #bars: Bar[] = [];
  readonly #missing: string[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  row(what: string, figures: Record<string, string | number>): void {
    this.#rows.push({ what, figures });
    const text = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
    process.stderr.write(`  ${what}: ${text.join(', ')}\n`);
  }

  /** A ratio that must not be above the limit. */
  atMost(id: string, actual: number, limit: number): void {
    this.#bars.push({ id, actual, limit, met: actual <= limit });
  }

  /** A ratio that must not be below the limit. */
  atLeast(id: string, actual: number, limit: number): void {
    this.#bars.push({ id, actual, limit, met: actual >= limit });
  }

  /** Something that could not be measured, and why. */
  missing(what: string): void {
    this.#missing.push(what);
  }

  /** Prints the table and the bars, and writes the file. */
  close(): void {
    const machine = `${availableParallelism()} CPUs (${cpus()[0]?.model.trim()}), ${prettyBytes(totalmem(), { binary: true })}, ${process.platform} ${process.arch}, Node ${process.version}`;
    process.stdout.write(`${this.#name}, on ${machine}\n`);
    const names = [...new Set(this.#rows.flatMap(({ figures }) => Object.keys(figures)))];
    const table = new Table({ head: ['', ...names], style: { head: [], border: [] } });
    for (const { what, figures } of this.#rows) table.push([what, ...names.map((name) => figures[name] ?? '')]);
    process.stdout.write(`${table.toString()}\n`);
    for (const what of this.#missing) process.stdout.write(`not measured: ${what}\n`);
    for (const { id, met, actual, limit } of this.#bars) sayBar(id, actual, limit, met);
    mkdirSync(RESULTS, { recursive: true });
    const measured = {
      name: this.#name,
      at: new Date().toISOString(),
      machine,
      rows: this.#rows,
      bars: this.#bars,
      missing: this.#missing,
    };
    writeFileSync(join(RESULTS, `${this.#name}.json`), `${JSON.stringify(measured, null, 2)}\n`);
  }
}

/** One line for each bar, as `make bench` promises. By default the limit is the most that there may be. */
export function sayBar(id: string, actual: number, limit: number, met = actual <= limit): void {
  process.stdout.write(`BAR ${id} ${met ? 'met' : 'missed'} ${actual.toFixed(2)} ${limit}\n`);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Takes turns, so that a machine that gets slower or faster meanwhile does so for all. @returns what each gave, by name */
export async function alternating<T, K extends string>(
  rounds: number,
  ways: Record<K, () => Promise<T>>,
): Promise<Record<K, T[]>> {
  const names = Object.keys(ways) as K[];
  const got = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<K, T[]>;
  for (let round = 0; round < rounds; round++) for (const name of names) got[name].push(await ways[name]());
  return got;
}
