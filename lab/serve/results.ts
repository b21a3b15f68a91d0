import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readlink, realpath } from 'node:fs/promises';
import path from 'node:path';
import { PeerLabError } from '#proto/errors.ts';
import { isResultFile } from '../history/result-files.ts';

/**
 * THE ONLY WAY TO FILES: what lies in the folders of a results folder, under the names that runs and suites give their files, and nothing
 * else. No link is followed, not even one that is put there in the meantime.
 */

/** Of a run, or of a suite: no name that begins with a dot leads anywhere. */
const FOLDER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$/;
/** A FIFO or a device must not hold up who opens it. */
const OPENING = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export class Results {
  /** Without links. */
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  /** @throws PeerLabError `bad-results` */
  static async at(folder: string): Promise<Results> {
    try {
      return new Results(await realpath(folder));
    } catch (cause) {
      throw new PeerLabError('bad-results', { about: folder, got: 'no such folder', cause });
    }
  }

  /** The folders in it, and when each was changed last. */
  async folders(): Promise<{ readonly name: string; readonly changedMs: number }[]> {
    const entries = await readdir(this.#root, { withFileTypes: true });
    const names = entries.filter((one) => one.isDirectory() && FOLDER_NAME.test(one.name)).map(({ name }) => name);
    const found = await Promise.all(
      names.map(async (name) => {
        const facts = await lstat(path.join(this.#root, name)).catch(() => undefined);
        return facts ? [{ name, changedMs: facts.mtimeMs }] : [];
      }),
    );
    return found.flat();
  }

  /** The run that `latest` leads to. */
  async latest(): Promise<string | undefined> {
    const target = await readlink(path.join(this.#root, 'latest')).catch(() => undefined);
    return target !== undefined && (await this.has(target)) ? target : undefined;
  }

  async has(folder: string): Promise<boolean> {
    if (!FOLDER_NAME.test(folder)) return false;
    const facts = await lstat(path.join(this.#root, folder)).catch(() => undefined);
    return facts?.isDirectory() === true;
  }

  /** A file to be read; undefined if there is none of that name, or it is something else than a regular file. */
  async open(folder: string, file: string): Promise<FileHandle | undefined> {
    if (!FOLDER_NAME.test(folder) || !isResultFile(file)) return undefined;
    const wanted = path.join(this.#root, folder, file);
    let handle: FileHandle | undefined;
    try {
      handle = await open(wanted, OPENING);
      // O_NOFOLLOW is about the last part of the path only: the folders above it must be where they seem to be.
      if ((await handle.stat()).isFile() && (await realpath(path.dirname(wanted))) === path.dirname(wanted))
        return handle;
    } catch {
      // There is none, or it is a link.
    }
    await handle?.close();
    return undefined;
  }

  /** All of a file, if it is no longer than that. */
  async read(folder: string, file: string, maxBytes: number): Promise<string | undefined> {
    await using handle = await this.open(folder, file);
    if (!handle || (await handle.stat()).size > maxBytes) return undefined;
    return handle.readFile('utf8');
  }
}
