const NEWLINE = 0x0a;
/** Small parts share a block: each by itself would take more memory than it holds. */
const BLOCKS = 128;

/** The end of a log, as far as it fits. What does not fit any more goes block by block. */
export class BoundedLog {
  readonly #maxBytes: number;
  readonly #blockBytes: number;
  #blocks: { readonly bytes: Buffer; used: number }[] = [];
  #droppedBytes = 0;
  /** What is kept begins within a line. */
  #isTorn = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#blockBytes = Math.max(1, Math.ceil(maxBytes / BLOCKS));
  }

  add(part: Buffer): void {
    for (let at = 0; at < part.length; ) {
      const block = this.#roomyBlock();
      const taken = part.copy(block.bytes, block.used, at);
      block.used += taken;
      at += taken;
    }
  }

  clear(): void {
    this.#blocks = [];
    this.#droppedBytes = 0;
    this.#isTorn = false;
  }

  /** What is there now; of a log that was cut, a line says so first, and the rest of the line that was cut in two is left out. */
  parts(): Buffer[] {
    const kept = this.#blocks.map(({ bytes, used }) => bytes.subarray(0, used));
    if (this.#droppedBytes === 0) return kept;
    const lost = this.#isTorn ? this.#restOfLine(kept) : 0;
    const said = `(the first ${this.#droppedBytes + lost} bytes of this log are lost: only its end is kept)\n`;
    return [Buffer.from(said), Buffer.concat(kept).subarray(lost)];
  }

  /** How much belongs to a line whose beginning is lost; of one that has no end, all is shown. */
  #restOfLine(kept: readonly Buffer[]): number {
    let before = 0;
    for (const block of kept) {
      const end = block.indexOf(NEWLINE);
      if (end >= 0) return before + end + 1;
      before += block.length;
    }
    return 0;
  }

  #roomyBlock(): { readonly bytes: Buffer; used: number } {
    const last = this.#blocks.at(-1);
    if (last && last.used < last.bytes.length) return last;
    if (this.#blocks.length * this.#blockBytes >= this.#maxBytes) {
      const { bytes } = this.#blocks.shift() as { bytes: Buffer };
      this.#droppedBytes += bytes.length;
      this.#isTorn = bytes.at(-1) !== NEWLINE;
    }
    const fresh = { bytes: Buffer.alloc(this.#blockBytes), used: 0 };
    this.#blocks.push(fresh);
    return fresh;
  }
}
