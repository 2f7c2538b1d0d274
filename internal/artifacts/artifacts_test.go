package artifacts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
)

// program is larger than any buffer between.
var program = bytes.Repeat([]byte("0123456789abcdef"), 20_000)

func served(t *testing.T) (*Artifact, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "manager")
	if err := os.WriteFile(file, program, 0o755); err != nil {
		t.Fatal(err)
	}
	a, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	// An upgrade puts another program under the name; this process serves its own.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("another one"), 0o755); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(a.Handler())
	t.Cleanup(server.Close)
	return a, server.URL
}

func get(t *testing.T, url string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func TestTheProgramIsServedUnderItsChecksum(t *testing.T) {
	a, url := served(t)
	sum := sha256.Sum256(program)
	if want := "/artifacts/" + hex.EncodeToString(sum[:]) + "/quobyte-prober"; a.Path() != want {
		t.Errorf("path %s, want %s", a.Path(), want)
	}
	resp, body := get(t, url+a.Path())
	if resp.StatusCode != http.StatusOK || !bytes.Equal(body, program) {
		t.Errorf("%s with %d bytes, want 200 with %d", resp.Status, len(body), len(program))
	}
	if c := resp.Header.Get("Cache-Control"); !strings.Contains(c, "immutable") {
		t.Errorf("Cache-Control %q of a name that never has other content", c)
	}
	if _, index := get(t, url+"/artifacts/"); string(index) != a.SHA256()+"  "+a.Path()+"\n" {
		t.Errorf("index %q", index)
	}
	if resp, _ := get(t, url+"/artifacts/"+strings.Repeat("0", 64)+"/quobyte-prober"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("another checksum is answered %s", resp.Status)
	}
}

func TestAFetchCanGoOnAndBeSpared(t *testing.T) {
	a, url := served(t)
	latest := url + "/artifacts/quobyte-prober"
	resp, body := get(t, latest, "Range", "bytes=100000-", "If-Range", `"`+a.SHA256()+`"`)
	if resp.StatusCode != http.StatusPartialContent || !bytes.Equal(body, program[100000:]) {
		t.Errorf("the rest of a broken fetch: %s with %d bytes", resp.Status, len(body))
	}
	resp, body = get(t, latest, "Range", "bytes=100000-", "If-Range", `"`+strings.Repeat("0", 64)+`"`)
	if resp.StatusCode != http.StatusOK || !bytes.Equal(body, program) {
		t.Errorf("the rest of another program: %s with %d bytes, want all of this one", resp.Status, len(body))
	}
	if resp, _ := get(t, latest, "If-None-Match", `"`+a.SHA256()+`"`); resp.StatusCode != http.StatusNotModified {
		t.Errorf("what is known already is answered %s", resp.Status)
	}
}

func TestTheServerEndsWithItsContext(t *testing.T) {
	a, _ := served(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- (&Server{Address: "127.0.0.1:0", Artifact: a, Log: logr.Discard()}).Start(ctx) }()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAnAddressInUseIsAnError(t *testing.T) {
	a, url := served(t)
	err := (&Server{Address: strings.TrimPrefix(url, "http://"), Artifact: a, Log: logr.Discard()}).Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "serve artifacts") {
		t.Errorf("error %v", err)
	}
}
