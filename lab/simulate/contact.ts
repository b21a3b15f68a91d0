import { Speed } from '../../images/peer/choosers/speed.ts';
import type { Spread } from '../../images/peer/choosers/spread.ts';
import type { Guest, Turn } from '../../images/peer/choosers/upload-turns.ts';
import type { Range, Worker } from '../../images/peer/choosers/work.ts';
import type { SimPeer } from './sim-peer.ts';

/** One source of one peer: what the real peer calls a lane, and its open call for news of pieces. */
export class Contact implements Worker, Guest {
  readonly peer: SimPeer;
  readonly source: SimPeer;
  readonly isPartial: boolean;
  /** What the source would like to send; it had the whole file when they met. */
  spread: Spread | undefined;
  /** They have met: the source has said what it has. */
  hasMet = false;
  isWhole = false;
  isOver = false;
  /** It has asked for a turn. */
  isWaiting = false;
  /** It has nothing to ask for until something changes. */
  isIdle = false;
  /** Pieces on their way. */
  readonly fetching = new Map<Range, Fetch>();
  readonly #speed = new Speed();
  #heardMs = 0;

  constructor(peer: SimPeer, source: SimPeer, isPartial: boolean) {
    this.peer = peer;
    this.source = source;
    this.isPartial = isPartial;
  }

  has(index: number): boolean {
    return this.isWhole || this.source.hasTold(index);
  }

  speed(): number | undefined {
    // Bytes are a fluid here, but a slow source is heard now and then only: when it has sent another chunk.
    const { nowMs } = this.peer;
    for (const fetch of this.fetching.values()) {
      if (fetch.flowsSinceMs === undefined) continue;
      const sentBytes = fetch.sentBytes();
      this.#hear(nowMs - ((nowMs - fetch.flowsSinceMs) % this.source.chunkEveryMs), sentBytes - fetch.heardBytes);
      fetch.heardBytes = sentBytes;
    }
    return this.#speed.at(nowMs);
  }

  usualSpeed(): number | undefined {
    return this.#speed.usual;
  }

  /** It is asked for a piece. */
  asked(): void {
    if (this.fetching.size === 0) this.#speed.asked(this.peer.nowMs);
    this.heard();
  }

  heard(): void {
    this.#hear(this.peer.nowMs);
  }

  #hear(atMs: number, bytes = 0): void {
    this.#heardMs = Math.max(this.#heardMs, atMs);
    this.#speed.heard(this.#heardMs, bytes);
  }

  learnSpeed(bytesPerSecond: number): void {
    this.#speed.learn(bytesPerSecond);
  }

  gave(): number {
    return this.source.gaveBy(this.peer);
  }

  granted(turn: Turn): void {
    this.source.grants(this, turn);
  }
}

/** A piece on its way. */
export interface Fetch {
  readonly range: Range;
  readonly beganMs: number;
  /** While it is being sent. */
  flowsSinceMs: number | undefined;
  /** What of it has left the source, and what of that was taken into account already. */
  sentBytes: () => number;
  heardBytes: number;
  isCut: boolean;
  /** Ends what the source does for it. */
  cut: () => void;
}
