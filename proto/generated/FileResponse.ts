// Original file: proto/peer.proto

import type { Long } from '@grpc/proto-loader';

export interface FileResponse {
  'success'?: (boolean);
  'message'?: (string);
  /**
   * Of an offer that was taken: bytes of content that the receiver fetched.
   */
  'bytes'?: (number | string | Long);
  '_bytes'?: "bytes";
}

export interface FileResponse__Output {
  'success': (boolean);
  'message': (string);
  /**
   * Of an offer that was taken: bytes of content that the receiver fetched.
   */
  'bytes'?: (number);
  '_bytes'?: "bytes";
}
