package prober

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/internal/probe"
)

func self(t *testing.T) string {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return own
}

func executorEnv(directory, mountinfo, interval string) map[string]string {
	return map[string]string{"PROBER_TEST_AS": "executor", "PROBER_TEST_DIRECTORY": directory,
		"PROBER_TEST_MOUNTINFO": mountinfo, "PROBER_TEST_INTERVAL": interval}
}

func anyReport(*probe.Report) bool { return true }

func answers(id string) func(*probe.Report) bool {
	return func(r *probe.Report) bool { return r.Answers == id }
}

// running launches a prober that finds what is in h.
func running(t *testing.T, h *fakeHost, checkpoint bool, interval string) *testScheduler {
	t.Helper()
	s := newScheduler(t, checkpoint)
	s.launch("t1", executorEnv(h.directory, h.cfg.MountInfo, interval), self(t))
	s.status("t1", mesos.TASK_STARTING)
	if status := s.status("t1", mesos.TASK_RUNNING); status.GetSource() != mesos.SOURCE_EXECUTOR {
		t.Error(status)
	}
	return s
}

func TestExecutor(t *testing.T) {
	h := newFakeHost(t)
	h.mark("disk1", asWritten)
	s := newScheduler(t, true)
	s.launch("t1", executorEnv(h.directory, h.cfg.MountInfo, "1h"), self(t))
	first := s.report(anyReport)
	if len(first.Mounts) != 1 || first.Mounts[0].Serial == "" || first.Seq != 1 || len(first.BootID) != 36 {
		t.Errorf("%+v", first)
	}
	s.message([]byte("nonsense"))
	s.message(make([]byte, probe.MaxRequest+1))
	s.message(probe.Encode(&probe.Request{Protocol: probe.Protocol, ID: "ask", Ports: []uint64{1}}))
	if r := s.report(answers("ask")); r.Epoch != first.Epoch || r.Seq <= first.Seq || !slices.Equal(r.Asked, []uint64{1}) {
		t.Errorf("%+v, first %+v", r, first)
	}
	h.mark("disk2", "device.serial=second\n")
	if r := s.report(func(r *probe.Report) bool { return len(r.Mounts) == 2 }); r.Answers != "" {
		t.Errorf("%+v", r)
	}
	s.kill("t1")
	s.status("t1", mesos.TASK_KILLED)
	if e := s.next(scheduler.Event_FAILURE).Failure; e.GetStatus() != 0 {
		t.Errorf("it ended with status %d", e.GetStatus())
	}
}

func TestExecutorReportsAtTheInterval(t *testing.T) {
	h := newFakeHost(t)
	s := running(t, h, true, "100ms")
	for seq := s.report(anyReport).Seq; seq < 5; {
		next := s.report(anyReport).Seq
		if next <= seq {
			t.Fatalf("report %d after %d", next, seq)
		}
		seq = next
	}
}

func TestExecutorHasOneTask(t *testing.T) {
	h := newFakeHost(t)
	s := running(t, h, true, "1h")
	s.offer = s.next(scheduler.Event_OFFERS).Offers.Offers[0]
	s.launch("t2", executorEnv(h.directory, h.cfg.MountInfo, "1h"), self(t))
	if status := s.status("t2", mesos.TASK_FAILED); status.GetMessage() != "The prober has one task, and that is t1" {
		t.Error(status)
	}
	s.message(probe.Encode(&probe.Request{ID: "still"}))
	s.report(answers("still"))
}

func TestExecutorOutlivesTheAgent(t *testing.T) {
	h := newFakeHost(t)
	h.mark("disk1", asWritten)
	s := running(t, h, true, "1h")
	first := s.report(anyReport)
	s.cluster.StopAgent("node1")
	// What changes meanwhile is in the report after it.
	h.mark("disk2", "device.serial=second\n")
	s.cluster.StartAgent("node1")
	if r := s.report(func(r *probe.Report) bool { return len(r.Mounts) == 2 }); r.Epoch != first.Epoch {
		t.Errorf("another process reports: %+v, %+v", first, r)
	}
	s.message(probe.Encode(&probe.Request{ID: "again"}))
	s.report(answers("again"))
	s.kill("t1")
	s.status("t1", mesos.TASK_KILLED)
}

// Without checkpoint an agent does not come back to its executors.
func TestExecutorEndsWithTheAgent(t *testing.T) {
	h := newFakeHost(t)
	s := running(t, h, false, "1h")
	first := s.report(anyReport)
	s.cluster.StopAgent("node1")
	s.cluster.StartAgent("node1")
	s.status("t1", mesos.TASK_FAILED)
	if first.Seq == 0 {
		t.Error(first)
	}
}

func TestExecutorIsShutDown(t *testing.T) {
	s := running(t, newFakeHost(t), true, "1h")
	s.call(&scheduler.Call{Type: scheduler.Call_SHUTDOWN, Shutdown: &scheduler.Call_Shutdown{
		ExecutorID: mesos.ExecutorID{Value: "prober"}, AgentID: s.offer.AgentID}})
	s.status("t1", mesos.TASK_KILLED)
	if e := s.next(scheduler.Event_FAILURE).Failure; e.GetStatus() != 0 {
		t.Errorf("it ended with status %d", e.GetStatus())
	}
}

// The kernel tells of mounts; nothing else does within the hour.
func TestExecutorOnAHost(t *testing.T) {
	h := newRealHost(t)
	s := newScheduler(t, true)
	s.launch("t1", executorEnv(h.Dir(), "/proc/self/mountinfo", "1h"), h.Command(self(t)).Args...)
	if r := s.report(anyReport); len(r.Mounts) != 0 {
		t.Fatalf("%+v", r)
	}
	disk := h.disk("d", "ext4")
	path := h.mount(disk, "disk1")
	if r := s.report(func(r *probe.Report) bool { return len(r.Mounts) == 1 }); r.Mounts[0].Path != path || r.Mounts[0].Marked {
		t.Errorf("%+v", r)
	}
	order := probe.Order{ID: "o", Path: path, Types: []string{"DATA"}}
	s.message(probe.Encode(&probe.Request{ID: "ask", Initialize: []probe.Order{order}}))
	r := s.report(answers("ask"))
	if len(r.Initializations) != 1 || r.Initializations[0].Serial != r.Mounts[0].Serial || !r.Mounts[0].Marked {
		t.Errorf("%+v", r)
	}
	if err := h.Unmount(path); err != nil {
		t.Fatal(err)
	}
	if r := s.report(func(r *probe.Report) bool { return len(r.Mounts) == 0 }); len(r.Initializations) != 1 {
		t.Errorf("%+v", r)
	}
	// The disk moves.
	other := newRealHost(t)
	if r := other.probe(nil); len(r.Mounts) != 0 {
		t.Errorf("%+v", r)
	}
	moved := other.mount(disk, "disk7")
	if m := mountAt(t, other.probe(nil), moved); m.Serial != r.Initializations[0].Serial {
		t.Errorf("%+v", m)
	}
}

func TestReadEnvironment(t *testing.T) {
	all := map[string]string{"MESOS_AGENT_ENDPOINT": "127.0.0.1:5051", "MESOS_FRAMEWORK_ID": "f", "MESOS_EXECUTOR_ID": "e",
		"MESOS_CHECKPOINT": "1", "MESOS_RECOVERY_TIMEOUT": "15mins", "MESOS_SUBSCRIPTION_BACKOFF_MAX": "2secs"}
	env, err := ReadEnvironment(func(name string) string { return all[name] })
	if err != nil || env.RecoveryTimeout.Minutes() != 15 || env.SubscriptionBackoffMax.Seconds() != 2 || !env.Checkpoint {
		t.Errorf("%+v, %v", env, err)
	}
	for name := range all {
		got, err := ReadEnvironment(func(asked string) string {
			if asked == name {
				return ""
			}
			return all[asked]
		})
		if name == "MESOS_CHECKPOINT" {
			if err != nil || got.RecoveryTimeout != 0 {
				t.Errorf("without %s: %+v, %v", name, got, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestSerialOfTheDisk(t *testing.T) {
	h := newFakeHost(t)
	path := h.mount("disk")
	p := h.prober()
	mounts, err := p.mounts()
	if err != nil {
		t.Fatal(err)
	}
	device := filepath.Join(h.cfg.Sysfs, "devices/sda")
	h.write(filepath.Join(device, "device/serial"), "KNOWN-1")
	h.write(filepath.Join(device, "device/model"), "A Model")
	if err := os.Symlink(device, filepath.Join(h.cfg.Sysfs, "dev/block", mounts[0].number())); err != nil {
		t.Fatal(err)
	}
	if m := mustProbe(t, p, nil).Mounts[0]; m.Serial != "KNOWN-1" || m.Model != "A_Model" || m.Marked {
		t.Errorf("%+v", m)
	}
	r := mustProbe(t, p, &probe.Request{ID: "r", Initialize: []probe.Order{{ID: "1", Path: path, Types: []string{"DATA"}}}})
	if m := r.Mounts[0]; m.Serial != "KNOWN-1" || m.Model != "A_Model" || !m.Marked {
		t.Errorf("%+v", m)
	}
	if err := os.Remove(filepath.Join(path, markerName)); err != nil {
		t.Fatal(err)
	}
	// Another disk says that it is the same.
	got, err := p.mark(mounts[0], &probe.Order{ID: "2", Types: []string{"DATA"}}, map[string]bool{"KNOWN-1": true})
	if err != nil || got.Serial != "serial-1" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestOutcomesAreBounded(t *testing.T) {
	p := newFakeHost(t).prober()
	for i := range 3 * probe.MaxOrders {
		id := string(rune('a'+i%26)) + strings.Repeat("x", i/26)
		mustProbe(t, p, &probe.Request{Initialize: []probe.Order{{ID: id, Path: "/elsewhere"}}})
	}
	r := mustProbe(t, p, nil)
	if len(r.Initializations) != probe.MaxOrders || !slices.IsSortedFunc(r.Initializations, func(a, b probe.Initialization) int { return strings.Compare(a.ID, b.ID) }) {
		t.Errorf("%d outcomes: %+v", len(r.Initializations), r.Initializations)
	}
}
