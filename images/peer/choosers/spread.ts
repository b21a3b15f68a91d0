/**
 * Which piece a peer that has all of them should send next: one that it has not sent yet, for whoever gets it passes it on. So a whole
 * copy is out among the others before any piece leaves twice. Pure: the chance is injected.
 */
export class Spread {
  /** Pieces that were neither sent nor suggested, in the order in which they will be. */
  readonly #left: number[];
  readonly #sent: Uint8Array;

  constructor(pieces: number, random: () => number = Math.random) {
    this.#sent = new Uint8Array(pieces);
    this.#left = Array.from({ length: pieces }, (_, index) => index);
    for (let i = pieces - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [this.#left[i], this.#left[j]] = [this.#left[j] as number, this.#left[i] as number];
    }
  }

  /** The next one, which is suggested to nobody else meanwhile; undefined when all are out. */
  suggest(): number | undefined {
    for (;;) {
      const index = this.#left.pop();
      if (index === undefined || this.#sent[index] === 0) return index;
    }
  }

  /** The turn that this was suggested for is over. What was not asked for comes last: if nobody wants it, it stands in nobody's way. */
  unlessSent(index: number): void {
    if (this.#sent[index] === 0) this.#left.unshift(index);
  }

  /** It was asked for, whether suggested or not. */
  sent(index: number): void {
    if (index < this.#sent.length) this.#sent[index] = 1;
  }
}
