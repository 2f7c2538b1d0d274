package plan

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

func TestReady(t *testing.T) {
	f := threeHosts(t)
	r := f.plan()
	if r.Phase != PhaseReady || len(r.Reasons)+len(r.Alerts)+len(r.Failures) > 0 || !r.Recheck.IsZero() {
		t.Errorf("phase %s, reasons %v, alerts %v, recheck %v", r.Phase, r.Reasons, r.Alerts, r.Recheck)
	}
	one := []string{"1.1.5 (1)"}
	three := []string{"1.1.5 (3)"}
	want := []v1alpha1.ServiceStatus{
		{Name: "registry", Wanted: 3, Running: 3, Ready: 3, Updated: 3, Versions: three},
		{Name: "metadata", Wanted: 3, Running: 3, Ready: 3, Updated: 3, Versions: three},
		{Name: "data", Wanted: 3, Running: 3, Ready: 3, Updated: 3, Versions: three},
		{Name: "s3"},
		{Name: "api", Wanted: 1, Running: 1, Ready: 1, Updated: 1, Versions: one},
		{Name: "webconsole", Wanted: 1, Running: 1, Ready: 1, Updated: 1, Versions: one},
		{Name: "client"},
	}
	if !reflect.DeepEqual(r.Services, want) {
		t.Errorf("services %+v", r.Services)
	}
	for _, i := range r.Instances {
		if !i.Available || !i.Current || !i.Wanted || i.Version != "1.1.5" || i.Waits != "" {
			t.Errorf("%+v", i)
		}
	}
	f.snap.Connected, f.snap.Reconciled = false, false
	for _, x := range f.snap.Tasks {
		x.Heard = false
	}
	if r := f.plan(); r.Phase != PhaseReady {
		t.Errorf("a lost connection changes nothing of what is known: %s", r.Phase)
	}
}

func TestPhases(t *testing.T) {
	tests := map[string]struct {
		change func(f *fixture)
		want   Phase
	}{
		"one is missing":                     {func(f *fixture) { delete(f.snap.Tasks, f.find(data, "node1").ID) }, PhaseStarting},
		"one is unhealthy":                   {func(f *fixture) { f.find(data, "node1").Healthy = no() }, PhaseStarting},
		"one is outdated":                    {func(f *fixture) { f.age(api) }, PhaseUpdating},
		"one is outdated and one is missing": {func(f *fixture) { f.age(api); delete(f.snap.Tasks, f.find(data, "node1").ID) }, PhaseUpdating},
		"the last is being replaced": {func(f *fixture) {
			x := f.find(data, "node1")
			x.Killing = noon
			f.ended(x, mesos.TASK_KILLED, noon)
			x.ID = quobyte.NewTaskID(quobyte.Data, "node1", "oldhash", "n")
		}, PhaseUpdating},
		"floating, being replaced": {func(f *fixture) {
			x := f.find(api, "node1")
			x.Killing = noon
			f.ended(x, mesos.TASK_KILLED, noon)
			x.ID = quobyte.NewTaskID(quobyte.API, "node1", "oldhash", "n")
		}, PhaseUpdating},
		"all device objects are gone": {func(f *fixture) { f.devices = nil }, PhaseEmpty},
		"suspended":                   {func(f *fixture) { f.cluster.Spec.Suspend = true }, PhaseReady},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := threeHosts(t)
			test.change(f)
			if r := f.plan(); r.Phase != test.want {
				t.Errorf("phase %s", r.Phase)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	f := threeHosts(t)
	f.age(data)
	delete(f.snap.Tasks, f.find(data, "node3").ID)
	f.addTask("quobyte-data-node3", "node3")
	r := Plan(Input{Now: f.now, Cluster: f.cluster, Inventory: f.found(), Mesos: f.snap,
		Specs: map[SpecKey]quobyte.Spec{{Service: quobyte.Data, Hash: "oldhash"}: {Version: "1.1.4"}}})
	wantList(t, "versions", r.Services[data].Versions, "1.1.4 (2)", "unknown (1)")
	if s := r.Services[data]; s.Ready != 3 || s.Updated != 0 || s.Running != 3 {
		t.Errorf("%+v", s)
	}
	if got := instanceOf(t, r, data, "node2").Version; got != "1.1.4" {
		t.Error(got)
	}
	list := versionList(map[string]int{"a": 1, "b": 3, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1, "h": 1, "i": 1, "j": 1, "k": 1})
	if len(list) != 10 || list[0] != "b (3)" || list[1] != "a (1)" {
		t.Errorf("%v", list)
	}
}

func TestReasonsAreGrouped(t *testing.T) {
	f := newFixture(t)
	for i := range 12 {
		host := fmt.Sprintf("node%02d", i)
		f.device(host, isRegistry, isData)
		if i < 8 {
			f.offer(f.agent(host), "*", scalar("cpus", float64(i)/10), scalar("mem", 9999), scalar("disk", 99), portRange(21000, 21011))
		}
	}
	r := f.plan()
	type line struct {
		service string
		count   int32
		message string
	}
	want := []line{
		{"registry", 8, "node00: offer lacks 1.0 cpus (7 more: their offers lack resources)"},
		{"registry", 4, "node08: no agent with this host name has offered anything (is it registered with Mesos, and is the name right?) (and 3 more)"},
		{"data", 4, "node08: no agent with this host name has offered anything (is it registered with Mesos, and is the name right?) (and 3 more)"},
		{"data", 8, "waits for 7 of 12 registries"},
		{"api", 1, "waits for 7 of 12 registries"},
		{"webconsole", 1, "waits for 7 of 12 registries"},
	}
	var got []line
	for _, x := range r.Reasons {
		got = append(got, line{x.Service, x.Count, x.Message})
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	wantList(t, "hosts", r.Reasons[0].Hosts, "node00", "node01", "node02", "node03", "node04")
}

func TestReasonsAreBounded(t *testing.T) {
	book := &reasonBook{groups: map[reasonKey]*reasonGroup{}}
	for i := range 40 {
		book.add(data, &wait{code: codeUpdate, message: fmt.Sprint("wait ", i)}, "node")
	}
	book.add(api, &wait{code: codeDuplicate, message: "urgent"}, "")
	list := book.list()
	if len(list) != v1alpha1.MaxReasons || list[0].Message != "urgent" {
		t.Fatalf("%d reasons, first %+v", len(list), list[0])
	}
	if last := list[len(list)-1]; last.Count != 22 || last.Service != "" {
		t.Errorf("%+v", last)
	}
}

func TestManyUnreadable(t *testing.T) {
	f := newFixture(t)
	for i := range 40 {
		host := fmt.Sprintf("node%02d", i)
		f.device(host, isRegistry)
		f.node(host)
		f.addTask(fmt.Sprintf("strange%02d", i), host)
	}
	r := f.plan()
	wantText(t, r.Reasons[0].Message, "node00: nothing is started here: the id of task strange00 cannot be read by this version, so that it may be any service (39 more: hosts have such tasks)")
	wantText(t, alert(r, AlertUnreadableTask), "; and 35 more")
}

func TestDeviceViews(t *testing.T) {
	f := threeHosts(t)
	f.find(metadata, "node1").Healthy = nil
	f.find(data, "node2").State = mesos.TASK_UNREACHABLE
	f.find(registry, "node3").Healthy = no()
	delete(f.snap.Tasks, f.find(data, "node3").ID)
	two := f.device("node1", isData)
	bare := f.device("node1")
	bad := f.device("node1", isData)
	bad.Spec.Path = "/srv/x"
	r := f.plan()
	for name, want := range map[string]string{
		"dev-001": "registry 1.1.5 running, metadata 1.1.5 starting, data 1.1.5 running",
		"dev-005": "registry 1.1.5 running, metadata 1.1.5 running, data 1.1.5 unreachable",
		"dev-009": "registry 1.1.5 unhealthy, metadata 1.1.5 running, data waits: node3: offers nothing to role * at present",
		two.Name:  "data 1.1.5 running",
		bare.Name: "no type yet: nothing uses it",
		bad.Name:  "path /srv/x does not lie below the cluster's hostDeviceDirectory /mnt, the only directory that the services see",
	} {
		if got := r.Devices[name].Summary; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	v := r.Devices["dev-009"]
	if v.AgentID != "agent-node3" || !v.Accepted || len(v.Tasks) != 2 {
		t.Fatalf("%+v", v)
	}
	want := v1alpha1.TaskStatus{Service: "registry", TaskID: f.find(registry, "node3").ID, Host: "node3", AgentID: "agent-node3", Version: "1.1.5", State: "RUNNING, unhealthy"}
	if v.Tasks[0] != want {
		t.Errorf("%+v", v.Tasks[0])
	}
	f.snap.Connected = false
	f.snap.Agents["agent-node3"].Registered = false
	if got := f.plan().Devices["dev-009"].AgentID; got != "agent-node3" {
		t.Errorf("the agent moves with the connection: %q", got)
	}
}

func TestAlerts(t *testing.T) {
	f := threeHosts(t)
	f.find(data, "node2").State = mesos.TASK_UNREACHABLE
	f.snap.Agents["x"] = f.agent("node3")
	f.snap.Agents["agent-node3"].ID = "y"
	r := f.plan()
	wantText(t, alert(r, AlertUnreachable), "data on node2 may run, and cannot be reached")
	var reasons []string
	for _, a := range r.Alerts {
		reasons = append(reasons, a.Reason)
	}
	wantList(t, "alerts", reasons, AlertDuplicateAgent, AlertUnreachable)
	f.snap.Reconciled = false
	if got := alert(f.plan(), AlertUnreachable); got != "" {
		t.Errorf("before anything was heard: %s", got)
	}
}

// TestStuckIsTold: outside of updates nothing ends what does not come up, or does not end.
func TestStuckIsTold(t *testing.T) {
	for name, test := range map[string]struct {
		change func(l *live, task *mesosbridge.Task)
		want   string
	}{
		"it does not start": {func(l *live, task *mesosbridge.Task) {
			l.ended(task, mesos.TASK_FAILED, l.now)
			l.stuck = "1.1.5"
			l.pass()
		}, "data on node1 is stuck in STAGING since " + noon.UTC().Format(time.RFC3339) + ": pulling the image"},
		"nobody checks its health": {func(l *live, task *mesosbridge.Task) { task.Healthy, task.Steady = nil, l.now },
			"data on node1 runs, and its health check has not reported, since "},
		"it does not end": {func(l *live, task *mesosbridge.Task) { task.Killing = l.now },
			"data on node1 was asked to stop, and has not ended, since "},
	} {
		t.Run(name, func(t *testing.T) {
			l := liveCluster(t)
			test.change(l, l.find(data, "node1"))
			timeout := l.cluster.Spec.Update.Timeout.Duration
			l.now = l.now.Add(timeout - time.Second)
			if got := alert(l.plan(), AlertServiceDown); got != "" {
				t.Errorf("too early: %s", got)
			}
			l.now = l.now.Add(time.Second)
			wantText(t, alert(l.plan(), AlertServiceDown), test.want)
		})
	}
}
