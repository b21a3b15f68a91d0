// Original file: proto/peer.proto


export interface SmallFile {
  /**
   * Which of the files that were asked for, from 0.
   */
  'index'?: (number);
  'content'?: (Buffer | Uint8Array | string);
  /**
   * Why there is no content: a code such as file-not-found. Empty when there is.
   */
  'error'?: (string);
}

export interface SmallFile__Output {
  /**
   * Which of the files that were asked for, from 0.
   */
  'index': (number);
  'content': (Buffer);
  /**
   * Why there is no content: a code such as file-not-found. Empty when there is.
   */
  'error': (string);
}
