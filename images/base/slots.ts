import { PeerLabError } from '#proto/errors.ts';

/** A number of slots. More work is refused, or waits its turn in the order in which it came. */
export class Slots {
  readonly #limit: number;
  readonly #maxWaiting: number;
  readonly #waiting = new Set<() => void>();
  #taken = 0;

  constructor(limit: number, maxWaiting = 0) {
    this.#limit = limit;
    this.#maxWaiting = maxWaiting;
  }

  /** @throws PeerLabError `busy` when neither a slot nor a place to wait is left; `cancelled` when `signal` fires first */
  async take(signal?: AbortSignal): Promise<Disposable> {
    if (this.#taken < this.#limit) return this.#occupy();
    if (this.#waiting.size >= this.#maxWaiting) throw this.#busy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    try {
      await (signal ? orAborted(promise, signal) : promise);
    } catch (error) {
      // The turn may have come in the very moment of the abort: then it goes to the next.
      if (!this.#waiting.delete(resolve)) this.#free();
      throw error;
    }
    return this.#release();
  }

  /** @throws PeerLabError `busy` */
  takeNow(): Disposable {
    if (this.#taken >= this.#limit) throw this.#busy();
    return this.#occupy();
  }

  #occupy(): Disposable {
    this.#taken++;
    return this.#release();
  }

  #release(): Disposable {
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (held) this.#free();
        held = false;
      },
    };
  }

  /** A slot that gets free goes straight to who waits longest: `#taken` stays. */
  #free(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#taken--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }

  #busy(): PeerLabError {
    return new PeerLabError('busy', { got: `${this.#taken} under way, ${this.#waiting.size} waiting` });
  }
}

/** Waits for `promise` unless `signal` fires first. @throws PeerLabError `cancelled` */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new PeerLabError('cancelled'));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
