// Original file: proto/peer.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { FileChunk as _FileChunk, FileChunk__Output as _FileChunk__Output } from './FileChunk.ts';
import type { FileRequest as _FileRequest, FileRequest__Output as _FileRequest__Output } from './FileRequest.ts';
import type { FileResponse as _FileResponse, FileResponse__Output as _FileResponse__Output } from './FileResponse.ts';
import type { FileUpload as _FileUpload, FileUpload__Output as _FileUpload__Output } from './FileUpload.ts';
import type { FilesRequest as _FilesRequest, FilesRequest__Output as _FilesRequest__Output } from './FilesRequest.ts';
import type { PieceNews as _PieceNews, PieceNews__Output as _PieceNews__Output } from './PieceNews.ts';
import type { PieceWish as _PieceWish, PieceWish__Output as _PieceWish__Output } from './PieceWish.ts';
import type { SmallFiles as _SmallFiles, SmallFiles__Output as _SmallFiles__Output } from './SmallFiles.ts';
import type { TreeRequest as _TreeRequest, TreeRequest__Output as _TreeRequest__Output } from './TreeRequest.ts';
import type { TreeResponse as _TreeResponse, TreeResponse__Output as _TreeResponse__Output } from './TreeResponse.ts';

export interface PeerServiceClient extends grpc.Client {
  /**
   * Streams a file, or a range of it, from the share of the peer that is called.
   * 
   * Ends with status OK only when every byte asked for was sent and the file did not change meanwhile.
   */
  DownloadFile(argument: _FileRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_FileChunk__Output>;
  DownloadFile(argument: _FileRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_FileChunk__Output>;
  /**
   * Streams a file, or a range of it, from the share of the peer that is called.
   * 
   * Ends with status OK only when every byte asked for was sent and the file did not change meanwhile.
   */
  downloadFile(argument: _FileRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_FileChunk__Output>;
  downloadFile(argument: _FileRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_FileChunk__Output>;
  
  /**
   * Streams many small files over one call, whole, several in one message, in the order in which they were asked for: so no round trip
   * is paid for each. What can't be served is named, and the rest goes on. A peer that does not have this method is asked for each file by itself.
   */
  DownloadFiles(argument: _FilesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_SmallFiles__Output>;
  DownloadFiles(argument: _FilesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_SmallFiles__Output>;
  /**
   * Streams many small files over one call, whole, several in one message, in the order in which they were asked for: so no round trip
   * is paid for each. What can't be served is named, and the rest goes on. A peer that does not have this method is asked for each file by itself.
   */
  downloadFiles(argument: _FilesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_SmallFiles__Output>;
  downloadFiles(argument: _FilesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_SmallFiles__Output>;
  
  /**
   * Tells the hash tree of a file: its root, and one level of it that stands for pieces. Whoever asks checks the layer against the root
   * that it knows from elsewhere, and then each piece by itself, from whomever it comes. A peer without trees does not have this method.
   */
  FileTree(argument: _TreeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_TreeResponse__Output>): grpc.ClientUnaryCall;
  FileTree(argument: _TreeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_TreeResponse__Output>): grpc.ClientUnaryCall;
  FileTree(argument: _TreeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_TreeResponse__Output>): grpc.ClientUnaryCall;
  FileTree(argument: _TreeRequest, callback: grpc.requestCallback<_TreeResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Tells the hash tree of a file: its root, and one level of it that stands for pieces. Whoever asks checks the layer against the root
   * that it knows from elsewhere, and then each piece by itself, from whomever it comes. A peer without trees does not have this method.
   */
  fileTree(argument: _TreeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_TreeResponse__Output>): grpc.ClientUnaryCall;
  fileTree(argument: _TreeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_TreeResponse__Output>): grpc.ClientUnaryCall;
  fileTree(argument: _TreeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_TreeResponse__Output>): grpc.ClientUnaryCall;
  fileTree(argument: _TreeRequest, callback: grpc.requestCallback<_TreeResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Stores a file in the share of the peer that is called. The first message carries filename, size and sha256;
   * content follows in order, in the same message or in later ones. The receiver publishes the file under its name
   * only when size and sha256 are right, and never replaces a file that it has.
   * A single message with a bare filename moves no bytes: success is false and nothing is created.
   * An offer (see FileUpload.offer) is a single message without content: the receiver fetches the file itself, or answers success=false.
   */
  UploadFile(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_FileResponse__Output>): grpc.ClientWritableStream<_FileUpload>;
  UploadFile(metadata: grpc.Metadata, callback: grpc.requestCallback<_FileResponse__Output>): grpc.ClientWritableStream<_FileUpload>;
  UploadFile(options: grpc.CallOptions, callback: grpc.requestCallback<_FileResponse__Output>): grpc.ClientWritableStream<_FileUpload>;
  UploadFile(callback: grpc.requestCallback<_FileResponse__Output>): grpc.ClientWritableStream<_FileUpload>;
  /**
   * Stores a file in the share of the peer that is called. The first message carries filename, size and sha256;
   * content follows in order, in the same message or in later ones. The receiver publishes the file under its name
   * only when size and sha256 are right, and never replaces a file that it has.
   * A single message with a bare filename moves no bytes: success is false and nothing is created.
   * An offer (see FileUpload.offer) is a single message without content: the receiver fetches the file itself, or answers success=false.
   */
  uploadFile(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_FileResponse__Output>): grpc.ClientWritableStream<_FileUpload>;
  uploadFile(metadata: grpc.Metadata, callback: grpc.requestCallback<_FileResponse__Output>): grpc.ClientWritableStream<_FileUpload>;
  uploadFile(options: grpc.CallOptions, callback: grpc.requestCallback<_FileResponse__Output>): grpc.ClientWritableStream<_FileUpload>;
  uploadFile(callback: grpc.requestCallback<_FileResponse__Output>): grpc.ClientWritableStream<_FileUpload>;
  
  /**
   * Tells which pieces of a file the peer that is called has (of a file that it is still fetching itself, too), and then of each that it gets,
   * for as long as the caller keeps the call; and, where the first message says so, when it is the caller's turn to ask for one. A peer
   * that does not have this method is asked at any time, and only if it has the whole file.
   */
  WatchPieces(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_PieceWish, _PieceNews__Output>;
  WatchPieces(options?: grpc.CallOptions): grpc.ClientDuplexStream<_PieceWish, _PieceNews__Output>;
  /**
   * Tells which pieces of a file the peer that is called has (of a file that it is still fetching itself, too), and then of each that it gets,
   * for as long as the caller keeps the call; and, where the first message says so, when it is the caller's turn to ask for one. A peer
   * that does not have this method is asked at any time, and only if it has the whole file.
   */
  watchPieces(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_PieceWish, _PieceNews__Output>;
  watchPieces(options?: grpc.CallOptions): grpc.ClientDuplexStream<_PieceWish, _PieceNews__Output>;
  
}

export interface PeerServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Streams a file, or a range of it, from the share of the peer that is called.
   * 
   * Ends with status OK only when every byte asked for was sent and the file did not change meanwhile.
   */
  DownloadFile: grpc.handleServerStreamingCall<_FileRequest__Output, _FileChunk>;
  
  /**
   * Streams many small files over one call, whole, several in one message, in the order in which they were asked for: so no round trip
   * is paid for each. What can't be served is named, and the rest goes on. A peer that does not have this method is asked for each file by itself.
   */
  DownloadFiles: grpc.handleServerStreamingCall<_FilesRequest__Output, _SmallFiles>;
  
  /**
   * Tells the hash tree of a file: its root, and one level of it that stands for pieces. Whoever asks checks the layer against the root
   * that it knows from elsewhere, and then each piece by itself, from whomever it comes. A peer without trees does not have this method.
   */
  FileTree: grpc.handleUnaryCall<_TreeRequest__Output, _TreeResponse>;
  
  /**
   * Stores a file in the share of the peer that is called. The first message carries filename, size and sha256;
   * content follows in order, in the same message or in later ones. The receiver publishes the file under its name
   * only when size and sha256 are right, and never replaces a file that it has.
   * A single message with a bare filename moves no bytes: success is false and nothing is created.
   * An offer (see FileUpload.offer) is a single message without content: the receiver fetches the file itself, or answers success=false.
   */
  UploadFile: grpc.handleClientStreamingCall<_FileUpload__Output, _FileResponse>;
  
  /**
   * Tells which pieces of a file the peer that is called has (of a file that it is still fetching itself, too), and then of each that it gets,
   * for as long as the caller keeps the call; and, where the first message says so, when it is the caller's turn to ask for one. A peer
   * that does not have this method is asked at any time, and only if it has the whole file.
   */
  WatchPieces: grpc.handleBidiStreamingCall<_PieceWish__Output, _PieceNews>;
  
}

export interface PeerServiceDefinition extends grpc.ServiceDefinition {
  DownloadFile: MethodDefinition<_FileRequest, _FileChunk, _FileRequest__Output, _FileChunk__Output>
  DownloadFiles: MethodDefinition<_FilesRequest, _SmallFiles, _FilesRequest__Output, _SmallFiles__Output>
  FileTree: MethodDefinition<_TreeRequest, _TreeResponse, _TreeRequest__Output, _TreeResponse__Output>
  UploadFile: MethodDefinition<_FileUpload, _FileResponse, _FileUpload__Output, _FileResponse__Output>
  WatchPieces: MethodDefinition<_PieceWish, _PieceNews, _PieceWish__Output, _PieceNews__Output>
}
