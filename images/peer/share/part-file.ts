import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, lstat, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PeerLabError, reasonOf, toPeerLabError } from '#proto/errors.ts';
import { RESERVED_NAME } from '#proto/names.ts';
import { type Identity, identityOf } from './regular-file.ts';

/** What a file must turn out to be. `size` in bytes; unknown only when a peer of the predecessor sends it. */
export interface Expected {
  readonly size: number | undefined;
  readonly sha256: string;
}

/** Positioned writes under way for one file; each holds one chunk in memory. */
const MAX_WRITES_IN_FLIGHT = 4;

const SUFFIX = '.part';

/**
 * Makes the folder of unfinished files, and removes what an earlier process left there: a share belongs to one peer at a time.
 * @throws PeerLabError `bad-setting` when that name is taken by something else than a folder
 */
export async function preparePartsFolder(share: string): Promise<string> {
  const folder = join(share, RESERVED_NAME);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (!(await lstat(folder)).isDirectory()) throw new Error('something that is no folder');
    const leftovers = (await readdir(folder)).filter((name) => name.endsWith(SUFFIX));
    for (const name of leftovers) await rm(join(folder, name), { force: true });
    return folder;
  } catch (error) {
    throw new PeerLabError('bad-setting', {
      about: 'PEER_SHARE_DIR',
      expected: `a folder that is writable, and ${RESERVED_NAME} in it a folder`,
      got: error instanceof Error && 'code' in error ? String(error.code) : reasonOf(error),
      cause: error,
    });
  }
}

/**
 * A file that is being received: written under a random name, hashed on the way. It is worth nothing until `finish`
 * has returned. Disposing removes the temporary name.
 */
export class PartFile implements AsyncDisposable {
  readonly path: string;
  readonly expected: Expected;
  readonly #handle: FileHandle;
  readonly #hash = createHash('sha256');
  readonly #writes = new Set<Promise<void>>();
  #failure: unknown;
  #position = 0;

  private constructor(path: string, handle: FileHandle, expected: Expected) {
    this.path = path;
    this.#handle = handle;
    this.expected = expected;
  }

  /** @throws PeerLabError `disk-full` */
  static async create(folder: string, expected: Expected): Promise<PartFile> {
    const path = join(folder, randomBytes(12).toString('hex') + SUFFIX);
    const handle = await open(path, 'wx').catch((error) => {
      throw diskError(error);
    });
    return new PartFile(path, handle, expected);
  }

  /** Bytes taken so far. */
  get position(): number {
    return this.#position;
  }

  get isComplete(): boolean {
    return this.#position === this.expected.size;
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
   * Waits for the writes and compares size and hash with what is expected.
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
    if (got !== sha256) throw new PeerLabError('hash-mismatch', { expected: `sha256 ${sha256}`, got });
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

/** Local trouble with the disk, without a path of the host in its message. */
export function diskError(error: unknown): PeerLabError {
  const code = (error as NodeJS.ErrnoException)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new PeerLabError('disk-full', { got: code, cause: error });
  return toPeerLabError(error);
}
