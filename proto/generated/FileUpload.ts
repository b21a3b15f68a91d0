// Original file: proto/peer.proto

import type { Long } from '@grpc/proto-loader';

export interface FileUpload {
  'filename'?: (string);
  'content'?: (Buffer | Uint8Array | string);
  /**
   * Size of the whole file in bytes; in the first message.
   */
  'size'?: (number | string | Long);
  /**
   * SHA-256 of the whole file, 64 lower-case hex digits; in the first message.
   */
  'sha256'?: (string);
  /**
   * In the first and only message: the sender serves this content under this name at the address that its ticket names, and the
   * receiver may fetch it there. A receiver that can't reach it, or knows nothing of offers, answers success=false; then the content
   * is streamed.
   */
  'offer'?: (boolean);
  '_size'?: "size";
  '_sha256'?: "sha256";
}

export interface FileUpload__Output {
  'filename': (string);
  'content': (Buffer);
  /**
   * Size of the whole file in bytes; in the first message.
   */
  'size'?: (number);
  /**
   * SHA-256 of the whole file, 64 lower-case hex digits; in the first message.
   */
  'sha256'?: (string);
  /**
   * In the first and only message: the sender serves this content under this name at the address that its ticket names, and the
   * receiver may fetch it there. A receiver that can't reach it, or knows nothing of offers, answers success=false; then the content
   * is streamed.
   */
  'offer': (boolean);
  '_size'?: "size";
  '_sha256'?: "sha256";
}
