// A PeerLab peer in Go: docs/peer-contract.md as a program that can be read in ten minutes.
//
// It serves its share over gRPC, takes work at an HTTP control port, and talks to the directory over REST. It checks every
// file by its SHA-256 before it keeps it. It has no hash trees, no batches, no uploads and no tickets: it is always open.
package main

//go:generate protoc -I ../../../proto --go_out=wire --go_opt=paths=source_relative,Mpeer.proto=peerlab.example/peer/wire --go-grpc_out=wire --go-grpc_opt=paths=source_relative,Mpeer.proto=peerlab.example/peer/wire peer.proto

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"

	"peerlab.example/peer/wire"
)

// Peer is all of it: what it has, and whom it tells.
type Peer struct {
	share     *Share
	directory *Directory
	renewing  sync.Once
}

// Wanted are the fields that a control request may have.
type Wanted struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	From   string `json:"from"`
}

func (p *Peer) verbs() map[string]func(Wanted) (any, error) {
	return map[string]func(Wanted) (any, error){
		"login": func(Wanted) (any, error) {
			files, err := p.share.Files()
			if err == nil {
				err = p.directory.Login(files)
			}
			p.renewing.Do(func() { go p.directory.Renew(p.share) })
			return map[string]any{"leaseSeconds": p.directory.Lease()}, err
		},
		"index": func(Wanted) (any, error) {
			peers, err := pages[json.RawMessage](p.directory, "/index", "peers", url.Values{})
			return map[string]any{"peers": peers}, err
		},
		"search": func(wanted Wanted) (any, error) {
			query := url.Values{"name": {wanted.Name}}
			if wanted.SHA256 != "" {
				query = url.Values{"sha256": {wanted.SHA256}}
			}
			results, err := pages[json.RawMessage](p.directory, "/search", "results", query)
			return map[string]any{"results": results}, err
		},
		"download": func(wanted Wanted) (any, error) { return p.Download(wanted.Name, wanted.SHA256, wanted.From) },
		"loadfiles": func(Wanted) (any, error) {
			count, err := p.directory.Publish(p.share)
			return map[string]any{"files": count}, err
		},
		"logout": func(Wanted) (any, error) { return struct{}{}, p.directory.Logout() },
	}
}

func (p *Peer) control(token string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "peerlab_transfer_bytes_total{direction=\"sent\"} %d\n", sent.Load())
		fmt.Fprintf(w, "peerlab_transfer_bytes_total{direction=\"received\"} %d\n", received.Load())
	})
	verbs := p.verbs()
	mux.HandleFunc("/control/{verb}", func(w http.ResponseWriter, r *http.Request) {
		verb, ok := verbs[r.PathValue("verb")]
		if r.Header.Get("authorization") != "Bearer "+token {
			answer(w, http.StatusUnauthorized, refusal(fail("unauthorized", "the token is missing or wrong")))
			return
		}
		if !ok {
			answer(w, http.StatusNotFound, refusal(fail("no-such-route", "this peer has no %s", r.URL.Path)))
			return
		}
		var wanted Wanted
		if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil {
			answer(w, http.StatusBadRequest, refusal(fail("bad-request", "%v", err)))
			return
		}
		told, err := verb(wanted)
		if err == nil {
			answer(w, http.StatusOK, told)
			return
		}
		refused := refusal(err)
		if transfer, ok := told.(Transfer); ok {
			refused["bytes"], refused["sources"] = transfer.Bytes, transfer.Sources
		}
		answer(w, http.StatusInternalServerError, refused)
	})
	return mux
}

func refusal(err error) map[string]any {
	return map[string]any{"error": Failure{codeOf(err), err.Error()}}
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("content-type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		slog.Warn("the caller has gone", "error", err)
	}
}

// logForTheLab makes lines that the lab can read: JSON that begins with a numeric level, where 30 is information, 40 a warning and 50 an error.
func logForTheLab() {
	levels := map[slog.Level]int{slog.LevelInfo: 30, slog.LevelWarn: 40, slog.LevelError: 50}
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, attribute slog.Attr) slog.Attr {
			switch attribute.Key {
			case slog.TimeKey:
				return slog.Attr{}
			case slog.LevelKey:
				return slog.Int(slog.LevelKey, levels[attribute.Value.Any().(slog.Level)])
			}
			return attribute
		},
	})))
}

func fatal(err error) {
	slog.Error(err.Error())
	os.Exit(1)
}

func main() {
	logForTheLab()
	share, err := openShare(os.Getenv("PEER_SHARE_DIR"))
	if err != nil {
		fatal(err)
	}
	directory := &Directory{
		url: os.Getenv("PEER_DIRECTORY_URL"), address: os.Getenv("PEER_ADVERTISE"),
		user: os.Getenv("PEER_USER"), password: os.Getenv("PEER_PASSWORD"), seconds: 30,
	}
	peer := &Peer{share: share, directory: directory}
	listener, err := net.Listen("tcp", net.JoinHostPort(os.Getenv("PEER_HOST"), os.Getenv("PEER_PORT")))
	if err != nil {
		fatal(err)
	}
	server := grpc.NewServer()
	wire.RegisterPeerServiceServer(server, &Service{share: share})
	go func() {
		if err := server.Serve(listener); err != nil {
			fatal(err)
		}
	}()
	control := net.JoinHostPort(os.Getenv("PEER_HOST"), os.Getenv("PEER_CONTROL_PORT"))
	go func() { fatal(http.ListenAndServe(control, peer.control(os.Getenv("PEER_CONTROL_TOKEN")))) }()
	slog.Info("serves", "share", share.dir, "at", listener.Addr().String())

	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	<-asked
	if err := directory.Logout(); err != nil {
		slog.Warn("logout", "error", err)
	}
	// What is under way may end, for a short while.
	time.AfterFunc(3*time.Second, server.Stop)
	server.GracefulStop()
}
