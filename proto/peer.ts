import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { PeerServiceDefinition } from './generated/PeerService.ts';
import type { ProtoGrpcType } from './generated/peer.ts';

/**
 * The only loader of `peer.proto`; its options live here once. 64-bit fields arrive as numbers, exact up to 2^53 − 1
 * bytes (8 PiB), which is more than a file system holds. `generate.ts` passes the same options to the type generator.
 */
const loaded = grpc.loadPackageDefinition(
  loadSync(fileURLToPath(new URL('./peer.proto', import.meta.url)), { longs: Number, defaults: true, oneofs: true }),
) as unknown as ProtoGrpcType;

/** Client class: `new PeerService(address, credentials, options)`. */
export const PeerService = loaded.PeerService;

const { service } = loaded.PeerService;

/**
 * For `server.addService(peerServiceDefinition, handlers)`. A chunk may also be written as a Buffer that holds it encoded
 * (chunk-encoding.ts), which saves a copy of its content.
 */
export const peerServiceDefinition: PeerServiceDefinition = {
  ...service,
  DownloadFile: {
    ...service.DownloadFile,
    responseSerialize: (chunk) => (Buffer.isBuffer(chunk) ? chunk : service.DownloadFile.responseSerialize(chunk)),
  },
};

/** Bytes of content in one chunk. Smaller costs calls, larger costs memory and latency; see docs/transfers.md. */
export const CHUNK_SIZE_BYTES = 256 * 1024;

/** The largest message either side accepts: a chunk and generous room for its other fields. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** What DownloadFiles takes and gives: files in one request, and the bytes of the largest file. */
export const MAX_BATCH_FILES = 1000;
export const MAX_SMALL_FILE_BYTES = 256 * 1024;

/** HTTP/2 receive window of a downloading client: decides throughput on long paths. */
export const FLOW_CONTROL_WINDOW_BYTES = 14 * 1024 * 1024;

/** Key of the trailing metadata that carries an error's code from `errors.ts`. */
export const ERROR_CODE_METADATA = 'peerlab-error';
