package main

import (
	"io"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"peerlab.example/peer/wire"
)

const chunkBytes = 64 * 1024

// Service is what other peers call. What it does not have, the embedded type answers with UNIMPLEMENTED.
type Service struct {
	wire.UnimplementedPeerServiceServer
	share *Share
}

// DownloadFile streams a file, or a range of it. Send waits when the receiver is slow.
func (s *Service) DownloadFile(request *wire.FileRequest, stream grpc.ServerStreamingServer[wire.FileChunk]) error {
	file, err := s.find(request)
	if err != nil {
		return status.Error(codes.NotFound, err.Error())
	}
	size := uint64(file.Size)
	at, end := request.Offset, size
	if request.Length > 0 {
		end = request.Offset + request.Length
	}
	if at > size || end > size || end < at {
		return status.Errorf(codes.OutOfRange, "%s has %d bytes", file.Name, size)
	}
	path, err := s.share.path(file.Name)
	if err != nil {
		return err
	}
	content, err := os.Open(path)
	if err != nil {
		return status.Error(codes.NotFound, err.Error())
	}
	defer content.Close()
	buffer := make([]byte, chunkBytes)
	for isFirst := true; isFirst || at < end; isFirst = false {
		part := buffer[:min(chunkBytes, end-at)]
		if _, err := content.ReadAt(part, int64(at)); err != nil && (err != io.EOF || len(part) > 0) {
			return status.Error(codes.Aborted, "the file changed")
		}
		chunk := &wire.FileChunk{Content: part, Offset: &at}
		if isFirst {
			chunk.Size, chunk.Sha256 = &size, &file.SHA256
		}
		if err := stream.Send(chunk); err != nil {
			return err
		}
		sent.Add(int64(len(part)))
		at += uint64(len(part))
	}
	return nil
}

// find goes by content if the caller knows its SHA-256, whatever name it gives.
func (s *Service) find(request *wire.FileRequest) (File, error) {
	if request.Sha256 == "" {
		file, ok, err := s.share.Find(request.Filename)
		if err == nil && !ok {
			err = fail("file-not-found", "no file %q", request.Filename)
		}
		return file, err
	}
	files, err := s.share.Files()
	if err != nil {
		return File{}, err
	}
	for _, file := range files {
		if file.SHA256 == request.Sha256 {
			return file, nil
		}
	}
	return File{}, fail("file-not-found", "nothing with this content")
}
