import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { FileChunk as _FileChunk, FileChunk__Output as _FileChunk__Output } from './FileChunk.ts';
import type { FileRequest as _FileRequest, FileRequest__Output as _FileRequest__Output } from './FileRequest.ts';
import type { FileResponse as _FileResponse, FileResponse__Output as _FileResponse__Output } from './FileResponse.ts';
import type { FileUpload as _FileUpload, FileUpload__Output as _FileUpload__Output } from './FileUpload.ts';
import type { FilesRequest as _FilesRequest, FilesRequest__Output as _FilesRequest__Output } from './FilesRequest.ts';
import type { PeerServiceClient as _PeerServiceClient, PeerServiceDefinition as _PeerServiceDefinition } from './PeerService.ts';
import type { PieceNews as _PieceNews, PieceNews__Output as _PieceNews__Output } from './PieceNews.ts';
import type { PieceWish as _PieceWish, PieceWish__Output as _PieceWish__Output } from './PieceWish.ts';
import type { SmallFile as _SmallFile, SmallFile__Output as _SmallFile__Output } from './SmallFile.ts';
import type { SmallFiles as _SmallFiles, SmallFiles__Output as _SmallFiles__Output } from './SmallFiles.ts';
import type { TreeRequest as _TreeRequest, TreeRequest__Output as _TreeRequest__Output } from './TreeRequest.ts';
import type { TreeResponse as _TreeResponse, TreeResponse__Output as _TreeResponse__Output } from './TreeResponse.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  FileChunk: MessageTypeDefinition<_FileChunk, _FileChunk__Output>
  FileRequest: MessageTypeDefinition<_FileRequest, _FileRequest__Output>
  FileResponse: MessageTypeDefinition<_FileResponse, _FileResponse__Output>
  FileUpload: MessageTypeDefinition<_FileUpload, _FileUpload__Output>
  FilesRequest: MessageTypeDefinition<_FilesRequest, _FilesRequest__Output>
  PeerService: SubtypeConstructor<typeof grpc.Client, _PeerServiceClient> & { service: _PeerServiceDefinition }
  PieceNews: MessageTypeDefinition<_PieceNews, _PieceNews__Output>
  PieceWish: MessageTypeDefinition<_PieceWish, _PieceWish__Output>
  SmallFile: MessageTypeDefinition<_SmallFile, _SmallFile__Output>
  SmallFiles: MessageTypeDefinition<_SmallFiles, _SmallFiles__Output>
  TreeRequest: MessageTypeDefinition<_TreeRequest, _TreeRequest__Output>
  TreeResponse: MessageTypeDefinition<_TreeResponse, _TreeResponse__Output>
}

