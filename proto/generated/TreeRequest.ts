// Original file: proto/peer.proto


export interface TreeRequest {
  'filename'?: (string);
  /**
   * SHA-256 of the whole file, 64 lower-case hex digits. When given, exactly this content is meant, whatever its name.
   */
  'sha256'?: (string);
}

export interface TreeRequest__Output {
  'filename': (string);
  /**
   * SHA-256 of the whole file, 64 lower-case hex digits. When given, exactly this content is meant, whatever its name.
   */
  'sha256': (string);
}
