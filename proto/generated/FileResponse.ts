// Original file: proto/peer.proto


export interface FileResponse {
  'success'?: (boolean);
  'message'?: (string);
}

export interface FileResponse__Output {
  'success': (boolean);
  'message': (string);
}
