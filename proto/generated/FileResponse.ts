// Original file: proto/peer.proto

import type { Long } from '@grpc/proto-loader';

export interface FileResponse {
  'success'?: (boolean);
  'message'?: (string);
  /**
   * Bytes of content that the receiver took: less than the file has where it was there already. Of an offer: what was fetched,
   * even when the offer was declined in the end.
   */
  'bytes'?: (number | string | Long);
  /**
   * Of an offer: the receiver ended a call before its end, so that the sender may have sent more than these bytes.
   */
  'cut'?: (boolean);
  '_bytes'?: "bytes";
  '_cut'?: "cut";
}

export interface FileResponse__Output {
  'success': (boolean);
  'message': (string);
  /**
   * Bytes of content that the receiver took: less than the file has where it was there already. Of an offer: what was fetched,
   * even when the offer was declined in the end.
   */
  'bytes'?: (number);
  /**
   * Of an offer: the receiver ended a call before its end, so that the sender may have sent more than these bytes.
   */
  'cut'?: (boolean);
  '_bytes'?: "bytes";
  '_cut'?: "cut";
}
