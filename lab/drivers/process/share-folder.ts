import { createHash } from 'node:crypto';
import { constants, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { assertName } from '#proto/names.ts';
import { createLimit } from '../../limit.ts';
import type { ShareFile, StoredFile } from '../driver.ts';

const FILES_AT_ONCE = 4;

/**
 * Makes the folder and writes the files into it.
 * @throws PeerLabError `bad-name`, `disk-full`, `internal` (a stream that is longer or shorter than announced)
 */
export async function writeShare(folder: string, files: readonly ShareFile[], signal: AbortSignal): Promise<void> {
  await mkdir(folder, { recursive: true });
  const limit = createLimit(FILES_AT_ONCE);
  await Promise.all(files.map((file) => limit(() => writeFile(folder, file, signal))));
}

async function writeFile(folder: string, file: ShareFile, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  assertName(file.name);
  const path = join(folder, file.name);
  try {
    await pipeline(file.open(), createWriteStream(path, { flags: 'wx' }), { signal });
  } catch (error) {
    const full = ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
    if (full) throw new PeerLabError('disk-full', { about: file.name, cause: error });
    throw error;
  }
  const { size } = await stat(path);
  if (size !== file.sizeBytes) {
    throw new PeerLabError('internal', {
      about: file.name,
      expected: `${file.sizeBytes} bytes for the share`,
      got: `${size}`,
    });
  }
}

/** Regular files in the folder and below, in order of their names; symbolic links are not followed. */
export async function* readShare(folder: string, prefix = ''): AsyncGenerator<StoredFile> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch(ignoreVanished);
  for (const entry of (entries ?? []).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = prefix ? `${prefix}/${entry.name}` : entry.name;
    if (entry.isDirectory()) yield* readShare(folder, name);
    else if (entry.isFile()) {
      const stored = await hashFile(join(folder, name), name).catch(ignoreVanished);
      if (stored) yield stored;
    }
  }
}

async function hashFile(path: string, name: string): Promise<StoredFile | undefined> {
  // It may have become something else since the listing: a link is not followed, a FIFO not waited for.
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) return undefined;
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 1024 * 1024 })) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
    return { name, sizeBytes, sha256: hash.digest('hex') };
  } finally {
    await handle.close();
  }
}

/** A living peer renames and removes files while they are listed. */
function ignoreVanished(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ELOOP' || error.code === 'ENOTDIR') return undefined;
  throw new PeerLabError('internal', { got: reasonOf(error), cause: error });
}
