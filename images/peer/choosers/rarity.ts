/** How many of those whom this peer knows have each piece. */
export class Rarity {
  readonly #counts: Uint16Array;
  /** How many sources have some pieces only: without any, no piece is rarer than another. */
  #partial = 0;

  constructor(pieces: number) {
    this.#counts = new Uint16Array(pieces);
  }

  get matters(): boolean {
    return this.#partial > 0;
  }

  /** A source that has the pieces for which `has` says so. */
  join(has: (index: number) => boolean, isPartial: boolean): void {
    if (isPartial) this.#partial++;
    this.#count(has, 1);
  }

  leave(has: (index: number) => boolean, isPartial: boolean): void {
    if (isPartial) this.#partial--;
    this.#count(has, -1);
  }

  /** A source that joined got another piece. */
  came(index: number): void {
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  of(index: number): number {
    return this.#counts[index] ?? 0;
  }

  #count(has: (index: number) => boolean, by: 1 | -1): void {
    for (let index = 0; index < this.#counts.length; index++)
      if (has(index)) this.#counts[index] = (this.#counts[index] as number) + by;
  }
}
