import { once } from 'node:events';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { PeerLabError } from '#proto/errors.ts';
import type { PieceNews } from '#proto/generated/PieceNews.ts';
import type { PieceWish__Output } from '#proto/generated/PieceWish.ts';
import { pieceCount } from '#proto/hash-tree.ts';
import { MAX_WATCHERS, NEWS_MS } from '../choosers/pace.ts';
import { Spread } from '../choosers/spread.ts';
import type { Guest, Turn, UploadTurns } from '../choosers/upload-turns.ts';
import type { Holding, Share } from '../share/share.ts';

type WatchCall = ServerDuplexStream<PieceWish__Output, PieceNews>;

/** In one message; the rest follows in the next. */
const MAX_NEWS_PIECES = 4096;
/** Who waits for a turn hears this often that somebody is there. */
const ALIVE_MS = 1000;
/** The first message must come in this time. */
const FIRST_WISH_MS = 4000;

export interface WatchersInit {
  readonly share: Share;
  /** undefined: this peer has no limit, and can be asked at any time. */
  readonly turns: UploadTurns | undefined;
  /** Bytes that this peer got lately from the peer at this address. */
  readonly gotFrom: (address: string) => number;
  /** Told of who fetches what this peer is fetching itself. */
  readonly met: (sha256: string, address: string) => void;
}

/** What all who watch one content that is whole here have in common. */
interface Shared {
  readonly spread: Spread;
  readonly pieceSizeBytes: number;
  users: number;
}

/** Those who are told which pieces this peer has, of all contents. */
export class Watchers {
  readonly #init: WatchersInit;
  readonly #watchers = new Set<Watcher>();
  /** By SHA-256, for as long as somebody watches. */
  readonly #spreads = new Map<string, Shared>();

  constructor(init: WatchersInit) {
    this.#init = init;
  }

  /** Tells one caller, until it goes away, or there is nothing to tell of any more. @throws PeerLabError `file-not-found`, `busy`, `bad-request` */
  async serve(call: WatchCall, address: string | undefined): Promise<void> {
    if (this.#watchers.size >= MAX_WATCHERS) throw new PeerLabError('busy', { got: 'too many who watch' });
    const { share, turns, gotFrom, met } = this.#init;
    const { sha256, root } = await firstWish(call);
    const holding = share.holding('', sha256);
    const { tree } = holding;
    if (!tree || tree.root !== root) throw new PeerLabError('file-not-found', { about: `sha256 ${sha256}` });
    if (address !== undefined && holding.unfinished) met(sha256, address);
    const gave = () => (address === undefined ? 0 : gotFrom(address));
    const shared = holding.unfinished ? undefined : this.#spreadOf(holding, tree.pieceSizeBytes);
    const watcher = new Watcher(call, { holding, turns, gave, spread: shared?.spread });
    this.#watchers.add(watcher);
    try {
      await watcher.run();
    } finally {
      this.#watchers.delete(watcher);
      if (shared && --shared.users === 0) this.#spreads.delete(sha256);
    }
  }

  /** The piece of the content that begins at `offset` is being sent. */
  sends({ sha256 }: { readonly sha256: string }, offset: number): void {
    const known = this.#spreads.get(sha256);
    known?.spread.sent(Math.floor(offset / known.pieceSizeBytes));
  }

  /** Lets all of them go. */
  close(): void {
    for (const watcher of this.#watchers) watcher.end();
  }

  #spreadOf({ sha256, sizeBytes }: Holding, pieceSizeBytes: number): Shared {
    const spread = () => new Spread(pieceCount(sizeBytes, pieceSizeBytes));
    const known = this.#spreads.get(sha256) ?? { spread: spread(), pieceSizeBytes, users: 0 };
    this.#spreads.set(sha256, known);
    known.users++;
    return known;
  }
}

async function firstWish(call: WatchCall): Promise<PieceWish__Output> {
  const signal = AbortSignal.timeout(FIRST_WISH_MS);
  const [wish] = await once(call, 'data', { signal }).catch(() => {
    throw new PeerLabError('bad-request', { expected: 'a first message with sha256' });
  });
  return wish as PieceWish__Output;
}

interface WatcherInit {
  readonly holding: Holding;
  readonly turns: UploadTurns | undefined;
  readonly gave: () => number;
  readonly spread: Spread | undefined;
}

/** One caller who is told of the pieces of one content. */
class Watcher implements Guest {
  readonly #call: WatchCall;
  readonly #init: WatcherInit;
  readonly gave: () => number;
  readonly #done = Promise.withResolvers<void>();
  /** Of the pieces in the order in which they came, this number were told. */
  #told = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** The connection takes no more for now. */
  #isFull = false;

  constructor(call: WatchCall, init: WatcherInit) {
    this.#call = call;
    this.#init = init;
    this.gave = init.gave;
  }

  async run(): Promise<void> {
    const { holding, turns } = this.#init;
    const alive = setInterval(() => {
      if (turns?.isWaiting(this)) this.#write({});
    }, ALIVE_MS);
    const unwatch = holding.unfinished?.watch(() => this.#soon());
    this.#call.on('data', (wish: PieceWish__Output) => this.#hear(wish));
    for (const event of ['end', 'cancelled', 'error']) this.#call.on(event, () => this.end());
    this.#call.on('drain', () => {
      this.#isFull = false;
      this.#soon();
    });
    this.#write(this.#first());
    try {
      await this.#done.promise;
    } finally {
      clearInterval(alive);
      clearTimeout(this.#timer);
      unwatch?.();
      turns?.leave(this);
    }
  }

  end(): void {
    this.#done.resolve();
  }

  granted(turn: Turn): void {
    const suggest = this.#init.spread?.suggest();
    turn.onOver = () => {
      if (suggest !== undefined) this.#init.spread?.unlessSent(suggest);
    };
    this.#write({ turn: turn.number, ...(suggest !== undefined && { suggest }) });
  }

  #first(): PieceNews {
    const { holding, turns } = this.#init;
    const { unfinished, tree } = holding;
    const about = { pieceSize: tree?.pieceSizeBytes ?? 0, turns: turns !== undefined };
    if (!unfinished) return { ...about, whole: true };
    const map = Buffer.alloc(Math.ceil(unfinished.pieces / 8));
    for (const index of unfinished.writtenSince(0, unfinished.pieces)) {
      const byte = index >> 3;
      map[byte] = (map[byte] as number) | (0x80 >> (index & 7));
    }
    this.#told = unfinished.writtenCount;
    return { ...about, map };
  }

  #hear({ wants, pass }: PieceWish__Output): void {
    const { turns } = this.#init;
    if (pass > 0) turns?.pass(this, pass);
    if (wants > 0) turns?.want(this, wants);
  }

  /** The next news at once if there was none lately, otherwise when it is time. */
  #soon(): void {
    const { unfinished } = this.#init.holding;
    if (unfinished?.isClosed && unfinished.left > 0) this.end();
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#tell();
      },
      Math.max(0, this.#toldAt + NEWS_MS - performance.now()),
    );
  }

  #tell(): void {
    const { unfinished } = this.#init.holding;
    if (!unfinished || this.#isFull) return;
    const have = [...unfinished.writtenSince(this.#told, MAX_NEWS_PIECES)];
    if (have.length === 0) return;
    this.#told += have.length;
    this.#toldAt = performance.now();
    this.#write({ have });
    if (this.#told < unfinished.writtenCount) this.#soon();
  }

  #write(news: PieceNews): void {
    if (!this.#call.write(news)) this.#isFull = true;
  }
}
