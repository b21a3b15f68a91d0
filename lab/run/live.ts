import { setTimeout as sleep } from 'node:timers/promises';
import { type Expectation, holds } from '../checks/expectation.ts';
import { type FigureSource, figureValue } from '../checks/figures.ts';
import type { Observation, OperationEvent } from '../history/events.ts';
import type { Sample } from '../metrics/prometheus-text.ts';

const POLL_MS = 200;

/** What is known while a run goes on: enough to hold live expectations against it. */
export class Live {
  readonly observations: Observation[] = [];
  readonly #events: OperationEvent[] = [];
  readonly #keep: boolean;
  readonly #peers: FigureSource['peers'];
  readonly #now: () => number;
  readonly #scrape: () => Promise<ReadonlyMap<string, readonly Sample[]>>;

  /** @param keep whether anything will be asked: otherwise the events are not kept in memory */
  constructor(init: {
    keep: boolean;
    peers: FigureSource['peers'];
    now: () => number;
    scrape: () => Promise<ReadonlyMap<string, readonly Sample[]>>;
  }) {
    this.#keep = init.keep;
    this.#peers = init.peers;
    this.#now = init.now;
    this.#scrape = init.scrape;
  }

  add(event: OperationEvent): void {
    if (this.#keep) this.#events.push(event);
  }

  /** Looks at an expectation until it is kept, for at most `withinMs`, and records what was seen last. */
  async observe(expectation: Expectation, withinMs: number, by: string, signal: AbortSignal): Promise<Observation> {
    const until = performance.now() + withinMs;
    for (;;) {
      const seen = await this.look(expectation, by);
      if (seen.ok || performance.now() >= until || signal.aborted) {
        this.observations.push(seen);
        return seen;
      }
      await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Looks once, without recording. */
  async look(expectation: Expectation, by: string): Promise<Observation> {
    const metrics = expectation.figure.what.kind === 'metric' ? await this.#scrape() : new Map();
    const actual = figureValue(expectation.figure, { events: this.#events, peers: this.#peers, metrics });
    return {
      expression: expectation.expression,
      by,
      at: this.#now(),
      actual: actual ?? null,
      ok: holds(expectation, actual),
    };
  }
}
