package endtoend

import (
	"testing"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// TestProberSaysThatTheOldAgentsServicesAreGone: an agent has lost its work
// directory and registers under a new id. Whether its old containers live, only the
// host can say (rule 5).
func TestProberSaysThatTheOldAgentsServicesAreGone(t *testing.T) {
	t.Parallel()
	p := readyProbed(t, 3)
	// The old containers live on: the host's ports are in use.
	p.hosts.Listen("node3", 21000, 21001, 21002, 21003, 21004, 21005)
	old := p.taskOf("data", "node3")
	p.mesos.ReplaceAgent("node3")
	p.awaitMesos("a prober on the new agent", func() bool {
		probers := 0
		for _, task := range p.mesos.History() {
			if task.Info.Name == "prober" && task.Host == "node3" {
				probers++
			}
		}
		return probers == 2
	})
	p.awaitQuiet()
	for _, task := range p.mesos.History() {
		if task.Info.Name == "data" && task.Host == "node3" && task.ID != old {
			t.Fatalf("%s was launched beside what may be left of the old agent", task.ID)
		}
	}
	p.mesos.KillOrphans("node3")
	p.hosts.Listen("node3")
	p.await("all services", func(c *v1alpha1.QuobyteCluster) bool { return c.Status.Summary.Services == "11/11" })
	p.checkNoDuplicates()
}

// TestHungProberIsReplaced: it runs and says nothing.
func TestSilentProberKeepsServicesRunning(t *testing.T) {
	t.Parallel()
	p := readyProbed(t, 3)
	p.hosts.Silence("node2", true)
	p.hosts.Unmount("node2", "/mnt/data")
	p.awaitQuiet()
	if d := p.device("data-2"); d.Status.Phase != v1alpha1.PhaseOnline || p.killsOf() != 0 {
		t.Errorf("silence was taken for a word: %s", describeDevice(d))
	}
}

// TestLateProberIsAsked: nothing else happens in the cluster, and a prober whose
// reports do not come is asked long before it counts as hung.
func TestLateProberIsAskedBeforeItIsReplaced(t *testing.T) {
	t.Parallel()
	p := readyProbed(t, 3)
	p.awaitQuiet()
	prober := p.taskOf("prober", "node2")
	asked := p.mesos.Calls()[scheduler.Call_MESSAGE]
	p.hosts.Silence("node2", true)
	p.awaitMesos("a question", func() bool { return p.mesos.Calls()[scheduler.Call_MESSAGE] > asked })
	if now := p.taskOf("prober", "node2"); now != prober {
		t.Errorf("prober %s took the place of %s, which was not asked before", now, prober)
	}
}
