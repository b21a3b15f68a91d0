// Original file: proto/peer.proto


export interface PieceWish {
  /**
   * SHA-256 of the whole file, 64 lower-case hex digits; in the first message, with `root` and nothing else. The caller then waits for news.
   */
  'sha256'?: (string);
  /**
   * This number of turns more is wanted. At most two wait at the same time.
   */
  'wants'?: (number);
  /**
   * The turn of this number is not needed.
   */
  'pass'?: (number);
  /**
   * Root of the hash tree, 64 lower-case hex digits: whoever has the content with another root is of no use.
   */
  'root'?: (string);
}

export interface PieceWish__Output {
  /**
   * SHA-256 of the whole file, 64 lower-case hex digits; in the first message, with `root` and nothing else. The caller then waits for news.
   */
  'sha256': (string);
  /**
   * This number of turns more is wanted. At most two wait at the same time.
   */
  'wants': (number);
  /**
   * The turn of this number is not needed.
   */
  'pass': (number);
  /**
   * Root of the hash tree, 64 lower-case hex digits: whoever has the content with another root is of no use.
   */
  'root': (string);
}
