const NEWLINE = 0x0a;

/** The end of a log, as far as it fits. */
export class BoundedLog {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;
  #droppedBytes = 0;
  /** What is kept begins within a line. */
  #isTorn = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(part: Buffer): void {
    const kept = part.length > this.#maxBytes ? part.subarray(part.length - this.#maxBytes) : part;
    this.#drop(part.subarray(0, part.length - kept.length));
    // A copy: a small part would keep the whole block alive that it was read into.
    this.#parts.push(Buffer.from(kept));
    this.#bytes += kept.length;
    let gone = 0;
    for (; this.#bytes > this.#maxBytes; gone++) {
      const dropped = this.#parts[gone] as Buffer;
      this.#bytes -= dropped.length;
      this.#drop(dropped);
    }
    if (gone > 0) this.#parts.splice(0, gone);
  }

  #drop(part: Buffer): void {
    if (part.length === 0) return;
    this.#droppedBytes += part.length;
    this.#isTorn = part.at(-1) !== NEWLINE;
  }

  clear(): void {
    this.#parts = [];
    this.#bytes = 0;
    this.#droppedBytes = 0;
  }

  /** What is there now; of a log that was cut, a line says so first, and the rest of the line that was cut in two is left out. */
  parts(): Buffer[] {
    if (this.#droppedBytes === 0) return [...this.#parts];
    const [first = Buffer.alloc(0), ...rest] = this.#parts;
    const firstWhole = this.#isTorn ? first.indexOf(NEWLINE) + 1 : 0;
    const said = `(the first ${this.#droppedBytes + firstWhole} bytes of this log are lost: only its end is kept)\n`;
    return [Buffer.from(said), first.subarray(firstWhole), ...rest];
  }
}
