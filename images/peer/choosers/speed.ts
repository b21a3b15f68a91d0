/** A source that sent nothing for so long stands still: others may take over its work, long before it is given up. */
const STILL_MS = 300;
/** Of a source that has not sent a whole piece yet, this much time says what it can do: a slow first piece is not waited for to the end. */
const TRIAL_MS = 1000;
/** Weight of the latest piece in the speed. */
const LATEST = 0.3;

/** What a source sends in a second, by experience. Pure: it is told what time it is. */
export class Speed {
  #bytesPerSecond: number | undefined;
  #heardAtMs = 0;
  /** Since when its first piece is on its way, and what of it is here. */
  #trial: { readonly sinceMs: number; bytes: number } | undefined;

  /** It was asked for something, and has nothing else to send. */
  asked(nowMs: number): void {
    this.heard(nowMs);
    this.#trial = { sinceMs: nowMs, bytes: 0 };
  }

  /** Something came. */
  heard(nowMs: number, bytes = 0): void {
    this.#heardAtMs = nowMs;
    if (this.#trial) this.#trial.bytes += bytes;
  }

  /** A piece came at this speed. */
  learn(bytesPerSecond: number): void {
    const before = this.#bytesPerSecond ?? bytesPerSecond;
    this.#bytesPerSecond = before * (1 - LATEST) + bytesPerSecond * LATEST;
  }

  /** 0 when it stands still; undefined while nothing is known. */
  at(nowMs: number): number | undefined {
    return nowMs - this.#heardAtMs > STILL_MS ? 0 : (this.#bytesPerSecond ?? this.#tried(nowMs));
  }

  /** What it sends when it sends; undefined while nothing is known. */
  get usual(): number | undefined {
    return this.#bytesPerSecond ?? this.#tried(this.#heardAtMs);
  }

  #tried(nowMs: number): number | undefined {
    if (!this.#trial) return undefined;
    const ms = nowMs - this.#trial.sinceMs;
    return ms < TRIAL_MS ? undefined : (this.#trial.bytes * 1000) / ms;
  }
}
