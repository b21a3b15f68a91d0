import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Instance } from '../drivers/driver.ts';
import { LineWriter, type ResultsFolder } from '../history/results-folder.ts';
import { fetchMetrics } from '../run/instance-http.ts';
import { inPool } from '../run/pool.ts';
import { parsePrometheusText, type Sample } from './prometheus-text.ts';

const INTERVAL_MS = 1000;
const TIMEOUT_MS = 2000;
const AT_A_TIME = 16;
/** Usage costs the engine more than a scrape costs a peer: every so many rounds. */
const ROUNDS_PER_USAGE = 3;

/** What one scrape adds to samples.ndjson: the series that changed since the last one, histogram buckets left out. */
interface SampleLine {
  readonly at: number;
  readonly instance: string;
  readonly values: Record<string, number>;
}

/**
 * Reads each instance's `/metrics` about once a second while a run goes on. The last text of each stays in
 * `metrics/<instance>.prom`, the course of all in `metrics/samples.ndjson`. An instance that doesn't answer is left out of that round.
 */
export class Scraper {
  readonly #instances = new Set<Instance>();
  readonly #samples = new Map<string, readonly Sample[]>();
  readonly #folder: ResultsFolder;
  readonly #lines: LineWriter<SampleLine>;
  readonly #stop = new AbortController();
  readonly #began = performance.now();
  readonly #last = new Map<string, Map<string, number>>();
  #loop: Promise<void> = Promise.resolve();
  /** Largest memory of any peer at any sample, in bytes. */
  peerMemoryBytesMax = 0;

  #finished: Promise<void> | undefined;

  constructor(folder: ResultsFolder) {
    this.#folder = folder;
    this.#lines = new LineWriter(folder.file('metrics/samples.ndjson'));
  }

  /** From now on, this instance is read too. */
  add(instance: Instance): void {
    this.#instances.add(instance);
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Reads an instance that is about to be stopped, or to stand still, and from then on leaves it out. */
  async last(instance: Instance): Promise<void> {
    this.#instances.delete(instance);
    await this.#scrape(instance);
  }

  /** Reads everything now; gives the last figures of each instance, those that are gone included. */
  async scrapeNow(): Promise<ReadonlyMap<string, readonly Sample[]>> {
    await this.#round(false);
    return this.#samples;
  }

  /** Ends the rounds and reads everything once more, so that the last figures are those after the last step. */
  finish(): Promise<void> {
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  async #finish(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await this.#round(true);
    await this.#lines.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let round = 1; !signal.aborted; round++) {
      const began = performance.now();
      await this.#round(round % ROUNDS_PER_USAGE === 1);
      await sleep(Math.max(0, INTERVAL_MS - (performance.now() - began)), undefined, { signal }).catch(() => {});
    }
  }

  async #round(withUsage: boolean): Promise<void> {
    await inPool([...this.#instances], AT_A_TIME, async (instance) => {
      await this.#scrape(instance);
      if (withUsage) await this.#observe(instance);
    });
  }

  async #scrape(instance: Instance): Promise<void> {
    const text = await fetchMetrics(instance.url, TIMEOUT_MS, AbortSignal.timeout(TIMEOUT_MS)).catch(() => undefined);
    if (text === undefined) return;
    writeFileSync(path.join(this.#folder.metrics, `${instance.name}.prom`), text);
    const values = this.#changed(instance.name, text);
    if (Object.keys(values).length > 0) {
      await this.#lines.append({ at: (performance.now() - this.#began) / 1000, instance: instance.name, values });
    }
  }

  #changed(instance: string, text: string): Record<string, number> {
    const last = this.#last.get(instance) ?? new Map<string, number>();
    this.#last.set(instance, last);
    const changed: Record<string, number> = {};
    const samples = parsePrometheusText(text);
    this.#samples.set(instance, samples);
    for (const { name, labels, value } of samples) {
      if (name.endsWith('_bucket')) continue;
      const inner = Object.entries(labels).map(([key, label]) => `${key}=${JSON.stringify(label)}`);
      const series = inner.length > 0 ? `${name}{${inner.join(',')}}` : name;
      if (last.get(series) !== value) changed[series] = value;
      last.set(series, value);
    }
    return changed;
  }

  async #observe(instance: Instance): Promise<void> {
    if (instance.role !== 'peer') return;
    const usage = await instance.usage().catch(() => undefined);
    this.peerMemoryBytesMax = Math.max(this.peerMemoryBytesMax, usage?.memoryBytes ?? 0);
  }
}
