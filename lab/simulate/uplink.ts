import type { Agenda, Entry } from './agenda.ts';

/** What was not used is made up for by so much time at most, as the peer's own limit does (images/peer/rate-limit.ts). */
const SLACK_MS = 50;

export interface Stream {
  readonly bytes: number;
  /** On the line of what each stream got since the link began: where this one is done. */
  readonly endsAt: number;
  readonly done: () => void;
}

/** What a peer can send, shared in equal parts by the streams that go on at one time: bytes as a fluid. */
export class Uplink {
  readonly #agenda: Agenda;
  readonly #bytesPerMs: number;
  /** Few: a peer serves some at a time. */
  readonly #streams: Stream[] = [];
  /** Bytes that a stream got that was there from the start. */
  #each = 0;
  #settledMs = 0;
  #next: Entry | undefined;

  constructor(agenda: Agenda, bytesPerSecond: number) {
    this.#agenda = agenda;
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#settledMs = agenda.nowMs;
  }

  begin(bytes: number, done: () => void): Stream {
    this.#settle();
    const stream = { bytes, endsAt: this.#each + bytes, done };
    this.#streams.push(stream);
    this.#plan();
    return stream;
  }

  /** @returns the bytes that had been sent */
  cut(stream: Stream): number {
    const at = this.#streams.indexOf(stream);
    if (at < 0) return 0;
    const sentBytes = this.sentBytes(stream);
    this.#streams.splice(at, 1);
    this.#plan();
    return sentBytes;
  }

  /** What of it has been sent by now. */
  sentBytes(stream: Stream): number {
    this.#settle();
    return Math.max(0, stream.bytes - Math.max(0, stream.endsAt - this.#each));
  }

  #settle(): void {
    const { nowMs } = this.#agenda;
    const count = this.#streams.length;
    if (count === 0) this.#settledMs = Math.max(this.#settledMs, nowMs - SLACK_MS);
    else {
      this.#each += (Math.max(0, nowMs - this.#settledMs) * this.#bytesPerMs) / count;
      this.#settledMs = Math.max(this.#settledMs, nowMs);
    }
  }

  #plan(): void {
    if (this.#next) this.#next.act = undefined;
    this.#next = undefined;
    let first: Stream | undefined;
    for (const stream of this.#streams) if (!first || stream.endsAt < first.endsAt) first = stream;
    if (!first) return;
    const ending = first;
    const ms = ((ending.endsAt - this.#each) * this.#streams.length) / this.#bytesPerMs;
    this.#next = this.#agenda.at(this.#settledMs + ms, () => this.#end(ending));
  }

  #end(stream: Stream): void {
    // By the line itself, not by the clock: so nothing of a byte is lost by rounding, and credit for idle time is used up.
    this.#settledMs += ((stream.endsAt - this.#each) * this.#streams.length) / this.#bytesPerMs;
    this.#each = stream.endsAt;
    this.#streams.splice(this.#streams.indexOf(stream), 1);
    this.#plan();
    stream.done();
  }
}
