import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PeerLabError } from '#proto/errors.ts';
import { HASH_SIZE_BYTES, type HashTree, pieceBounds, pieceCount, pieceHasher } from '#proto/hash-tree.ts';
import { diskError } from './disk-error.ts';
import { JOURNAL_SUFFIX, PART_SUFFIX } from './parts-folder.ts';
import type { PieceMemory } from './piece-memory.ts';
import { HASH_STEP_BYTES, type Identity, identityOf } from './regular-file.ts';

export interface PieceFileInit {
  readonly folder: string;
  readonly memory: PieceMemory;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Its layer was checked against its root. */
  readonly tree: HashTree;
  readonly signal: AbortSignal;
}

/** Reads what is there of an unfinished file; a `RegularFile` as far as whoever sends it is concerned. */
export interface PieceReader extends AsyncDisposable {
  read(buffer: Buffer, position: number): Promise<number>;
  isUnchanged(): Promise<boolean>;
}

/** One write of a whole piece costs the kernel three times as much as four of these: docs/transfers.md. */
const WRITE_SIZE_BYTES = 256 * 1024;
/** A journal line is a number and a hash: up to 75 characters. A journal that is larger than twice what the file can need is none. */
const MAX_LINE_BYTES = 160;

const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * A file that is received in pieces, in any order and from anybody: only pieces that are right are written. A journal beside it says
 * which are there, so that a later attempt, after whatever end of this one, can go on; it is a hint for what to read again, and
 * proves nothing by itself. Part and journal are named after the root: there must be one PieceFile for a root at a time.
 *
 * Disposing keeps both when there is a piece to keep, unless `keep` was set to false.
 */
export class PieceFile implements AsyncDisposable {
  readonly path: string;
  readonly hashes: { readonly sha256: string; readonly tree: HashTree };
  readonly sizeBytes: number;
  /** Bytes of pieces that an earlier attempt left. */
  resumedBytes = 0;
  keep = true;
  readonly #memory: PieceMemory;
  readonly #part: FileHandle;
  readonly #journal: FileHandle;
  readonly #journalPath: string;
  readonly #present: Uint8Array;
  readonly #written: Uint8Array;
  /** Pieces in the order in which they were written: the first `#count` count. */
  readonly #order: Uint32Array;
  #count = 0;
  readonly #listeners = new Set<() => void>();
  readonly #writes = new Set<Promise<void>>();
  #left: number;
  #failure: unknown;
  #closed = false;
  /** Who reads from it, beside this one that writes: the last to leave closes it. */
  #users = 1;

  private constructor(init: PieceFileInit, path: string, part: FileHandle, journal: FileHandle, journalPath: string) {
    this.path = path;
    this.#memory = init.memory;
    this.hashes = { sha256: init.sha256, tree: init.tree };
    this.sizeBytes = init.sizeBytes;
    this.#part = part;
    this.#journal = journal;
    this.#journalPath = journalPath;
    this.#left = pieceCount(init.sizeBytes, init.tree.pieceSizeBytes);
    this.#present = new Uint8Array(this.#left);
    this.#written = new Uint8Array(this.#left);
    this.#order = new Uint32Array(this.#left);
  }

  /** @throws PeerLabError `disk-full`, `cancelled` */
  static async open(init: PieceFileInit): Promise<PieceFile> {
    const path = join(init.folder, init.tree.root + PART_SUFFIX);
    const journalPath = join(init.folder, init.tree.root + JOURNAL_SUFFIX);
    try {
      const claimed = await claimedPieces(journalPath, init);
      await using opened = new AsyncDisposableStack();
      const part = await openOwn(path);
      opened.defer(() => part.close());
      const fresh = join(init.folder, randomBytes(12).toString('hex') + JOURNAL_SUFFIX);
      const journal = await open(fresh, 'wx');
      opened.defer(() => rm(fresh, { force: true }));
      opened.defer(() => journal.close());
      const file = new PieceFile(init, path, part, journal, journalPath);
      await file.#resume(claimed, init.signal);
      // Only now: whoever is killed while reading again must find the old one.
      await rename(fresh, journalPath);
      opened.move();
      return file;
    } catch (error) {
      throw diskError(error);
    }
  }

  get pieces(): number {
    return this.#present.length;
  }

  /** Taken: written, or being written. */
  has(index: number): boolean {
    return this.#present[index] === 1;
  }

  /** On the disk, and right: what others may have of it while the rest is still on its way. */
  isWritten(index: number): boolean {
    return this.#written[index] === 1;
  }

  /** How many are on the disk. */
  get writtenCount(): number {
    return this.#count;
  }

  /** The pieces that are on the disk, in the order in which they came there; from the `from`th on. */
  writtenSince(from: number, most: number): Uint32Array {
    return this.#order.subarray(from, Math.min(this.#count, from + most));
  }

  /** Calls `listener` after each piece that is on the disk, and when the file is closed, until the function that it gives is called. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** This peer does not write to it any more. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** To read from what is there; also after this file has got its name, or was given up. */
  reader(): PieceReader {
    this.#users++;
    let held = true;
    return {
      read: (buffer, position) => this.#read(buffer, position),
      // Whoever touches a file of `.peerlab` beside this peer is found out by the receiver, which checks every piece.
      isUnchanged: () => Promise.resolve(true),
      [Symbol.asyncDispose]: async () => {
        if (held) await this.#leave();
        held = false;
      },
    };
  }

  /** Pieces that are still to be fetched. */
  get left(): number {
    return this.#left;
  }

  /** Memory for one piece, until `add` or `giveBack`. */
  lend(): Buffer {
    return this.#memory.lend(Math.min(this.sizeBytes, this.hashes.tree.pieceSizeBytes));
  }

  giveBack(buffer: Buffer): void {
    this.#memory.giveBack(buffer);
  }

  /** Takes a piece that was checked, in a buffer of `lend`. Returns at once; `room` says when to go on. */
  add(index: number, buffer: Buffer): void {
    if (this.has(index)) {
      this.giveBack(buffer);
      return;
    }
    this.#present[index] = 1;
    this.#left--;
    const write: Promise<void> = this.#memory
      .during(this.#write(index, buffer))
      .catch((error) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#writes.delete(write);
        this.giveBack(buffer);
      });
    this.#writes.add(write);
  }

  /** undefined while there is room for another piece; otherwise resolves when there is. @throws PeerLabError `disk-full` */
  room(): Promise<undefined> | undefined {
    this.#throwFailure();
    return this.#memory.room();
  }

  /** Waits until all that was added is on the disk. @throws PeerLabError `disk-full` */
  async flush(): Promise<void> {
    await Promise.all(this.#writes);
    this.#throwFailure();
  }

  /** Reads the whole file again, for its SHA-256 in hex. @throws PeerLabError `cancelled` */
  async sha256(signal: AbortSignal): Promise<string> {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafeSlow(Math.min(HASH_STEP_BYTES, this.sizeBytes));
    for (let position = 0; position < this.sizeBytes; ) {
      if (signal.aborted) throw new PeerLabError('cancelled');
      const { bytesRead } = await this.#part.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
    return hash.digest('hex');
  }

  async identity(): Promise<Identity> {
    return identityOf(await this.#part.stat({ bigint: true }));
  }

  /** Removes the temporary name and the journal; the content lives on under the name it was linked to. */
  async unlink(): Promise<void> {
    await rm(this.path, { force: true });
    await rm(this.#journalPath, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#writes);
    this.#closed = true;
    for (const listener of this.#listeners) listener();
    await this.#leave();
    await this.#journal.close();
    const worthIt = this.keep && this.#written.includes(1);
    if (!worthIt) await this.unlink();
  }

  /** Never a byte that was not checked. @throws PeerLabError `bad-range` */
  async #read(buffer: Buffer, position: number): Promise<number> {
    if (!this.covers(position, position + buffer.length)) {
      throw new PeerLabError('bad-range', { expected: 'pieces that are here already', got: 'others' });
    }
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await this.#part.read(buffer, filled, buffer.length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  /** Whether all of these bytes were checked and are on the disk. */
  covers(start: number, end: number): boolean {
    const { pieceSizeBytes } = this.hashes.tree;
    for (let index = Math.floor(start / pieceSizeBytes); index * pieceSizeBytes < end; index++)
      if (!this.isWritten(index)) return false;
    return end <= this.sizeBytes;
  }

  async #leave(): Promise<void> {
    if (--this.#users === 0) await this.#part.close();
  }

  #noteWritten(index: number): void {
    this.#written[index] = 1;
    this.#order[this.#count++] = index;
  }

  /** Reads again what the journal names, and keeps what is right. */
  async #resume(claimed: readonly number[], signal: AbortSignal): Promise<void> {
    await this.#part.truncate(this.sizeBytes);
    const { pieceSizeBytes } = this.hashes.tree;
    const buffer = Buffer.allocUnsafeSlow(claimed.length > 0 ? Math.min(pieceSizeBytes, this.sizeBytes) : 0);
    let lines = '';
    for (const index of claimed) {
      if (signal.aborted) throw new PeerLabError('cancelled');
      const [start, end] = pieceBounds(index, this.sizeBytes, pieceSizeBytes);
      const { bytesRead } = await this.#part.read(buffer, 0, end - start, start);
      if (bytesRead < end - start || !this.#isRight(index, buffer.subarray(0, bytesRead))) continue;
      this.#present[index] = 1;
      this.#noteWritten(index);
      this.#left--;
      this.resumedBytes += end - start;
      lines += this.#line(index);
    }
    await this.#journal.appendFile(lines);
  }

  /** Is this what the tree says? */
  #isRight(index: number, content: Buffer): boolean {
    const hasher = pieceHasher(index, this.sizeBytes, this.hashes.tree.pieceSizeBytes);
    hasher.update(content);
    return hasher.digest().equals(this.pieceHash(index));
  }

  pieceHash(index: number): Buffer {
    return pieceHash(this.hashes.tree, index);
  }

  /** The journal names the piece before it is there, so that no kill loses one that is: what a journal names is hashed again anyway. */
  async #write(index: number, buffer: Buffer): Promise<void> {
    await this.#journal.write(this.#line(index));
    const [start, end] = pieceBounds(index, this.sizeBytes, this.hashes.tree.pieceSizeBytes);
    for (let at = 0; at < end - start; ) {
      const length = Math.min(WRITE_SIZE_BYTES, end - start - at);
      at += (await this.#part.write(buffer, at, length, start + at)).bytesWritten;
    }
    this.#noteWritten(index);
    for (const listener of this.#listeners) listener();
  }

  #line(index: number): string {
    return `${index} ${this.pieceHash(index).toString('hex')}\n`;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw diskError(this.#failure);
  }
}

function pieceHash({ layer }: HashTree, index: number): Buffer {
  return layer.subarray(index * HASH_SIZE_BYTES, (index + 1) * HASH_SIZE_BYTES);
}

/** Pieces that the journal names, with the hash that the tree has for them. Whatever else it holds, half a last line too, is left out. */
async function claimedPieces(path: string, { tree, sizeBytes }: PieceFileInit): Promise<number[]> {
  const pieces = pieceCount(sizeBytes, tree.pieceSizeBytes);
  const text = await readFile(path, {
    encoding: 'latin1',
    flag: constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  }).catch(() => '');
  if (text.length > pieces * MAX_LINE_BYTES) return [];
  const claimed = new Set<number>();
  for (const line of text.split('\n')) {
    const [, index, hash] = /^(\d{1,9}) ([0-9a-f]{64})$/.exec(line) ?? [];
    if (index === undefined || Number(index) >= pieces) continue;
    if (pieceHash(tree, Number(index)).toString('hex') === hash) claimed.add(Number(index));
  }
  return [...claimed];
}

/** Opens the part, or makes it: never anything but a regular file that has this one name. */
async function openOwn(path: string): Promise<FileHandle> {
  for (let attempt = 1; ; attempt++) {
    const handle = await open(path, FLAGS, 0o644).catch((error: NodeJS.ErrnoException) => {
      if (attempt > 2 || (error.code !== 'ELOOP' && error.code !== 'ENXIO')) throw error;
      return undefined;
    });
    const stats = await handle?.stat();
    if (handle && stats?.isFile() && stats.nlink === 1) return handle;
    await handle?.close();
    if (attempt > 2) throw new Error('the temporary name is taken by something else');
    await rm(path, { force: true });
  }
}
