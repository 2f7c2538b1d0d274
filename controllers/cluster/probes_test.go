package cluster

import (
	"testing"
	"time"

	"github.com/go-logr/logr"
	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/probe"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// proberOn is the task id of a prober.
func proberOn(host, random string) string {
	return quobyte.NewTaskID(quobyte.ProberService, host, "abcdefghijkl", quobyte.NewNonce(noon, random))
}

type prober struct {
	t      *testing.T
	probes *probes
	woken  int
	seq    uint64
}

func newProber(t *testing.T) *prober {
	p := &prober{t: t}
	p.probes = newProbes(logr.Discard(), func() { p.woken++ })
	return p
}

// says has node1's prober report, and returns how often somebody was woken.
func (p *prober) says(at time.Time, r probe.Report) int {
	p.seq++
	r.Protocol, r.Seq = probe.Protocol, p.seq
	if r.Epoch == 0 {
		r.Epoch = 1
	}
	before := p.woken
	p.probes.take("agent-1", proberOn("node1", "00000001"), probe.Encode(&r), at)
	return p.woken - before
}

func disk(path, serial string, free uint64) probe.Mount {
	return probe.Mount{Path: path, FileSystem: "ext4", Number: "8:1", Marked: true, Serial: serial, Types: []string{"DATA"}, CapacityBytes: 100, FreeBytes: free}
}

func TestReportsThatSayNothingNewWakeNobody(t *testing.T) {
	p := newProber(t)
	for i, step := range []struct {
		mounts []probe.Mount
		woken  int
	}{
		{nil, 1},
		{nil, 0},
		{[]probe.Mount{disk("/mnt/a", "aaaaa", 60)}, 1},
		{[]probe.Mount{disk("/mnt/a", "aaaaa", 60)}, 0},
		// A little use, again and again, is told when it has become more.
		{[]probe.Mount{disk("/mnt/a", "aaaaa", 59)}, 0},
		{[]probe.Mount{disk("/mnt/a", "aaaaa", 58)}, 0},
		{[]probe.Mount{disk("/mnt/a", "aaaaa", 57)}, 1},
		{[]probe.Mount{disk("/mnt/a", "bbbbb", 57)}, 1},
		{nil, 1},
	} {
		if got := p.says(noon, probe.Report{BootID: "b", Mounts: step.mounts}); got != step.woken {
			t.Errorf("step %d woke %d times, want %d", i, got, step.woken)
		}
	}
	if got := p.says(noon, probe.Report{BootID: "b", Asked: []uint64{21000}}); got != 1 {
		t.Error("the answer to a question woke nobody")
	}
}

func TestLateReportsAreDropped(t *testing.T) {
	p := newProber(t)
	p.says(noon, probe.Report{Epoch: 5, Mounts: []probe.Mount{disk("/mnt/a", "aaaaa", 1)}})
	for _, late := range []probe.Report{{Epoch: 5, Seq: 1}, {Epoch: 4, Seq: 9}} {
		late.Protocol = probe.Protocol
		p.probes.take("agent-1", proberOn("node1", "00000001"), probe.Encode(&late), noon)
	}
	if got := p.probes.words["agent-1"].report; len(got.Mounts) != 1 {
		t.Errorf("a late report replaced a newer one: %+v", got)
	}
	p.probes.take("agent-1", proberOn("node1", "00000001"), []byte("{"), noon)
	p.probes.take("agent-1", "somebody-else", probe.Encode(&probe.Report{Epoch: 9}), noon)
	if got := p.probes.words["agent-1"].report; got.Epoch != 5 {
		t.Errorf("what is no report of a prober of ours was taken: %+v", got)
	}
}

// A host's clock is set back, and its prober replaced: the new one is heard, and what
// the old one said late is not.
func TestProbersAreOrderedByTheirLaunch(t *testing.T) {
	p := newProber(t)
	later := quobyte.NewTaskID(quobyte.ProberService, "node1", "abcdefghijkl", quobyte.NewNonce(noon.Add(time.Minute), "00000002"))
	p.says(noon, probe.Report{Epoch: 50, Mounts: []probe.Mount{disk("/mnt/a", "aaaaa", 1)}})
	p.probes.take("agent-1", later, probe.Encode(&probe.Report{Protocol: probe.Protocol, Epoch: 40, Seq: 1}), noon)
	if w := p.probes.words["agent-1"]; w.executorID != later || len(w.report.Mounts) != 0 {
		t.Fatalf("the later prober is not heard: %+v", w)
	}
	p.says(noon, probe.Report{Epoch: 50, Mounts: []probe.Mount{disk("/mnt/a", "aaaaa", 1)}})
	if w := p.probes.words["agent-1"]; w.executorID != later {
		t.Error("the earlier prober was heard after the later one")
	}
}

// What a later version says may mean something else, above all when it seems to say
// that nothing is mounted.
func TestReportsOfOtherVersionsAreNotUsed(t *testing.T) {
	p := newProber(t)
	p.says(noon, probe.Report{Mounts: []probe.Mount{disk("/mnt/a", "aaaaa", 1)}})
	for _, version := range []int{0, probe.Protocol + 1} {
		p.probes.take("agent-1", proberOn("node1", "00000001"), probe.Encode(&probe.Report{Protocol: version, Epoch: 9, Seq: 9}), noon)
		if w := p.probes.words["agent-1"]; len(w.report.Mounts) != 1 {
			t.Errorf("a report of version %d was used: %+v", version, w.report)
		}
	}
	// One that is too long, or not even a report, changes nothing either.
	p.probes.take("agent-1", proberOn("node1", "00000001"), make([]byte, probe.MaxReport+1), noon)
	if w := p.probes.words["agent-1"]; len(w.report.Mounts) != 1 || p.woken != 1 {
		t.Errorf("a giant was used: %+v, woken %d times", w.report, p.woken)
	}
}

// TestWhatAppeared: only what turns up while the host is probed is new to the
// services that run there.
func TestWhatAppearedWhileTheHostWasProbed(t *testing.T) {
	p := newProber(t)
	hung := disk("/mnt/c", "", 0)
	hung.Marked, hung.Problem = false, "hangs"
	first := []probe.Mount{disk("/mnt/a", "aaaaa", 1), hung}
	p.says(noon, probe.Report{BootID: "b", Mounts: first})
	later := noon.Add(time.Minute)
	p.says(later, probe.Report{BootID: "b", Mounts: []probe.Mount{disk("/mnt/a", "aaaaa", 1), disk("/mnt/b", "bbbbb", 1), disk("/mnt/c", "ccccc", 1)}})
	got := p.probes.words["agent-1"].appeared
	if len(got) != 1 || !got["/mnt/b"].Equal(later) {
		t.Errorf("appeared %v, want /mnt/b alone", got)
	}
	// It stays so, also over a restart of the prober.
	p.says(later.Add(time.Minute), probe.Report{Epoch: 2, BootID: "b", Mounts: []probe.Mount{disk("/mnt/a", "aaaaa", 1), disk("/mnt/b", "bbbbb", 1)}})
	if got := p.probes.words["agent-1"].appeared; !got["/mnt/b"].Equal(later) {
		t.Errorf("appeared %v after a restart of the prober", got)
	}
	// After a reboot nothing runs that would not know it.
	p.says(later.Add(2*time.Minute), probe.Report{Epoch: 3, BootID: "c", Mounts: []probe.Mount{disk("/mnt/a", "aaaaa", 1), disk("/mnt/b", "bbbbb", 1)}})
	if got := p.probes.words["agent-1"].appeared; len(got) != 0 {
		t.Errorf("appeared %v after a reboot", got)
	}
}

func TestHostsAreKnownByTheirOneRegisteredAgent(t *testing.T) {
	p := newProber(t)
	id := proberOn("node1", "00000001")
	p.says(noon, probe.Report{BootID: "b"})
	agent := func(id, host string) *mesosbridge.Agent {
		return &mesosbridge.Agent{ID: id, Host: host, Registered: true}
	}
	running := &mesosbridge.Task{ID: id, AgentID: "agent-1", State: mesos.TASK_RUNNING}
	snapshot := &mesosbridge.Snapshot{Revision: 1, Connected: true, Reconciled: true,
		Agents: map[string]*mesosbridge.Agent{"agent-1": agent("agent-1", "node1")},
		Tasks:  map[string]*mesosbridge.Task{id: running}}
	h := p.probes.on(snapshot, nil)["node1"]
	if h == nil || h.AgentID != "agent-1" || h.ExecutorID != id || h.Report == nil || !h.Received.Equal(noon) {
		t.Fatalf("node1 is %+v", h)
	}

	// Its prober ends: what it said is no present word.
	ended := *snapshot
	ended.Revision, ended.Tasks = 2, nil
	if h := p.probes.on(&ended, nil)["node1"]; h.Report != nil || h.ExecutorID != "" {
		t.Errorf("node1 is %+v without a prober", h)
	}

	// Two agents of one name: neither is used.
	two := *snapshot
	two.Revision = 3
	two.Agents = map[string]*mesosbridge.Agent{"agent-1": agent("agent-1", "node1"), "agent-2": agent("agent-2", "node1")}
	if h := p.probes.on(&two, nil)["node1"]; h.AgentID != "" || h.Report != nil {
		t.Errorf("node1 is %+v with two agents", h)
	}
}

func TestAHostIsAbandonedWhenNothingCanRunThere(t *testing.T) {
	p := newProber(t)
	device := &v1alpha1.QuobyteDevice{Status: v1alpha1.QuobyteDeviceStatus{Host: "node9"}}
	data := quobyte.NewTaskID(quobyte.Data, "node9", "abcdefghijkl", "0000000-00000000")
	task := func(id string) map[string]*mesosbridge.Task {
		return map[string]*mesosbridge.Task{id: {ID: id, State: mesos.TASK_UNREACHABLE}}
	}
	for what, c := range map[string]struct {
		snapshot  mesosbridge.Snapshot
		abandoned bool
	}{
		"nothing is known of it": {mesosbridge.Snapshot{Connected: true, Reconciled: true}, true},
		"only a prober":          {mesosbridge.Snapshot{Connected: true, Reconciled: true, Tasks: task(proberOn("node9", "00000001"))}, true},
		"a service may run":      {mesosbridge.Snapshot{Connected: true, Reconciled: true, Tasks: task(data)}, false},
		"anything may run":       {mesosbridge.Snapshot{Connected: true, Reconciled: true, Tasks: task("what-is-this")}, false},
		"Mesos has not said":     {mesosbridge.Snapshot{Connected: true}, false},
		"its agent is there": {mesosbridge.Snapshot{Connected: true, Reconciled: true,
			Agents: map[string]*mesosbridge.Agent{"a": {ID: "a", Host: "node9", Registered: true}}}, false},
	} {
		c.snapshot.Revision = uint64(len(what))
		h := p.probes.on(&c.snapshot, []*v1alpha1.QuobyteDevice{device})["node9"]
		if got := h != nil && h.Abandoned; got != c.abandoned {
			t.Errorf("%s: abandoned %v, want %v", what, got, c.abandoned)
		}
	}
}
