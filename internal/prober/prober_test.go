package prober

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/quobyte/mesos-operator/internal/probe"
)

func mustProbe(t testing.TB, p *Prober, request *probe.Request) *probe.Report {
	t.Helper()
	report, err := p.Probe(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func mountAt(t testing.TB, r *probe.Report, path string) probe.Mount {
	t.Helper()
	for _, m := range r.Mounts {
		if m.Path == path {
			return m
		}
	}
	t.Fatalf("%s is not in %+v", path, r.Mounts)
	return probe.Mount{}
}

func TestReport(t *testing.T) {
	h := newFakeHost(t)
	h.mark("a disk", asWritten)
	empty := h.mount("empty")
	old := h.mount("old")
	h.write(filepath.Join(old, "quobyte-data/x"), "")
	h.write(filepath.Join(old, "quobyte-dir/x"), "")
	there, link := filepath.Join(h.directory, "there"), filepath.Join(h.directory, "link")
	if err := os.Mkdir(there, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(there, link); err != nil {
		t.Fatal(err)
	}
	h.cfg.LookFor = []string{link, there, filepath.Join(h.directory, "missing")}
	p := h.prober()
	r := mustProbe(t, p, nil)
	if r.Protocol != probe.Protocol || r.Seq != 1 || r.Epoch == 0 || r.BootID != "b00t" || r.Answers != "" || !slices.Equal(r.Directories, []string{there}) {
		t.Errorf("%+v", r)
	}
	if got := []string{r.Mounts[0].Path, r.Mounts[1].Path, r.Mounts[2].Path}; !slices.IsSorted(got) || len(r.Mounts) != 3 {
		t.Errorf("the mounts are %q", got)
	}
	m := mountAt(t, r, filepath.Join(h.directory, "a disk"))
	if m.CapacityBytes == 0 || m.FreeBytes == 0 || m.FreeBytes > m.CapacityBytes {
		t.Errorf("%d of %d bytes are free", m.FreeBytes, m.CapacityBytes)
	}
	m.CapacityBytes, m.FreeBytes = 0, 0
	want := probe.Mount{Path: m.Path, FileSystem: "ext4", Number: m.Number, Marked: true, Serial: "5f1c5e0e-3d1c-4ad0-8a54-1f8a4d3a9f10",
		Model: "INTEL_SSDPE2KX080T8", Types: []string{"REGISTRY"}, Bootstrap: true}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got %+v, want %+v", m, want)
	}
	if m := mountAt(t, r, empty); m.Marked || m.Problem != "" || m.Serial != "" {
		t.Errorf("%+v", m)
	}
	if m := mountAt(t, r, old); !m.Marked || m.Serial != "" || !slices.Equal(m.Types, []string{"REGISTRY", "DATA"}) {
		t.Errorf("%+v", m)
	}
	if r := mustProbe(t, p, &probe.Request{ID: "q"}); r.Seq != 2 || r.Answers != "q" {
		t.Errorf("%+v", r)
	}
}

// What stands in the place of a marker is named and never followed, waited for or
// read.
func TestWhatIsNoMarker(t *testing.T) {
	for name, c := range map[string]struct {
		make func(marker string) error
		want string
	}{
		"pipe":      {func(f string) error { return unix.Mkfifo(f, 0o600) }, "is a named pipe"},
		"symlink":   {func(f string) error { return os.Symlink("/etc/passwd", f) }, "is a symbolic link"},
		"directory": {func(f string) error { return os.Mkdir(f, 0o700) }, "is a directory"},
		"gigabytes": {func(f string) error {
			if err := os.WriteFile(f, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(f, 3<<30)
		}, "3221225472 bytes"},
		"malformed": {func(f string) error { return os.WriteFile(f, []byte("#\n#\nx"), 0o600) }, "QUOBYTE_DEV_SETUP, line 3: "},
		"device":    {func(f string) error { return unix.Mknod(f, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))) }, "is a device node"},
		"old file": {func(f string) error {
			return os.WriteFile(filepath.Join(filepath.Dir(f), "quobyte-data"), nil, 0o600)
		}, "quobyte-data is a file, where"},
		"old symlink": {func(f string) error {
			return os.Symlink("/etc", filepath.Join(filepath.Dir(f), "quobyte-metadata"))
		}, "quobyte-metadata is a symbolic link"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFakeHost(t)
			path := h.mount("disk")
			h.mark("other", asWritten)
			if err := c.make(filepath.Join(path, markerName)); os.IsPermission(err) {
				t.Skip("only root makes these: ", err)
			} else if err != nil {
				t.Fatal(err)
			}
			r := mustProbe(t, h.prober(), nil)
			if m := mountAt(t, r, path); m.Marked || !strings.Contains(m.Problem, c.want) || m.CapacityBytes == 0 {
				t.Errorf("%+v", m)
			}
			if m := mountAt(t, r, filepath.Join(h.directory, "other")); !m.Marked {
				t.Errorf("%+v", m)
			}
		})
	}
}

func TestMountTableThatLies(t *testing.T) {
	h := newFakeHost(t)
	path := h.mount("disk")
	h.lines = []string{fmt.Sprintf("5 1 250:250 / %s rw - ext4 a rw\n", path), fmt.Sprintf("6 5 250:251 / %s/missing rw - xfs a rw\n", path)}
	h.writeTable()
	h.write(filepath.Join(path, markerName), asWritten)
	r := mustProbe(t, h.prober(), nil)
	if m := mountAt(t, r, path); m.Marked || !strings.Contains(m.Problem, "not 250:250") {
		t.Errorf("%+v", m)
	}
	if m := mountAt(t, r, path+"/missing"); !strings.Contains(m.Problem, "no such file") {
		t.Errorf("%+v", m)
	}
}

func TestHungMountHoldsNobodyUp(t *testing.T) {
	h := newFakeHost(t)
	hangs := h.mount("hangs")
	h.mark("works", asWritten)
	synctest.Test(t, func(t *testing.T) {
		p := h.prober()
		real, answer, looks := p.look, make(chan struct{}), 0
		p.look = func(m mount) sight {
			if m.path == hangs {
				looks++
				<-answer
			}
			return real(m)
		}
		for i, want := range []time.Duration{10 * time.Second, 0, 0} {
			start := time.Now()
			r := mustProbe(t, p, nil)
			if took := time.Since(start); took != want {
				t.Errorf("probe %d took %v", i, took)
			}
			if m := mountAt(t, r, hangs); m.Problem != "hangs: no answer for 10s" || m.FileSystem != "ext4" {
				t.Errorf("%+v", m)
			}
			if m := mountAt(t, r, filepath.Join(h.directory, "works")); !m.Marked {
				t.Errorf("%+v", m)
			}
		}
		if looks != 1 {
			t.Errorf("it was looked at %d times at once", looks)
		}
		close(answer)
		synctest.Wait()
		if m := mountAt(t, mustProbe(t, p, nil), hangs); m.Problem != "" || looks != 2 {
			t.Errorf("%+v after %d looks", m, looks)
		}
	})
}

// However many hang, only so many are left behind.
func TestHangingIsBounded(t *testing.T) {
	h := newFakeHost(t)
	for i := range 200 {
		h.mount(fmt.Sprintf("disk%d", i))
	}
	synctest.Test(t, func(t *testing.T) {
		p := h.prober()
		answer, looking, most := make(chan struct{}), make(chan int, 1000), 0
		p.look = func(m mount) sight { looking <- 1; <-answer; return sight{} }
		for range 5 {
			r := mustProbe(t, p, nil)
			for _, m := range r.Mounts {
				if !strings.HasPrefix(m.Problem, "hangs") && !strings.Contains(m.Problem, "other places hang") {
					t.Errorf("%+v", m)
				}
			}
		}
		if most = len(looking); most > maxHanging+maxWorkers {
			t.Errorf("%d were begun", most)
		}
		close(answer)
		synctest.Wait()
	})
}

func TestEndDoesNotWaitForWhatHangs(t *testing.T) {
	h := newFakeHost(t)
	h.mount("hangs")
	synctest.Test(t, func(t *testing.T) {
		p := h.prober()
		answer := make(chan struct{})
		p.look = func(m mount) sight { <-answer; return sight{} }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if r, err := p.Probe(ctx, nil); err == nil {
			t.Errorf("a report of a probe that was cut short: %+v", r)
		}
		close(answer)
	})
}

func TestNewRefusesPaths(t *testing.T) {
	for _, path := range []string{"mnt", "", "/mnt/", "/mnt/../etc"} {
		h := newFakeHost(t)
		h.cfg.Directory = path
		if _, err := New(h.cfg); err == nil || !strings.Contains(err.Error(), "want an absolute path") {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestListening(t *testing.T) {
	h := newFakeHost(t)
	// Recorded; the third is an open connection, not a listener.
	h.write(filepath.Join(h.cfg.ProcNet, "tcp"), `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:13BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000000000000000 100 0 0 10 0
   1: 00000000:5208 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4243 1 0000000000000000 100 0 0 10 0
   2: 0100007F:5209 0100007F:A5D6 01 00000000:00000000 00:00000000 00000000     0        0 4244 1 0000000000000000 100 0 0 10 0
`)
	p := h.prober()
	ask := &probe.Request{ID: "1", Ports: []uint64{21001, 21000, 21004}}
	if r := mustProbe(t, p, ask); !slices.Equal(r.Listening, []uint64{21000}) || !slices.Equal(r.Asked, ask.Ports) {
		t.Errorf("%v of %v", r.Listening, r.Asked)
	}
	h.write(filepath.Join(h.cfg.ProcNet, "tcp6"), `  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000000000000:520C 00000000000000000000000000000000:0000 0A 00000000:00000000
`)
	if r := mustProbe(t, p, ask); !slices.Equal(r.Listening, []uint64{21000, 21004}) {
		t.Errorf("%v", r.Listening)
	}
	// What cannot be read is not answered.
	if err := os.Remove(filepath.Join(h.cfg.ProcNet, "tcp")); err != nil {
		t.Fatal(err)
	}
	if r := mustProbe(t, p, ask); r.Asked != nil || r.Listening != nil || r.Answers != "1" {
		t.Errorf("%+v", r)
	}
}

func TestIdentity(t *testing.T) {
	sys := t.TempDir()
	h := fakeHost{t: t}
	link := func(number, device string) {
		t.Helper()
		dir := filepath.Join(sys, "dev/block")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../../devices/block/"+device, filepath.Join(dir, number)); err != nil {
			t.Fatal(err)
		}
	}
	put := func(name, text string) { t.Helper(); h.write(filepath.Join(sys, "devices/block", name), text) }
	put("sda/device/model", "INTEL SSDSC2BB48  \n")
	put("sda/device/vpd_pg80", "\x00\x80\x00\x0c  PHWL 12/34 trailing")
	put("sda/device/wwid", "naa.55cd2e404b6f1234\n")
	put("sda/sda1/partition", "1\n")
	put("sda/sda2/partition", "2\n")
	put("sdb/device/vpd_pg80", "\x00\x80\x00\x0800000000")
	put("sdb/device/wwid", "t10.ATA     ST4000   Z1Z2\n")
	put("nvme0n1/device/serial", "S4YNNE0M  \n")
	put("nvme0n1/nsid", "1\n")
	put("nvme0n2/device/serial", "S4YNNE0M  \n")
	put("nvme0n2/nsid", "2\n")
	put("nvme0n2/nvme0n2p3/partition", "3\n")
	put("vda/serial", "virtual-1")
	put("dm-0/dm/uuid", "LVM-abc")
	for number, device := range map[string]string{"8:0": "sda", "8:1": "sda/sda1", "8:2": "sda/sda2", "8:16": "sdb", "259:0": "nvme0n1",
		"259:1": "nvme0n2/nvme0n2p3", "252:0": "vda", "253:0": "dm-0"} {
		link(number, device)
	}
	for number, want := range map[[2]uint32][2]string{
		{8, 0}:   {"PHWL_1234", "INTEL_SSDSC2BB48"},
		{8, 1}:   {"PHWL_1234-part1", "INTEL_SSDSC2BB48"},
		{8, 2}:   {"PHWL_1234-part2", "INTEL_SSDSC2BB48"},
		{8, 16}:  {"t10.ATA_ST4000_Z1Z2", ""},
		{259, 0}: {"S4YNNE0M", ""},
		{259, 1}: {"S4YNNE0M-ns2-part3", ""},
		{252, 0}: {"virtual-1", ""},
		{253, 0}: {"", ""},
		{7, 7}:   {"", ""},
	} {
		serial, model := identity(sys, number[0], number[1])
		if serial != want[0] || model != want[1] {
			t.Errorf("%v: got %q, %q; want %q", number, serial, model, want)
		}
	}
}

// A host with 60 mounts is to cost less than 20 ms of CPU a probe.
func BenchmarkProbe60Mounts(b *testing.B) {
	h := newFakeHost(b)
	for i := range 30 {
		h.mark(fmt.Sprintf("device%d", i), strings.ReplaceAll(asWritten, "5f1c", fmt.Sprintf("%04d", i)))
		h.mount(fmt.Sprintf("empty%d", i))
	}
	p := h.prober()
	b.ReportAllocs()
	var before, after unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &before); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if r := mustProbe(b, p, nil); len(r.Mounts) != 60 {
			b.Fatal(len(r.Mounts))
		}
	}
	if err := unix.Getrusage(unix.RUSAGE_SELF, &after); err != nil {
		b.Fatal(err)
	}
	cpu := func(u unix.Rusage) time.Duration {
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	b.ReportMetric(float64((cpu(after)-cpu(before)).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}
