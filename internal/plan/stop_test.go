package plan

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// TestRule12 takes device objects away in every way.
func TestRule12(t *testing.T) {
	tests := map[string]struct {
		change    func(f *fixture)
		kills     []string
		unclaimed bool // data on node1
		released  []string
	}{
		"nothing":                   {func(f *fixture) {}, nil, false, nil},
		"the object is gone":        {func(f *fixture) { f.devices = f.devices[1:] }, nil, true, nil},
		"all objects are gone":      {func(f *fixture) { f.devices = nil }, nil, true, nil},
		"the object is refused":     {func(f *fixture) { f.devices[0].Spec.Path = "/srv/1" }, nil, true, nil},
		"the type is gone":          {func(f *fixture) { f.devices[0].Spec.Types = allTypes[:2] }, nil, true, nil},
		"another object is there":   {func(f *fixture) { f.device("node1", isData); f.devices = f.devices[1:] }, nil, false, nil},
		"deleted":                   {func(f *fixture) { deleting(f.devices[0]) }, []string{"registry node1", "metadata node1", "data node1"}, false, nil},
		"deleted, though refused":   {func(f *fixture) { deleting(f.devices[0]); f.devices[0].Spec.Path = "/srv/1" }, []string{"registry node1", "metadata node1", "data node1"}, false, nil},
		"deleted, another is there": {func(f *fixture) { deleting(f.devices[0]); f.device("node1", allTypes...) }, nil, false, []string{"dev-001"}},
		"deleted, another is refused": {func(f *fixture) {
			f.devices = f.devices[1:]
			deleting(f.device("node1", isData))
			f.device("node1", isData).Spec.Path = "/srv"
		}, []string{"data node1"}, false, nil},
		"deleted, another type is there": {func(f *fixture) { deleting(f.devices[0]); f.device("node1", isRegistry, isMetadata) }, []string{"data node1"}, false, nil},
		"deleted, through the gate":      {func(f *fixture) { deleting(f.devices[0]); f.find(data, "node2").Healthy = no() }, []string{"registry node1", "metadata node1"}, false, nil},
		"deleted, down already": {func(f *fixture) {
			deleting(f.devices[0])
			f.find(data, "node2").Healthy = no()
			f.find(data, "node1").Healthy = no()
		}, []string{"registry node1", "metadata node1", "data node1"}, false, nil},
		"deleted, one at a time": {func(f *fixture) { deleting(f.devices[0]); deleting(f.devices[1]) }, []string{"registry node1", "metadata node1", "data node1"}, false, nil},
		"deleted, not heard of":  {func(f *fixture) { deleting(f.devices[0]); f.find(data, "node1").Heard = false }, []string{"registry node1", "metadata node1"}, false, nil},
		"deleted, unreachable": {func(f *fixture) {
			deleting(f.devices[0])
			f.find(data, "node1").State = mesos.TASK_UNREACHABLE
			f.find(data, "node2").Healthy = no()
		}, []string{"registry node1", "metadata node1"}, false, nil},
		"deleted, another leaves": {func(f *fixture) { deleting(f.devices[0]); deleting(f.devices[1]); f.find(data, "node2").Killing = noon }, []string{"registry node1", "metadata node1"}, false, nil},
		"deleted, duplicates":     {func(f *fixture) { deleting(f.devices[0]); f.task(data, "node1") }, []string{"registry node1", "metadata node1"}, false, nil},
		"deleted, suspended":      {func(f *fixture) { deleting(f.devices[0]); f.cluster.Spec.Suspend = true }, nil, false, nil},
		"deleted, not reconciled": {func(f *fixture) { deleting(f.devices[0]); f.snap.Reconciled = false }, nil, false, nil},
		"orphaned":                {func(f *fixture) { deleting(f.devices[0]); f.cluster.DeletionTimestamp = &metav1.Time{Time: noon} }, nil, false, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := threeHosts(t)
			test.change(f)
			r := f.plan()
			wantList(t, "kills", kills(r), test.kills...)
			i := instanceOf(t, r, data, "node1")
			if i.Unclaimed != test.unclaimed {
				t.Errorf("unclaimed %v", i.Unclaimed)
			}
			if test.unclaimed {
				wantText(t, i.Waits, "no device object tells of a device of type DATA here")
				wantText(t, alert(r, AlertUnclaimed), "data on node1")
			}
			var released []string
			for name, v := range r.Devices {
				if v.Released {
					released = append(released, name)
				}
			}
			wantList(t, "released", released, test.released...)
		})
	}
}

// TestUnclaimedIsNotStartedAgain wants nothing of the type on the host.
func TestUnclaimedIsNotStartedAgain(t *testing.T) {
	f := threeHosts(t)
	f.devices = f.devices[1:]
	f.offer(f.snap.Agents["agent-node1"], "*", large()...)
	f.ended(f.find(data, "node1"), mesos.TASK_FAILED, noon)
	r := f.plan()
	wantList(t, "launches", launches(r))
	if len(r.Declines) != 1 {
		t.Error("the offer is kept")
	}
}

func TestReleased(t *testing.T) {
	remembered := []v1alpha1.TaskStatus{{Service: "data", TaskID: "quobyte.data.h.n.node1", Host: "node1", AgentID: "agent-node1"}}
	tests := map[string]struct {
		change func(f *fixture, d *v1alpha1.QuobyteDevice)
		want   bool
	}{
		"nothing runs":              {func(f *fixture, d *v1alpha1.QuobyteDevice) {}, true},
		"it runs":                   {func(f *fixture, d *v1alpha1.QuobyteDevice) { f.task(data, "node1") }, false},
		"it stops":                  {func(f *fixture, d *v1alpha1.QuobyteDevice) { f.task(data, "node1").Killing = noon }, false},
		"another service runs":      {func(f *fixture, d *v1alpha1.QuobyteDevice) { f.task(metadata, "node1") }, true},
		"it may run":                {func(f *fixture, d *v1alpha1.QuobyteDevice) { f.task(data, "node1").State = mesos.TASK_UNREACHABLE }, false},
		"who knows what runs":       {func(f *fixture, d *v1alpha1.QuobyteDevice) { f.addTask("strange", "node1") }, false},
		"who knows what runs where": {func(f *fixture, d *v1alpha1.QuobyteDevice) { f.addTask("strange", "lost") }, false},
		"not connected":             {func(f *fixture, d *v1alpha1.QuobyteDevice) { f.snap.Connected = false }, false},
		"not reconciled":            {func(f *fixture, d *v1alpha1.QuobyteDevice) { f.snap.Reconciled = false }, false},
		"no such host":              {func(f *fixture, d *v1alpha1.QuobyteDevice) { delete(f.snap.Agents, "agent-node1") }, true},
		"remembered":                {func(f *fixture, d *v1alpha1.QuobyteDevice) { d.Status.Services = remembered }, true},
		"remembered, no barrier": {func(f *fixture, d *v1alpha1.QuobyteDevice) {
			d.Status.Services = remembered
			f.snap.Agents["agent-node1"].Behind = false
		}, false},
		"remembered, no agent": {func(f *fixture, d *v1alpha1.QuobyteDevice) {
			d.Status.Services = remembered
			delete(f.snap.Agents, "agent-node1")
		}, false},
		"remembered, gone": {func(f *fixture, d *v1alpha1.QuobyteDevice) {
			d.Status.Services = remembered
			delete(f.snap.Agents, "agent-node1")
			f.cluster.Annotations = map[string]string{v1alpha1.AnnotationGoneAgents: "agent-node1"}
		}, true},
		"remembered, another agent": {func(f *fixture, d *v1alpha1.QuobyteDevice) {
			d.Status.Services = remembered
			delete(f.snap.Agents, "agent-node1")
			f.snap.Agents["new"] = &mesosbridge.Agent{ID: "new", Host: "node1", Registered: true, Behind: true}
		}, false},
		"remembered and ended": {func(f *fixture, d *v1alpha1.QuobyteDevice) {
			d.Status.Services = remembered
			delete(f.snap.Agents, "agent-node1")
			f.ended(&mesosbridge.Task{ID: remembered[0].TaskID}, mesos.TASK_KILLED, noon)
		}, true},
		"remembered, another device keeps it": {func(f *fixture, d *v1alpha1.QuobyteDevice) {
			d.Status.Services = remembered
			delete(f.snap.Agents, "agent-node1")
			f.device("node1", isData)
		}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.agent("node1")
			d := f.device("node1", isData)
			deleting(d)
			test.change(f, d)
			if got := f.plan().Devices[d.Name].Released; got != test.want {
				t.Errorf("released %v", got)
			}
		})
	}
}

func TestSurplus(t *testing.T) {
	tests := map[string]struct {
		change func(f *fixture)
		want   []string
	}{
		"none":                  {func(f *fixture) {}, nil},
		"one":                   {func(f *fixture) { f.task(api, "node3") }, []string{"api node3"}},
		"the worse one":         {func(f *fixture) { f.find(api, "node1").Healthy = no(); f.task(api, "node3") }, []string{"api node1"}},
		"the outdated one":      {func(f *fixture) { f.age(api); f.task(api, "node3") }, []string{"api node1"}},
		"outside the placement": {func(f *fixture) { f.task(api, "node3"); f.cluster.Spec.Placement.Hosts = []string{"node3"} }, []string{"api node1"}},
		"rule 15":               {func(f *fixture) { f.task(api, "node3"); f.snap.Agents["agent-node3"].Behind = false }, nil},
		"not the good one in place of a lost one": {func(f *fixture) {
			f.task(api, "node3").State = mesos.TASK_UNREACHABLE
			f.snap.Agents["agent-node3"].Behind = false
		}, nil},
		"the gate": {func(f *fixture) {
			f.cluster.Spec.Services.API.Instances = 2
			f.task(api, "node2").Healthy = no()
			f.find(api, "node1").Healthy = nil
			f.find(api, "node1").State = mesos.TASK_STAGING
			f.task(api, "node3")
		}, []string{"api node2"}},
		"two on a host": {func(f *fixture) { f.task(api, "node1") }, []string{"api node1"}},
		"not wanted":    {func(f *fixture) { f.cluster.Spec.Services.API.Instances = 0 }, []string{"api node1"}},
		"no host name":  {func(f *fixture) { f.task(s3, "node1"); f.task(s3, "node2") }, []string{"s3 node1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := threeHosts(t)
			test.change(f)
			wantList(t, "kills", kills(f.plan()), test.want...)
		})
	}
}

// TestStop takes a cluster down, stage by stage.
func TestStop(t *testing.T) {
	for name, ask := range map[string]func(f *fixture){
		"Stopped": func(f *fixture) { f.cluster.Spec.State = v1alpha1.StateStopped },
		"Teardown": func(f *fixture) {
			f.cluster.DeletionTimestamp = &metav1.Time{Time: noon}
			f.cluster.Spec.DeletionPolicy = v1alpha1.DeletionTeardown
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := threeHosts(t)
			f.devices = f.devices[:2] // rule 12: this way unclaimed services stop, too
			f.task(data, "node1")     // and duplicates
			f.addTask("quobyte-client-node1", "node1")
			f.find(metadata, "node3").State = mesos.TASK_UNREACHABLE
			f.find(metadata, "node3").Heard = true
			ask(f)
			for _, stage := range [][]string{
				{"client node1"}, {"webconsole node2"}, {"api node1"},
				{"data node1", "data node1", "data node2", "data node3"},
				{"metadata node1", "metadata node2", "metadata node3"},
				{"registry node1", "registry node2", "registry node3"},
			} {
				r := f.plan()
				wantList(t, "kills", kills(r), stage...)
				if r.Phase != PhaseStopping {
					t.Errorf("phase %s", r.Phase)
				}
				for _, k := range r.Kills {
					f.snap.Tasks[k.TaskID].Killing = f.now
				}
				wantList(t, "kills, while they end", kills(f.plan()))
				for _, k := range r.Kills {
					if x := f.snap.Tasks[k.TaskID]; x.State != mesos.TASK_UNREACHABLE {
						f.ended(x, mesos.TASK_KILLED, f.now)
					}
				}
			}
			r := f.plan()
			if r.Phase != PhaseStopping || len(r.Reasons) == 0 {
				t.Errorf("phase %s, reasons %v", r.Phase, r.Reasons)
			}
			wantText(t, r.Reasons[0].Message, "node3: its agent agent-node3 cannot be reached")
			f.ended(f.find(metadata, "node3"), mesos.TASK_KILLED, f.now)
			if r := f.plan(); r.Phase != PhaseStopped {
				t.Errorf("phase %s", r.Phase)
			}
		})
	}
}

func TestStopUnreadable(t *testing.T) {
	f := newFixture(t)
	f.agent("node1")
	f.addTask("strange", "node1")
	f.cluster.Spec.State = v1alpha1.StateStopped
	r := f.plan()
	wantList(t, "kills", kills(r))
	wantText(t, r.Reasons[0].Message, "task strange has an id that this version cannot read, and is not stopped")
	wantText(t, alert(r, AlertUnreadableTask), "strange")
	if r.Phase != PhaseStopping {
		t.Errorf("phase %s", r.Phase)
	}
	f.cluster.DeletionTimestamp = &metav1.Time{Time: noon}
	f.cluster.Spec.DeletionPolicy = v1alpha1.DeletionTeardown
	if r := f.plan(); r.Phase != PhaseStopped {
		t.Errorf("teardown: phase %s", r.Phase)
	}
}

func TestStoppedIsOnlySaidWhenKnown(t *testing.T) {
	f := newFixture(t)
	f.cluster.Spec.State = v1alpha1.StateStopped
	f.snap.Reconciled = false
	if r := f.plan(); r.Phase != PhaseStopping {
		t.Errorf("phase %s", r.Phase)
	}
	f.snap.FrameworkID = ""
	if r := f.plan(); r.Phase != PhaseStopped {
		t.Errorf("never registered: phase %s", r.Phase)
	}
	f.task(data, "node1")
	f.snap.Reconciled, f.snap.Connected = true, false
	r := f.plan()
	wantList(t, "kills without a connection", kills(r))
	wantText(t, r.Reasons[0].Message, "waits for the connection to Mesos")
}

func TestDuplicatesAreLeftAlone(t *testing.T) {
	f := threeHosts(t)
	other := f.old(data, "node2")
	r := f.plan()
	wantList(t, "kills", kills(r))
	i := instanceOf(t, r, data, "node2")
	if i.Available || len(i.Tasks) != 2 {
		t.Errorf("%+v", i)
	}
	for _, text := range []string{alert(r, AlertDuplicateService), i.Waits, r.Reasons[0].Message} {
		wantText(t, text, other.ID)
		wantText(t, text, f.find(data, "node2").ID)
	}

	// The word of a prober that the agent of before is gone ends with the operator that
	// heard it, and what was started by that word listens on the same ports.
	f.snap.Agents["gone"] = &mesosbridge.Agent{ID: "gone", Host: "node2"}
	other.AgentID, other.State = "gone", mesos.TASK_UNKNOWN
	r = f.plan()
	wantList(t, "kills", kills(r))
	wantText(t, r.Reasons[0].Message, "agent gone of "+other.ID+" cannot be reached: when nothing of it runs any more, name it in the annotation mesos.quobyte.com/gone-agents")
}

// What was launched by an earlier subscription, and not heard of by this one, cannot be
// reached: it is not stopped for its device, however new it is (rule 15).
func TestLaunchedBeforeTheSubscription(t *testing.T) {
	f := threeHosts(t)
	f.devices[2].Spec.State = v1alpha1.DeviceDecommissioned
	f.snap.Since = noon.Add(-time.Minute)
	for k := range s3 {
		task := f.find(k, "node3")
		task.State, task.Launching, task.Heard, task.Since = mesos.TASK_STAGING, true, false, noon.Add(-2*time.Minute)
	}
	wantList(t, "kills", kills(f.plan()))
	for k := range s3 {
		f.find(k, "node3").Since = noon.Add(-time.Second)
	}
	wantList(t, "kills of what this one has launched", kills(f.plan()), "registry node3", "metadata node3", "data node3")
}
