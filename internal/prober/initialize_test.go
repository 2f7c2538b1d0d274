package prober

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quobyte/mesos-operator/internal/probe"
	"github.com/quobyte/mesos-operator/internal/testdisks"
)

// realHost is a host on which real file systems are mounted.
type realHost struct {
	*testdisks.Host
	t      *testing.T
	images string
	env    []string
}

func newRealHost(t *testing.T) *realHost {
	dir := t.TempDir()
	return &realHost{Host: testdisks.NewHost(t, filepath.Join(dir, "mnt")), t: t, images: dir}
}

func (h *realHost) disk(name, fs string) *testdisks.Disk {
	h.t.Helper()
	if err := testdisks.SupportedFileSystem(fs); err != nil {
		h.t.Skip(err)
	}
	size := 16
	if fs == "xfs" {
		size = 300
	}
	d, err := testdisks.MakeDisk(filepath.Join(h.images, name), fs, size)
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

func (h *realHost) mount(d *testdisks.Disk, name string, options ...string) string {
	h.t.Helper()
	path := filepath.Join(h.Dir(), name)
	if err := h.Mount(d, path, options...); err != nil {
		h.t.Fatal(err)
	}
	return path
}

func (h *realHost) sh(script string, args ...string) string {
	h.t.Helper()
	out, err := h.Command("/bin/sh", append([]string{"-ec", script, "sh"}, args...)...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// probe has a process on the host answer a request.
func (h *realHost) probe(request *probe.Request) *probe.Report {
	h.t.Helper()
	own, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	input, err := json.Marshal(request)
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := h.Command(own)
	cmd.Env = append(append(os.Environ(), "PROBER_TEST_AS=probe", "PROBER_TEST_DIRECTORY="+h.Dir(),
		"PROBER_TEST_MOUNTINFO=/proc/self/mountinfo"), h.env...)
	cmd.Stdin = bytes.NewReader(input)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		h.t.Fatalf("%v: %s", err, said.String())
	}
	report := &probe.Report{}
	if err := json.Unmarshal(out, report); err != nil {
		h.t.Fatal(err)
	}
	return report
}

func (h *realHost) order(o probe.Order) probe.Initialization {
	h.t.Helper()
	r := h.probe(&probe.Request{ID: "r", Initialize: []probe.Order{o}})
	if len(r.Initializations) != 1 || r.Initializations[0].ID != o.ID {
		h.t.Fatalf("%+v", r)
	}
	return r.Initializations[0]
}

// tree is all that can be told of what a file system holds.
func (h *realHost) tree(path string) string {
	h.t.Helper()
	return h.sh(`cd "$1"; find . -printf '%p %y %s %l %T@ %C@ %m\n' | sort; find . -type f -size -1M -exec cksum {} +`, path)
}

func TestInitialize(t *testing.T) {
	for _, fs := range []string{"ext4", "xfs"} {
		for _, kernel := range []string{"", "PROBER_TEST_OLD_KERNEL=1"} {
			t.Run(strings.TrimSuffix(fs+" "+kernel, " "), func(t *testing.T) {
				h := newRealHost(t)
				h.env = []string{kernel}
				path := h.mount(h.disk("d", fs), "disk 1")
				o := probe.Order{ID: "uid/1", Path: path, Types: []string{"DATA", "REGISTRY"}, Bootstrap: true}
				r := h.probe(&probe.Request{ID: "r", Initialize: []probe.Order{o}})
				got := r.Initializations[0]
				if got.Refused != "" || len(got.Serial) != 36 {
					t.Fatalf("%+v", got)
				}
				m := mountAt(t, r, path)
				if !m.Marked || m.Serial != got.Serial || !m.Bootstrap || !slices.Equal(m.Types, []string{"REGISTRY", "DATA"}) || m.FileSystem != fs {
					t.Errorf("%+v", m)
				}
				text := h.sh(`cat "$1"/QUOBYTE_DEV_SETUP; ls -A "$1"`, path)
				if !strings.Contains(text, "# Order: uid/1\n") || strings.Contains(text, "unfinished") {
					t.Errorf("the marker and what is beside it:\n%s", text)
				}
				before := h.tree(path)
				if again := h.order(o); again != got {
					t.Errorf("the same order again: %+v, before %+v", again, got)
				}
				o.ID = "uid/2"
				if other := h.order(o); !strings.Contains(other.Refused, path+" is a Quobyte device already") {
					t.Errorf("another order: %+v", other)
				}
				if after := h.tree(path); after != before {
					t.Errorf("it was changed:\n%s\n%s", before, after)
				}
			})
		}
	}
}

// An order that was carried out is answered wherever the disk is now, and the disk
// that has its place is left alone.
func TestOrderFollowsItsDisk(t *testing.T) {
	h := newRealHost(t)
	a, b := h.disk("a", "ext4"), h.disk("b", "ext4")
	path := h.mount(a, "disk1")
	o := probe.Order{ID: "1", Path: path, Types: []string{"DATA"}}
	first := h.order(o)
	if err := h.Unmount(path); err != nil {
		t.Fatal(err)
	}
	h.mount(a, "disk2")
	h.mount(b, "disk1")
	before := h.tree(path)
	if again := h.order(o); again != first {
		t.Errorf("got %+v, before %+v", again, first)
	}
	if after := h.tree(path); after != before {
		t.Errorf("the other disk was changed:\n%s", after)
	}
}

func TestInitializeRefuses(t *testing.T) {
	h := newRealHost(t)
	ok := h.mount(h.disk("ok", "ext4"), "ok")
	data := h.mount(h.disk("data", "ext4"), "data")
	h.sh(`echo precious > "$1"/file`, data)
	hidden := h.mount(h.disk("hidden", "ext4"), "hidden")
	h.sh(`echo precious > "$1"/.hidden`, hidden)
	lost := h.mount(h.disk("lost", "ext4"), "lost")
	h.sh(`rmdir "$1"/lost+found; echo x > "$1"/lost+found`, lost)
	old := h.mount(h.disk("old", "ext4"), "old")
	h.sh(`mkdir "$1"/quobyte-metadata`, old)
	link := h.mount(h.disk("link", "ext4"), "link")
	h.sh(`ln -s /etc/passwd "$1"/QUOBYTE_DEV_SETUP`, link)
	broken := h.mount(h.disk("broken", "ext4"), "broken")
	h.sh(`echo nonsense > "$1"/QUOBYTE_DEV_SETUP`, broken)
	foreign := h.mount(h.disk("foreign", "ext4"), "foreign")
	h.sh(`echo precious > "$1"/.QUOBYTE_DEV_SETUP.unfinished`, foreign)
	readOnly := h.mount(h.disk("ro", "ext4"), "ro", "ro")
	twice := h.disk("twice", "ext4")
	t1, t2 := h.mount(twice, "twice1"), h.mount(twice, "twice2")
	over := h.mount(h.disk("under", "ext4"), "over")
	h.mount(h.disk("over", "ext4"), "over")
	bound := filepath.Join(h.Dir(), "bound")
	h.sh(`mkdir "$2"; mount --bind "$1" "$2"`, h.mount(h.disk("source", "ext4"), "source"), bound)
	memory := filepath.Join(h.Dir(), "tmpfs")
	h.sh(`mkdir "$1"; mount -t tmpfs none "$1"`, memory)
	if err := os.Mkdir(filepath.Join(h.Dir(), "plain"), 0o755); err != nil {
		t.Fatal(err)
	}
	types := []string{"DATA"}
	var all []string
	for name, c := range map[string]struct {
		order probe.Order
		want  string
	}{
		"data":          {probe.Order{Path: data, Types: types}, `is not empty, it holds "file"`},
		"hidden data":   {probe.Order{Path: hidden, Types: types}, `is not empty, it holds ".hidden"`},
		"lost+found":    {probe.Order{Path: lost, Types: types}, `is not empty, it holds "lost+found"`},
		"old marker":    {probe.Order{Path: old, Types: types}, "is a Quobyte device already"},
		"symlink":       {probe.Order{Path: link, Types: types}, "may be a device: QUOBYTE_DEV_SETUP, which is a symbolic link"},
		"broken marker": {probe.Order{Path: broken, Types: types}, "may be a device: QUOBYTE_DEV_SETUP, line 1"},
		"other's file":  {probe.Order{Path: foreign, Types: types}, "that the prober has not written"},
		"read-only":     {probe.Order{Path: readOnly, Types: types}, "is mounted read-only"},
		"twice":         {probe.Order{Path: t1, Types: types}, "is mounted more than once (" + t1 + ", " + t2 + ")"},
		"over-mounted":  {probe.Order{Path: over, Types: types}, "is mounted more than once"},
		"bind mount":    {probe.Order{Path: bound, Types: types}, "is mounted more than once"},
		"tmpfs":         {probe.Order{Path: memory, Types: types}, "has a file system of type tmpfs: want ext4 or xfs"},
		"not mounted":   {probe.Order{Path: filepath.Join(h.Dir(), "plain"), Types: types}, "is not a mount point"},
		"missing":       {probe.Order{Path: filepath.Join(h.Dir(), "missing"), Types: types}, "is not a mount point"},
		"outside":       {probe.Order{Path: "/", Types: types}, "is no path below the host device directory"},
		"itself":        {probe.Order{Path: h.Dir(), Types: types}, "is no path below the host device directory"},
		"not clean":     {probe.Order{Path: h.Dir() + "/x/../ok", Types: types}, "is no path below the host device directory"},
		"trailing":      {probe.Order{Path: ok + "/", Types: types}, "is no path below the host device directory"},
		"no types":      {probe.Order{Path: ok}, "names no types: want some of REGISTRY"},
		"wrong type":    {probe.Order{Path: ok, Types: []string{"DATA", "SSD"}}, `the type "SSD" is not known`},
		"two lines":     {probe.Order{ID: "a\ndevice.serial=evil", Path: ok, Types: types}, "the order's id must"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.order.ID == "" {
				c.order.ID = "1"
			}
			before := h.tree(h.Dir())
			if got := h.order(c.order); !strings.Contains(got.Refused, c.want) || !strings.Contains(got.Refused, c.order.Path) || got.Serial != "" {
				t.Errorf("%+v; want %q", got, c.want)
			}
			if after := h.tree(h.Dir()); after != before {
				t.Errorf("something was touched:\n%s\n%s", before, after)
			}
		})
		all = append(all, name)
	}
	if got := h.order(probe.Order{ID: "1", Path: ok, Types: types}); got.Refused != "" || len(all) != 21 {
		t.Errorf("%+v, %d cases", got, len(all))
	}
}

// A crash of an old kernel's host leaves a part of the marker under another name.
func TestUnfinishedMarker(t *testing.T) {
	for _, left := range []string{"", "# Quo", heading + "# Created Sat"} {
		h := newRealHost(t)
		path := h.mount(h.disk("d", "ext4"), "disk1")
		h.sh(`printf %s "$2" > "$1"/.QUOBYTE_DEV_SETUP.unfinished`, path, left)
		h.env = []string{"PROBER_TEST_OLD_KERNEL=1"}
		if got := h.order(probe.Order{ID: "1", Path: path, Types: []string{"DATA"}}); got.Refused != "" {
			t.Errorf("%q: %+v", left, got)
		}
		if files := h.sh(`ls -A "$1"`, path); files != "QUOBYTE_DEV_SETUP\nlost+found\n" {
			t.Errorf("%q: there is\n%s", left, files)
		}
	}
}

// A full disk gets no half of a marker.
func TestInitializeFullDisk(t *testing.T) {
	h := newRealHost(t)
	path := h.mount(h.disk("d", "ext4"), "disk1")
	h.sh(`mkdir "$1"/lost+found/x; dd if=/dev/zero of="$1"/lost+found/x/fill bs=64k 2>/dev/null || true; sync`, path)
	h.sh(`dd if=/dev/zero of="$1"/lost+found/x/rest bs=1k 2>/dev/null || true; sync`, path)
	got := h.order(probe.Order{ID: "1", Path: path, Types: []string{"DATA"}})
	if !strings.Contains(got.Refused, "no space left on device") {
		t.Errorf("%+v", got)
	}
	if files := h.sh(`ls -A "$1"`, path); files != "lost+found\n" {
		t.Errorf("there is\n%s", files)
	}
}

// A try that hung may end between the look at the mounts and the next try.
func TestOrderThatEndsLate(t *testing.T) {
	h := newFakeHost(t)
	path := h.mount("disk")
	p := h.prober()
	mounts, err := p.mounts()
	if err != nil {
		t.Fatal(err)
	}
	h.write(filepath.Join(path, markerName), "# Order: 1\ndevice.serial=written\n")
	o := &probe.Order{ID: "1", Path: path, Types: []string{"DATA"}}
	if got, err := p.mark(mounts[0], o, nil); err != nil || got.Serial != "written" || !got.sight.Marked {
		t.Errorf("%+v, %v", got, err)
	}
	o.ID = "2"
	if got, err := p.mark(mounts[0], o, nil); err == nil || !strings.Contains(err.Error(), "is a Quobyte device already") {
		t.Errorf("%+v, %v", got, err)
	}
}
