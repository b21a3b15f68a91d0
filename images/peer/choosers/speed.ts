/** A source that sent nothing for so long stands still: others may take over its work, long before it is given up. */
const STILL_MS = 300;
/** Weight of the latest piece in the speed. */
const LATEST = 0.3;

/** What a source sends in a second, by experience. Pure: it is told what time it is. */
export class Speed {
  #bytesPerSecond: number | undefined;
  #heardAtMs = 0;

  /** Something came, or was asked for just now. */
  heard(nowMs: number): void {
    this.#heardAtMs = nowMs;
  }

  /** A piece came at this speed. */
  learn(bytesPerSecond: number): void {
    const before = this.#bytesPerSecond ?? bytesPerSecond;
    this.#bytesPerSecond = before * (1 - LATEST) + bytesPerSecond * LATEST;
  }

  /** 0 when it stands still; undefined while nothing is known. */
  at(nowMs: number): number | undefined {
    return nowMs - this.#heardAtMs > STILL_MS ? 0 : this.#bytesPerSecond;
  }
}
