import { orAborted } from '#base/slots.ts';

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
