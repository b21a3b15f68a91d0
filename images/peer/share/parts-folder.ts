import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PeerLabError } from '#proto/errors.ts';
import { RESERVED_NAME } from '#proto/names.ts';
import { diskError } from './disk-error.ts';
import { ShareLock } from './share-lock.ts';

/** A file that is being received. Under a random name it is worth nothing without its process; under a root it can be resumed. */
export const PART_SUFFIX = '.part';
/** What of the part of the same name was found right. */
export const JOURNAL_SUFFIX = '.journal';

/** Unfinished files of earlier attempts are kept for this time, and this number of them, the newest. */
const KEPT_MS = 7 * 24 * 3600 * 1000;
const MAX_KEPT = 32;

/** The folder of unfinished files in a share. It is made anew whenever it is gone, and belongs to one peer at a time. */
export class PartsFolder implements AsyncDisposable {
  readonly path: string;
  #lock: ShareLock | undefined;
  #isClean = false;
  #preparing: Promise<string> | undefined;

  constructor(share: string) {
    this.path = join(share, RESERVED_NAME);
  }

  /**
   * Sees to it that the folder is there and this peer's own, and says where it is.
   * @throws PeerLabError `share-gone`, `share-read-only`, `share-in-use`; `bad-setting` when its name is taken by something else
   */
  ready(): Promise<string> {
    this.#preparing ??= this.#prepare().finally(() => {
      this.#preparing = undefined;
    });
    return this.#preparing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock?.[Symbol.asyncDispose]();
    this.#lock = undefined;
  }

  async #prepare(): Promise<string> {
    try {
      await mkdir(this.path, { mode: 0o700 }).catch(ifNotThere);
      if (!(await lstat(this.path)).isDirectory()) throw notAFolder();
      if (await this.#lock?.isHeld()) return this.path;
      await this[Symbol.asyncDispose]();
      this.#lock = await ShareLock.take(this.path);
      // Whatever else is there is of a peer that has ended; but what this one has begun it still writes to.
      if (!this.#isClean) await clearParts(this.path);
      this.#isClean = true;
      return this.path;
    } catch (error) {
      throw diskError(error);
    }
  }
}

function ifNotThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

function notAFolder(): PeerLabError {
  const expected = `a folder in which ${RESERVED_NAME} is a folder`;
  return new PeerLabError('bad-setting', { about: 'PEER_SHARE_DIR', expected, got: 'something that is no folder' });
}

/** Removes parts and journals, all but the newest that can be resumed. */
async function clearParts(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(PART_SUFFIX) || name.endsWith(JOURNAL_SUFFIX));
  const present = new Set(names);
  const parts: { root: string; changedMs: number }[] = [];
  for (const name of names) {
    const root = name.slice(0, -PART_SUFFIX.length);
    if (!name.endsWith(PART_SUFFIX) || !present.has(root + JOURNAL_SUFFIX)) continue;
    const changedMs = await resumableSince(join(folder, name));
    if (changedMs !== undefined) parts.push({ root, changedMs });
  }
  const kept = new Set(
    parts
      .sort((a, b) => b.changedMs - a.changedMs)
      .slice(0, MAX_KEPT)
      .flatMap(({ root }) => [root + PART_SUFFIX, root + JOURNAL_SUFFIX]),
  );
  for (const name of names) if (!kept.has(name)) await rm(join(folder, name), { force: true });
}

/** When the part was written to last; undefined when it is not to be kept: too old, or published already (its process died before it took this name away). */
async function resumableSince(path: string): Promise<number | undefined> {
  const stats = await lstat(path).catch(() => undefined);
  if (!stats?.isFile() || stats.nlink > 1 || Date.now() - stats.mtimeMs > KEPT_MS) return undefined;
  return stats.mtimeMs;
}
