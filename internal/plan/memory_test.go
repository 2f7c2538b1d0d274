package plan

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// The failures were counted by a clock that was an hour ahead.
func TestClockThatWasAhead(t *testing.T) {
	f := newFixture(t)
	f.node("node1")
	f.device("node1", v1alpha1.DeviceRegistry)
	f.cluster.Status.Failures = []v1alpha1.Failure{{Service: "registry", Host: "node1", Count: 2,
		TaskID: "quobyte.registry." + f.hashOf(registry) + ".n1.node1", Time: metav1.NewTime(noon.Add(time.Hour))}}
	r := f.plan()
	if len(r.Launches) == 0 && r.Recheck.Sub(noon) > lastRetry {
		t.Errorf("nothing is started before %s: %+v", r.Recheck.Sub(noon), r.Reasons)
	}
}

// What no device's view tells of stands in the list of tasks, so that a restarted
// operator remembers it.
func TestTasksThatNoDeviceTellsOf(t *testing.T) {
	f := newFixture(t)
	f.node("node1")
	f.node("node2")
	f.device("node1", v1alpha1.DeviceData)
	claimed := f.task(data, "node1")
	unclaimed := f.task(data, "node2")
	var listed []string
	for _, s := range f.plan().Tasks {
		listed = append(listed, s.TaskID)
	}
	if len(listed) != 1 || listed[0] != unclaimed.ID {
		t.Errorf("%v are listed, want %s, which no device claims, and not %s", listed, unclaimed.ID, claimed.ID)
	}
}

// Mesos tells the tasks of a removed framework to end; nobody hears whether they
// did.
func TestRemovedFrameworkRunsNothingForSure(t *testing.T) {
	f := newFixture(t)
	f.node("node1")
	f.device("node1", v1alpha1.DeviceData)
	f.task(data, "node1")
	f.snap.Connected, f.snap.Problem.Reason = false, v1alpha1.ReasonFrameworkRemoved
	for _, s := range f.plan().Services {
		if s.Running > 0 || s.Ready > 0 {
			t.Errorf("%+v", s)
		}
	}
}

// A device of a cluster that never had a framework can go.
func TestNeverRanReleasesAtOnce(t *testing.T) {
	f := newFixture(t)
	d := f.device("node1", v1alpha1.DeviceData)
	now := metav1.NewTime(noon)
	d.DeletionTimestamp = &now
	in := Input{Now: noon, Cluster: f.cluster, Inventory: inventory.Result{Devices: []inventory.Device{found(d)}}, Mesos: &mesosbridge.Snapshot{}}
	if Plan(in).Devices[d.Name].Released {
		t.Error("released though it may run")
	}
	in.NeverRan = true
	if !Plan(in).Devices[d.Name].Released {
		t.Error("held though nothing can run")
	}
}
