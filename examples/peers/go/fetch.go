package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"peerlab.example/peer/wire"
)

const stall = 10 * time.Second

var sent, received atomic.Int64

// Source is who was asked, and what came.
type Source struct {
	Peer  string `json:"peer"`
	Bytes int64  `json:"bytes"`
	Error string `json:"error,omitempty"`
}

// Transfer is the answer to a download: its sources add up to its bytes.
type Transfer struct {
	Outcome string `json:"outcome"`
	File
	Bytes   int64    `json:"bytes"`
	Sources []Source `json:"sources"`
	Seconds float64  `json:"seconds"`
}

// Download fetches a file from one source after the other, until one gives exactly what the directory announced.
func (p *Peer) Download(name, wantedHash, from string) (Transfer, error) {
	began := time.Now()
	transfer := Transfer{Outcome: "ok", Sources: []Source{}}
	found, err := pages[Found](p.directory, "/search", "results", url.Values{"name": {name}})
	if err != nil {
		return transfer, err
	}
	var wanted *Found
	for i := range found {
		if wantedHash == "" || found[i].SHA256 == wantedHash {
			wanted = &found[i]
			break
		}
	}
	here, isHere, err := p.share.Find(name)
	if err != nil {
		return transfer, err
	}
	if isHere && (wanted == nil || wanted.SHA256 == here.SHA256) {
		transfer.File = here
		return transfer, nil
	}
	if isHere {
		return transfer, fail("file-exists", "%s is there already, with another content", name)
	}
	if wanted == nil {
		return transfer, fail("no-source", "nobody has %s", name)
	}
	transfer.File = File{name, wanted.Size, wanted.SHA256}
	reasons := []string{}
	for _, peer := range wanted.Peers {
		address := net.JoinHostPort(peer.IP, strconv.Itoa(peer.Port))
		if address == p.directory.address || (from != "" && from != address) {
			continue
		}
		bytes, err := p.fetch(address, peer.Name, transfer.File)
		transfer.Bytes += bytes
		transfer.Sources = append(transfer.Sources, Source{address, bytes, codeOf(err)})
		if err == nil {
			_, err = p.directory.Publish(p.share)
			transfer.Seconds = time.Since(began).Seconds()
			return transfer, err
		}
		reasons = append(reasons, fmt.Sprintf("%s: %v", address, err))
	}
	return transfer, fail("no-source", "nobody gave %s: %s", name, strings.Join(reasons, "; "))
}

// fetch gets one file from one source, and returns how many bytes came. The file gets its name only if it is right.
func (p *Peer) fetch(address, name string, wanted File) (size int64, err error) {
	part, err := os.CreateTemp(p.share.unfinished(), "part-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(part.Name())
	defer part.Close()
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		return 0, fail("source-unreachable", "%v", err)
	}
	defer connection.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if ticket := p.directory.Ticket(); ticket != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+ticket)
	}
	// Ends the call if nothing comes for too long.
	timer := time.AfterFunc(stall, cancel)
	defer timer.Stop()
	stream, err := wire.NewPeerServiceClient(connection).DownloadFile(ctx, &wire.FileRequest{Filename: name, Sha256: wanted.SHA256})
	if err != nil {
		return 0, asFailure(err)
	}
	hash := sha256.New()
	for {
		chunk, err := stream.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return size, asFailure(err)
		}
		timer.Reset(stall)
		size += int64(len(chunk.Content))
		received.Add(int64(len(chunk.Content)))
		if size > wanted.Size {
			return size, fail("too-many-bytes", "more than %d bytes", wanted.Size)
		}
		hash.Write(chunk.Content)
		if _, err := part.Write(chunk.Content); err != nil {
			return size, err
		}
	}
	if size < wanted.Size {
		return size, fail("truncated", "%d bytes of %d", size, wanted.Size)
	}
	if hex.EncodeToString(hash.Sum(nil)) != wanted.SHA256 {
		return size, fail("hash-mismatch", "other bytes than announced")
	}
	return size, p.share.Keep(part.Name(), wanted.Name)
}

func asFailure(err error) error {
	switch status.Code(err) {
	case codes.NotFound:
		return fail("file-not-found", "%v", err)
	case codes.Canceled:
		return fail("source-stalled", "nothing came for %v", stall)
	case codes.Unavailable:
		return fail("source-unreachable", "%v", err)
	default:
		return fail("source-refused", "%v", err)
	}
}
