// Original file: proto/peer.proto

import type { Long } from '@grpc/proto-loader';

/**
 * The tree is BitTorrent v2's (BEP 52): SHA-256 over blocks of 16 KiB, missing leaves 32 zero bytes. proto/hash-tree.ts computes it.
 */
export interface TreeResponse {
  /**
   * Size of the whole file in bytes.
   */
  'size'?: (number | string | Long);
  /**
   * SHA-256 of the whole file, 64 lower-case hex digits.
   */
  'sha256'?: (string);
  /**
   * Root of the tree, 64 lower-case hex digits; empty for an empty file.
   */
  'root'?: (string);
  /**
   * Bytes in a piece: a power of two from 16 KiB to 16 MiB. The last piece is shorter.
   */
  'pieceSize'?: (number | string | Long);
  /**
   * The hash of each piece, 32 bytes each, in order; of a file of one piece, the root.
   */
  'layer'?: (Buffer | Uint8Array | string);
}

/**
 * The tree is BitTorrent v2's (BEP 52): SHA-256 over blocks of 16 KiB, missing leaves 32 zero bytes. proto/hash-tree.ts computes it.
 */
export interface TreeResponse__Output {
  /**
   * Size of the whole file in bytes.
   */
  'size': (number);
  /**
   * SHA-256 of the whole file, 64 lower-case hex digits.
   */
  'sha256': (string);
  /**
   * Root of the tree, 64 lower-case hex digits; empty for an empty file.
   */
  'root': (string);
  /**
   * Bytes in a piece: a power of two from 16 KiB to 16 MiB. The last piece is shorter.
   */
  'pieceSize': (number);
  /**
   * The hash of each piece, 32 bytes each, in order; of a file of one piece, the root.
   */
  'layer': (Buffer);
}
