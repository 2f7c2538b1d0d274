// Package artifacts serves the operator's own program over HTTP: Mesos' agents
// fetch it, and run it as the prober.
package artifacts

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/go-logr/logr"
)

// root is the path below which everything is served.
const root = "/artifacts/"

// fileName is what the program is called where it is fetched.
const fileName = "quobyte-prober"

// Artifact is one program. It is read from the file that was opened, even when
// another one takes its name later.
type Artifact struct {
	file     *os.File
	size     int64
	modified time.Time
	sum      [sha256.Size]byte
}

// Open reads the program once for its checksum, and keeps it open.
func Open(path string) (*Artifact, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the program to serve: %w", err)
	}
	a := &Artifact{file: file}
	hash := sha256.New()
	info, err := file.Stat()
	if err == nil {
		a.modified = info.ModTime()
		a.size, err = io.Copy(hash, file)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the program to serve: %w", err), file.Close())
	}
	hash.Sum(a.sum[:0])
	return a, nil
}

// Close closes the file.
func (a *Artifact) Close() error { return a.file.Close() }

// SHA256 of the program, in hexadecimal digits.
func (a *Artifact) SHA256() string { return hex.EncodeToString(a.sum[:]) }

// Path at which the program is served. It holds the checksum, so that a cache
// never gives out another one.
func (a *Artifact) Path() string { return root + a.SHA256() + "/" + fileName }

// Handler serves the program at Path, the present one at /artifacts/quobyte-prober,
// and at /artifacts/ what there is, in the form of sha256sum.
func (a *Artifact) Handler() http.Handler {
	mux := http.NewServeMux()
	// That name never has other content.
	mux.HandleFunc("GET "+a.Path(), a.serve("public, max-age=31536000, immutable"))
	mux.HandleFunc("GET "+root+fileName, a.serve("no-cache"))
	mux.HandleFunc("GET "+root+"{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		fmt.Fprintf(w, "%s  %s\n", a.SHA256(), a.Path())
	})
	return mux
}

func (a *Artifact) serve(caching string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Cache-Control", caching)
		h.Set("ETag", `"`+a.SHA256()+`"`)
		h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(a.sum[:])+":") // RFC 9530
		http.ServeContent(w, r, fileName, a.modified, io.NewSectionReader(a.file, 0, a.size))
	}
}

// Server serves an Artifact, on every replica: agents fetch from any of them.
type Server struct {
	Address  string
	Artifact *Artifact
	Log      logr.Logger
}

// NeedLeaderElection says that it does not.
func (s *Server) NeedLeaderElection() bool { return false }

// shutdownTimeout is how long a download may go on when the process ends.
const shutdownTimeout = 5 * time.Second

// Start serves until ctx ends.
func (s *Server) Start(ctx context.Context) error {
	listener, err := net.Listen("tcp", s.Address)
	if err != nil {
		return fmt.Errorf("serve artifacts: %w", err)
	}
	server := &http.Server{Handler: s.Artifact.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 14}
	s.Log.Info("the prober can be fetched", "address", listener.Addr().String(), "path", s.Artifact.Path())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve artifacts: %w", err)
	case <-ctx.Done():
	}
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(finish); err != nil {
		_ = server.Close() // a download that is too slow is fetched again elsewhere
	}
	<-ended
	return nil
}
