import type { ClientDuplexStream } from '@grpc/grpc-js';
import * as grpc from '@grpc/grpc-js';
import { orAborted } from '#base/slots.ts';
import { PeerLabError } from '#proto/errors.ts';
import type { PieceNews__Output } from '#proto/generated/PieceNews.ts';
import type { PieceWish } from '#proto/generated/PieceWish.ts';
import { isPieceSize, pieceBounds, pieceCount } from '#proto/hash-tree.ts';
import type { PieceFile } from '../share/piece-file.ts';
import { fromStatus } from '../wire-error.ts';
import type { ClientLease } from './peer-clients.ts';

export interface PieceLinkInit {
  readonly lease: ClientLease;
  /** Whom it leads to, `ip:port`. */
  readonly address: string;
  readonly file: Pick<PieceFile, 'sizeBytes' | 'hashes' | 'pieces'>;
  readonly stallTimeoutMs: number;
  /** Told of each piece that has come there since the first news. */
  readonly came: (index: number) => void;
}

/** One piece may be asked for now. */
export interface TurnGiven {
  readonly turn: number;
  readonly suggest: number | undefined;
}

/** What a source says of its pieces: an open call, for as long as a download lasts. */
export class PieceLink implements Disposable {
  readonly #init: PieceLinkInit;
  readonly #call: ClientDuplexStream<PieceWish, PieceNews__Output>;
  /** Resolves with the first news; with undefined when the peer does not know this method. */
  readonly #first = Promise.withResolvers<PieceNews__Output | undefined>();
  /** By this peer's own pieces: the other one may cut the file otherwise. */
  readonly #has: Uint8Array;
  #theirs: Uint8Array | undefined;
  #theirPieceBytes = 0;
  #heard = false;
  #waiting: PromiseWithResolvers<TurnGiven> | undefined;
  #silence: NodeJS.Timeout | undefined;
  #failure: PeerLabError | undefined;
  isWhole = false;
  /** It is to be asked in turn only. */
  takesTurns = false;

  constructor(init: PieceLinkInit) {
    this.#init = init;
    this.#has = new Uint8Array(init.file.pieces);
    this.#call = init.lease.client.watchPieces();
    this.#first.promise.catch(() => {});
    this.#call.on('data', (news: PieceNews__Output) => this.#hear(news));
    this.#call.on('error', (error: grpc.ServiceError) => {
      if (error.code === grpc.status.UNIMPLEMENTED) return this.#first.resolve(undefined);
      this.fail(fromStatus(error, init.address, false));
    });
    this.#call.on('end', () => this.fail(new PeerLabError('shutting-down', { about: init.address })));
    const { sha256, tree } = init.file.hashes;
    this.#call.write({ sha256, root: tree.root });
  }

  /**
   * Waits for what the source says first.
   * @returns false when it knows nothing of this: it has the whole file, or nothing
   * @throws PeerLabError as the source fails; `cancelled`
   */
  async meet(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const late = setTimeout(() => this.#first.resolve(undefined), timeoutMs);
    try {
      return (await orAborted(this.#first.promise, signal)) !== undefined;
    } finally {
      clearTimeout(late);
    }
  }

  has(index: number): boolean {
    return this.isWhole || this.#has[index] === 1;
  }

  /** @throws PeerLabError as the source fails */
  assertAlive(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Waits for a turn, for as long as the source is alive. @throws PeerLabError `source-stalled`, or as the source fails; `cancelled` */
  async turn(signal: AbortSignal): Promise<TurnGiven> {
    this.assertAlive();
    this.#waiting = Promise.withResolvers();
    this.#call.write({ wants: 1 });
    this.#expectNews();
    try {
      return await orAborted(this.#waiting.promise, signal);
    } finally {
      clearTimeout(this.#silence);
      this.#waiting = undefined;
    }
  }

  pass({ turn }: TurnGiven): void {
    if (!this.#failure) this.#call.write({ pass: turn });
  }

  fail(error: PeerLabError): void {
    this.#failure ??= error;
    this.#first.reject(error);
    this.#waiting?.reject(error);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#silence);
    this.#call.cancel();
    this.#init.lease[Symbol.dispose]();
  }

  #hear(news: PieceNews__Output): void {
    if (this.#waiting) this.#expectNews();
    if (!this.#heard) this.#begin(news);
    for (const index of news.have) this.#note(index);
    if (news.turn === 0) return;
    const given = { turn: news.turn, suggest: this.#ownIndex(news.suggest) };
    if (this.#waiting) this.#waiting.resolve(given);
    else this.pass(given);
  }

  #begin(news: PieceNews__Output): void {
    const { file } = this.#init;
    this.#heard = true;
    this.takesTurns = news.turns;
    this.isWhole = news.whole;
    if (!isPieceSize(news.pieceSize)) {
      this.fail(new PeerLabError('source-refused', { about: this.#init.address, got: 'no map of pieces' }));
      return;
    }
    this.#theirPieceBytes = news.pieceSize;
    const pieces = pieceCount(file.sizeBytes, news.pieceSize);
    this.#theirs = new Uint8Array(pieces);
    for (let index = 0; index < pieces; index++)
      if (((news.map[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0) this.#theirs[index] = 1;
    for (let index = 0; index < file.pieces; index++) if (this.#covers(index)) this.#has[index] = 1;
    this.#first.resolve(news);
  }

  /** A piece, by the source's own count, has come there. */
  #note(index: number): void {
    const { file, came } = this.#init;
    if (!this.#theirs || index >= this.#theirs.length || this.#theirs[index] === 1) return;
    this.#theirs[index] = 1;
    const [start, end] = pieceBounds(index, file.sizeBytes, this.#theirPieceBytes);
    const own = file.hashes.tree.pieceSizeBytes;
    for (let mine = Math.floor(start / own); mine * own < end; mine++) {
      if (this.#has[mine] === 1 || !this.#covers(mine)) continue;
      this.#has[mine] = 1;
      came(mine);
    }
  }

  /** Whether the source has all of one of this peer's pieces. */
  #covers(mine: number): boolean {
    const { file } = this.#init;
    const [start, end] = pieceBounds(mine, file.sizeBytes, file.hashes.tree.pieceSizeBytes);
    const theirs = this.#theirPieceBytes;
    for (let index = Math.floor(start / theirs); index * theirs < end; index++)
      if (this.#theirs?.[index] !== 1) return false;
    return true;
  }

  #ownIndex(theirs: number | undefined): number | undefined {
    if (theirs === undefined) return undefined;
    return Math.floor((theirs * this.#theirPieceBytes) / this.#init.file.hashes.tree.pieceSizeBytes);
  }

  /** Who waits must hear something now and then: that the others come first, if nothing else. */
  #expectNews(): void {
    const { stallTimeoutMs, address } = this.#init;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(
      () =>
        this.fail(new PeerLabError('source-stalled', { about: address, got: `not a word for ${stallTimeoutMs} ms` })),
      stallTimeoutMs,
    );
  }
}
