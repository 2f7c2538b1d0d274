package prober

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/utils/clock"
)

// fakeHost has directories that stand for file systems: what a mount table that is
// an ordinary file says of them.
type fakeHost struct {
	t         testing.TB
	directory string
	cfg       Config
	lines     []string
}

func newFakeHost(t testing.TB) *fakeHost {
	t.Helper()
	dir := t.TempDir()
	h := &fakeHost{t: t, directory: filepath.Join(dir, "mnt")}
	for name, text := range map[string]string{"boot_id": "b00t\n", "tcp": "  sl  local_address\n"} {
		h.write(filepath.Join(dir, name), text)
	}
	if err := os.MkdirAll(filepath.Join(dir, "sys/dev/block"), 0o755); err != nil {
		t.Fatal(err)
	}
	serials := 0
	h.cfg = Config{
		Directory: h.directory, MountInfo: filepath.Join(dir, "mountinfo"), Sysfs: filepath.Join(dir, "sys"),
		BootID: filepath.Join(dir, "boot_id"), ProcNet: dir, Hostname: "node1", Deadline: 10 * time.Second,
		Clock: clock.RealClock{}, Log: slog.New(slog.DiscardHandler),
		NewSerial: func() string { serials++; return fmt.Sprintf("serial-%d", serials) },
	}
	h.writeTable()
	return h
}

func (h *fakeHost) write(path, text string) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *fakeHost) writeTable() {
	h.t.Helper()
	h.write(h.cfg.MountInfo, strings.Join(h.lines, ""))
}

// mount makes a directory that stands for an ext4.
func (h *fakeHost) mount(name string) (path string) {
	h.t.Helper()
	path = filepath.Join(h.directory, name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		h.t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		h.t.Fatal(err)
	}
	h.lines = append(h.lines, fmt.Sprintf("%d 1 %d:%d / %s rw - ext4 /dev/fake rw\n",
		100+len(h.lines), unix.Major(st.Dev), unix.Minor(st.Dev), escape(path)))
	h.writeTable()
	return path
}

// mark makes a device of such a directory.
func (h *fakeHost) mark(name, marker string) {
	h.t.Helper()
	h.write(filepath.Join(h.mount(name), markerName), marker)
}

func (h *fakeHost) prober() *Prober {
	h.t.Helper()
	p, err := New(h.cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}
