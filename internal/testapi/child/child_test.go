package child

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestStopAsksFirst(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	p, err := Start(Options{Name: "sh", Log: log, Path: "/bin/sh",
		Args: []string{"-c", `trap 'echo "$WORD"; exit 0' TERM; echo up; while :; do sleep 0.01; done`},
		Env:  append(os.Environ(), "WORD=goodbye")})
	if err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(p.LastWords(), "up") {
		time.Sleep(time.Millisecond)
	}
	if !p.Running() {
		t.Fatal("ended by itself:", p.LastWords())
	}
	if err := p.Stop(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	if p.Running() || !strings.Contains(p.LastWords(), "goodbye") {
		t.Errorf("running %v, last words %q", p.Running(), p.LastWords())
	}
}

func TestKillEndsTheDeaf(t *testing.T) {
	p, err := Start(Options{Name: "sh", Log: filepath.Join(t.TempDir(), "log"), Path: "/bin/sh",
		Args: []string{"-c", `trap '' TERM; echo up; while :; do sleep 0.01; done`}})
	if err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(p.LastWords(), "up") {
		time.Sleep(time.Millisecond)
	}
	if err := p.Stop(10 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if p.Running() {
		t.Error("still running")
	}
}

func TestHowItEnded(t *testing.T) {
	for script, want := range map[string]string{"exit 3": "exit status 3", "kill -9 $$": "signal: killed"} {
		p, err := Start(Options{Name: "sh", Log: filepath.Join(t.TempDir(), "log"), Path: "/bin/sh", Args: []string{"-c", script}})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.HowItEnded(); got != want {
			t.Errorf("%s: %q", script, got)
		}
	}
}

func TestStartNamesWhatIsMissing(t *testing.T) {
	_, err := Start(Options{Name: "ghost", Log: filepath.Join(t.TempDir(), "log"), Path: "/no/such/program"})
	if err == nil || !strings.Contains(err.Error(), "ghost") {
		t.Errorf("got %v", err)
	}
}

func TestPauseReturnsWhenTheProcessStandsStill(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	p, err := Start(Options{Name: "sh", Log: log, Path: "/bin/sh", Args: []string{"-c", "while :; do echo x; done"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill() })
	size := func() int64 {
		info, err := os.Stat(log)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	for size() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	before := size()
	time.Sleep(20 * time.Millisecond)
	if after := size(); after != before {
		t.Errorf("it wrote %d bytes while it was paused", after-before)
	}
}
