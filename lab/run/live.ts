import { setTimeout as sleep } from 'node:timers/promises';
import { METRICS, type MetricName } from '#proto/metrics.ts';
import { type Expectation, holds } from '../checks/expectation.ts';
import type { Figure } from '../checks/figure.ts';
import { type FigureReading, type FigureSource, readingOf } from '../checks/reading.ts';
import { RunningFigure } from '../checks/running-figure.ts';
import type { Instance } from '../drivers/driver.ts';
import type { Listener } from '../history/event-stream.ts';
import type { Observation } from '../history/events.ts';
import type { RunEvent } from '../history/run-event.ts';

const POLL_MS = 200;

export interface LiveInit {
  /** All that will be asked for while the run goes on. */
  readonly figures: readonly Figure[];
  readonly peers: FigureSource['peers'];
  now(): number;
  scrape(isMeant: (instance: Instance) => boolean): Promise<FigureSource['metrics']>;
  /** The figures have missed events: nothing can be held against them any more. */
  dropped?(why: string): void;
}

/** What is known while a run goes on: enough to hold live expectations against it, and no more. */
export class Live implements Listener {
  readonly name = 'the running figures';
  readonly #init: LiveInit;
  /** By the figure's text. */
  readonly #running: ReadonlyMap<string, RunningFigure>;

  constructor(init: LiveInit) {
    this.#init = init;
    const ofEvents = init.figures.filter(({ what }) => what.kind === 'path');
    this.#running = new Map(ofEvents.map((figure) => [figure.text, new RunningFigure(figure, init.peers)]));
  }

  take(event: RunEvent): void {
    if (event.kind !== 'operation-ended') return;
    for (const figure of this.#running.values()) figure.add(event.operation);
  }

  dropped(why: string): void {
    this.#init.dropped?.(why);
  }

  /** Looks at an expectation until it is kept, for at most `withinMs`. @returns what was seen last */
  async observe(expectation: Expectation, withinMs: number, by: string, signal: AbortSignal): Promise<Observation> {
    const until = performance.now() + withinMs;
    for (;;) {
      const seen = await this.look(expectation, by);
      if (seen.ok || performance.now() >= until || signal.aborted) return seen;
      await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Looks once. */
  async look(expectation: Expectation, by: string): Promise<Observation> {
    const reading = await this.#read(expectation.figure);
    const actual = 'value' in reading ? reading.value : undefined;
    return {
      expression: expectation.expression,
      by,
      at: this.#init.now(),
      actual: actual ?? null,
      ok: holds(expectation, actual),
      ...('missing' in reading && reading),
    };
  }

  async #read(figure: Figure): Promise<FigureReading> {
    if (figure.what.kind !== 'metric') {
      const running = this.#running.get(figure.text) as RunningFigure;
      return running.reading();
    }
    const metrics = await this.#init.scrape(whoHas(figure, figure.what.name, this.#init.peers));
    return readingOf(figure, { events: [], peers: this.#init.peers, metrics });
  }
}

/** Not everybody needs to be asked for a figure that only some have. */
function whoHas({ scope }: Figure, metric: string, peers: FigureSource['peers']): (instance: Instance) => boolean {
  if (scope.of === 'peers') return ({ name }) => name === scope.name;
  if (scope.of === 'groups') {
    const members = new Set(peers.filter(({ group }) => group === scope.name).map(({ name }) => name));
    return ({ name }) => members.has(name);
  }
  const base = metric.replace(/_(bucket|sum|count)$/, '');
  const at = (METRICS[metric as MetricName] ?? METRICS[base as MetricName])?.at;
  return ({ role }) => at === undefined || role === at;
}
