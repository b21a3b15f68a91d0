import type { ServerWritableStream } from '@grpc/grpc-js';
import { PeerLabError, toPeerLabError } from '#proto/errors.ts';
import type { FileRequest__Output } from '#proto/generated/FileRequest.ts';
import type { FilesRequest__Output } from '#proto/generated/FilesRequest.ts';
import type { SmallFile } from '#proto/generated/SmallFile.ts';
import type { SmallFiles } from '#proto/generated/SmallFiles.ts';
import { MAX_BATCH_FILES, MAX_SMALL_FILE_BYTES } from '#proto/peer.ts';
import type { RateLimits } from '../rate-limit.ts';
import type { Share } from '../share/share.ts';
import { Outlet } from './outlet.ts';

type FilesCall = Pick<
  ServerWritableStream<FilesRequest__Output, SmallFiles>,
  'request' | 'write' | 'once' | 'off' | 'cancelled' | 'getPeer'
>;

/** Files that are opened and read at one time, in wait for their turn. */
const READS_AHEAD = 8;
/** Content of one message; a message with one large file is no larger than that file. */
const MESSAGE_BYTES = 256 * 1024;

export interface SendBatchInit {
  readonly share: Share;
  readonly limits: RateLimits;
  /** Told the bytes of content that the connection took. */
  readonly moved: (bytes: number) => void;
}

/**
 * Sends the files of one request in their order, and comes back when the connection has taken the last.
 * @throws PeerLabError `bad-request` for too many files, `cancelled`
 */
export async function sendBatch(call: FilesCall, { share, limits, moved }: SendBatchInit): Promise<void> {
  const { files } = call.request;
  if (files.length > MAX_BATCH_FILES)
    throw new PeerLabError('bad-request', { expected: `at most ${MAX_BATCH_FILES} files`, got: `${files.length}` });
  using outlet = new Outlet<SmallFiles>(call, limits);
  let message: SmallFile[] = [];
  let bytes = 0;
  const flush = async () => {
    await outlet.send({ files: message }, bytes);
    moved(bytes);
    message = [];
    bytes = 0;
  };
  for await (const file of readAhead(files, share)) {
    const size = file.content?.length ?? 0;
    if (message.length > 0 && bytes + size > MESSAGE_BYTES) await flush();
    message.push(file);
    bytes += size;
  }
  if (message.length > 0) await flush();
}

/** The files in their order, some of them read before they are asked for. */
async function* readAhead(requests: readonly FileRequest__Output[], share: Share): AsyncGenerator<SmallFile> {
  const ahead: Promise<SmallFile>[] = [];
  for (let next = 0; next < requests.length || ahead.length > 0; ) {
    while (ahead.length < READS_AHEAD && next < requests.length) {
      ahead.push(read(next, requests[next] as FileRequest__Output, share));
      next++;
    }
    yield await (ahead.shift() as Promise<SmallFile>);
  }
}

/** Never rejects: what is wrong with one file is said of it, and the others go on. */
async function read(index: number, { filename, sha256 }: FileRequest__Output, share: Share): Promise<SmallFile> {
  try {
    const { entry, file: opened } = await share.open(filename, sha256 || undefined);
    await using file = opened;
    if (entry.size > MAX_SMALL_FILE_BYTES) throw new PeerLabError('bad-range', { about: entry.name });
    const content = Buffer.allocUnsafe(entry.size);
    if ((await file.read(content, 0)) < content.length || !(await file.isUnchanged()))
      throw new PeerLabError('file-changed', { about: entry.name });
    return { index, content };
  } catch (error) {
    return { index, error: toPeerLabError(error).code };
  }
}
