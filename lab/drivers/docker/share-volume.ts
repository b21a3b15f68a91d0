import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Container } from 'dockerode';
import { extract, type Pack, pack } from 'tar-stream';
import { PeerLabError } from '#proto/errors.ts';
import { assertName } from '#proto/names.ts';
import { within } from '../deadline.ts';
import type { OddKind, ShareFile, StoredFile } from '../driver.ts';
import type { ShareContent } from '../share-content.ts';
import type { EngineConnection } from './connection.ts';
import type { Owner } from './owner.ts';

/** Where the share's volume is mounted. */
export const SHARE_DIR = '/share';

/** For all files of one share together: at 20 MB/s this is 12 GB. */
export const COPY_TIMEOUT_MS = 600_000;
/** A living peer changes files while they are read, which breaks the engine's archive. */
const READ_ATTEMPTS = 3;

/**
 * Puts the files into the share of a container that was created and not yet started. All belong to `owner`.
 * @throws PeerLabError `engine-failed`, `engine-lost`, `bad-name`, `internal` (a stream longer or shorter than announced), `interrupted`
 */
export async function fillShare(
  engine: EngineConnection,
  container: Container,
  owner: Owner,
  contents: readonly ShareContent[],
  signal: AbortSignal,
): Promise<void> {
  const tar = pack();
  const copied = container.putArchive(tar, { path: SHARE_DIR, abortSignal: signal } as object);
  const written = writeEntries(tar, owner, contents, signal).catch((error) => {
    tar.destroy(error);
    throw error;
  });
  // The first to fail is the reason: the writer when a stream is wrong, the engine when it refuses.
  const both = Promise.all([written, copied]);
  await engine.call('copy files into the share', within(both, COPY_TIMEOUT_MS, late, signal), COPY_TIMEOUT_MS);
}

const late = () =>
  new PeerLabError('engine-failed', { expected: `the share to be copied within ${COPY_TIMEOUT_MS / 60_000} minutes` });

async function writeEntries(
  tar: Pack,
  owner: Owner,
  contents: readonly ShareContent[],
  signal: AbortSignal,
): Promise<void> {
  for (const { path, files } of contents) {
    // The share's own folder is among them, for images that have none: it would belong to root, and take no downloads. By the name
    // `./` the engine would leave it as it is.
    const name = path === '' ? `..${SHARE_DIR}` : `./${path}`;
    tar.entry({ name, type: 'directory', mode: 0o755, ...owner });
    for (const file of files) await writeEntry(tar, owner, path, file, signal);
  }
  tar.finalize();
}

async function writeEntry(
  tar: Pack,
  owner: Owner,
  folder: string,
  file: ShareFile,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  assertName(file.name);
  const name = folder === '' ? `./${file.name}` : `./${folder}/${file.name}`;
  const entry = tar.entry({ name, size: file.sizeBytes, mode: 0o644, ...owner });
  let sizeBytes = 0;
  const counted = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      sizeBytes += chunk.length;
      if (sizeBytes > file.sizeBytes) break;
      yield chunk;
    }
    if (sizeBytes !== file.sizeBytes) {
      throw new PeerLabError('internal', {
        about: file.name,
        expected: `${file.sizeBytes} bytes for the share`,
        got: sizeBytes > file.sizeBytes ? 'more' : `${sizeBytes}`,
      });
    }
  };
  await pipeline(file.open(), counted, entry, { signal });
}

/** What an entry of the archive is, if it is no file; the engine leaves sockets out. */
const ODD_ENTRIES: Readonly<Record<string, OddKind>> = {
  ...{ symlink: 'link', fifo: 'fifo' },
  ...{ 'character-device': 'device', 'block-device': 'device' },
};

/** What is in the share, from the disk by way of the engine: the peer is not asked, and need not run. */
export async function* readShare(engine: EngineConnection, container: Container): AsyncGenerator<StoredFile> {
  const told = new Set<string>();
  for (let attempt = 1; ; attempt++) {
    try {
      for await (const file of readOnce(engine, container)) {
        if (told.has(file.name)) continue;
        told.add(file.name);
        yield file;
      }
      return;
    } catch (error) {
      const failure = engine.errorOf('read the share', error);
      if (failure.code === 'engine-lost' || attempt === READ_ATTEMPTS) throw failure;
    }
  }
}

async function* readOnce(engine: EngineConnection, container: Container): AsyncGenerator<StoredFile> {
  const archive = (await engine.call('read the share', container.getArchive({ path: SHARE_DIR }))) as Readable;
  const entries = extract();
  const moved = pipeline(archive, entries, { signal: engine.lost });
  moved.catch((error) => entries.destroy(error));
  /** By their names in the archive. */
  const files = new Map<string, StoredFile>();
  for await (const entry of entries) {
    const { type, name: path, linkname } = entry.header;
    // The archive begins with the folder's own name.
    const name = path.slice(path.indexOf('/') + 1);
    const kind = ODD_ENTRIES[type ?? ''];
    // Another name of a file that came before: as good a file as that one.
    const same = type === 'link' ? files.get(linkname ?? '') : undefined;
    if (kind) yield { name, sizeBytes: 0, sha256: '', kind };
    else if (same) yield { ...same, name };
    if (type !== 'file') {
      entry.resume();
      continue;
    }
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for await (const chunk of entry as AsyncIterable<Buffer>) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
    const file = { name, sizeBytes, sha256: hash.digest('hex') };
    files.set(path, file);
    yield file;
  }
  await moved;
}
