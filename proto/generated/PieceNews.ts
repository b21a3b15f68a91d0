// Original file: proto/peer.proto

import type { Long } from '@grpc/proto-loader';

/**
 * One without any field says only that the peer is alive; it comes at least once a second while a turn is wanted.
 */
export interface PieceNews {
  /**
   * Bytes in a piece, as this peer cuts the file; in the first message.
   */
  'pieceSize'?: (number | string | Long);
  /**
   * A bit for each piece that is there and was checked, the first piece in the highest bit of the first byte; in the first message.
   */
  'map'?: (Buffer | Uint8Array | string);
  /**
   * In the first message, instead of a map: all are there.
   */
  'whole'?: (boolean);
  /**
   * In the first message: ask for content only in turn, for one piece each time. Otherwise ask at any time.
   */
  'turns'?: (boolean);
  /**
   * Pieces that have come since.
   */
  'have'?: (number)[];
  /**
   * It is the caller's turn to ask for one piece, within a second; its number, to be shown in FileRequest.turn. 0: none.
   */
  'turn'?: (number);
  /**
   * The piece that nobody got from this peer yet: a good choice, if the caller has none that is rarer.
   */
  'suggest'?: (number);
  '_suggest'?: "suggest";
}

/**
 * One without any field says only that the peer is alive; it comes at least once a second while a turn is wanted.
 */
export interface PieceNews__Output {
  /**
   * Bytes in a piece, as this peer cuts the file; in the first message.
   */
  'pieceSize': (number);
  /**
   * A bit for each piece that is there and was checked, the first piece in the highest bit of the first byte; in the first message.
   */
  'map': (Buffer);
  /**
   * In the first message, instead of a map: all are there.
   */
  'whole': (boolean);
  /**
   * In the first message: ask for content only in turn, for one piece each time. Otherwise ask at any time.
   */
  'turns': (boolean);
  /**
   * Pieces that have come since.
   */
  'have': (number)[];
  /**
   * It is the caller's turn to ask for one piece, within a second; its number, to be shown in FileRequest.turn. 0: none.
   */
  'turn': (number);
  /**
   * The piece that nobody got from this peer yet: a good choice, if the caller has none that is rarer.
   */
  'suggest'?: (number);
  '_suggest'?: "suggest";
}
