package prober

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quobyte/mesos-operator/internal/probe"
)

// A file system that does not answer, for real: every look at it waits in the
// kernel.
func TestRealHang(t *testing.T) {
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skip("a file system that does not answer needs FUSE: ", err)
	}
	h := newRealHost(t)
	marked := h.disk("d", "ext4")
	if err := marked.Mark(asWritten); err != nil {
		t.Fatal(err)
	}
	works, hangs := h.mount(marked, "works"), filepath.Join(h.Dir(), "hangs")
	if err := os.Mkdir(hangs, 0o755); err != nil {
		t.Fatal(err)
	}
	h.disk("hanging", "ext4")
	loop := strings.TrimSpace(h.sh(`losetup --find --show "$1"`, filepath.Join(h.images, "hanging")))
	t.Cleanup(func() { h.sh(`losetup --detach "$1"`, loop) })
	server := h.Command(self(t), loop, hangs)
	server.Env = append(os.Environ(), "PROBER_TEST_AS=hang")
	input, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := input.Close(); err != nil {
			t.Error(err)
		}
		if err := server.Wait(); err != nil {
			t.Error(err)
		}
	})
	if said, err := bufio.NewReader(output).ReadString('\n'); said != "mounted\n" {
		t.Fatalf("the hanging file system says %q, %v", said, err)
	}
	h.env = []string{"PROBER_TEST_LOOK_FOR=" + hangs + "/inside"}
	r := h.probe(&probe.Request{ID: "r", Initialize: []probe.Order{{ID: "1", Path: hangs, Types: []string{"DATA"}}}})
	if m := mountAt(t, r, hangs); m.Problem != "hangs: no answer for 1s" || m.FileSystem != "fuseblk" {
		t.Errorf("%+v", m)
	}
	if m := mountAt(t, r, works); !m.Marked || m.Serial == "" {
		t.Errorf("%+v", m)
	}
	if r.Directories != nil {
		t.Errorf("%+v", r.Directories)
	}
}

// An order that hangs has no outcome; it is not begun again before it ends, and is
// not carried out twice.
func TestInitializeHangs(t *testing.T) {
	h := newRealHost(t)
	path := h.mount(h.disk("frozen", "ext4"), "frozen")
	other := h.mount(h.disk("other", "ext4"), "other")
	s := newScheduler(t, true)
	s.launch("t1", executorEnv(h.Dir(), "/proc/self/mountinfo", "1h"), h.Command(self(t)).Args...)
	s.report(anyReport)
	h.sh(`fsfreeze --freeze "$1"`, path)
	frozen := true
	thaw := func() {
		if frozen {
			frozen = false
			h.sh(`fsfreeze --unfreeze "$1"`, path)
		}
	}
	// Before the cluster is closed: its process cannot be killed while it waits.
	t.Cleanup(thaw)
	ask := func(id string) *probe.Report {
		t.Helper()
		s.message(probe.Encode(&probe.Request{ID: id, Initialize: []probe.Order{{ID: "1", Path: path, Types: []string{"DATA"}}}}))
		return s.report(answers(id))
	}
	if r := ask("first"); len(r.Initializations) != 0 {
		t.Errorf("%+v", r)
	}
	for i := range 3 {
		r := ask(fmt.Sprint("again", i))
		if m := mountAt(t, r, path); len(r.Initializations) != 0 || m.Problem != "hangs: no answer for 1s" {
			t.Errorf("%+v", r)
		}
		if m := mountAt(t, r, other); m.Problem != "" {
			t.Errorf("%+v", m)
		}
	}
	thaw()
	for i := 0; ; i++ {
		r := ask(fmt.Sprint("thawed", i))
		if len(r.Initializations) == 0 && i < 1000 {
			continue
		}
		if m := mountAt(t, r, path); len(r.Initializations) != 1 || r.Initializations[0].Refused != "" || m.Serial != r.Initializations[0].Serial || m.Serial == "" {
			t.Errorf("%+v", r)
		}
		break
	}
	if markers := h.sh(`grep -c device.serial= "$1"/QUOBYTE_DEV_SETUP`, path); markers != "1\n" {
		t.Errorf("%s serials", markers)
	}
}
