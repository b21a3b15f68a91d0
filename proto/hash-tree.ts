import { createHash, type Hash, hash } from 'node:crypto';

/**
 * THE HASH TREE of a file, as in BitTorrent v2 (BEP 52): a binary tree of SHA-256 over blocks of 16 KiB. The last block is hashed as long
 * as it is; leaves that are missing to a power of two are 32 zero bytes. The hashes of one level, each of which stands for a
 * piece, are the piece layer: whoever knows the root can check the layer, and with the layer each piece by itself.
 *
 * An empty file has no tree.
 */

export const BLOCK_SIZE_BYTES = 16 * 1024;
export const HASH_SIZE_BYTES = 32;

/** Pieces are what is fetched, checked, written and remembered as one: the most that a lie or a lost connection costs. */
const PIECE_SIZE_BYTES = 1024 * 1024;
/** Beyond this number, pieces get larger, so that a layer (2 MiB then) fits into one message. */
const MAX_PIECES = 65_536;
/** Larger pieces are not taken from others: one is held in memory until it is checked. */
export const MAX_PIECE_SIZE_BYTES = 16 * 1024 * 1024;

/** The piece size that PeerLab's peer uses for a file of this size. */
export function pieceSizeOf(sizeBytes: number): number {
  let piece = PIECE_SIZE_BYTES;
  while (sizeBytes / piece > MAX_PIECES) piece *= 2;
  return piece;
}

export function isPieceSize(bytes: number): boolean {
  return bytes >= BLOCK_SIZE_BYTES && bytes <= MAX_PIECE_SIZE_BYTES && Number.isInteger(Math.log2(bytes));
}

export function pieceCount(sizeBytes: number, pieceSizeBytes: number): number {
  return Math.ceil(sizeBytes / pieceSizeBytes);
}

export interface HashTree {
  /** 64 lower-case hex digits. */
  readonly root: string;
  readonly pieceSizeBytes: number;
  /** The hash of each piece, one after the other; of a file of one piece, the root. */
  readonly layer: Buffer;
}

/** The root that `layer` leads to, in hex; undefined when it does not have one hash for each piece. */
export function rootOfLayer(layer: Buffer, sizeBytes: number, pieceSizeBytes: number): string | undefined {
  const pieces = pieceCount(sizeBytes, pieceSizeBytes);
  if (pieces === 0 || layer.length !== pieces * HASH_SIZE_BYTES) return undefined;
  return joined(Buffer.from(layer), pieces, powerOfTwo(pieces), emptyPieceHash(pieceSizeBytes)).toString('hex');
}

/** The hash of one piece, whose content is put in in order, in parts of any length. */
export class PieceHasher {
  readonly #leaves: Buffer;
  readonly #width: number;
  #count = 0;
  /** A block that came in parts. */
  #open: Hash | undefined;
  #openBytes = 0;

  /** @param pieceBytes of this piece; the last one of a file is shorter than `pieceSizeBytes`. @param only the file has no other piece */
  constructor(pieceBytes: number, pieceSizeBytes: number, only: boolean) {
    const blocks = Math.ceil(pieceBytes / BLOCK_SIZE_BYTES);
    this.#leaves = Buffer.allocUnsafe(blocks * HASH_SIZE_BYTES);
    this.#width = only ? powerOfTwo(blocks) : pieceSizeBytes / BLOCK_SIZE_BYTES;
  }

  update(content: Buffer): void {
    for (let at = 0; at < content.length; ) {
      const block = content.subarray(at, at + BLOCK_SIZE_BYTES - this.#openBytes);
      at += block.length;
      // One call for a whole block costs half of what a Hash object does.
      if (block.length === BLOCK_SIZE_BYTES) this.#leaf(digestOf(block));
      else this.#part(block);
    }
  }

  digest(): Buffer {
    if (this.#open) this.#leaf(this.#open.digest('binary'));
    this.#open = undefined;
    return joined(this.#leaves, this.#count, this.#width, ZERO);
  }

  #part(content: Buffer): void {
    this.#open ??= createHash('sha256');
    this.#open.update(content);
    this.#openBytes += content.length;
    if (this.#openBytes < BLOCK_SIZE_BYTES) return;
    this.#leaf(this.#open.digest('binary'));
    this.#open = undefined;
    this.#openBytes = 0;
  }

  #leaf(digest: string): void {
    this.#leaves.write(digest, this.#count * HASH_SIZE_BYTES, 'latin1');
    this.#count++;
  }
}

/** The whole tree of a file whose content is put in from its first byte to its last. */
export class TreeHasher {
  readonly #sizeBytes: number;
  readonly #pieceSizeBytes: number;
  readonly #layer: Buffer;
  #piece: PieceHasher | undefined;
  #at = 0;

  constructor(sizeBytes: number, pieceSizeBytes = pieceSizeOf(sizeBytes)) {
    this.#sizeBytes = sizeBytes;
    this.#pieceSizeBytes = pieceSizeBytes;
    this.#layer = Buffer.alloc(pieceCount(sizeBytes, pieceSizeBytes) * HASH_SIZE_BYTES);
  }

  /** Content beyond the size is left out. */
  update(content: Buffer): void {
    for (let done = 0; done < content.length && this.#at < this.#sizeBytes; ) {
      const [start, end] = pieceBounds(this.#index, this.#sizeBytes, this.#pieceSizeBytes);
      this.#piece ??= hasherOf(start, end, this.#sizeBytes, this.#pieceSizeBytes);
      const part = content.subarray(done, done + end - this.#at);
      this.#piece.update(part);
      done += part.length;
      const index = this.#index;
      this.#at += part.length;
      if (this.#at < end) continue;
      this.#piece.digest().copy(this.#layer, index * HASH_SIZE_BYTES);
      this.#piece = undefined;
    }
  }

  /** @returns undefined for an empty file, or before all of it was put in */
  digest(): HashTree | undefined {
    const [layer, pieceSizeBytes] = [this.#layer, this.#pieceSizeBytes];
    const root = this.#at === this.#sizeBytes ? rootOfLayer(layer, this.#sizeBytes, pieceSizeBytes) : undefined;
    return root === undefined ? undefined : { root, pieceSizeBytes, layer };
  }

  get #index(): number {
    return Math.floor(this.#at / this.#pieceSizeBytes);
  }
}

/** First byte of a piece, and the first behind it. */
export function pieceBounds(index: number, sizeBytes: number, pieceSizeBytes: number): [start: number, end: number] {
  return [index * pieceSizeBytes, Math.min((index + 1) * pieceSizeBytes, sizeBytes)];
}

function hasherOf(start: number, end: number, sizeBytes: number, pieceSizeBytes: number): PieceHasher {
  return new PieceHasher(end - start, pieceSizeBytes, sizeBytes <= pieceSizeBytes);
}

/** A hasher for one piece of a file. */
export function pieceHasher(index: number, sizeBytes: number, pieceSizeBytes: number): PieceHasher {
  const [start, end] = pieceBounds(index, sizeBytes, pieceSizeBytes);
  return hasherOf(start, end, sizeBytes, pieceSizeBytes);
}

const ZERO = Buffer.alloc(HASH_SIZE_BYTES);

/** As text of one character for each byte: a Buffer for each of the many small digests costs memory of its own, and the collector's time. */
function digestOf(content: Buffer): string {
  return hash('sha256', content, 'binary');
}

function emptyPieceHash(pieceSizeBytes: number): Buffer {
  let empty: Buffer = ZERO;
  for (let width = pieceSizeBytes / BLOCK_SIZE_BYTES; width > 1; width /= 2) empty = pairHash(empty, empty);
  return empty;
}

function pairHash(left: Buffer, right: Buffer): Buffer {
  return hash('sha256', Buffer.concat([left, right]), 'buffer');
}

/** The root over `count` hashes, with `pad` in the place of those missing to `width`. Works inside of `hashes`. */
function joined(hashes: Buffer, count: number, width: number, pad: Buffer): Buffer {
  let left = count;
  let empty = pad;
  for (let level = width; level > 1; level /= 2) {
    const pairs = Math.floor(left / 2);
    for (let pair = 0; pair < pairs; pair++) {
      const both = hashes.subarray(2 * pair * HASH_SIZE_BYTES, (2 * pair + 2) * HASH_SIZE_BYTES);
      hashes.write(digestOf(both), pair * HASH_SIZE_BYTES, 'latin1');
    }
    if (left % 2 === 1) {
      const last = hashes.subarray((left - 1) * HASH_SIZE_BYTES, left * HASH_SIZE_BYTES);
      pairHash(last, empty).copy(hashes, pairs * HASH_SIZE_BYTES);
    }
    left = Math.ceil(left / 2);
    if (level > 2) empty = pairHash(empty, empty);
  }
  return Buffer.from(hashes.subarray(0, HASH_SIZE_BYTES));
}

function powerOfTwo(atLeast: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, atLeast)));
}
