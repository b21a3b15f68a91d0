import { PeerLabError } from '#proto/errors.ts';

/** This number of wrong passwords is free. Each further one has to wait until time has given one back. */
const FREE_GUESSES = 10;
const ONE_MORE_EVERY_MS = 2000;
/** Places that are remembered; the one that was wrong longest ago is forgotten first. */
const MAX_PLACES = 10_000;

/**
 * Counts wrong passwords by user and by where they came from, never by user alone: who guesses slows down only whoever
 * shares their address, and the wait is short, so the true owner can't be kept out.
 */
export class Guesses {
  readonly #now: () => number;
  /** The moment at which all is forgiven; in the order of the last guess. */
  readonly #forgivenAtMs = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @throws PeerLabError `too-many-guesses`, with `retryAfterSeconds` beside it */
  assertMayTry(place: string): void {
    const waitMs = (this.#forgivenAtMs.get(place) ?? 0) - this.#now() - (FREE_GUESSES - 1) * ONE_MORE_EVERY_MS;
    if (waitMs <= 0) return;
    throw new PeerLabError('too-many-guesses', { beside: { retryAfterSeconds: Math.ceil(waitMs / 1000) } });
  }

  wasWrong(place: string): void {
    const from = Math.max(this.#forgivenAtMs.get(place) ?? 0, this.#now());
    this.#forgivenAtMs.delete(place);
    this.#forgivenAtMs.set(place, from + ONE_MORE_EVERY_MS);
    const [oldest] = this.#forgivenAtMs.keys();
    if (this.#forgivenAtMs.size > MAX_PLACES && oldest !== undefined) this.#forgivenAtMs.delete(oldest);
  }
}
