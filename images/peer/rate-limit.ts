import { FEW_SLOTS } from './choosers/pace.ts';

/**
 * RATE LIMITS, in sum over all transfers: bytes are reserved on one time line for all, and whoever reserved them waits until they are
 * due. First come, first served, chunk by chunk: so transfers that go on together get equal parts.
 */

/** What was not used is made up for by so much time at most: an idle peer does not gather a burst that breaks the limit. */
const SLACK_MS = 50;
/** A chunk is to take no longer than this, so that the bytes flow evenly and a slow stream is not taken for a stalled one. */
const CHUNK_MS = 100;
const LEAST_CHUNK_BYTES = 16 * 1024;

/** One limit. Without a rate there is none. */
class RateLimit {
  readonly #bytesPerSecond: number | undefined;
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor(bytesPerSecond: number | undefined) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** @returns milliseconds to wait for `bytes` more */
  reserve(bytes: number): number {
    if (this.#bytesPerSecond === undefined) return 0;
    const nowMs = performance.now();
    this.#dueMs = Math.max(this.#dueMs, nowMs - SLACK_MS) + (bytes / this.#bytesPerSecond) * 1000;
    return Math.max(0, this.#dueMs - nowMs);
  }
}

export interface RateLimitsInit {
  /** Bytes a second of all transfers together. */
  readonly total?: number | undefined;
  /** Bytes a second with any one other peer. */
  readonly each?: number | undefined;
}

/** The limits that hold for one transfer. */
export interface Pace extends Disposable {
  /** @returns milliseconds to wait for `bytes` more: 0 for now */
  reserve(bytes: number): number;
}

/** The limits of one direction. */
export class RateLimits {
  readonly #total: RateLimit;
  readonly #init: RateLimitsInit;
  /** By the other peer's address, as long as there is a transfer with it. */
  readonly #each = new Map<string, { limit: RateLimit; users: number }>();

  constructor(init: RateLimitsInit = {}) {
    this.#init = init;
    this.#total = new RateLimit(init.total);
  }

  /** The lowest limit that holds for one transfer, in bytes a second. */
  get lowest(): number | undefined {
    const { total, each } = this.#init;
    return total === undefined || each === undefined ? (total ?? each) : Math.min(total, each);
  }

  /** This number of transfers at a time keeps the link full, where there is a limit on the sum; of few, each is done sooner. */
  get slots(): number | undefined {
    const { total, each } = this.#init;
    if (total === undefined) return undefined;
    return Math.max(FEW_SLOTS, each === undefined ? 0 : Math.ceil(total / each) + 1);
  }

  /** The most bytes at a time; `sizeBytes` if there are no limits. */
  chunkSize(sizeBytes: number): number {
    const { lowest } = this;
    if (lowest === undefined) return sizeBytes;
    return Math.min(sizeBytes, Math.max(LEAST_CHUNK_BYTES, Math.floor((lowest * CHUNK_MS) / 1000)));
  }

  /** @param other whom it is with: an address, or an ip */
  of(other: string): Pace {
    if (this.#init.each === undefined)
      return { reserve: (bytes) => this.#total.reserve(bytes), [Symbol.dispose]: () => {} };
    const known = this.#each.get(other) ?? { limit: new RateLimit(this.#init.each), users: 0 };
    this.#each.set(other, known);
    known.users++;
    let held = true;
    return {
      reserve: (bytes) => Math.max(this.#total.reserve(bytes), known.limit.reserve(bytes)),
      [Symbol.dispose]: () => {
        if (held && --known.users === 0) this.#each.delete(other);
        held = false;
      },
    };
  }
}
