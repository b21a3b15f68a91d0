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
  /** What the source said that it has, a bit for each piece. */
  #has: Uint32Array | undefined;

  constructor(peer: SimPeer, source: SimPeer, isPartial: boolean) {
    this.peer = peer;
    this.source = source;
    this.isPartial = isPartial;
  }

  has(index: number): boolean {
    return (
      this.isWhole || (this.#has !== undefined && ((this.#has[index >>> 5] as number) & (1 << (index & 31))) !== 0)
    );
  }

  /** The source's map of its pieces. */
  learnMap(pieces: number, has: (index: number) => boolean): void {
    this.#has = new Uint32Array((pieces + 31) >>> 5);
    for (let index = 0; index < pieces; index++) if (has(index)) this.learnPiece(index);
  }

  /** @returns whether that is new */
  learnPiece(index: number): boolean {
    if (!this.#has || this.has(index)) return false;
    this.#has[index >>> 5] = (this.#has[index >>> 5] as number) | (1 << (index & 31));
    return true;
  }

  speed(): number | undefined {
    // Bytes are a fluid here: who sends is heard all the time.
    for (const fetch of this.fetching.values()) if (fetch.isFlowing) this.heard();
    return this.#speed.at(this.peer.nowMs);
  }

  heard(): void {
    this.#speed.heard(this.peer.nowMs);
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
  isFlowing: boolean;
  isCut: boolean;
  /** Ends what the source does for it. */
  cut: () => void;
}
