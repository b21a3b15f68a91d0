import type { FileChunk } from '#proto/generated/FileChunk.ts';
import type { PeerServiceHandlers } from '#proto/generated/PeerService.ts';
import { TreeHasher } from '#proto/hash-tree.ts';
import { StandInSource } from './stand-in-source.ts';
import { sha256 } from './test-peer.ts';

type DownloadCall = Parameters<PeerServiceHandlers['DownloadFile']>[0];

/** What a source does otherwise than it should. */
export interface Manners {
  /** Bytes in a chunk, and the time between two. */
  readonly chunkBytes?: number;
  readonly everyMs?: number;
  /** The byte at this place of the file is wrong. */
  readonly wrongByteAt?: number;
  /** Does so when it has sent this many bytes, in all calls together. */
  readonly after?: { readonly bytes: number; readonly does: 'stop' | 'end' | 'break' };
  /** Sends this many bytes more than asked for. */
  readonly moreBytes?: number;
  /** As the predecessor's: no ranges, no offsets, no hashes. */
  readonly old?: boolean;
  /** The number of first calls that are answered with `busy`. */
  readonly busyTimes?: number;
  /** What it says of its tree. */
  readonly layer?: Buffer;
  /** What it says that its SHA-256 is. */
  readonly sha256?: string;
}

/** A peer that serves ranges of one content, honestly or not. */
export class RangeSource implements Disposable {
  readonly content: Buffer;
  readonly address: string;
  readonly port: number;
  readonly asked: { offset: number; length: number }[] = [];
  sentBytes = 0;
  readonly #manners: Manners;
  readonly #source: StandInSource;
  #busyTimes: number;

  private constructor(source: StandInSource, content: Buffer, manners: Manners) {
    this.#source = source;
    this.content = content;
    this.address = source.address;
    this.port = source.port;
    this.#manners = manners;
    this.#busyTimes = manners.busyTimes ?? 0;
  }

  static async start(content: Buffer, manners: Manners = {}): Promise<RangeSource> {
    let self: RangeSource;
    const hasher = new TreeHasher(content.length);
    hasher.update(content);
    const tree = hasher.digest();
    const handlers: Partial<PeerServiceHandlers> = {
      DownloadFile: (call) => void self.#send(call),
    };
    if (!manners.old && tree) {
      const { root, pieceSizeBytes: pieceSize } = tree;
      handlers.FileTree = (_, answer) =>
        answer(null, {
          size: content.length,
          sha256: manners.sha256 ?? sha256(content),
          root,
          pieceSize,
          layer: manners.layer ?? tree.layer,
        });
    }
    self = new RangeSource(await StandInSource.start(handlers), content, manners);
    return self;
  }

  [Symbol.dispose](): void {
    this.#source[Symbol.dispose]();
  }

  async #send(call: DownloadCall): Promise<void> {
    const { chunkBytes = 256 * 1024, everyMs, moreBytes = 0, old, after } = this.#manners;
    const offset = old ? 0 : call.request.offset;
    const length = old ? 0 : call.request.length;
    call.setMaxListeners(0);
    this.asked.push({ offset: call.request.offset, length: call.request.length });
    if (this.#busyTimes-- > 0) return void call.emit('error', { code: 8, details: 'busy' });
    const end = length === 0 ? this.content.length : offset + length;
    const about = old ? {} : { size: this.content.length, sha256: this.#manners.sha256 ?? sha256(this.content) };
    for (let position = offset; position < end + moreBytes && !call.cancelled; ) {
      if (after && this.sentBytes >= after.bytes) return this.#fail(call, after.does);
      const content = this.#bytes(position, Math.min(chunkBytes, end + moreBytes - position));
      const chunk: FileChunk = old ? { content } : { content, offset: position, ...(position === offset && about) };
      await Promise.race([
        new Promise((taken) => call.write(chunk, taken)),
        new Promise((cancelled) => call.once('cancelled', cancelled)),
      ]);
      this.sentBytes += content.length;
      position += content.length;
      if (everyMs !== undefined) await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
    call.end();
  }

  #bytes(position: number, length: number): Buffer {
    const { wrongByteAt = -1 } = this.#manners;
    const bytes = Buffer.alloc(length);
    if (position < this.content.length) this.content.copy(bytes, 0, position);
    const at = wrongByteAt - position;
    if (at >= 0 && at < length) bytes[at] = (bytes[at] as number) ^ 1;
    return bytes;
  }

  #fail(call: DownloadCall, does: 'stop' | 'end' | 'break'): void {
    if (does === 'end') call.end();
    if (does === 'break') call.emit('error', { code: 14, details: 'gone' });
  }
}
