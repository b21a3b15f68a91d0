import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PeerLabError } from '#proto/errors.ts';
import { type HashTree, TreeHasher } from '#proto/hash-tree.ts';
import { diskError } from './disk-error.ts';
import { PART_SUFFIX } from './parts-folder.ts';
import { type Identity, identityOf } from './regular-file.ts';

/** What a file must turn out to be. `size` in bytes; each is unknown only when a peer of the predecessor sends the file. */
export interface Expected {
  readonly size: number | undefined;
  readonly sha256: string | undefined;
}

/** Positioned writes under way for one file; each holds one chunk in memory. */
const MAX_WRITES_IN_FLIGHT = 4;

/**
 * A file that is received from its first byte to its last: written under a random name, hashed on the way. It is worth nothing until
 * `finish` has returned. Disposing removes the temporary name.
 */
export class PartFile implements AsyncDisposable {
  readonly path: string;
  readonly expected: Expected;
  readonly #handle: FileHandle;
  readonly #hash = createHash('sha256');
  readonly #tree: TreeHasher | undefined;
  readonly #writes = new Set<Promise<void>>();
  #failure: unknown;
  #position = 0;
  #hashes: { sha256: string; tree: HashTree | undefined } | undefined;

  private constructor(path: string, handle: FileHandle, expected: Expected) {
    this.path = path;
    this.#handle = handle;
    this.expected = expected;
    // With a tree it can be passed on in pieces.
    this.#tree = expected.size === undefined ? undefined : new TreeHasher(expected.size);
  }

  /** @throws PeerLabError `disk-full` */
  static async create(folder: string, expected: Expected): Promise<PartFile> {
    const path = join(folder, randomBytes(12).toString('hex') + PART_SUFFIX);
    const handle = await open(path, 'wx').catch((error) => {
      throw diskError(error);
    });
    return new PartFile(path, handle, expected);
  }

  /** Bytes taken so far. */
  get position(): number {
    return this.#position;
  }

  /** As `finish` found them. */
  get hashes(): { sha256: string; tree: HashTree | undefined } {
    if (!this.#hashes) throw new Error('the file is not finished');
    return this.#hashes;
  }

  /**
   * Takes the next bytes; comes back when there is room for more. `content` must not change afterwards.
   * @throws PeerLabError `too-many-bytes`, `disk-full`
   */
  async append(content: Buffer): Promise<void> {
    if (content.length === 0) return;
    const end = this.#position + content.length;
    if (this.expected.size !== undefined && end > this.expected.size) {
      throw new PeerLabError('too-many-bytes', { expected: `${this.expected.size} bytes`, got: `${end} or more` });
    }
    this.#hash.update(content);
    this.#tree?.update(content);
    const write: Promise<void> = this.#write(content, this.#position)
      .catch((error) => {
        this.#failure ??= error;
      })
      .finally(() => this.#writes.delete(write));
    this.#writes.add(write);
    this.#position = end;
    if (this.#writes.size >= MAX_WRITES_IN_FLIGHT) await Promise.race(this.#writes);
    this.#throwFailure();
  }

  /**
   * Waits for the writes and compares size and hash with what is expected, as far as that is known.
   * @throws PeerLabError `truncated`, `hash-mismatch`, `disk-full`
   */
  async finish(): Promise<void> {
    await Promise.all(this.#writes);
    this.#throwFailure();
    const { size, sha256 } = this.expected;
    if (size !== undefined && this.#position < size) {
      throw new PeerLabError('truncated', { expected: `${size} bytes`, got: `${this.#position}` });
    }
    const got = this.#hash.digest('hex');
    if (sha256 !== undefined && got !== sha256) {
      throw new PeerLabError('hash-mismatch', { expected: `sha256 ${sha256}`, got });
    }
    this.#hashes = { sha256: got, tree: this.#tree?.digest() };
  }

  async identity(): Promise<Identity> {
    return identityOf(await this.#handle.stat({ bigint: true }));
  }

  /** Removes the temporary name; the content lives on under the name it was linked to. */
  async unlink(): Promise<void> {
    await rm(this.path, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#writes);
    await this.#handle.close();
    await this.unlink();
  }

  async #write(content: Buffer, position: number): Promise<void> {
    for (let done = 0; done < content.length; ) {
      const { bytesWritten } = await this.#handle.write(content, done, content.length - done, position + done);
      done += bytesWritten;
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw diskError(this.#failure);
  }
}
