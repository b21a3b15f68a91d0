import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { RESERVED_NAME } from '#proto/names.ts';

/** A file that is being received. Under a random name it is worth nothing without its process; under a root it can be resumed. */
export const PART_SUFFIX = '.part';
/** What of the part of the same name was found right. */
export const JOURNAL_SUFFIX = '.journal';

/** Unfinished files of earlier attempts are kept for this time, and this number of them, the newest. */
const KEPT_MS = 7 * 24 * 3600 * 1000;
const MAX_KEPT = 32;

/**
 * Makes the folder of unfinished files, and removes of what an earlier process left there all that can't be resumed: a share belongs to one
 * peer at a time.
 * @throws PeerLabError `bad-setting` when that name is taken by something else than a folder
 */
export async function preparePartsFolder(share: string): Promise<string> {
  const folder = join(share, RESERVED_NAME);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (!(await lstat(folder)).isDirectory()) throw new Error('something that is no folder');
    await clearParts(folder);
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
