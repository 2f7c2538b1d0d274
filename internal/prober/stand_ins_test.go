package prober

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quobyte/mesos-operator/internal/probe"
)

// TestStandIns: two directories of one file system stand for two, one of them with
// a marker, the other one to be initialised.
func TestStandIns(t *testing.T) {
	h := newFakeHost(t)
	marked, empty := filepath.Join(h.directory, "marked"), filepath.Join(h.directory, "empty")
	h.write(filepath.Join(marked, markerName), asWritten)
	h.write(filepath.Join(empty, "x"), "")
	for i, path := range []string{marked, empty} {
		h.lines = append(h.lines, fmt.Sprintf("%d 1 0:%d / %s rw - ext4 stand-in rw\n", i+2, 5000+i, path))
	}
	h.writeTable()
	if m := mountAt(t, mustProbe(t, h.prober(), nil), marked); m.Marked || !strings.Contains(m.Problem, "as the mount table says") {
		t.Errorf("without StandIns the directory counts as the device %s: %+v", m.Number, m)
	}

	h.cfg.StandIns = true
	p := h.prober()
	order := probe.Order{ID: "order-1", Path: empty, Types: []string{"DATA"}}
	r := mustProbe(t, p, &probe.Request{ID: "q", Initialize: []probe.Order{order}})
	if m := mountAt(t, r, marked); !m.Marked || m.Problem != "" {
		t.Errorf("%+v", m)
	}
	if len(r.Initializations) != 1 || !strings.Contains(r.Initializations[0].Refused, "not empty") {
		t.Errorf("what is not empty is not refused: %+v", r.Initializations)
	}
	h.lines = h.lines[:1]
	fresh := filepath.Join(h.directory, "fresh")
	h.write(filepath.Join(fresh, unfinishedName), "")
	h.lines = append(h.lines, fmt.Sprintf("3 1 0:5001 / %s rw - ext4 stand-in rw\n", fresh))
	h.writeTable()
	order = probe.Order{ID: "order-2", Path: fresh, Types: []string{"DATA"}}
	r = mustProbe(t, p, &probe.Request{ID: "r", Initialize: []probe.Order{order}})
	if m := mountAt(t, r, fresh); !m.Marked || m.Serial == "" || m.Problem != "" {
		t.Errorf("%+v of %+v", m, r.Initializations)
	}
}

// An order comes again after its disk was unplugged and another empty one has its
// place: one order makes one device.
func TestOrderIsCarriedOutOnOneDiskAlone(t *testing.T) {
	h := newFakeHost(t)
	h.cfg.StandIns = true
	p := h.prober()
	place := func(name string, number int) string {
		path := filepath.Join(h.directory, "disk")
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		h.lines = []string{fmt.Sprintf("%d 1 0:%d / %s rw - ext4 %s rw\n", number, number, path, name)}
		h.writeTable()
		return path
	}
	o := probe.Order{ID: "order-1", Path: place("first", 5001), Types: []string{"DATA"}}
	first := mustProbe(t, p, &probe.Request{ID: "a", Initialize: []probe.Order{o}}).Initializations[0]
	if first.Serial == "" || first.Refused != "" {
		t.Fatalf("%+v", first)
	}
	place("second", 5002)
	for range 3 { // also when the refusal is all that is remembered
		r := mustProbe(t, p, &probe.Request{ID: "b", Initialize: []probe.Order{o}})
		if got := r.Initializations[0]; got.Serial != first.Serial || !strings.Contains(got.Refused, "on the disk of serial "+first.Serial) {
			t.Errorf("%+v", got)
		}
		if m := mountAt(t, r, o.Path); m.Marked {
			t.Errorf("another disk was initialised for one order: %+v", m)
		}
	}
}
