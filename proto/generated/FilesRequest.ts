// Original file: proto/peer.proto

import type { FileRequest as _FileRequest, FileRequest__Output as _FileRequest__Output } from './FileRequest.ts';

export interface FilesRequest {
  /**
   * At most 1000. Each names a whole file: offset and length are 0. Files of more than 256 KiB are not served this way.
   */
  'files'?: (_FileRequest)[];
}

export interface FilesRequest__Output {
  /**
   * At most 1000. Each names a whole file: offset and length are 0. Files of more than 256 KiB are not served this way.
   */
  'files': (_FileRequest__Output)[];
}
