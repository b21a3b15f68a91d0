import { type Expectation, holds } from '../checks/expectation.ts';
import type { FigureSource } from '../checks/reading.ts';
import { RunningFigure } from '../checks/running-figure.ts';
import type { Listener } from '../history/event-stream.ts';
import type { RunEvent, Told } from '../history/run-event.ts';

/** How often those who look on are told, at most. */
const TELL_MS = 1000;
/** Figures of operations; all others are known at the end. */
const RUNNING: ReadonlySet<string> = new Set(['operations', 'transfers', 'failures', 'fairness']);
/** A figure that needs all of its operations again for each look is not shown any more when they are that many. */
const MAX_KEPT = 5000;

interface Standing {
  readonly expectation: Expectation;
  readonly figure: RunningFigure;
  isNews: boolean;
  told: number | undefined;
}

/** Tells how expectations stand while the run goes on, for those who look on. Nothing is judged by it. */
export class Standings implements Listener {
  readonly name = 'the standings';
  readonly #tell: (event: Told<'expectation-stands'>) => void;
  #standings: Standing[];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    expectations: readonly Expectation[],
    peers: FigureSource['peers'],
    tell: (event: Told<'expectation-stands'>) => void,
  ) {
    this.#tell = tell;
    this.#standings = expectations
      .filter(({ figure: { what } }) => what.kind === 'path' && RUNNING.has(what.path[0] ?? ''))
      .map((expectation) => {
        const figure = new RunningFigure(expectation.figure, peers);
        return { expectation, figure, isNews: false, told: undefined };
      });
  }

  take(event: RunEvent): void {
    if (event.kind === 'steps-ended') this.#end();
    if (event.kind !== 'operation-ended') return;
    for (const standing of this.#standings) {
      standing.figure.add(event.operation);
      standing.isNews = true;
    }
    this.#timer ??= setTimeout(() => this.#look(), TELL_MS).unref();
  }

  #end(): void {
    this.#look();
    this.#standings = [];
  }

  #look(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#standings = this.#standings.filter(({ figure }) => figure.kept <= MAX_KEPT);
    for (const standing of this.#standings) {
      if (!standing.isNews) continue;
      standing.isNews = false;
      const reading = standing.figure.reading();
      if (!('value' in reading) || reading.value === standing.told) continue;
      standing.told = reading.value;
      const { expectation } = standing;
      const { expression, figure } = expectation;
      const ok = holds(expectation, reading.value);
      if (ok === null) continue;
      const unit = figure.unit === 'ratio' ? 'count' : figure.unit;
      this.#tell({ kind: 'expectation-stands', expression, actual: reading.value, unit, ok });
    }
  }
}
