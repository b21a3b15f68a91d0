import type { ServerWritableStream } from '@grpc/grpc-js';
import { ChunkBuffer } from '#proto/chunk-encoding.ts';
import { PeerLabError } from '#proto/errors.ts';
import type { FileChunk } from '#proto/generated/FileChunk.ts';
import type { FileRequest__Output } from '#proto/generated/FileRequest.ts';
import type { RateLimits } from '../rate-limit.ts';
import type { Opened } from '../share/share.ts';
import { hostOf, READER_TIMEOUT_MS } from './caller.ts';
import type { SendMemory } from './send-memory.ts';

type DownloadCall = Pick<
  ServerWritableStream<FileRequest__Output, FileChunk>,
  'write' | 'once' | 'off' | 'cancelled' | 'getPeer'
>;

export interface SendFileInit {
  readonly memory: SendMemory;
  readonly limits: RateLimits;
  /** Told the bytes of each chunk that the connection took: the one place where sent content is counted. */
  readonly moved: (bytes: number) => void;
}

/**
 * Sends the range of `file` that `request` asks for, and returns once the last chunk is taken and the file is seen not to have changed.
 * @throws PeerLabError `bad-range`, `file-changed`, `cancelled`
 */
export async function sendFile(
  call: DownloadCall,
  request: Pick<FileRequest__Output, 'offset' | 'length'>,
  { entry, file }: Opened,
  { memory, limits, moved }: SendFileInit,
): Promise<void> {
  const { offset } = request;
  const end = endOfRange(request, entry.size);
  using shape = memory.take(end - offset);
  using pipe = new Pipe(call, shape.chunks, () => new ChunkBuffer(shape.chunkSizeBytes));
  using pace = limits.of(hostOf(call));
  const chunkSizeBytes = limits.chunkSize(shape.chunkSizeBytes);
  for (let position = offset; position < end || position === offset; ) {
    const buffer = await pipe.free();
    const content = buffer.content(Math.min(chunkSizeBytes, end - position));
    await pipe.wait(pace.reserve(content.length));
    if ((await file.read(content, position)) < content.length) throw new PeerLabError('file-changed');
    const about = position === offset ? { size: entry.size, sha256: entry.sha256 } : {};
    pipe.send(buffer, buffer.encode(content.length, { offset: position, ...about }), () => moved(content.length));
    position += content.length;
    if (content.length === 0) break;
  }
  await pipe.drained();
  if (!(await file.isUnchanged())) throw new PeerLabError('file-changed');
}

/** @returns the position after the last byte asked for. @throws PeerLabError `bad-range` */
function endOfRange({ offset, length }: Pick<FileRequest__Output, 'offset' | 'length'>, size: number): number {
  const end = length === 0 ? size : offset + length;
  if (Number.isSafeInteger(end) && offset <= size && end <= size) return end;
  throw new PeerLabError('bad-range', { expected: `a range within ${size} bytes`, got: `${offset} + ${length}` });
}

/**
 * A few buffers that go round: filled, given to the connection, and free again when it has taken them. Waiting ends with an error when the
 * caller goes away or takes nothing any more. One waits at a time.
 */
class Pipe implements Disposable {
  readonly #call: DownloadCall;
  readonly #limit: number;
  readonly #make: () => ChunkBuffer;
  readonly #timer: NodeJS.Timeout;
  readonly #free: ChunkBuffer[] = [];
  #made = 0;
  #taken = 0;
  #gone: PeerLabError | undefined;
  #waiting: { isOver: () => boolean; resolve: () => void; reject: (error: PeerLabError) => void } | undefined;
  readonly #cancelled = () => this.#end(new PeerLabError('cancelled'));

  constructor(call: DownloadCall, limit: number, make: () => ChunkBuffer) {
    this.#call = call;
    this.#limit = limit;
    this.#make = make;
    this.#timer = setTimeout(() => {
      // Who has nothing to take can't be late with it.
      if (this.#taken === 0) this.#timer.refresh();
      else this.#end(new PeerLabError('cancelled', { got: `nothing was read for ${READER_TIMEOUT_MS / 1000} s` }));
    }, READER_TIMEOUT_MS);
    call.once('cancelled', this.#cancelled);
    if (call.cancelled) this.#cancelled();
  }

  /** @throws PeerLabError `cancelled` */
  async free(): Promise<ChunkBuffer> {
    if (this.#free.length === 0 && this.#made < this.#limit) {
      this.#made++;
      this.#free.push(this.#make());
    }
    await this.#until(() => this.#free.length > 0);
    return this.#free.pop() as ChunkBuffer;
  }

  send(buffer: ChunkBuffer, encoded: Buffer, moved: () => void): void {
    this.#taken++;
    this.#call.write(encoded as FileChunk, () => {
      this.#taken--;
      this.#free.push(buffer);
      this.#timer.refresh();
      moved();
      if (this.#waiting?.isOver()) this.#waiting.resolve();
    });
  }

  /** For the limits' sake: that is not the caller's slowness. @throws PeerLabError `cancelled` */
  async wait(ms: number): Promise<void> {
    if (ms <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    const gone = () => resolve();
    this.#call.once('cancelled', gone);
    await promise;
    clearTimeout(timer);
    this.#call.off('cancelled', gone);
    if (this.#gone) throw this.#gone;
  }

  /** @throws PeerLabError `cancelled` */
  drained(): Promise<void> {
    return this.#until(() => this.#taken === 0);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#call.off('cancelled', this.#cancelled);
  }

  #until(isOver: () => boolean): Promise<void> {
    if (this.#gone) return Promise.reject(this.#gone);
    if (isOver()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting = { isOver, resolve, reject };
    });
  }

  #end(error: PeerLabError): void {
    this.#gone ??= error;
    this.#waiting?.reject(this.#gone);
  }
}
