import type { RunEvent } from '../../lab/history/run-event.ts';
import { fold } from './fold.ts';
import { EMPTY_SCENE, type Scene } from './scene.ts';

/** Events from one kept scene to the next: how many must be folded, at most, to show any moment. */
const STRIDE = 2000;
/** Events that are kept to go back to; the oldest half of more is forgotten. */
const MAX_EVENTS = 200_000;

interface Mark {
  /** Events before it, of those that are kept. */
  readonly count: number;
  readonly scene: Scene;
}

/**
 * All that happened in a run so far, and how it was at any moment of it. Events are added as they come, or all at once. Scenes
 * share what did not change, so keeping one now and then costs little.
 */
export class Timeline {
  readonly #events: RunEvent[] = [];
  /** Of each event: the latest `at` up to it, so that they are in order. */
  readonly #times: number[] = [];
  #marks: Mark[] = [{ count: 0, scene: EMPTY_SCENE }];
  #latest: Scene = EMPTY_SCENE;
  readonly #maxEvents: number;

  constructor(maxEvents = MAX_EVENTS) {
    this.#maxEvents = maxEvents;
  }

  get latest(): Scene {
    return this.#latest;
  }

  /** The earliest moment that can be shown. */
  get from(): number {
    return this.#marks[0]?.scene.now ?? 0;
  }

  /** How many events came, those included that are forgotten. */
  count = 0;

  add(events: readonly RunEvent[]): void {
    for (let begin = 0; begin < events.length; ) {
      const some = events.slice(begin, begin + STRIDE - (this.#events.length % STRIDE));
      begin += some.length;
      this.#keep(some);
    }
    this.count += events.length;
  }

  /** How it was then: after all events up to that moment. */
  at(seconds: number): Scene {
    const count = firstAfter(this.#times, seconds);
    if (count === this.#events.length) return this.#latest;
    const { count: from, scene } = this.#marks.findLast((mark) => mark.count <= count) ?? (this.#marks[0] as Mark);
    return { ...fold(scene, this.#events.slice(from, count)), now: Math.max(seconds, this.from) };
  }

  #keep(events: readonly RunEvent[]): void {
    let latest = this.#times.at(-1) ?? 0;
    for (const event of events) {
      latest = Math.max(latest, event.at);
      this.#events.push(event);
      this.#times.push(latest);
    }
    this.#latest = fold(this.#latest, events);
    if (this.#events.length % STRIDE === 0) this.#marks.push({ count: this.#events.length, scene: this.#latest });
    if (this.#events.length > this.#maxEvents) this.#forget();
  }

  #forget(): void {
    const first = this.#marks.find(({ count }) => count >= this.#events.length - this.#maxEvents / 2);
    if (first === undefined) return;
    this.#events.splice(0, first.count);
    this.#times.splice(0, first.count);
    this.#marks = this.#marks
      .filter(({ count }) => count >= first.count)
      .map(({ count, scene }) => ({ count: count - first.count, scene }));
  }
}

/** How many of the times, which are in order, are not after this one. */
function firstAfter(times: readonly number[], seconds: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) <= seconds) low = middle + 1;
    else high = middle;
  }
  return low;
}
