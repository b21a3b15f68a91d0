import { reasonOf } from '#proto/errors.ts';
import type { RunEvent } from './run-event.ts';

/** How many events may wait for a listener that is slower than the run. */
export const MAX_WAITING_EVENTS = 10_000;

/** Somebody who follows a run. */
export interface Listener {
  /** For the note that it was dropped. */
  readonly name: string;
  /** One event at a time, in order: the next one comes when the promise is settled. */
  take(event: RunEvent): void | Promise<void>;
  /** It threw, or was too slow, and is told nothing any more: what it has may be wrong from here on. */
  dropped?(why: string): void;
}

/** Hands each event to all listeners. None of them can hold up the run, end it, or see a history with holes. */
export class EventStream {
  readonly #outlets = new Set<Outlet>();
  readonly #coming: RunEvent[] = [];

  add(listener: Listener): void {
    this.#outlets.add(new Outlet(listener, (outlet) => this.#outlets.delete(outlet)));
  }

  /** An event that comes of an event, as when a listener is dropped, is the next one for everybody. */
  emit(event: RunEvent): void {
    this.#coming.push(event);
    if (this.#coming.length > 1) return;
    for (let next = this.#coming[0]; next !== undefined; next = this.#coming[0]) {
      for (const outlet of [...this.#outlets]) outlet.put(next);
      this.#coming.shift();
    }
  }
}

class Outlet {
  readonly #listener: Listener;
  readonly #leave: (outlet: Outlet) => void;
  readonly #waiting: RunEvent[] = [];
  #busy = false;
  #gone = false;

  constructor(listener: Listener, leave: (outlet: Outlet) => void) {
    this.#listener = listener;
    this.#leave = leave;
  }

  put(event: RunEvent): void {
    if (this.#gone) return;
    if (this.#waiting.length >= MAX_WAITING_EVENTS) {
      this.#drop(`it was ${MAX_WAITING_EVENTS} events late`);
      return;
    }
    this.#waiting.push(event);
    if (!this.#busy) this.#drain();
  }

  /** Listeners that answer at once are told at once. */
  #drain(): void {
    this.#busy = true;
    while (!this.#gone && this.#waiting.length > 0) {
      try {
        const taken = this.#listener.take(this.#waiting.shift() as RunEvent);
        if (taken) {
          taken.then(
            () => this.#drain(),
            (error) => this.#drop(reasonOf(error)),
          );
          return;
        }
      } catch (error) {
        this.#drop(reasonOf(error));
      }
    }
    this.#busy = false;
  }

  #drop(why: string): void {
    this.#gone = true;
    this.#waiting.length = 0;
    this.#leave(this);
    try {
      this.#listener.dropped?.(why);
    } catch {
      // Then nobody is told.
    }
  }
}
