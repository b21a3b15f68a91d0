import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, PeerLabError, toPeerLabError } from '#proto/errors.ts';
import { anyOf, takesPlace } from '../choosers/neighbours.ts';
import { LOOK_MS, MAX_PIECES_EACH, RETHINK_MS } from '../choosers/pace.ts';
import { type Range, Work } from '../choosers/work.ts';
import type { PieceFile } from '../share/piece-file.ts';
import type { DownloadLimits } from './download-limits.ts';
import { Lane } from './lane.ts';
import type { PeerClients } from './peer-clients.ts';
import type { PieceLink } from './piece-link.ts';
import type { Source } from './sources.ts';
import type { Tally } from './tally.ts';

export interface SwarmInit {
  readonly file: PieceFile;
  /** Of the file, for messages. */
  readonly name: string;
  readonly sources: readonly Source[];
  /** Asks the directory for more, those that are known left out; none when it can't be asked. */
  readonly more: () => Promise<Source[]>;
  readonly clients: PeerClients;
  readonly tally: Tally;
  readonly stallTimeoutMs: number;
  readonly limits: DownloadLimits;
  readonly signal: AbortSignal;
  /** Told why a source was given up. */
  readonly gaveUp: (address: string, code: ErrorCode) => void;
  readonly rejected: () => void;
}

/** The directory is asked for new sources at most this often, and this number of times in one download. */
const REFRESH_MS = 1000;
const MAX_REFRESHES = 20;
/** A source that is busy is asked again after so long, then after twice that, and so on. */
const BUSY_WAIT_MS = 100;
const MAX_BUSY_ANSWERS = 6;

/** When nobody has what is missing, somebody may still come who has it. */
const NOBODY_MS = 10_000;
/** In a crowd, a seeder that stood still is asked again, this number of times: everyone depends on it. */
const MAX_STALLS = 3;
/** Reasons that are kept for the message of a download that failed. */
const MAX_FAILURES = 20;

/** Errors that another source would not fix. */
const OWN_FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'cancelled',
  'disk-full',
  'share-gone',
  'share-read-only',
  'internal',
]);

/** One download from many sources: a lane for each, which take their work from what is left until nothing is. */
export class Swarm {
  readonly #init: SwarmInit;
  readonly #work: Work;
  /** Ends the lanes, when the file is whole or can't get so. */
  readonly #over = new AbortController();
  readonly #outcome = Promise.withResolvers<void>();
  readonly #lanes = new Set<Lane>();
  readonly #running = new Set<Promise<void>>();
  readonly #reserve: Source[];
  readonly #known: Set<string>;
  readonly #failures: PeerLabError[] = [];
  /** How often each source stood still. */
  readonly #stalls = new Map<string, number>();
  /** Others are fetching the same. */
  #inCrowd: boolean;
  #idle: (() => void)[] = [];
  #refreshes = 0;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;
  /** Calls under way to sources that can be asked at any time. */
  #calls = 0;
  #hopeAt = performance.now();

  constructor(init: SwarmInit) {
    const { file, sources } = init;
    this.#init = init;
    this.#reserve = [...sources];
    this.#known = new Set(sources.map(({ address }) => address));
    this.#inCrowd = sources.some(({ isPartial }) => isPartial);
    this.#work = new Work(file.pieces, file.hashes.tree.pieceSizeBytes, (index) => file.has(index));
  }

  /**
   * Comes back when every piece is on the disk.
   * @throws PeerLabError `no-source`, or what the only source did; `disk-full`, `cancelled`
   */
  async run(): Promise<void> {
    const { file, signal } = this.#init;
    const cancelled = () => this.#outcome.reject(new PeerLabError('cancelled'));
    signal.addEventListener('abort', cancelled, { once: true });
    if (signal.aborted) cancelled();
    const looking = setInterval(() => this.#look(), LOOK_MS);
    try {
      this.#settle();
      await this.#outcome.promise;
      await file.flush();
    } finally {
      clearInterval(looking);
      signal.removeEventListener('abort', cancelled);
      this.#over.abort();
      this.#wake();
      await Promise.all(this.#running);
    }
  }

  /** Ends the download when it is at its end; otherwise sees to it that there are lanes. */
  #settle(): void {
    if (this.#over.signal.aborted) return;
    const { left } = this.#init.file;
    if (left === 0) this.#outcome.resolve();
    if (left === 0) return;
    const starting: Lane[] = [];
    for (let next = this.#nextSource(left); next; next = this.#nextSource(left)) {
      const lane = this.#lane(next);
      // Entered before any of them takes work: how much that is depends on how many there are.
      this.#lanes.add(lane);
      starting.push(lane);
    }
    for (const lane of starting) {
      const running: Promise<void> = this.#run(lane).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
    if (this.#lanes.size === 0 && !this.#refreshing && !this.#mayHope) this.#giveUp();
  }

  /**
   * The next source to begin with: of those that can be asked at any time few are enough, as they send as fast as they can. Those that
   * are on their way themselves wait until they are needed.
   */
  #nextSource(left: number): Source | undefined {
    const { limits } = this.#init;
    if (this.#lanes.size >= this.#mostNeighbours) return undefined;
    const atWill = [...this.#lanes].filter(({ source, link }) => !source.isPartial && !link?.takesTurns).length;
    const isFull = atWill >= Math.min(limits.lanes, left);
    const isServed = this.#isServed;
    const at = this.#reserve.findIndex(({ isPartial }) => (isPartial ? !isServed : !isFull));
    return at < 0 ? undefined : this.#reserve.splice(at, 1)[0];
  }

  /** Others that have the file, or some of it. Those that are known already are left out. */
  offer(sources: readonly Source[]): void {
    const fresh = sources.filter(({ address }) => !this.#known.has(address));
    this.#inCrowd ||= fresh.some(({ isPartial }) => isPartial);
    for (const source of fresh) {
      this.#known.add(source.address);
      // Where there is room all the same, it makes no difference.
      if (source.isPartial && this.#makesRoom()) this.#reserve.unshift(source);
      else this.#reserve.push(source);
    }
    if (fresh.length > 0) this.#settle();
  }

  /** Lets a neighbour go, now and then, for one that was just heard of. */
  #makesRoom(): boolean {
    if (this.#lanes.size < this.#mostNeighbours || !takesPlace(this.#lanes.size, this.#known.size)) return false;
    const lane = anyOf([...this.#lanes].filter(({ isPartial, isBusy }) => isPartial && !isBusy));
    lane?.leave();
    this.#wake();
    return lane !== undefined;
  }

  /** Has others help where a source stands still, and gives up when nobody has had what is missing for long. */
  #look(): void {
    this.#settle();
    const now = performance.now();
    const mayBring = (lane: Lane) => (lane.source.isPartial && !lane.link) || this.#work.needs(lane);
    if ([...this.#lanes].some(mayBring)) this.#hopeAt = now;
    else this.#refresh();
    if (now - this.#hopeAt > NOBODY_MS) this.#giveUp();
  }

  /** Nobody is there, but others want the same: whoever brings it to one of them brings it to all. */
  get #mayHope(): boolean {
    return this.#inCrowd && performance.now() - this.#hopeAt <= NOBODY_MS;
  }

  /** Whether a source that failed may be asked again, when it is heard of again. */
  #mayComeBack({ address, isPartial }: Source, code: ErrorCode): boolean {
    const stalls = (this.#stalls.get(address) ?? 0) + (code === 'source-stalled' ? 1 : 0);
    this.#stalls.set(address, stalls);
    return isPartial === true || (this.#inCrowd && code === 'source-stalled' && stalls <= MAX_STALLS);
  }

  #giveUp(): void {
    const [only] = this.#failures;
    const got = this.#failures.map((error) => error.message).join('; ');
    const all = new PeerLabError('no-source', { about: this.#init.name, got });
    this.#outcome.reject(only && this.#failures.length === 1 ? only : all);
  }

  #lane(source: Source): Lane {
    const { file, tally, clients, stallTimeoutMs, rejected } = this.#init;
    const { address } = source;
    return new Lane({
      ...{ source, file, rejected, work: this.#work },
      lease: () => clients.lease(address),
      receiving: { address, stallTimeoutMs, tally, signal: this.#over.signal },
    });
  }

  /** Lets a lane work until there is nothing left or its source fails. */
  async #run(lane: Lane): Promise<void> {
    const { source } = lane;
    try {
      if (source.isPartial) await this.#meet(lane);
      else await this.#fetchNext(lane, () => this.#meet(lane));
      if (lane.link?.takesTurns) await this.#inTurn(lane, lane.link);
      else await this.#atWill(lane);
    } catch (thrown) {
      const error = toPeerLabError(thrown);
      if (this.#over.signal.aborted) return;
      if (lane.hasLeft) {
        this.#reserve.push(source);
        return;
      }
      if (OWN_FAULTS.has(error.code)) return this.#outcome.reject(error);
      if (this.#failures.length < MAX_FAILURES) this.#failures.push(error);
      this.#init.gaveUp(source.address, error.code);
      if (this.#mayComeBack(source, error.code)) this.#known.delete(source.address);
      this.#refresh();
    } finally {
      this.#part(lane);
      this.#lanes.delete(lane);
      this.#wake();
      this.#settle();
    }
  }

  async #meet(lane: Lane): Promise<void> {
    const { rarity } = this.#work;
    // A file of one piece is all there or not at all.
    if (this.#init.file.pieces === 1 && !lane.source.isPartial) return;
    await lane.meet((index) => {
      if (lane.link && !lane.link.isWhole) rarity.came(index);
      this.#wake();
    });
    const { link } = lane;
    if (link && !link.isWhole) rarity.join((index) => link.has(index), true);
    // One that takes turns leaves room for others.
    if (link?.takesTurns) this.#settle();
  }

  #part({ link }: Lane): void {
    if (link && !link.isWhole) this.#work.rarity.leave((index) => link.has(index), true);
    link?.[Symbol.dispose]();
  }

  async #atWill(lane: Lane): Promise<void> {
    while (!this.#over.signal.aborted && this.#init.file.left > 0) {
      if (await this.#fetchNext(lane)) continue;
      if (!lane.source.isPartial && !this.#work.needs(lane)) return this.#refresh();
      if (lane.source.isPartial) lane.link?.assertAlive();
      await this.#news();
    }
  }

  /** A piece at a time, each when the source says so; which one is not decided before. */
  async #inTurn(lane: Lane, link: PieceLink): Promise<void> {
    const { signal } = this.#over;
    const fetching = new Set<Promise<void>>();
    try {
      while (!signal.aborted && this.#init.file.left > 0) {
        link.assertAlive();
        if (fetching.size >= MAX_PIECES_EACH) await Promise.race(fetching);
        else if (!this.#work.offers(lane)) await this.#news();
        else await this.#takeTurn(lane, link, fetching);
      }
    } finally {
      await Promise.all(fetching);
    }
  }

  async #takeTurn(lane: Lane, link: PieceLink, fetching: Set<Promise<void>>): Promise<void> {
    const { limits, file } = this.#init;
    const given = await link.turn(this.#over.signal);
    const room = limits.piece(file.hashes.tree.pieceSizeBytes);
    const range = room && this.#work.takePiece(lane, given.suggest);
    if (!range) {
      room?.[Symbol.dispose]();
      link.pass(given);
      // What it has was taken meanwhile.
      return this.#news();
    }
    const fetch: Promise<void> = this.#fetch(lane, range, given.turn)
      .catch((error) => link.fail(toPeerLabError(error)))
      .finally(() => {
        room[Symbol.dispose]();
        fetching.delete(fetch);
      });
    fetching.add(fetch);
  }

  /**
   * @param first to be done when it is known what the lane will do: sources that answer late keep their part
   * @returns false when there is nothing for it to do now
   */
  async #fetchNext(lane: Lane, first?: () => Promise<void>): Promise<boolean> {
    const { limits, file } = this.#init;
    using _turn = await limits.turn(lane.source.address, file.sizeBytes, this.#over.signal);
    const mayCall = this.#calls < limits.lanes && this.#mayTake(lane) && !this.#standsBack(lane);
    const workers = [...this.#lanes].filter((one) => !this.#standsBack(one)).length;
    const range = mayCall ? this.#work.take(lane, workers, this.#most) : undefined;
    this.#calls++;
    try {
      await first?.();
      if (range && !lane.link?.takesTurns) await this.#fetch(lane, range);
    } finally {
      this.#calls--;
      if (range) this.#work.release(range);
    }
    return range !== undefined;
  }

  async #fetch(lane: Lane, range: Range, turn?: number): Promise<void> {
    try {
      await this.#untilTaken(() => lane.fetch(range, turn));
    } finally {
      this.#work.release(range);
      this.#wake();
    }
    if (this.#init.file.left === 0) this.#settle();
  }

  /** A source that is busy just now is asked again, for a while. */
  async #untilTaken(fetch: () => Promise<void>): Promise<void> {
    for (let answers = 1; ; answers++) {
      try {
        return await fetch();
      } catch (thrown) {
        const isBusy = toPeerLabError(thrown).code === 'busy';
        if (!isBusy || answers >= MAX_BUSY_ANSWERS || this.#over.signal.aborted) throw thrown;
        await sleep(BUSY_WAIT_MS * 2 ** answers, undefined, { signal: this.#over.signal });
      }
    }
  }

  get #mostNeighbours(): number {
    const { limits } = this.#init;
    return Math.max(limits.neighbours, limits.lanes);
  }

  /** Pieces that a lane may ask for at one time. */
  get #most(): number {
    const { limits, file } = this.#init;
    return Math.max(1, Math.floor(limits.shareBytes / file.hashes.tree.pieceSizeBytes));
  }

  /** Somebody who has the whole file sends it as fast as it can: to ask those on their way would only cost time. */
  get #isServed(): boolean {
    return [...this.#lanes].some((one) => !one.isPartial && !one.link?.takesTurns && one.speed() !== 0);
  }

  /** One that was needed once, and is not any more. */
  #standsBack({ source }: Lane): boolean {
    return source.isPartial === true && this.#isServed;
  }

  /** Those that send the whole file each time are asked one after another, when nobody else is left. */
  #mayTake(lane: Lane): boolean {
    if (!lane.ignoresRanges) return true;
    const [first] = this.#lanes;
    return lane === first && [...this.#lanes].every(({ ignoresRanges }) => ignoresRanges);
  }

  /** Looks for sources that have come since; the download goes on meanwhile. */
  #refresh(): void {
    const isSoon = performance.now() - this.#refreshedAt < REFRESH_MS && this.#lanes.size > 1;
    if (this.#refreshing || isSoon || this.#refreshes >= MAX_REFRESHES) return;
    this.#refreshes++;
    this.#refreshedAt = performance.now();
    this.#refreshing = this.#init.more().then((found) => {
      this.#refreshing = undefined;
      this.offer(found);
      this.#settle();
    });
  }

  /** Waits until there may be something to take. */
  #news(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, RETHINK_MS);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wake(): void {
    const idle = this.#idle;
    this.#idle = [];
    for (const go of idle) go();
  }
}
