package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/probe"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// probed lets probers be wanted.
func (f *fixture) probed() {
	f.prober = &quobyte.Prober{Image: "operator:v1", Directory: "/mnt", Interval: 2 * time.Minute, User: "root", MilliCPUs: 100, MemMiB: 256, DiskMiB: 150}
	f.hosts = map[string]*inventory.Host{}
}

// proberTask adds a prober that runs.
func (f *fixture) proberTask(host, hash string) *mesosbridge.Task {
	f.serial++
	t := f.addTask(quobyte.NewTaskID(quobyte.ProberService, host, hash, fmt.Sprintf("n%d", f.serial)), host)
	t.Healthy = nil
	return t
}

// reporting adds a prober that has reported.
func (f *fixture) reporting(host string, directories ...string) *probe.Report {
	t := f.proberTask(host, f.prober.Hash())
	r := &probe.Report{Directories: directories}
	f.hosts[host] = &inventory.Host{Name: host, AgentID: t.AgentID, ExecutorID: t.ID, Report: r, Received: f.now}
	return r
}

func TestOneProberOnEachHost(t *testing.T) {
	for name, test := range map[string]struct {
		change func(f *fixture)
		want   []string
	}{
		"all":                       {func(*fixture) {}, []string{"prober node1", "prober node2"}},
		"stopped":                   {func(f *fixture) { f.cluster.Spec.State = v1alpha1.StateStopped }, []string{"prober node1", "prober node2"}},
		"suspended":                 {func(f *fixture) { f.cluster.Spec.Suspend = true }, nil},
		"torn down":                 {teardown, nil},
		"none is to run":            {func(f *fixture) { f.prober = nil }, nil},
		"placement":                 {func(f *fixture) { f.cluster.Spec.Placement.Hosts = []string{"node2"} }, []string{"prober node2"}},
		"before the barrier":        {func(f *fixture) { f.snap.Agents["agent-node1"].Behind = false }, []string{"prober node2"}},
		"runs":                      {func(f *fixture) { f.proberTask("node1", f.prober.Hash()) }, []string{"prober node2"}},
		"is launched":               {func(f *fixture) { f.proberTask("node1", f.prober.Hash()).State = mesos.TASK_STAGING }, []string{"prober node2"}},
		"is stopping":               {func(f *fixture) { f.proberTask("node1", "old").Killing = noon }, []string{"prober node2"}},
		"an id that cannot be read": {func(f *fixture) { f.addTask("quobyte.teapot.1", "node1") }, []string{"prober node2"}},
		"too little":                {func(f *fixture) { f.snap.Agents["agent-node1"].Offers = nil }, []string{"prober node2"}},
		"two agents with one name": {func(f *fixture) {
			f.snap.Agents["other"] = &mesosbridge.Agent{ID: "other", Host: "node2", Registered: true, Behind: true}
		}, []string{"prober node1"}},
		"one on the agent before":      {func(f *fixture) { f.proberTask("node1", f.prober.Hash()).AgentID = "gone" }, []string{"prober node1", "prober node2"}},
		"of a public role":             {func(f *fixture) { f.cluster.Spec.Placement.PublicRole = "public" }, []string{"prober node1", "prober node2"}},
		"in maintenance":               {func(f *fixture) { f.snap.Agents["agent-node1"].Offers[0].Unavailability = window(noon, time.Hour) }, []string{"prober node2"}},
		"one of the earlier framework": {func(f *fixture) { f.addTask("quobyte-device-prober-node1", "node1") }, []string{"prober node2"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.probed()
			f.node("node1")
			f.node("node2")
			test.change(f)
			r := f.plan()
			wantList(t, "launches", launches(r), test.want...)
			for _, l := range r.Launches {
				if l.Prober != f.prober || l.Spec.Service != "" || l.AgentID != "agent-"+l.Host || len(l.Resources) != 3 {
					t.Errorf("%+v", l)
				}
			}
		})
	}
}

func teardown(f *fixture) {
	f.cluster.DeletionTimestamp = &metav1.Time{Time: noon}
	f.cluster.Spec.DeletionPolicy = v1alpha1.DeletionTeardown
}

func TestProbersThatAreReplaced(t *testing.T) {
	long := noon.Add(-8 * time.Minute)
	for name, test := range map[string]struct {
		change func(f *fixture)
		want   []string
	}{
		"as wanted":            {func(*fixture) {}, nil},
		"outdated":             {func(f *fixture) { f.prober.Image = "operator:v2" }, []string{"prober node1"}},
		"outdated, suspended":  {func(f *fixture) { f.prober.Image = "operator:v2"; f.cluster.Spec.Suspend = true }, nil},
		"outdated, unreadable": {func(f *fixture) { f.prober.Image = "operator:v2"; f.addTask("quobyte.teapot.1", "node1") }, nil},
		"hangs":                {func(f *fixture) { f.hosts["node1"].Received = long }, []string{"prober node1"}},
		"hangs, subscription is young": {func(f *fixture) {
			f.hosts["node1"].Received, f.snap.Since = long, noon.Add(-time.Minute)
		}, nil},
		"started just now":       {func(f *fixture) { delete(f.hosts, "node1"); proberOn(f, "node1").Since = noon.Add(-time.Minute) }, nil},
		"never said a word":      {func(f *fixture) { delete(f.hosts, "node1"); proberOn(f, "node1").Since = long }, []string{"prober node1"}},
		"word of the one before": {func(f *fixture) { f.hosts["node1"].ExecutorID = "other" }, []string{"prober node1"}},
		"two":                    {func(f *fixture) { f.proberTask("node1", "old") }, []string{"prober node1"}},
		"no place for services":  {func(f *fixture) { f.cluster.Spec.Placement.Hosts = []string{"node9"} }, []string{"prober node1"}},
		"no place, but devices": {func(f *fixture) {
			f.cluster.Spec.Placement.Hosts = []string{"node9"}
			f.device("node1", v1alpha1.DeviceData)
		}, nil},
		"no place, but devices, and outdated": {func(f *fixture) {
			f.cluster.Spec.Placement.Hosts = []string{"node9"}
			f.device("node1", v1alpha1.DeviceData)
			f.prober.Image = "operator:v2"
		}, nil},
		"none is to run": {func(f *fixture) { f.prober = nil }, []string{"prober node1"}},
		"stopped":        {func(f *fixture) { f.cluster.Spec.State = v1alpha1.StateStopped }, nil},
		"orphaned":       {func(f *fixture) { f.cluster.DeletionTimestamp = &metav1.Time{Time: noon} }, nil},
		"torn down":      {teardown, []string{"prober node1"}},
		"of the earlier framework": {func(f *fixture) {
			delete(f.snap.Tasks, proberOn(f, "node1").ID)
			f.addTask("quobyte-device-prober-node1", "node1")
		}, []string{"prober node1"}},
		"before the barrier": {func(f *fixture) { f.prober.Image = "operator:v2"; f.snap.Agents["agent-node1"].Behind = false }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.probed()
			f.agent("node1")
			f.reporting("node1")
			test.change(f)
			r := f.plan()
			wantList(t, "kills", kills(r), test.want...)
			for _, k := range r.Kills {
				f.snap.Tasks[k.TaskID].Killing = f.now
			}
			wantList(t, "kills, while it ends", kills(f.plan()))
		})
	}
}

func proberOn(f *fixture, host string) *mesosbridge.Task {
	for _, t := range f.snap.Tasks {
		if id, _ := quobyte.ParseTaskID(t.ID); id.Service == quobyte.ProberService && id.HostKey == host {
			return t
		}
	}
	f.t.Fatalf("no prober on %s", host)
	return nil
}

func TestProbersAreReplacedAFewAtATime(t *testing.T) {
	f := newFixture(t)
	f.probed()
	for i := range 300 {
		host := fmt.Sprintf("node%03d", i)
		f.agent(host)
		f.reporting(host)
	}
	f.prober.Image = "operator:v2"
	r := f.plan()
	if len(r.Kills) != 15 {
		t.Fatalf("%d of 300 are replaced at a time, want 15", len(r.Kills))
	}
	for i, k := range r.Kills {
		f.snap.Tasks[k.TaskID].Killing = f.now
		if i < 5 { // these come back, and have not reported yet
			f.ended(f.snap.Tasks[k.TaskID], mesos.TASK_KILLED, f.now)
			f.proberTask(k.Host, f.prober.Hash()).Since = f.now
		}
	}
	wantList(t, "kills", kills(f.plan()))
	for i, k := range r.Kills {
		if i < 5 {
			f.hosts[k.Host].ExecutorID = proberOn(f, k.Host).ID
		}
	}
	if n := len(f.plan().Kills); n != 5 {
		t.Errorf("%d are replaced when 5 are back", n)
	}
}

// Probers that are stuck at their start or their end keep others from being replaced, and
// are told of.
func TestStuckProbersAreToldOf(t *testing.T) {
	f := newFixture(t)
	f.probed()
	for i := range 12 {
		host := fmt.Sprintf("node%02d", i)
		f.agent(host)
		f.reporting(host)
		if task := proberOn(f, host); i < 10 {
			task.Since = noon
			task.State = mesos.TASK_STAGING
		} else {
			f.ended(task, mesos.TASK_KILLED, noon)
			f.proberTask(host, "old")
		}
	}
	for after, want := range map[time.Duration]string{
		7*time.Minute - time.Second: "",
		7 * time.Minute:             "node00: its prober is stuck in STAGING since 2026-11-21T12:00:00Z (and 9 more hosts without a prober)",
	} {
		f.now = noon.Add(after)
		for _, h := range f.hosts {
			h.Received = f.now
		}
		r := f.plan()
		wantList(t, "kills", kills(r))
		if r.Probers.Waits != want {
			t.Errorf("after %s: %q", after, r.Probers.Waits)
		}
	}
}

// Services stop before the probers, and the framework goes after them.
func TestTeardownStopsProbersLast(t *testing.T) {
	f := newFixture(t)
	f.probed()
	f.agent("node1")
	f.task(data, "node1")
	f.reporting("node1")
	teardown(f)
	wantList(t, "kills", kills(f.plan()), "data node1")
	f.ended(f.find(data, "node1"), mesos.TASK_KILLED, f.now)
	r := f.plan()
	wantList(t, "kills", kills(r), "prober node1")
	if r.Phase != PhaseStopping {
		t.Errorf("phase %s", r.Phase)
	}
	f.ended(proberOn(f, "node1"), mesos.TASK_KILLED, f.now)
	if r := f.plan(); r.Phase != PhaseStopped {
		t.Errorf("phase %s", r.Phase)
	}
}

func TestProbersThatFail(t *testing.T) {
	f := newFixture(t)
	f.probed()
	f.node("node1")
	fail := func(ago time.Duration) {
		x := f.proberTask("node1", f.prober.Hash())
		x.Message = "no such file"
		f.ended(x, mesos.TASK_FAILED, noon.Add(-ago))
	}
	fail(time.Minute)
	wantList(t, "launches after the first failure", launches(f.plan()), "prober node1")
	fail(5 * time.Second)
	r := f.plan()
	wantList(t, "launches", launches(r))
	if want := noon.Add(5 * time.Second); !r.Recheck.Equal(want) {
		t.Errorf("recheck at %s, want %s", r.Recheck, want)
	}
	wantText(t, r.Probers.Waits, "node1: its prober failed 2 times, last: no such file")
	wantText(t, reasonWith(r, "prober"), "node1: no prober runs: its prober failed 2 times, last: no such file")
	if len(r.Failures) > 0 {
		t.Errorf("probers are no services: %+v", r.Failures)
	}
	f.now = noon.Add(5 * time.Second)
	wantList(t, "launches", launches(f.plan()), "prober node1")
	f.now = noon
	f.prober.Image = "operator:v2"
	wantList(t, "launches of another one", launches(f.plan()), "prober node1")
}

// So many probers fail that the snapshot forgets the first: services go on.
func TestFloodOfProbersHoldsUpNoService(t *testing.T) {
	f := newFixture(t)
	f.probed()
	f.node("node1")
	f.device("node1", v1alpha1.DeviceRegistry)
	f.cluster.Status.Bootstrapped = true
	for i := range mesosbridge.EndedKept {
		f.ended(f.proberTask(fmt.Sprintf("host%d", i), f.prober.Hash()), mesos.TASK_FAILED, noon.Add(-time.Second))
	}
	wantList(t, "launches", launches(f.plan()), "registry node1")
}

func TestProberCounts(t *testing.T) {
	f := threeHosts(t)
	f.probed()
	f.cluster.Status.Bootstrapped = true
	f.reporting("node1")
	f.proberTask("node2", f.prober.Hash())
	r := f.plan()
	got := r.Probers
	if got.Wanted != 3 || got.Running != 2 || got.Reporting != 1 {
		t.Errorf("%+v", got)
	}
	wantText(t, got.Waits, "node3: offers nothing to role * at present")
	if r.Phase != PhaseReady {
		t.Errorf("phase %s: probers are no services", r.Phase)
	}
	if slices.ContainsFunc(r.Tasks, func(s v1alpha1.TaskStatus) bool { return s.Service == "prober" }) {
		t.Errorf("%+v", r.Tasks)
	}
}

// reasonWith returns the first reason that contains the word.
func reasonWith(r Result, word string) string {
	for _, reason := range r.Reasons {
		if strings.Contains(reason.Message, word) {
			return reason.Message
		}
	}
	return ""
}
