// Original file: proto/peer.proto

import type { Long } from '@grpc/proto-loader';

export interface FileChunk {
  'content'?: (Buffer | Uint8Array | string);
  /**
   * Position in the file of this chunk's first byte, in every chunk. A peer that sends no offset (the predecessor's)
   * ignored the range: it is sending the whole file from byte 0.
   */
  'offset'?: (number | string | Long);
  /**
   * Size of the whole file in bytes; in the first chunk. An empty file, or an empty range, is one chunk without content.
   */
  'size'?: (number | string | Long);
  /**
   * SHA-256 of the whole file, 64 lower-case hex digits; in the first chunk.
   */
  'sha256'?: (string);
  '_offset'?: "offset";
  '_size'?: "size";
  '_sha256'?: "sha256";
}

export interface FileChunk__Output {
  'content': (Buffer);
  /**
   * Position in the file of this chunk's first byte, in every chunk. A peer that sends no offset (the predecessor's)
   * ignored the range: it is sending the whole file from byte 0.
   */
  'offset'?: (number);
  /**
   * Size of the whole file in bytes; in the first chunk. An empty file, or an empty range, is one chunk without content.
   */
  'size'?: (number);
  /**
   * SHA-256 of the whole file, 64 lower-case hex digits; in the first chunk.
   */
  'sha256'?: (string);
  '_offset'?: "offset";
  '_size'?: "size";
  '_sha256'?: "sha256";
}
