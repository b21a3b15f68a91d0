import { z } from 'zod';
import { printable } from '#proto/printable.ts';
import type { ListedRun, Listing, RunState } from '../../page/live/listing.ts';
import { resultSchema } from '../checks/result-schema.ts';
import { runFacts } from '../history/events.ts';
import { livingRuns } from '../watchdog/record.ts';
import type { Results } from './results.ts';

/** WHAT THERE IS TO SEE: runs and suites of a results folder, the latest first. */

const MAX_LISTED = 200;
/** Of run.json and result.json: thousands of peers have names. */
export const MAX_JSON_BYTES = 32 * 1024 * 1024;
const MAX_TEXT_CHARS = 500;
/** How long it is known who lives: many who look on cost no more than one. */
const LIVING_MS = 500;
const SUITE = /^suite-/;

const facts = runFacts.pick({ scenario: true, driver: true, peers: true, startedAt: true });
const judged = resultSchema
  .pick({ verdict: true, reason: true, durationSeconds: true })
  .extend({ durationSeconds: z.number() });

export class RunList {
  readonly #results: Results;
  readonly #lives: (id: string) => boolean;
  /** What is said of runs that are judged, by folder, as of its last change. */
  readonly #known = new Map<string, { readonly changedMs: number; readonly run: ListedRun }>();
  #living: { readonly ids: ReadonlySet<string>; readonly until: number } | undefined;

  /** @param lives whether the lab of a run is at work: by the records of this machine, but for copies of what is elsewhere */
  constructor(results: Results, lives?: (id: string) => boolean) {
    this.#results = results;
    this.#lives = lives ?? ((id) => this.#livesHere(id));
  }

  async list(): Promise<Listing> {
    const folders = (await this.#results.folders()).sort((a, b) => b.changedMs - a.changedMs);
    const shown = folders.slice(0, MAX_LISTED);
    const runs: ListedRun[] = [];
    for (const { name, changedMs } of shown) {
      const run = SUITE.test(name) ? undefined : await this.#run(name, changedMs);
      if (run) runs.push(run);
    }
    for (const name of this.#known.keys()) if (!shown.some((one) => one.name === name)) this.#known.delete(name);
    const suites: string[] = [];
    for (const { name } of shown) {
      if (SUITE.test(name) && (await this.#has(name, 'report.html'))) suites.push(name);
    }
    runs.sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
    return { runs, suites, more: folders.length - shown.length };
  }

  /** How a run is; undefined if there is none of that name. */
  async stateOf(id: string): Promise<RunState | undefined> {
    if (await this.#has(id, 'result.json')) return 'judged';
    if (!(await this.#results.has(id))) return undefined;
    return this.#lives(id) ? 'running' : 'cut-off';
  }

  async #run(id: string, changedMs: number): Promise<ListedRun | undefined> {
    const known = this.#known.get(id);
    if (known?.changedMs === changedMs) return known.run;
    const state = await this.stateOf(id);
    const began = await this.#json(id, 'run.json', facts);
    if (state === undefined || began === undefined) return undefined;
    const { scenario, driver, peers, startedAt } = began;
    const result = state === 'judged' ? await this.#json(id, 'result.json', judged) : undefined;
    const run: ListedRun = {
      ...{ id, state, scenario: text(scenario), driver: text(driver), peers: peers.length, startedAt },
      ...(result && { ...result, reason: text(result.reason) }),
      hasReport: await this.#has(id, 'report.html'),
    };
    if (run.hasReport) this.#known.set(id, { changedMs, run });
    return run;
  }

  async #json<T>(id: string, file: string, shape: z.ZodType<T>): Promise<T | undefined> {
    try {
      const said = await this.#results.read(id, file, MAX_JSON_BYTES);
      return said === undefined ? undefined : shape.parse(JSON.parse(said));
    } catch {
      return undefined; // Whoever opens the run sees more.
    }
  }

  async #has(folder: string, file: string): Promise<boolean> {
    await using handle = await this.#results.open(folder, file);
    return handle !== undefined;
  }

  #livesHere(id: string): boolean {
    const now = performance.now();
    if (!this.#living || now > this.#living.until) this.#living = { ids: livingRuns(), until: now + LIVING_MS };
    return this.#living.ids.has(id);
  }
}

const text = (foreign: string) => printable(foreign, MAX_TEXT_CHARS);
