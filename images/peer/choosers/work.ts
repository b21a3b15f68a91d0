import { choosePiece } from './choose-piece.ts';
import { Rarity } from './rarity.ts';

/**
 * Who fetches which pieces: pure bookkeeping, without a clock or a connection. A lane (one source) takes a range of pieces; when none is left
 * to give out, it takes over the end of the range that would be done last, and at the very end doubles the piece that everybody waits for.
 */

/** A source at work, as far as the sharing out is concerned. */
export interface Worker {
  /** Bytes in a second, by experience; 0 when it stands still; undefined while nothing is known. */
  speed(): number | undefined;
  /** The same, whether it sends anything just now or not. */
  usualSpeed(): number | undefined;
  /** Whether its source has this piece: a source that is still fetching the file itself has some. */
  has(index: number): boolean;
  /** Its source is still fetching the file itself. */
  readonly isPartial?: boolean;
}

/** Pieces from `next` up to `end`, without it, in the hands of one lane. */
export interface Range {
  readonly worker: Worker;
  readonly start: number;
  /** The one that is on its way. */
  next: number;
  /** Comes down when another lane takes over the end. */
  end: number;
  /** Set by who fetches: ends it, for somebody else was faster. */
  stop?: () => void;
}

/** The most pieces that are given out at the same time if there are several lanes: what is given out can not go to the fastest any more. */
const MAX_SHARE = 64;
/** A range that is done so soon is not worth a new call. */
const WORTH_SECONDS = 0.1;

/** At the end of a file, one that stands still for so long is not waited for by whoever has a turn. */
const DOUBLED_SECONDS = 0.5;
/** Where two fetch a piece, a third does so too only if it would need less than half the time that they still need. */
const MUCH_SOONER = 2;
/** The most that fetch the same piece; more only if each is much faster than all before it, so that slow ones can not keep a piece to themselves. */
const MAX_COPIES = 4;

export class Work {
  /** Who has what, among all whom this download knows. */
  readonly rarity: Rarity;
  readonly #pieceSizeBytes: number;
  readonly #pieces: number;
  readonly #has: (index: number) => boolean;
  readonly #random: () => number;
  readonly #choose: typeof choosePiece;
  /** Pieces in nobody's hands: sorted, disjoint, not empty. */
  #gaps: { start: number; end: number }[] = [];
  readonly #ranges = new Set<Range>();

  /**
   * @param has which pieces are there already
   * @param choose another way to choose, to be held against this one in a simulation
   */
  constructor(
    pieces: number,
    pieceSizeBytes: number,
    has: (index: number) => boolean,
    random: () => number = Math.random,
    choose = choosePiece,
  ) {
    this.rarity = new Rarity(pieces);
    this.#random = random;
    this.#choose = choose;
    this.#pieces = pieces;
    this.#pieceSizeBytes = pieceSizeBytes;
    this.#has = has;
    this.#open(0, pieces);
  }

  /** All that is left is in somebody's hands. */
  get isGivenOut(): boolean {
    return this.#gaps.length === 0;
  }

  /**
   * @param workers how many there are, this one included
   * @param most pieces that one may have in its hands now
   * @returns undefined when there is nothing for it to do now
   */
  take(worker: Worker, workers: number, most: number): Range | undefined {
    const run = this.#firstRun(worker, most);
    if (!run) return worker.isPartial ? this.#help(worker, most) : this.#takeOver(worker, most);
    const left = this.#gaps.reduce((sum, { start, end }) => sum + end - start, 0);
    const share = workers === 1 ? left : Math.min(MAX_SHARE, Math.ceil(left / (2 * workers)));
    const end = Math.min(run.end, run.start + share);
    this.#cutOut(run.start, end);
    return this.#hand(worker, run.start, end);
  }

  /** Whether there is a piece that this worker could fetch in its turn. */
  offers(worker: Worker): boolean {
    return this.#first(worker) !== undefined || (this.isGivenOut && this.#doubtful(worker) !== undefined);
  }

  /**
   * One piece, for a worker whose turn it is: the rarest; where all are in somebody's hands, one that is too slow in coming.
   * @param suggested what the source would like to send
   */
  takePiece(worker: Worker, suggested: number | undefined): Range | undefined {
    const index = this.#rarest(worker, suggested);
    if (index !== undefined) {
      this.#cutOut(index, index + 1);
      return this.#hand(worker, index, index + 1);
    }
    const slow = this.isGivenOut ? this.#doubtful(worker) : undefined;
    return slow && this.#takeFrom(slow, worker, 1);
  }

  #rarest(worker: Worker, suggested?: number): number | undefined {
    return this.#choose({
      ...{ candidates: this.#free(worker), suggested, random: this.#random },
      rarity: (index) => this.rarity.of(index),
    });
  }

  /** Pieces in nobody's hands that the worker has. */
  #free(worker: Worker): number[] {
    const free: number[] = [];
    for (const { start, end } of this.#gaps)
      for (let index = start; index < end; index++) if (worker.has(index)) free.push(index);
    return free;
  }

  #doubtful(worker: Worker): Range | undefined {
    const [victim, seconds] = this.#lastToEnd(worker);
    return seconds >= DOUBLED_SECONDS ? victim : undefined;
  }

  /** Whether anything is missing that this worker could bring, now or when another one fails. */
  needs(worker: Worker): boolean {
    for (let index = 0; index < this.#pieces; index++) if (!this.#has(index) && worker.has(index)) return true;
    return false;
  }

  /** The piece of this range that was on its way is there. Whoever fetches it too is stopped. */
  arrived(range: Range): void {
    const index = range.next++;
    for (const other of this.#ranges) {
      if (other !== range && other.next === index && other.end === index + 1) other.stop?.();
    }
  }

  /** The range is in nobody's hands any more; what of it is not there is given out again. */
  release(range: Range): void {
    if (this.#ranges.delete(range)) this.#open(range.next, range.end);
  }

  /** Pieces in a row that are in nobody's hands and that the worker has, `most` of them: from the rarest on; the first if none is rarer. */
  #firstRun(worker: Worker, most: number): { start: number; end: number } | undefined {
    const start = this.rarity.matters ? this.#rarest(worker) : this.#first(worker);
    const gap = this.#gaps.find((one) => start !== undefined && start >= one.start && start < one.end);
    if (start === undefined || !gap) return undefined;
    let end = start + 1;
    while (end < gap.end && end - start < most && worker.has(end)) end++;
    return { start, end };
  }

  #first(worker: Worker): number | undefined {
    for (const { start, end } of this.#gaps)
      for (let index = start; index < end; index++) if (worker.has(index)) return index;
    return undefined;
  }

  /** Takes `start` up to `end` out of the gap that it lies in. */
  #cutOut(start: number, end: number): void {
    this.#gaps = this.#gaps.flatMap((gap) => {
      if (end <= gap.start || start >= gap.end) return [gap];
      const rest = [
        { start: gap.start, end: start },
        { start: end, end: gap.end },
      ];
      return rest.filter((part) => part.start < part.end);
    });
  }

  #hand(worker: Worker, start: number, end: number): Range {
    const range: Range = { worker, start, next: start, end };
    this.#ranges.add(range);
    return range;
  }

  /** Makes gaps of what is missing in `start` up to `end`, and is in nobody's hands. */
  #open(start: number, end: number): void {
    for (let index = start; index < end; index++) {
      if (this.#has(index) || this.#isHeld(index)) continue;
      const last = this.#gaps.at(-1);
      if (last && last.end === index) last.end++;
      else this.#gaps.push({ start: index, end: index + 1 });
    }
    this.#gaps.sort((a, b) => a.start - b.start);
  }

  #isHeld(index: number): boolean {
    for (const { next, end } of this.#ranges) if (index >= next && index < end) return true;
    return false;
  }

  #takeOver(worker: Worker, most: number): Range | undefined {
    const [victim, seconds] = this.#lastToEnd(worker);
    return victim && seconds >= WORTH_SECONDS ? this.#takeFrom(victim, worker, most) : undefined;
  }

  /** What a call has sent already is lost when its end is taken over: a source that needs its link for itself does so only when another stands still. */
  #help(worker: Worker, most: number): Range | undefined {
    const victim = this.#doubtful(worker);
    return victim?.worker.speed() === 0 ? this.#takeFrom(victim, worker, most) : undefined;
  }

  #takeFrom(victim: Range, worker: Worker, most: number): Range {
    const left = victim.end - victim.next;
    // Several fetch it then, and the first that has it stops the others.
    if (left === 1) return this.#hand(worker, victim.next, victim.end);
    const [mine, theirs] = [worker.speed(), victim.worker.speed()];
    const part = mine === undefined || theirs === undefined || mine + theirs === 0 ? 0.5 : mine / (mine + theirs);
    const wanted = Math.min(left - 1, most, Math.max(1, Math.round(left * part)));
    const { end } = victim;
    // Its last piece the worker has; how many before it, is to be seen.
    do victim.end--;
    while (end - victim.end < wanted && worker.has(victim.end - 1));
    return this.#hand(worker, victim.end, end);
  }

  /** Of the ranges whose end the worker could fetch: which would be done last, and in how many seconds. */
  #lastToEnd(worker: Worker): [Range | undefined, number] {
    let last: Range | undefined;
    let most = 0;
    for (const range of this.#ranges) {
      if (range.next === range.end || !worker.has(range.end - 1)) continue;
      const copies = this.#copies(range);
      const seconds = Math.min(...copies.map((copy) => this.#seconds(copy)));
      if (seconds <= most || !this.#mayJoin(worker, copies, seconds)) continue;
      last = range;
      most = seconds;
    }
    return [last, most];
  }

  /** Those who fetch the same piece; of more pieces than one, nobody else does. */
  #copies(range: Range): Range[] {
    if (range.end - range.next > 1) return [range];
    return [...this.#ranges].filter(({ next, end }) => next === range.next && end === range.end);
  }

  #seconds({ worker, next, end }: Range): number {
    const speed = worker.speed();
    // Nothing is known of one that has just begun: it gets the time to show what it can do.
    return speed === undefined ? 0 : ((end - next) * this.#pieceSizeBytes) / Math.max(speed, 1);
  }

  #mayJoin(worker: Worker, copies: readonly Range[], seconds: number): boolean {
    if (copies.some((copy) => copy.worker === worker)) return false;
    if (copies.length === 1) return true;
    const usual = worker.usualSpeed();
    if (usual !== undefined && (MUCH_SOONER * this.#pieceSizeBytes) / Math.max(usual, 1) > seconds) return false;
    const fastest = Math.max(...copies.map((copy) => copy.worker.usualSpeed() ?? 0));
    return copies.length < MAX_COPIES || (usual ?? 0) > MUCH_SOONER * fastest;
  }
}
