// Original file: proto/peer.proto

import type { Long } from '@grpc/proto-loader';

export interface FileRequest {
  'filename'?: (string);
  /**
   * First byte wanted; 0 is the start of the file.
   */
  'offset'?: (number | string | Long);
  /**
   * Number of bytes wanted; 0 means all up to the end of the file.
   */
  'length'?: (number | string | Long);
  /**
   * SHA-256 of the whole file, 64 lower-case hex digits. When given, exactly this content is served, whatever its name.
   */
  'sha256'?: (string);
  /**
   * Of a turn that WatchPieces gave: the place in the queue is used up by this call.
   */
  'turn'?: (number);
}

export interface FileRequest__Output {
  'filename': (string);
  /**
   * First byte wanted; 0 is the start of the file.
   */
  'offset': (number);
  /**
   * Number of bytes wanted; 0 means all up to the end of the file.
   */
  'length': (number);
  /**
   * SHA-256 of the whole file, 64 lower-case hex digits. When given, exactly this content is served, whatever its name.
   */
  'sha256': (string);
  /**
   * Of a turn that WatchPieces gave: the place in the queue is used up by this call.
   */
  'turn': (number);
}
