package plan

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// The failures were counted by a clock that was an hour ahead.
func TestReviewClockThatWasAhead(t *testing.T) {
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

// A pass without a bridge.
func TestReviewEmptySnapshotKeepsWhatTheStatusSays(t *testing.T) {
	f := newFixture(t)
	d := f.device("node1", v1alpha1.DeviceData)
	d.Status.Services = []v1alpha1.TaskStatus{{Service: "data", TaskID: "quobyte.data.h.n.node1", AgentID: "S1", Host: "node1"}}
	f.snap = nil
	if v := f.plan().Devices[d.Name]; len(v.Tasks) == 0 {
		t.Errorf("the view, which becomes the status, forgets the task: %+v", v)
	}
}
