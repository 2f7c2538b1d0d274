package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serve runs the command on free ports and returns the master's address. The agents'
// ports follow the master's, and one of them may be somebody else's.
func serve(t *testing.T, args ...string) string {
	t.Helper()
	for range 10 {
		address, err := tryToServe(t, args)
		if err == nil {
			return address
		}
		if !strings.Contains(err.Error(), "address already in use") {
			t.Fatal(err)
		}
	}
	t.Fatal("no run of free ports in ten tries")
	return ""
}

func tryToServe(t *testing.T, args []string) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return "", err
	}
	o, err := parse(append([]string{"-listen", address}, args...), io.Discard)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	reader, writer := io.Pipe()
	go func() {
		err := o.run(ctx, writer)
		_ = writer.CloseWithError(err) // nil reads as io.EOF
		done <- err
	}()
	greeting := make([]byte, 200)
	if _, err := reader.Read(greeting); err != nil {
		cancel()
		<-done
		return "", err
	}
	t.Cleanup(func() {
		cancel()
		_ = reader.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	go func() { _, _ = io.Copy(io.Discard, reader) }() // until the pipe is closed
	return address, nil
}

func request(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestFaultsOnRequest(t *testing.T) {
	master := "http://" + serve(t, "-agents", "3")
	state := func(want string) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if _, text := request(t, http.MethodPost, master+"/api/v1", `{"type":"GET_AGENTS"}`); strings.Contains(text, want) {
				return
			} else if time.Now().After(end) {
				t.Fatalf("no %s in %s", want, text)
			}
		}
	}
	state(`"active":true`)
	if status, _ := request(t, http.MethodPost, master+"/admin/agents/node2/stop", ""); status != http.StatusNoContent {
		t.Error(status)
	}
	state(`"active":false`)
	for _, fault := range []string{"agents/node2/start", "agents/node1/replace"} {
		if status, _ := request(t, http.MethodPost, master+"/admin/"+fault, ""); status != http.StatusNoContent {
			t.Error(fault, status)
		}
	}
	state("-S3") // the new agent on node1
	if status, _ := request(t, http.MethodPost, master+"/admin/agents/nobody/stop", ""); status != http.StatusNotFound {
		t.Error(status)
	}
}

func TestReadCredentials(t *testing.T) {
	for content, want := range map[string]string{
		`{"credentials":[{"principal":"fw","secret":"s"}]}`: "s",
		"fw s\nother t\n": "s",
		"fw\n":            "",
		`{}`:              "",
	} {
		file := filepath.Join(t.TempDir(), "credentials")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readCredentials(file)
		if got["fw"] != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %v, %v", content, got, err)
		}
	}
}

func TestPorts(t *testing.T) {
	var output bytes.Buffer
	for ports, want := range map[string]uint64{"default": 8888, "recorded": 21000} {
		o, err := parse([]string{"-ports", ports}, &output)
		if err != nil {
			t.Fatal(err)
		}
		agents, err := o.describeAgents()
		if err != nil || len(agents) != 2 || agents[0].Ports[0].Begin != want || agents[1].Port != 5052 {
			t.Errorf("%s: %v, %v", ports, agents, err)
		}
	}
	if _, err := (&options{listen: "127.0.0.1:5050", agents: 1, ports: "all"}).describeAgents(); err == nil {
		t.Error("any ports are taken")
	}
}
