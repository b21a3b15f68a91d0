import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';
import { addressText } from '#proto/addresses.ts';
import type { SharedFile } from '#proto/directory-api.ts';
import type { FileChunk } from '#proto/generated/FileChunk.ts';
import type { PeerServiceHandlers } from '#proto/generated/PeerService.ts';
import { CHUNK_SIZE_BYTES, MAX_MESSAGE_BYTES, peerServiceDefinition } from '#proto/peer.ts';
import { type Behaviour, Pace } from './behaviour.ts';
import { type Counters, settings } from './double.ts';
import type { HashedFile } from './files.ts';
import type { Lie } from './names.ts';

type Call = Parameters<PeerServiceHandlers['DownloadFile']>[0];

/** `endless` ends somewhere: a loop without a bound would be a fault of the laboratory. */
const ENDLESS_BYTES = 1024 ** 3;
const SAMPLE_BYTES = 64 * 1024 ** 2;

export interface ServingInit {
  readonly behaviour: () => Behaviour;
  readonly files: () => readonly HashedFile[];
  readonly counters: Counters;
  /** Told of each call, before it is answered. */
  readonly visited?: (method: string, metadata: grpc.Metadata) => void;
  /** Without it, uploads are refused. */
  readonly takeUpload?: PeerServiceHandlers['UploadFile'];
}

/** Serves the folder over gRPC, as right or as wrong as it is told to. Comes back when it listens. */
export async function serve(init: ServingInit): Promise<void> {
  const server = new grpc.Server({ 'grpc.max_send_message_length': MAX_MESSAGE_BYTES });
  const handlers: Pick<PeerServiceHandlers, 'DownloadFile' | 'FileTree' | 'UploadFile'> = {
    DownloadFile: (call) => {
      init.visited?.('DownloadFile', call.metadata);
      send(call, init).catch((error) => fail(call, grpc.status.INTERNAL, error.message));
    },
    // About the tree it tells the truth: who lies there is found out before a byte of content was asked for.
    FileTree: ({ request: { filename, sha256 }, metadata }, answer) => {
      init.visited?.('FileTree', metadata);
      const file = init.files().find((one) => (sha256 ? one.sha256 === sha256 : one.name === filename));
      if (!file) return answer({ code: grpc.status.NOT_FOUND, details: 'no such file' });
      const { root = '', pieceSizeBytes: pieceSize = 0, layer } = file.tree ?? {};
      answer(null, { size: file.size, sha256: file.sha256, root, pieceSize, ...(layer && { layer }) });
    },
    UploadFile: (call, answer) => {
      if (init.takeUpload) return init.takeUpload(call, answer);
      answer(null, { success: false, message: 'this peer takes no uploads' });
      call.resume();
    },
  };
  server.addService(peerServiceDefinition, handlers as PeerServiceHandlers);
  const address = addressText({ ip: settings.PEER_HOST, port: Number(settings.PEER_PORT) });
  await new Promise<void>((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync(address, credentials, (error) => (error ? reject(error) : resolve()));
  });
}

async function send(call: Call, { behaviour, files, counters }: ServingInit): Promise<void> {
  const { filename, sha256, offset, length } = call.request;
  const file = files().find((one) => (sha256 ? one.sha256 === sha256 : one.name === filename));
  if (!file) return fail(call, grpc.status.NOT_FOUND, 'no such file');
  const { DOUBLE_LIES: lie, DOUBLE_SENDS: rate } = behaviour();
  await using handle = await open(path.join(settings.PEER_SHARE_DIR, file.name));
  const pace = new Pace();
  for await (const chunk of chunksOf(
    handle,
    file,
    { from: offset, to: length === 0 ? file.size : offset + length },
    lie,
  )) {
    if (call.cancelled) return;
    counters.sent += chunk.content?.length ?? 0;
    if (!call.write(chunk)) await Promise.race([once(call, 'drain'), once(call, 'cancelled')]);
    await sleep(pace.delayMs(chunk.content?.length ?? 0, rate));
    if (lie === 'silent') await once(call, 'cancelled');
  }
  call.end();
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** What is sent for a range of a file. */
export async function* chunksOf(
  handle: FileHandle,
  { size, sha256 }: SharedFile,
  { from, to }: Range,
  lie: Lie,
): AsyncGenerator<FileChunk> {
  const end = lie === 'short' ? Math.max(from, to - 1) : to;
  let about: Partial<FileChunk> = { size, sha256 };
  let sent = 0;
  do {
    for (let offset = from; offset < end || offset === from; offset += CHUNK_SIZE_BYTES) {
      const content = Buffer.alloc(Math.min(CHUNK_SIZE_BYTES, end - offset));
      await handle.read(content, 0, content.length, offset);
      for (const at of wrongBytes(lie, size, offset, content.length))
        content[at - offset] = ~(content[at - offset] ?? 0);
      const isLast = offset + content.length >= end;
      yield {
        content: lie === 'long' && isLast ? Buffer.concat([content, Buffer.from('x')]) : content,
        offset,
        ...about,
      };
      about = {};
      sent += content.length;
      if (content.length === 0) break;
    }
  } while (lie === 'endless' && sent > 0 && sent < ENDLESS_BYTES);
}

/** Positions in the file, within a chunk, of the bytes that are sent wrong. */
function wrongBytes(lie: Lie, size: number, offset: number, length: number): number[] {
  const at = {
    'wrong-bytes': offset,
    'first-byte': 0,
    'middle-byte': Math.floor(size / 2),
    'last-byte': size - 1,
  }[lie as string];
  return at !== undefined && at >= offset && at < offset + length ? [at] : [];
}

/**
 * What would be sent of the first file (the first 64 MiB of it), held against what is announced: so the lab sees whether it lies.
 * `bytes` and `sha256` are of what would be sent.
 */
export async function sample(
  [file]: readonly SharedFile[],
  lie: Lie,
): Promise<{ announced?: SharedFile; bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  if (!file) return { bytes, sha256: hash.digest('hex') };
  await using handle = await open(path.join(settings.PEER_SHARE_DIR, file.name));
  for await (const { content } of chunksOf(handle, file, { from: 0, to: file.size }, lie)) {
    hash.update(content as Buffer);
    bytes += content?.length ?? 0;
    if (bytes > Math.min(file.size, SAMPLE_BYTES) || lie === 'silent') break;
  }
  return { announced: file, bytes, sha256: hash.digest('hex') };
}

function fail(call: Call, code: grpc.status, details: string): void {
  if (!call.cancelled) call.emit('error', { code, details });
}
