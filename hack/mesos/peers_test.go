package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// build makes one of the programs that mesos-go comes with.
func build(t *testing.T, dir, name string) string {
	t.Helper()
	program := filepath.Join(dir, name)
	cmd := exec.Command("go", "build", "-o", program, "github.com/mesos/mesos-go/api/v1/cmd/"+name)
	cmd.Dir = "peers"
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", name, err, output)
	}
	return program
}

// output of a peer that ends by itself.
func output(t *testing.T, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	text, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	return string(text), err
}

// TestPeers runs frameworks that others wrote.
func TestPeers(t *testing.T) {
	if testing.Short() {
		t.Skip("builds mesos-go's programs")
	}
	dir := t.TempDir()
	t.Run("msh", func(t *testing.T) {
		work := t.TempDir()
		master := serve(t, "-run-processes", "-work-dir", work, "-allocation-interval", "100ms")
		msh := build(t, dir, "msh")
		if text, err := output(t, msh, "-master", master, "--", "sh", "-c", "echo seen by $MESOS_EXECUTOR_ID"); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		files, err := filepath.Glob(filepath.Join(work, "*/slaves/*/frameworks/*/executors/*/runs/*/stdout"))
		if err != nil || len(files) != 1 {
			t.Fatalf("sandboxes: %v, %v", files, err)
		}
		if text, err := os.ReadFile(files[0]); err != nil || !strings.HasPrefix(string(text), "seen by 20") {
			t.Errorf("the command wrote %q, %v", text, err)
		}
		if text, err := output(t, msh, "-master", master, "--", "sh", "-c", "exit 3"); err == nil {
			t.Errorf("msh did not notice that its command failed:\n%s", text)
		}
	})
	t.Run("example-scheduler", func(t *testing.T) {
		master := serve(t, "-run-processes", "-allocation-interval", "100ms")
		executor := build(t, dir, "example-executor")
		var log bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		scheduler := exec.CommandContext(ctx, build(t, dir, "example-scheduler"), "-url", "http://"+master+"/api/v1/scheduler",
			"-exec.image=", "-executor", executor, "-tasks", "5", "-verbose", "-server.port", "0", "-metrics.port", "0")
		scheduler.Stdout, scheduler.Stderr = &log, &log
		// It ends with status 1 in any case, for its own context is cancelled then.
		if err := scheduler.Run(); !strings.Contains(log.String(), "mission accomplished") {
			t.Fatalf("%v\n%s", err, lastOf(log.String()))
		}
		_, state := request(t, http.MethodGet, "http://"+master+"/state", "")
		if n := strings.Count(state, `"state":"TASK_FINISHED"`); n < 5 {
			t.Errorf("%d times TASK_FINISHED in %s\n%s", n, state, lastOf(log.String()))
		}
	})
}

func lastOf(log string) string {
	lines := strings.Split(log, "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}
