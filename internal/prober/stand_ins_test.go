package prober

import (
	"fmt"
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
