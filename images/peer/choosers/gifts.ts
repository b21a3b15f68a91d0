/** What was received is worth half after so long: who gave once does not come first for ever. */
const HALF_LIFE_MS = 10_000;
const MAX_REMEMBERED = 1000;

/** Bytes that other peers gave lately, by address: for those who give back (PEER_RECIPROCITY). */
export class Gifts {
  readonly #by = new Map<string, { bytes: number; atMs: number }>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  note(address: string, bytes: number): void {
    const all = this.of(address) + bytes;
    this.#by.delete(address);
    this.#by.set(address, { bytes: all, atMs: this.#now() });
    const [oldest] = this.#by.keys();
    if (this.#by.size > MAX_REMEMBERED && oldest !== undefined) this.#by.delete(oldest);
  }

  of(address: string): number {
    const known = this.#by.get(address);
    return known ? known.bytes * 2 ** -((this.#now() - known.atMs) / HALF_LIFE_MS) : 0;
  }
}
