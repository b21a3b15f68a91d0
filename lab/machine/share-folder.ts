import { createHash } from 'node:crypto';
import { constants, createWriteStream, type Dirent, type Stats } from 'node:fs';
import { mkdir, open, readdir, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { assertName, MAX_NAME_BYTES } from '#proto/names.ts';
import { createLimit } from '../limit.ts';

/** A SHARE as a folder of this machine: filled, read and hashed by the lab's own code, never by the peer's word. */

const FILES_AT_ONCE = 4;
const READ_BYTES = 1024 * 1024;

/** A file to be put into a share. */
interface NewFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** A new stream of its content, each time it is called. */
  open(): Readable;
}

/** What is found in a share. */
interface FoundFile {
  /** Path below the folder, segments joined by `/`. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** What it is instead of a regular file: then size and hash are 0 and empty. */
  readonly kind?: OddKind;
}

/** `unreadable`: a file or folder that this process is not allowed to read. */
type OddKind = 'link' | 'fifo' | 'socket' | 'device' | 'unreadable';

/**
 * Makes the folder and writes the files into it.
 * @throws PeerLabError `bad-name`, `disk-full`, `internal` (a stream that is longer or shorter than announced)
 */
export async function writeShare(folder: string, files: readonly NewFile[], signal: AbortSignal): Promise<void> {
  await mkdir(folder, { recursive: true });
  const limit = createLimit(FILES_AT_ONCE);
  const write = async (file: NewFile) => {
    signal.throwIfAborted();
    assertName(file.name);
    await writeFile(join(folder, file.name), file, signal);
  };
  await Promise.all(files.map((file) => limit(() => write(file))));
}

/**
 * Writes one file, in folders below the share where its name has any. It replaces nothing, and follows no link out of the share.
 * @throws PeerLabError `bad-name`, `file-exists`, `disk-full`, `internal` (longer or shorter than announced)
 */
export async function writeBelow(folder: string, file: NewFile, signal: AbortSignal): Promise<void> {
  const flaw = pathFlaw(file.name);
  if (flaw) throw new PeerLabError('bad-name', { got: flaw });
  const path = join(folder, file.name);
  await mkdir(dirname(path), { recursive: true });
  const [root, parent] = await Promise.all([realpath(folder), realpath(dirname(path))]);
  if (parent !== root && !parent.startsWith(`${root}${sep}`))
    throw new PeerLabError('bad-name', { got: 'a way out of the share' });
  try {
    await writeFile(path, file, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new PeerLabError('file-exists', { about: file.name });
    await rm(path, { force: true });
    throw error;
  }
}

/** Removes all that lies in the folder, not the folder itself: it may be where a volume is mounted. */
export async function emptyShare(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
}

/** Why this can't be the path of a file below a share; undefined when it can. Any UTF-8 is right, in segments joined by `/`. */
export function pathFlaw(name: string): string | undefined {
  if (!name.isWellFormed() || name.includes('\0')) return 'text that is no name';
  for (const segment of name.split('/')) {
    if (segment === '' || segment === '.' || segment === '..') return `the path segment "${segment}"`;
    if (Buffer.byteLength(segment) > MAX_NAME_BYTES) return `a path segment of ${Buffer.byteLength(segment)} bytes`;
  }
  return undefined;
}

async function writeFile(path: string, { name, sizeBytes, open }: NewFile, signal: AbortSignal): Promise<void> {
  try {
    await pipeline(open(), noMoreThan(sizeBytes, name), createWriteStream(path, { flags: 'wx' }), { signal });
  } catch (error) {
    const full = ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
    if (full) throw new PeerLabError('disk-full', { about: name, cause: error });
    throw error;
  }
  const { size } = await stat(path);
  if (size !== sizeBytes) throw wrongSize(name, sizeBytes, `${size}`);
}

/** An endless stream must not fill the disk. */
function noMoreThan(sizeBytes: number, name: string) {
  return async function* (chunks: AsyncIterable<Buffer>) {
    let left = sizeBytes;
    for await (const chunk of chunks) {
      left -= chunk.length;
      if (left < 0) throw wrongSize(name, sizeBytes, 'more');
      yield chunk;
    }
  };
}

function wrongSize(about: string, sizeBytes: number, got: string): PeerLabError {
  return new PeerLabError('internal', { about, expected: `${sizeBytes} bytes for the share`, got });
}

/** What is in the folder and below, in order of the names; what is no regular file by its kind, without opening it. */
export function readShare(folder: string): AsyncGenerator<FoundFile> {
  return readBelow(folder, '', Buffer.allocUnsafeSlow(READ_BYTES));
}

/** @param room for what is read: one for all files, since a new one for each had V8 mark its whole heap again and again */
async function* readBelow(folder: string, prefix: string, room: Buffer): AsyncGenerator<FoundFile> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch(oddOrVanished);
  if (typeof entries === 'string') yield odd(prefix, entries);
  if (!Array.isArray(entries)) return;
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = prefix ? `${prefix}/${entry.name}` : entry.name;
    if (entry.isDirectory()) yield* readBelow(folder, name, room);
    else {
      const stored = entry.isFile()
        ? await hashFile(join(folder, name), name, room).catch(oddOrVanished)
        : kindOf(entry);
      if (stored) yield typeof stored === 'string' ? odd(name, stored) : stored;
    }
  }
}

function odd(name: string, kind: OddKind): FoundFile {
  return { name, sizeBytes: 0, sha256: '', kind };
}

function kindOf(entry: Dirent | Stats): OddKind | undefined {
  if (entry.isSymbolicLink()) return 'link';
  if (entry.isFIFO()) return 'fifo';
  if (entry.isSocket()) return 'socket';
  return entry.isCharacterDevice() || entry.isBlockDevice() ? 'device' : undefined;
}

async function hashFile(path: string, name: string, room: Buffer): Promise<FoundFile | OddKind | undefined> {
  // It may have become something else since the listing: a link is not followed, a FIFO not waited for.
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) return kindOf(stats);
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for (;;) {
      const { bytesRead } = await handle.read(room);
      if (bytesRead === 0) return { name, sizeBytes, sha256: hash.digest('hex') };
      hash.update(room.subarray(0, bytesRead));
      sizeBytes += bytesRead;
    }
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
