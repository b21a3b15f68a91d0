import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, PeerLabError, toPeerLabError } from '#proto/errors.ts';
import type { PieceFile } from '../share/piece-file.ts';
import type { DownloadLimits } from './download-limits.ts';
import { Lane } from './lane.ts';
import type { PeerClients } from './peer-clients.ts';
import type { Source } from './sources.ts';
import type { Tally } from './tally.ts';
import { type Range, Work } from './work.ts';

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

/** A lane that has nothing to do looks again so often whether another stands still. */
const RETHINK_MS = 100;
/** The directory is asked for new sources at most this often, and this number of times in one download. */
const REFRESH_MS = 1000;
const MAX_REFRESHES = 20;
/** A source that is busy is asked again after so long, then after twice that, and so on. */
const BUSY_WAIT_MS = 100;
const MAX_BUSY_ANSWERS = 6;

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
  #idle: (() => void)[] = [];
  #refreshes = 0;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;

  constructor(init: SwarmInit) {
    const { file, sources } = init;
    this.#init = init;
    this.#reserve = [...sources];
    this.#known = new Set(sources.map(({ address }) => address));
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
    try {
      this.#settle();
      await this.#outcome.promise;
      await file.flush();
    } finally {
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
    const wanted = Math.min(this.#init.limits.lanes, left);
    const starting: Lane[] = [];
    while (this.#lanes.size < wanted && this.#reserve.length > 0) {
      const lane = this.#lane(this.#reserve.shift() as Source);
      // Entered before any of them takes work: how much that is depends on how many there are.
      this.#lanes.add(lane);
      starting.push(lane);
    }
    for (const lane of starting) {
      const running: Promise<void> = this.#run(lane).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
    if (this.#lanes.size === 0 && !this.#refreshing) this.#giveUp();
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
    const { address } = lane.source;
    try {
      while (!this.#over.signal.aborted && this.#init.file.left > 0) {
        if (await this.#fetchNext(lane)) continue;
        if (!this.#work.needs(lane)) return this.#refresh();
        await this.#news();
      }
    } catch (thrown) {
      const error = toPeerLabError(thrown);
      if (this.#over.signal.aborted) return;
      if (OWN_FAULTS.has(error.code)) return this.#outcome.reject(error);
      this.#failures.push(error);
      this.#init.gaveUp(address, error.code);
      this.#refresh();
    } finally {
      this.#lanes.delete(lane);
      this.#wake();
      this.#settle();
    }
  }

  /** @returns false when there is nothing for it to do now */
  async #fetchNext(lane: Lane): Promise<boolean> {
    const { limits, file } = this.#init;
    using _turn = await limits.turn(lane.source.address, file.sizeBytes, this.#over.signal);
    const range = this.#mayTake(lane) ? this.#work.take(lane, this.#lanes.size, this.#most) : undefined;
    if (range) await this.#fetch(lane, range);
    return range !== undefined;
  }

  async #fetch(lane: Lane, range: Range): Promise<void> {
    try {
      await this.#untilTaken(() => lane.fetch(range));
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

  /** Pieces that a lane may ask for at one time. */
  get #most(): number {
    const { limits, file } = this.#init;
    return Math.max(1, Math.floor(limits.shareBytes / file.hashes.tree.pieceSizeBytes));
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
      const fresh = found.filter(({ address }) => !this.#known.has(address));
      for (const source of fresh) {
        this.#known.add(source.address);
        this.#reserve.push(source);
      }
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
