import * as grpc from '@grpc/grpc-js';
import { type ErrorCode, isErrorCode, PeerLabError, reasonOf, toPeerLabError } from '#proto/errors.ts';
import { ERROR_CODE_METADATA } from '#proto/peer.ts';
import { printable } from '#proto/printable.ts';

/** How an error leaves in a gRPC call: status, message as details, and the code in the trailing metadata. */
export function toStatus(thrown: unknown): { code: number; details: string; metadata: grpc.Metadata } {
  const error = toPeerLabError(thrown);
  return { code: error.kind.grpc, details: error.message, metadata: errorMetadata(error.code) };
}

export function errorMetadata(code: ErrorCode): grpc.Metadata {
  const metadata = new grpc.Metadata();
  metadata.set(ERROR_CODE_METADATA, code);
  return metadata;
}

/** The code that the other peer named, if it is one that it may name: not one about its own settings, say. */
export function namedCode(metadata: grpc.Metadata | undefined): ErrorCode | undefined {
  const code = metadata?.get(ERROR_CODE_METADATA)[0];
  return isErrorCode(code) && TAKEN_OVER.has(code) ? code : undefined;
}

/**
 * What a call that ended badly means for the side that made it.
 * @param about whom it was made to, `ip:port`
 * @param moved whether content had crossed the wire before: then a lost connection cut the stream off
 */
export function fromStatus(thrown: unknown, about: string, moved: boolean): PeerLabError {
  const { code, details, metadata } = thrown as Partial<grpc.ServiceError>;
  const reason = printable(details ?? reasonOf(thrown));
  // Who names a code has answered, whatever it could not reach itself.
  const hasAnswered = moved || metadata?.get(ERROR_CODE_METADATA)[0] !== undefined;
  return new PeerLabError(namedCode(metadata) ?? codeOf(code, moved, hasAnswered), {
    about,
    got: reason,
    cause: thrown,
  });
}

function codeOf(status: number | undefined, moved: boolean, hasAnswered: boolean): ErrorCode {
  switch (status) {
    case grpc.status.NOT_FOUND:
      return 'file-not-found';
    case grpc.status.UNAVAILABLE:
    case undefined:
      if (moved) return 'truncated';
      return hasAnswered ? 'source-refused' : 'source-unreachable';
    case grpc.status.CANCELLED:
    case grpc.status.INTERNAL:
      return moved ? 'truncated' : 'source-refused';
    case grpc.status.RESOURCE_EXHAUSTED:
      return moved ? 'too-many-bytes' : 'busy';
    default:
      return 'source-refused';
  }
}

const TAKEN_OVER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'bad-name',
  'bad-range',
  'bad-request',
  'busy',
  'shutting-down',
  'unauthorized',
  'ticket-refused',
  'upload-too-large',
  'quota-exceeded',
  'offer-declined',
  'file-not-found',
  'ambiguous-name',
  'file-changed',
  'file-exists',
  'hash-mismatch',
  'truncated',
  'too-many-bytes',
  'unverifiable',
  'disk-full',
  'share-gone',
  'share-read-only',
]);
