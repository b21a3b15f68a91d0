import { PeerLabError } from '#proto/errors.ts';

export interface GateInit {
  /** Tasks under way at one time. */
  maxRunning: number;
  /** Tasks that wait for their turn; one more gets `busy`. */
  maxWaiting: number;
}

/** Lets a few tasks run at one time; the others wait in a bounded queue, first come, first served. */
export class Gate {
  readonly #init: GateInit;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(init: GateInit) {
    this.#init = init;
  }

  /** @throws PeerLabError `busy` when the queue is full; and what `task` throws */
  async run<T>(task: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await task();
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#init.maxRunning) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= this.#init.maxWaiting) {
      throw new PeerLabError('busy', { got: `${this.#init.maxWaiting} requests that wait already` });
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The place goes straight to who waits longest, so that nobody who comes in between can take it. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running--;
  }
}
