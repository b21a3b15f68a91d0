import type { ServerWritableStream } from '@grpc/grpc-js';
import { PeerLabError } from '#proto/errors.ts';
import type { FileChunk } from '#proto/generated/FileChunk.ts';
import type { FileRequest__Output } from '#proto/generated/FileRequest.ts';
import { CHUNK_SIZE_BYTES } from '#proto/peer.ts';
import { StallWatch } from '../bounds.ts';
import type { ShareEntry } from '../share/catalogue.ts';
import type { RegularFile } from '../share/regular-file.ts';

type DownloadCall = Pick<ServerWritableStream<FileRequest__Output, FileChunk>, 'write' | 'once' | 'off' | 'cancelled'>;

/** Chunks of one call that are read but not yet taken by the connection: all that a slow reader costs. */
export const CHUNKS_IN_FLIGHT = 4;

/** A reader that takes nothing for so long loses its slot. */
const READER_TIMEOUT_MS = 60_000;

/**
 * Sends the range of `file` that `request` asks for, and returns once the last chunk is taken and the file is seen not to have changed.
 * @param moved told the bytes of each chunk that the connection took
 * @throws PeerLabError `bad-range`, `file-changed`, `cancelled`
 */
export async function sendFile(
  call: DownloadCall,
  request: Pick<FileRequest__Output, 'offset' | 'length'>,
  { entry, file }: { entry: ShareEntry; file: RegularFile },
  moved: (bytes: number) => void,
): Promise<void> {
  const { offset } = request;
  const end = endOfRange(request, entry.size);
  using gone = new Gone(call);
  const buffers = Array.from({ length: CHUNKS_IN_FLIGHT }, () =>
    Buffer.allocUnsafeSlow(Math.min(CHUNK_SIZE_BYTES, end - offset)),
  );
  const taken: Promise<void>[] = buffers.map(() => Promise.resolve());

  let position = offset;
  for (let turn = 0; position < end || position === offset; turn = (turn + 1) % CHUNKS_IN_FLIGHT) {
    await gone.orTaken(taken[turn]);
    const content = (buffers[turn] as Buffer).subarray(0, Math.min(CHUNK_SIZE_BYTES, end - position));
    if ((await file.read(content, position)) < content.length) throw new PeerLabError('file-changed');
    const about = position === offset ? { size: entry.size, sha256: entry.sha256 } : {};
    taken[turn] = write(call, { content, offset: position, ...about }, moved);
    position += content.length;
    if (content.length === 0) break;
  }
  for (const last of taken) await gone.orTaken(last);
  if (!(await file.isUnchanged())) throw new PeerLabError('file-changed');
}

/** @returns the position after the last byte asked for. @throws PeerLabError `bad-range` */
function endOfRange({ offset, length }: Pick<FileRequest__Output, 'offset' | 'length'>, size: number): number {
  const end = length === 0 ? size : offset + length;
  if (Number.isSafeInteger(end) && offset <= size && end <= size) return end;
  throw new PeerLabError('bad-range', { expected: `a range within ${size} bytes`, got: `${offset} + ${length}` });
}

/** Resolves when the connection has taken the chunk; never when the call is gone by then: `Gone` notices that. */
function write(call: DownloadCall, chunk: FileChunk, moved: (bytes: number) => void): Promise<void> {
  return new Promise((resolve) => {
    call.write(chunk, () => {
      moved(chunk.content?.length ?? 0);
      resolve();
    });
  });
}

/** The end of a call whose caller went away, or reads nothing any more. */
class Gone implements Disposable {
  readonly #call: DownloadCall;
  readonly #watch: StallWatch;
  readonly #gone = Promise.withResolvers<never>();
  readonly #cancelled = () => this.#gone.reject(new PeerLabError('cancelled'));

  constructor(call: DownloadCall) {
    this.#call = call;
    this.#gone.promise.catch(() => {});
    this.#watch = new StallWatch(READER_TIMEOUT_MS, () =>
      this.#gone.reject(new PeerLabError('cancelled', { got: `nothing was read for ${READER_TIMEOUT_MS / 1000} s` })),
    );
    call.once('cancelled', this.#cancelled);
    if (call.cancelled) this.#cancelled();
  }

  orTaken(taken: Promise<void> | undefined): Promise<void> {
    return this.#watch.during(Promise.race([this.#gone.promise, taken ?? Promise.resolve()]));
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#call.off('cancelled', this.#cancelled);
  }
}
