import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

/** So much work is done without a pause but for one turn of the event loop between two pieces. */
const LONG_MS = 20;

/** Does work that others should not have to wait for one piece at a time, and whatever else there is between two pieces. */
export class YieldingQueue {
  readonly #pause: number;
  #last: Promise<unknown> = Promise.resolve();
  #workedMs = 0;

  /**
   * @param pause how long a pause is, as a multiple of the work before it. A turn of the event loop alone takes in one new
   * connection: who comes behind a hundred others would wait for the work of all of them.
   */
  constructor(pause: number) {
    this.#pause = pause;
  }

  /** @returns what `work` returns, and throws what it throws */
  run<T>(work: () => T): Promise<T> {
    const done = this.#last.then(async () => {
      await this.#giveWay();
      const startedAt = performance.now();
      try {
        return work();
      } finally {
        this.#workedMs += performance.now() - startedAt;
      }
    });
    this.#last = done.catch(() => {});
    return done;
  }

  #giveWay(): Promise<unknown> {
    if (this.#workedMs < LONG_MS) return nextTurn();
    const ms = this.#workedMs * this.#pause;
    this.#workedMs = 0;
    return sleep(ms);
  }
}
