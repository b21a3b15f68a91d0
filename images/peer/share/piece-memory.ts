/** Pieces that are being written at one time, of all files; each is in memory as long. */
const MAX_WRITES_IN_FLIGHT = 12;
/** How many buffers that nobody uses are kept for the next time. */
const MAX_FREE = 12;

/** Memory for pieces of all files that are received, and the limit on those that wait for the disk. */
export class PieceMemory {
  #free: Buffer[] = [];
  #writing = 0;
  #waiting: (() => void)[] = [];

  /** A buffer of at least `bytes`, until it is given back. */
  lend(bytes: number): Buffer {
    const at = this.#free.findIndex((buffer) => buffer.length === bytes);
    return this.#free.splice(at, at < 0 ? 0 : 1)[0] ?? Buffer.allocUnsafeSlow(bytes);
  }

  giveBack(buffer: Buffer): void {
    this.#free.unshift(buffer);
    this.#free.length = Math.min(this.#free.length, MAX_FREE);
  }

  /** Counts `write` until it ends. */
  async during(write: Promise<void>): Promise<void> {
    this.#writing++;
    try {
      await write;
    } finally {
      this.#writing--;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const go of waiting) go();
    }
  }

  /** undefined while there is room for another write; otherwise resolves when there is. */
  room(): Promise<undefined> | undefined {
    if (this.#writing < MAX_WRITES_IN_FLIGHT) return undefined;
    return new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() => this.room());
  }
}
