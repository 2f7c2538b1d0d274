package plan

import (
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// TestWhatWasStoppedWaitsForItsResources: for a moment nothing of what it gave back is
// offered, and that it lacks it says nothing.
func TestWhatWasStoppedWaitsForItsResources(t *testing.T) {
	const returns = "waits for the resources of its last task to be offered again"
	for _, k := range []kind{data, api} {
		f := threeHosts(t)
		f.cluster.Spec.Services.S3.Instances = 0
		host, missing := "node1", "node1"
		if k.floats() {
			missing = "" // it may go to any
		}
		for _, name := range []string{"node1", "node2", "node3"} {
			f.offer(f.snap.Agents["agent-"+name], "*", small()...).Received = noon.Add(-time.Hour)
		}
		x := f.find(k, host)
		x.Killing = noon.Add(-time.Second)
		f.ended(x, mesos.TASK_KILLED, noon)
		wantText(t, waits(t, f.plan(), k, missing), "node1: "+returns)

		f.offer(f.snap.Agents["agent-node1"], "*", small()...)
		if got := waits(t, f.plan(), k, missing); strings.Contains(got, returns) {
			t.Errorf("%s, after an offer: %s", k, got)
		}
		f.snap.Agents["agent-node1"].Offers = f.snap.Agents["agent-node1"].Offers[:1]
		f.now = noon.Add(settleTime)
		if got := waits(t, f.plan(), k, missing); strings.Contains(got, returns) {
			t.Errorf("%s, long after: %s", k, got)
		}
		f.now = noon
		f.snap.Agents["agent-node1"].ID = "another"
		f.snap.Agents["another"] = f.snap.Agents["agent-node1"]
		delete(f.snap.Agents, "agent-node1")
		if got := waits(t, f.plan(), k, missing); strings.Contains(got, returns) {
			t.Errorf("%s, of another agent: %s", k, got)
		}
	}
}
