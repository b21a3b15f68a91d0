import { createHash } from 'node:crypto';
import * as grpc from '@grpc/grpc-js';
import { z } from 'zod';
import type { FileChunk__Output } from '#proto/generated/FileChunk.ts';
import type { FileResponse__Output } from '#proto/generated/FileResponse.ts';
import type { PieceNews__Output } from '#proto/generated/PieceNews.ts';
import type { SmallFiles__Output } from '#proto/generated/SmallFiles.ts';
import type { TreeResponse__Output } from '#proto/generated/TreeResponse.ts';
import { ERROR_CODE_METADATA, MAX_MESSAGE_BYTES, PeerService } from '#proto/peer.ts';
import { TICKET_METADATA } from '#proto/ticket.ts';

/** CALLS THAT THE PROBER MAKES for the lab: one call of the wire, exactly as it is told, and what came of it. */

const fileRequest = z.object({
  filename: z.string(),
  offset: z.number().default(0),
  length: z.number().default(0),
  sha256: z.string().default(''),
});
/** As a message of FileUpload, but with its content in base64. */
const uploadMessage = z
  .object({
    filename: z.string().default(''),
    size: z.number().optional(),
    sha256: z.string().optional(),
    offer: z.boolean().default(false),
    content: z.base64().default(''),
  })
  .transform(({ filename, size, sha256, offer, content }) => ({
    ...{ filename, offer, content: Buffer.from(content, 'base64') },
    ...(size !== undefined && { size }),
    ...(sha256 !== undefined && { sha256 }),
  }));

export const callWish = z.object({
  /** `ip:port` of the peer that is called. */
  address: z.string(),
  ticket: z.enum(['own', 'none', 'forged']).default('own'),
  timeoutMs: z.number(),
  call: z.discriminatedUnion('method', [
    /** `leaveAfter`: the caller goes away when this number of bytes has come. `pauseMs`: it reads nothing for that time after the first chunk. */
    z.object({
      ...{ method: z.literal('DownloadFile'), request: fileRequest },
      ...{ leaveAfter: z.number().optional(), pauseMs: z.number().default(0) },
    }),
    z.object({ method: z.literal('DownloadFiles'), request: z.object({ files: z.array(fileRequest) }) }),
    z.object({ method: z.literal('FileTree'), request: fileRequest }),
    z.object({ method: z.literal('UploadFile'), messages: z.array(uploadMessage) }),
    /** The first wish and the first news; then the prober leaves. */
    z.object({ method: z.literal('WatchPieces'), wish: z.object({ sha256: z.string(), root: z.string() }) }),
  ]),
});
export type CallWish = z.input<typeof callWish>;

/** What came. Of content only the sum is told. */
export interface Called {
  /** As numbers of gRPC have it; 0 is OK, 1 that the prober left. */
  readonly status: number;
  /** It left because the time was over. */
  readonly isLate: boolean;
  readonly details: string;
  /** The code in the trailing metadata. */
  readonly code?: string;
  readonly bytes: number;
  /** Of all content, in the order in which it came. */
  readonly sha256: string;
  readonly messages: number;
  readonly largestContent: number;
  /** What the first chunk of a download says. */
  readonly first?: { readonly size?: number; readonly sha256?: string; readonly offset?: number };
  /** Chunks that carry no offset, and chunks whose offset is not where the one before ended. */
  readonly withoutOffset: number;
  readonly misplaced: number;
  /** Of DownloadFiles: an entry for each file that was answered. */
  readonly files?: readonly { index: number; bytes: number; sha256: string; error: string }[];
  readonly tree?: { size: number; sha256: string; root: string; pieceSize: number; layer: string };
  readonly answer?: { success: boolean; message: string; bytes?: number };
  /** The first of WatchPieces; the map in hexadecimal digits. */
  readonly news?: { pieceSize: number; map: string; whole: boolean; turns: boolean };
}

/** More than any file of a check: who sends without end is left. */
const MAX_BYTES = 64 * 1024 ** 2;
const FORGED = `${Buffer.from('{"alg":"EdDSA","typ":"JWT"}').toString('base64url')}.e30.${Buffer.alloc(64).toString('base64url')}`;

/** Never throws for what the peer does: that is what it tells. */
export async function callPeer(
  { address, ticket, timeoutMs, call }: z.output<typeof callWish>,
  own: string | undefined,
): Promise<Called> {
  const client = new PeerService(address, grpc.credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  });
  const metadata = new grpc.Metadata();
  const shown = ticket === 'forged' ? FORGED : ticket === 'own' ? own : undefined;
  if (shown !== undefined) metadata.set(TICKET_METADATA, `Bearer ${shown}`);
  const told = new Telling(timeoutMs);
  try {
    if (call.method === 'DownloadFile') {
      const stream = client.downloadFile(call.request, metadata);
      return await told.of(stream, (chunk: FileChunk__Output) => {
        if (told.bytes === 0 && call.pauseMs > 0) {
          stream.pause();
          setTimeout(() => stream.resume(), call.pauseMs);
        }
        told.take(chunk);
        if (told.bytes >= (call.leaveAfter ?? MAX_BYTES)) stream.cancel();
      });
    }
    if (call.method === 'DownloadFiles') {
      const stream = client.downloadFiles(call.request, metadata);
      return await told.of(stream, ({ files }: SmallFiles__Output) => {
        told.takeFiles(files);
        if (told.bytes >= MAX_BYTES) stream.cancel();
      });
    }
    if (call.method === 'FileTree')
      return await told.ofOne<TreeResponse__Output>(
        (done) => client.fileTree(call.request, metadata, done),
        ({ size, sha256, root, pieceSize, layer }) => ({
          tree: { size, sha256, root, pieceSize, layer: layer.toString('hex') },
        }),
      );
    if (call.method === 'WatchPieces')
      return await told.ofOne<PieceNews__Output>(
        (done) => {
          const stream = client.watchPieces(metadata);
          stream.once('data', (news: PieceNews__Output) => {
            done(null, news);
            stream.cancel();
          });
          // Who ends the call without a word and without an error has said nothing.
          stream.once('end', () => done(null));
          stream.on('error', (error: grpc.ServiceError) => done(error));
          stream.write(call.wish);
          return stream;
        },
        ({ pieceSize, map, whole, turns }) => ({ news: { pieceSize, map: map.toString('hex'), whole, turns } }),
      );
    return await told.ofOne<FileResponse__Output>(
      (done) => {
        const stream = client.uploadFile(metadata, done);
        // A receiver may answer before the end; what is written after that is for nobody.
        stream.on('error', () => {});
        for (const message of call.messages) stream.write(message);
        stream.end();
        return stream;
      },
      ({ success, message, bytes }) => ({
        answer: { success, message, ...(bytes !== undefined && { bytes }) },
      }),
    );
  } finally {
    client.close();
  }
}

/** Counts what comes. */
class Telling {
  bytes = 0;
  readonly #hash = createHash('sha256');
  readonly #files: { index: number; bytes: number; sha256: string; error: string }[] = [];
  #messages = 0;
  #largest = 0;
  #first: FileChunk__Output | undefined;
  #withoutOffset = 0;
  #misplaced = 0;
  #expected: number | undefined;
  #hasFiles = false;
  #isLate = false;
  readonly #timeoutMs: number;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  take(chunk: FileChunk__Output): void {
    const { content, offset } = chunk;
    this.#first ??= chunk;
    this.#count(content);
    if (offset === undefined) this.#withoutOffset++;
    else {
      if (this.#expected !== undefined && offset !== this.#expected) this.#misplaced++;
      this.#expected = offset + content.length;
    }
  }

  takeFiles(files: SmallFiles__Output['files']): void {
    this.#hasFiles = true;
    for (const { index, content, error } of files) {
      this.#count(content);
      const sha256 = createHash('sha256').update(content).digest('hex');
      this.#files.push({ index, bytes: content.length, sha256, error });
    }
  }

  /** A stream of answers, to its end. */
  of<T>(stream: grpc.ClientReadableStream<T>, take: (message: T) => void): Promise<Called> {
    return this.#inTime(stream, (resolve) => {
      stream.on('data', take);
      const read = new Promise<void>((done) => stream.once('end', done).on('error', () => done()));
      // Every end has a status; an error is a status that is not OK. It may come while content still waits to be read.
      stream.on('status', (status) => void read.then(() => resolve(this.#all(status))));
    });
  }

  /** One answer. */
  ofOne<T>(
    ask: (done: (error: grpc.ServiceError | null, answer?: T) => void) => { cancel(): void },
    tell: (answer: T) => Partial<Called>,
  ): Promise<Called> {
    const { promise, resolve } = Promise.withResolvers<Called>();
    let isTold = false;
    const call = ask((error, answer) => {
      // A call that was left after its answer ends with an error, too.
      if (isTold) return;
      isTold = true;
      if (answer !== undefined) resolve({ ...this.#all({ code: 0, details: '' }), ...tell(answer) });
      else resolve(this.#all(error ?? { code: grpc.status.UNKNOWN, details: 'no answer and no error' }));
    });
    return this.#inTime(call, (done) => void promise.then(done));
  }

  async #inTime(call: { cancel(): void }, wait: (resolve: (told: Called) => void) => void): Promise<Called> {
    const timer = setTimeout(() => {
      this.#isLate = true;
      call.cancel();
    }, this.#timeoutMs);
    try {
      return await new Promise(wait);
    } finally {
      clearTimeout(timer);
    }
  }

  #count(content: Buffer): void {
    this.bytes += content.length;
    this.#messages++;
    this.#largest = Math.max(this.#largest, content.length);
    this.#hash.update(content);
  }

  #all({ code, details, metadata }: { code: number; details: string; metadata?: grpc.Metadata }): Called {
    const [named] = metadata?.get(ERROR_CODE_METADATA) ?? [];
    const { size, sha256, offset } = this.#first ?? {};
    return {
      status: code,
      isLate: this.#isLate,
      details: details.slice(0, 400),
      ...(named !== undefined && { code: String(named) }),
      bytes: this.bytes,
      sha256: this.#hash.digest('hex'),
      messages: this.#messages,
      largestContent: this.#largest,
      ...(this.#first && {
        first: {
          ...(size !== undefined && { size }),
          ...(sha256 !== undefined && { sha256 }),
          ...(offset !== undefined && { offset }),
        },
      }),
      withoutOffset: this.#withoutOffset,
      misplaced: this.#misplaced,
      ...(this.#hasFiles && { files: this.#files }),
    };
  }
}
