import { PeerLabError } from '#proto/errors.ts';

/** Waits for `promise` unless `signal` fires first. @throws PeerLabError `cancelled` */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new PeerLabError('cancelled'));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Waits for `promise`, but no longer than `ms`, and not for how it ends. */
export async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  const { promise: waited, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  promise.then(
    () => resolve(),
    () => resolve(),
  );
  await waited;
  clearTimeout(timer);
}

/** So many at one time; more are refused, or wait their turn in the order they came. */
export class Slots {
  readonly #limit: number;
  readonly #maxWaiting: number;
  readonly #waiting = new Set<() => void>();
  #taken = 0;

  constructor(limit: number, maxWaiting = 0) {
    this.#limit = limit;
    this.#maxWaiting = maxWaiting;
  }

  /** @throws PeerLabError `busy` when neither a slot nor a place to wait is left; `cancelled` */
  async take(signal: AbortSignal): Promise<Disposable> {
    if (this.#taken < this.#limit) return this.#occupy();
    if (this.#waiting.size >= this.#maxWaiting) throw this.#busy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    try {
      await orAborted(promise, signal);
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

/** One at a time for each key, in the order they came. */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<void>>();

  /** @throws PeerLabError `cancelled` */
  async take(key: string, signal: AbortSignal): Promise<Disposable> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const mine = before.then(() => promise);
    this.#last.set(key, mine);
    void mine.then(() => {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    });
    try {
      await orAborted(before, signal);
    } catch (error) {
      resolve();
      throw error;
    }
    return { [Symbol.dispose]: resolve };
  }
}

/**
 * Notices when the other side stops: runs `onStall` after `timeoutMs` of waiting. Time that this side needs for its
 * own work (a slow disk) does not count.
 */
export class StallWatch implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #waits = true;

  constructor(timeoutMs: number, onStall: () => void) {
    this.#timer = setTimeout(() => {
      if (this.#waits) onStall();
      else this.#timer.refresh();
    }, timeoutMs);
  }

  /** Waits for the other side. */
  async during<T>(promise: Promise<T>): Promise<T> {
    this.#waits = true;
    this.#timer.refresh();
    try {
      return await promise;
    } finally {
      this.#waits = false;
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
