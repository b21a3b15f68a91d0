import { type ErrorCode, PeerLabError } from '#proto/errors.ts';
import type { FileChunk__Output } from '#proto/generated/FileChunk.ts';
import type { FileRequest } from '#proto/generated/FileRequest.ts';
import { type PieceHasher, pieceBounds, pieceHasher } from '#proto/hash-tree.ts';
import { Speed } from '../choosers/speed.ts';
import type { Range, Work, Worker } from '../choosers/work.ts';
import type { PieceFile } from '../share/piece-file.ts';
import type { ClientLease } from './peer-clients.ts';
import { PieceLink } from './piece-link.ts';
import { type Next, type ReceiveInit, receive } from './receive.ts';
import type { Source } from './sources.ts';

export interface LaneInit {
  readonly source: Source;
  readonly file: PieceFile;
  readonly work: Work;
  /** The connection to the source, for one call. */
  readonly lease: () => ClientLease;
  readonly receiving: Omit<ReceiveInit, 'lease'>;
  /** Told of each piece that was wrong. */
  readonly rejected: () => void;
}

/** A source with the whole file is asked for content after so long, even if it has not said a word of its pieces. */
const MEET_MS = 1000;

/** One source of one download, and what is known of its speed. Fetches ranges of pieces, one after the other. */
export class Lane implements Worker {
  readonly source: Source;
  /** It sends the whole file whatever is asked of it, as the predecessor's peers do. */
  ignoresRanges = false;
  /** What the source says of its pieces, if it does. */
  link: PieceLink | undefined;
  readonly #init: LaneInit;
  readonly #speed = new Speed();
  #fetching = 0;
  #hasLeft = false;

  constructor(init: LaneInit) {
    this.#init = init;
    this.source = init.source;
  }

  get isPartial(): boolean {
    return this.source.isPartial ?? false;
  }

  /** It sends just now, or is leaving. */
  get isBusy(): boolean {
    return this.#fetching > 0 || this.#hasLeft;
  }

  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Another one takes its place: whatever it waits for ends. */
  leave(): void {
    this.#hasLeft = true;
    this.link?.fail(new PeerLabError('cancelled', { about: this.source.address }));
  }

  has(index: number): boolean {
    return this.link ? this.link.has(index) : !this.source.isPartial;
  }

  /** Asks the source which pieces it has. One that knows nothing of this has the whole file, if it is not partial. @throws PeerLabError as it fails */
  async meet(came: (index: number) => void): Promise<void> {
    const { source, file, receiving } = this.#init;
    const { address, stallTimeoutMs, signal } = receiving;
    this.#speed.heard(performance.now());
    const link = new PieceLink({ lease: this.#init.lease(), address, file, stallTimeoutMs, came });
    try {
      if (await link.meet(source.isPartial ? stallTimeoutMs : MEET_MS, signal)) this.link = link;
      else if (source.isPartial)
        throw new PeerLabError('source-refused', { about: address, got: 'no word of its pieces' });
      // Meanwhile.
      if (this.#hasLeft) this.leave();
    } catch (error) {
      // Of one that has the whole file, the call for its content tells what is wrong.
      if (source.isPartial || signal.aborted) throw error;
    } finally {
      if (!this.link) link[Symbol.dispose]();
    }
  }

  speed(): number | undefined {
    return this.#speed.at(performance.now());
  }

  usualSpeed(): number | undefined {
    return this.#speed.usual;
  }

  /**
   * Fetches the range, whose end may come down meanwhile. Every piece is checked as it gets whole.
   * @param turn number of the turn that the source gave for it
   * @throws PeerLabError `hash-mismatch`, `too-many-bytes`, `truncated`, or as `receive`
   */
  async fetch(range: Range, turn = 0): Promise<void> {
    const { source, file, receiving } = this.#init;
    using lease = this.#init.lease();
    const stopped = new AbortController();
    range.stop = () => stopped.abort();
    if (this.#fetching === 0) this.#speed.asked(performance.now());
    else this.#speed.heard(performance.now());
    using intake = new Intake(range, this, this.#init, (bytesPerSecond) => this.#speed.learn(bytesPerSecond));
    const signal = AbortSignal.any([receiving.signal, stopped.signal]);
    this.#fetching++;
    try {
      const request = { ...intake.request, filename: source.name, sha256: file.hashes.sha256, turn };
      await receive(request, { ...receiving, lease, signal }, (chunk) => {
        this.#speed.heard(performance.now(), chunk.content.length);
        return intake.take(chunk);
      });
    } catch (error) {
      if (stopped.signal.aborted && !receiving.signal.aborted) return;
      throw error;
    } finally {
      this.#fetching--;
    }
    if (range.next >= range.end || file.has(range.next)) return;
    throw new PeerLabError('truncated', {
      about: source.address,
      got: `${intake.missingBytes} bytes less than asked for`,
    });
  }
}

/** Cuts the chunks of one call into pieces, and checks each. */
class Intake implements Disposable {
  readonly #range: Range;
  readonly #lane: Lane;
  readonly #init: LaneInit;
  readonly #learn: (bytesPerSecond: number) => void;
  readonly #askedEnd: number;
  /** Place in the file of the next byte; unknown before the first chunk. */
  #position: number | undefined;
  #hasher: PieceHasher | undefined;
  /** The piece as far as it is there: a copy, so that the memory of the message is free at once. */
  #piece: Buffer | undefined;
  #pieceBeganAt = performance.now();

  constructor(range: Range, lane: Lane, init: LaneInit, learn: (bytesPerSecond: number) => void) {
    this.#range = range;
    this.#lane = lane;
    this.#init = init;
    this.#learn = learn;
    this.#askedEnd = range.end;
  }

  get request(): Pick<FileRequest, 'offset' | 'length'> {
    const [offset] = this.#bounds(this.#range.next);
    const [, end] = this.#bounds(this.#askedEnd - 1);
    return { offset, length: end - offset };
  }

  get missingBytes(): number {
    const [start] = this.#bounds(this.#range.next);
    const [, end] = this.#bounds(this.#range.end - 1);
    return end - Math.max(start, this.#position ?? start);
  }

  [Symbol.dispose](): void {
    if (this.#piece) this.#init.file.giveBack(this.#piece);
    this.#piece = undefined;
  }

  take(chunk: FileChunk__Output): Next | Promise<Next> {
    const { file } = this.#init;
    const { content } = chunk;
    this.#position ??= this.#begin(chunk);
    if (chunk.offset !== undefined && chunk.offset !== this.#position)
      throw this.#lie(`a chunk at ${this.#position}`, `one at ${chunk.offset}`);
    for (let at = 0; at < content.length; ) {
      if (this.#range.next >= this.#range.end) return this.#excess();
      at = this.#cut(content, at);
    }
    if (this.#range.next >= this.#range.end) return this.#goesOn ? 'stop' : 'enough';
    return file.room();
  }

  /** @returns the place of the first byte */
  #begin({ offset, size, sha256 }: FileChunk__Output): number {
    const { file } = this.#init;
    if (sha256 !== undefined && sha256 !== file.hashes.sha256)
      throw this.#lie(`sha256 ${file.hashes.sha256}`, 'another one announced');
    if (size !== undefined && size !== file.sizeBytes) throw this.#lie(`${file.sizeBytes} bytes`, `${size} announced`);
    const [wanted] = this.#bounds(this.#range.next);
    if (offset !== undefined && offset !== wanted) throw this.#lie(`a chunk at ${wanted}`, `one at ${offset}`);
    this.#lane.ignoresRanges ||= offset === undefined;
    return offset ?? 0;
  }

  /** Takes what belongs to one piece. @returns where the rest begins */
  #cut(content: Buffer, at: number): number {
    const position = this.#position as number;
    const [start, end] = this.#bounds(this.#range.next);
    if (position < start) {
      // Of one that ignores ranges: before what is wanted.
      const skipped = Math.min(content.length - at, start - position);
      this.#position = position + skipped;
      return at + skipped;
    }
    const part = content.subarray(at, at + end - position);
    this.#hasher ??= this.#beginPiece();
    this.#hasher.update(part);
    this.#piece ??= this.#init.file.lend();
    part.copy(this.#piece, position - start);
    this.#position = position + part.length;
    if (this.#position === end) this.#endPiece(end - start);
    return at + part.length;
  }

  #beginPiece(): PieceHasher {
    const { file } = this.#init;
    return pieceHasher(this.#range.next, file.sizeBytes, file.hashes.tree.pieceSizeBytes);
  }

  #endPiece(bytes: number): void {
    const { file, work, rejected } = this.#init;
    const [hasher, piece, index] = [this.#hasher, this.#piece, this.#range.next];
    if (!piece || !hasher?.digest().equals(file.pieceHash(index))) {
      rejected();
      throw this.#lie(`piece ${index} as in the hash tree`, 'other bytes');
    }
    const now = performance.now();
    this.#learn((bytes * 1000) / Math.max(now - this.#pieceBeganAt, 0.1));
    this.#pieceBeganAt = now;
    this.#hasher = undefined;
    this.#piece = undefined;
    file.add(index, piece);
    work.arrived(this.#range);
  }

  /** The source has more to send than is wanted of it, and not by its own fault. */
  get #goesOn(): boolean {
    const { file } = this.#init;
    const isShorter = this.#range.end < this.#askedEnd;
    return isShorter || (this.#lane.ignoresRanges && this.#range.end < file.pieces);
  }

  /** More content, although all of the range is there. */
  #excess(): Next {
    if (this.#goesOn) return 'stop';
    throw this.#lie('', 'more bytes than asked for', 'too-many-bytes');
  }

  #bounds(index: number): [start: number, end: number] {
    const { file } = this.#init;
    return pieceBounds(index, file.sizeBytes, file.hashes.tree.pieceSizeBytes);
  }

  #lie(expected: string, got: string, code: ErrorCode = 'hash-mismatch'): PeerLabError {
    return new PeerLabError(code, { about: this.#init.source.address, expected, got });
  }
}
