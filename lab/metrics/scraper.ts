import { setTimeout as sleep } from 'node:timers/promises';
import { PROMISES } from '#proto/promises.ts';
import type { Instance } from '../drivers/driver.ts';
import { fetchMetrics } from '../instance-http.ts';
import { inPool } from '../limit.ts';
import { type Line, parsePrometheusLine, type Sample, type Scrape, scrapeOf } from './prometheus-text.ts';

const INTERVAL_MS = 1000;
const AT_A_TIME = 16;
/** The lab must not be what keeps the machine busy: with more instances than these, each is read less often. */
const MAX_SCRAPES_PER_SECOND = 25;
/** Usage costs the engine more than a scrape costs a peer. */
const USAGE_INTERVAL_MS = 3000;
const MAX_USAGES_PER_SECOND = 10;

/** By series; null where the instance said no finite number, or nothing that can be read. */
type Values = Record<string, number | null>;

/** Takes each text that is new, and the series that changed since the last one, histogram buckets left out. */
type Keep = (instance: string, text: string, values: Values) => Promise<void>;

/** The last scrape of an instance: what each of its lines says. Most lines stay as they are, and are read once. */
type Lines = ReadonlyMap<string, Line | undefined>;

/**
 * Reads each instance's `/metrics` about once a second while a run goes on, less often when there are many. The last text of each stays in
 * `metrics/<instance>.prom`, the course of all in `metrics/samples.ndjson`. An instance that doesn't answer is left out of that round.
 */
export class Scraper {
  readonly #instances = new Set<Instance>();
  /** The names of all that were ever added. */
  readonly #seen = new Set<string>();
  readonly #last = new Map<string, { readonly text: string; readonly lines: Lines }>();
  readonly #keep: Keep;
  readonly #stop = new AbortController();
  #usageDueAt = 0;
  #loop: Promise<void> = Promise.resolve();
  /** Largest memory of any peer at any sample, in bytes; undefined as long as nobody could read it. */
  peerMemoryBytesMax: number | undefined;

  #finished: Promise<void> | undefined;

  constructor(keep: Keep) {
    this.#keep = keep;
  }

  /** From now on, this instance is read too. */
  add(instance: Instance): void {
    this.#instances.add(instance);
    this.#seen.add(instance.name);
  }

  start(): void {
    this.#loop = this.#run();
    // What goes wrong in it (the results folder's disk is full) is thrown by `finish`.
    this.#loop.catch(() => {});
  }

  /** Reads an instance that is about to be stopped, or to stand still, and from then on leaves it out. */
  async last(instance: Instance): Promise<void> {
    this.#instances.delete(instance);
    await this.#scrape(instance);
  }

  /** Reads those that are meant now; gives the last figures of each instance that ever ran, undefined for one that never answered. */
  async scrapeNow(isMeant: (instance: Instance) => boolean): Promise<ReadonlyMap<string, Scrape | undefined>> {
    await this.#scrapeAll([...this.#instances].filter(isMeant));
    return new Map(
      [...this.#seen].map((name) => {
        const last = this.#last.get(name);
        return [name, last && scrapeOf(last.text.split('\n').map((line) => last.lines.get(line)))];
      }),
    );
  }

  /** Ends the rounds and reads everything once more, so that the last figures are those after the last step. */
  finish(): Promise<void> {
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  async #finish(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await this.#scrapeAll(this.#instances);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const began = performance.now();
      await this.#scrapeAll(this.#instances);
      if (began >= this.#usageDueAt) await this.#observeUsage();
      const intervalMs = Math.max(INTERVAL_MS, (this.#instances.size * 1000) / MAX_SCRAPES_PER_SECOND);
      await sleep(Math.max(0, intervalMs - (performance.now() - began)), undefined, { signal }).catch(() => {});
    }
  }

  async #scrapeAll(instances: Iterable<Instance>): Promise<void> {
    await inPool([...instances], AT_A_TIME, (instance) => this.#scrape(instance));
  }

  async #scrape({ name, url }: Instance): Promise<void> {
    const text = await fetchMetrics(url, PROMISES.metrics.ms, AbortSignal.timeout(PROMISES.metrics.ms)).catch(
      () => undefined,
    );
    const last = this.#last.get(name);
    if (text === undefined || text === last?.text) return;
    const { lines, values } = read(text, last?.lines);
    this.#last.set(name, { text, lines });
    await this.#keep(name, text, values);
  }

  /** Of each peer, or of one for each host: the others' is the same. */
  async #observeUsage(): Promise<void> {
    const peers = [...this.#instances].filter(({ role }) => role === 'peer');
    const looked = [...new Map(peers.map((peer) => [peer.host ?? peer.name, peer])).values()];
    this.#usageDueAt = performance.now() + Math.max(USAGE_INTERVAL_MS, (looked.length * 1000) / MAX_USAGES_PER_SECOND);
    await inPool(looked, AT_A_TIME, async (peer) => {
      const usage = await peer.usage().catch(() => undefined);
      if (usage) this.peerMemoryBytesMax = Math.max(this.peerMemoryBytesMax ?? 0, usage.memoryBytes);
    });
  }
}

/** The lines of a scrape, and the values of the series that were not there, or not the same, before. */
function read(text: string, before: Lines | undefined): { lines: Lines; values: Values } {
  const lines = new Map<string, Line | undefined>();
  const values: Values = {};
  for (const line of text.split('\n')) {
    if (before?.has(line)) {
      lines.set(line, before.get(line));
      continue;
    }
    const said = parsePrometheusLine(line);
    lines.set(line, said);
    if (said && 'unreadable' in said) values[said.unreadable.split(/[\s{]/, 1)[0] ?? ''] = null;
    const sample = said && 'sample' in said ? said.sample : undefined;
    if (sample && !sample.name.endsWith('_bucket'))
      values[seriesOf(sample)] = Number.isFinite(sample.value) ? sample.value : null;
  }
  return { lines, values };
}

function seriesOf({ name, labels }: Sample): string {
  const inner = Object.entries(labels).map(([key, label]) => `${key}=${JSON.stringify(label)}`);
  return inner.length > 0 ? `${name}{${inner.join(',')}}` : name;
}
