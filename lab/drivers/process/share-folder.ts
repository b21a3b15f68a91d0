import { createHash } from 'node:crypto';
import { constants, createWriteStream, type Dirent, type Stats } from 'node:fs';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { assertName } from '#proto/names.ts';
import { createLimit } from '../../limit.ts';
import type { OddKind, ShareFile, StoredFile } from '../driver.ts';

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

/** What is in the folder and below, in order of the names; what is no regular file by its kind, without opening it. */
export async function* readShare(folder: string, prefix = ''): AsyncGenerator<StoredFile> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch(oddOrVanished);
  if (typeof entries === 'string') yield odd(prefix, entries);
  if (!Array.isArray(entries)) return;
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = prefix ? `${prefix}/${entry.name}` : entry.name;
    if (entry.isDirectory()) yield* readShare(folder, name);
    else {
      const stored = entry.isFile() ? await hashFile(join(folder, name), name).catch(oddOrVanished) : kindOf(entry);
      if (stored) yield typeof stored === 'string' ? odd(name, stored) : stored;
    }
  }
}

function odd(name: string, kind: OddKind): StoredFile {
  return { name, sizeBytes: 0, sha256: '', kind };
}

function kindOf(entry: Dirent | Stats): OddKind | undefined {
  if (entry.isSymbolicLink()) return 'link';
  if (entry.isFIFO()) return 'fifo';
  if (entry.isSocket()) return 'socket';
  return entry.isCharacterDevice() || entry.isBlockDevice() ? 'device' : undefined;
}

async function hashFile(path: string, name: string): Promise<StoredFile | OddKind | undefined> {
  // It may have become something else since the listing: a link is not followed, a FIFO not waited for.
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) return kindOf(stats);
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

/** By the error of opening it. */
const ODD_BY_ERROR: Readonly<Record<string, OddKind>> = { EACCES: 'unreadable', ELOOP: 'link', ENXIO: 'socket' };

/** A living peer renames and removes files while they are listed. */
function oddOrVanished(error: NodeJS.ErrnoException): OddKind | undefined {
  const { code = '' } = error;
  if (Object.hasOwn(ODD_BY_ERROR, code)) return ODD_BY_ERROR[code];
  if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
  throw new PeerLabError('internal', { got: reasonOf(error), cause: error });
}
