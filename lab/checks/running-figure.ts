import type { OperationEvent } from '../history/events.ts';
import type { Figure } from './figure.ts';
import { isTransfer } from './history.ts';
import { type FigureReading, readingOf } from './reading.ts';
import { eventsOf, type PeerNames } from './scope.ts';

/** How much one event adds to a figure that is a sum. */
type Addend = (event: OperationEvent) => number;

const COUNTS: Readonly<Record<string, Addend>> = {
  count: () => 1,
  ok: ({ outcome }) => (outcome === 'ok' ? 1 : 0),
  failed: ({ outcome }) => (outcome === 'failed' ? 1 : 0),
};

/**
 * A figure of the operations, kept up as they come. Counts and sums are one number however long the run is. Latencies, throughputs and
 * fairness are of all operations together: for those the events of the figure's own scope and verb are kept.
 */
export class RunningFigure {
  readonly #figure: Figure;
  readonly #peers: PeerNames;
  readonly #addend: Addend | undefined;
  readonly #isMeant: (event: OperationEvent) => boolean;
  readonly #kept: OperationEvent[] = [];
  #sum = 0;
  #seen = false;

  constructor(figure: Figure, peers: PeerNames) {
    const path = figure.what.kind === 'path' ? figure.what.path : [];
    this.#figure = figure;
    this.#peers = peers;
    this.#addend = addendOf(path);
    const inScope = eventsOf(figure.scope, peers);
    this.#isMeant = (event) => inScope(event) && concerns(event, path);
  }

  /** Events in memory for its sake. */
  get kept(): number {
    return this.#kept.length;
  }

  add(event: OperationEvent): void {
    if (!this.#isMeant(event)) return;
    this.#seen = true;
    if (this.#addend) this.#sum += this.#addend(event);
    else this.#kept.push(event);
  }

  reading(): FigureReading {
    // What no event was of is missing or zero, as in the report.
    if (this.#addend && this.#seen) return { value: this.#sum };
    return readingOf(this.#figure, { events: this.#kept, peers: this.#peers, metrics: new Map() });
  }
}

/** Undefined for what is no sum. */
function addendOf([part, name = '', last = '']: readonly string[]): Addend | undefined {
  if (part === 'operations') return COUNTS[last];
  if (part === 'failures') return ({ error }) => (error?.code === name ? 1 : 0);
  if (part === 'transfers') return name === 'bytes' ? ({ bytes }) => bytes : COUNTS[name];
  return undefined;
}

function concerns(event: OperationEvent, [part, verb]: readonly string[]): boolean {
  if (part === 'operations') return event.operation === verb;
  return part === 'failures' ? event.error?.code === verb : isTransfer(event);
}
