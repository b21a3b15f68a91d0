import type { ErrorCode } from '#proto/errors.ts';

/** Other content than was announced: no accident of the network, which has checksums of its own. */
const LIES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['hash-mismatch', 'too-many-bytes']);
/** Nobody is a liar for ever: the file may have been mended, the address be another's. */
const REMEMBERED_MS = 600_000;
const MAX_REMEMBERED = 1000;

/** Peers that sent wrong content lately; they are not asked again for a while. */
export class Liars {
  readonly #until = new Map<string, number>();

  /** Remembers `address` if what it did is a lie. */
  note(address: string, code: ErrorCode): void {
    if (!LIES.has(code)) return;
    this.#until.delete(address);
    this.#until.set(address, performance.now() + REMEMBERED_MS);
    const [oldest] = this.#until.keys();
    if (this.#until.size > MAX_REMEMBERED && oldest !== undefined) this.#until.delete(oldest);
  }

  has(address: string): boolean {
    return (this.#until.get(address) ?? 0) > performance.now();
  }
}
