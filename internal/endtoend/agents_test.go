package endtoend

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

func TestAgentRestartChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3), PingTimeout: 20 * time.Second})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.awaitReadyOf(3)
	launched := len(w.mesos.History())

	w.mesos.StopAgent("node2")
	w.mesos.StartAgent("node2")
	w.awaitQuiet()
	w.awaitReady()
	if got := len(w.mesos.History()); got != launched || w.killed() != 0 {
		t.Errorf("%d tasks were launched and %d stopped for an agent's restart", got-launched, w.killed())
	}
}

func TestAgentLostAndBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(4), PingTimeout: time.Second})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(4)
	w.awaitReadyOf(4)
	launched := len(w.mesos.History())

	w.mesos.StopAgent("node4")
	w.await("node4 unreachable", func(c *v1alpha1.QuobyteCluster) bool {
		said := false
		for _, r := range c.Status.Reasons {
			said = said || strings.Contains(r.Message, "node4") && strings.Contains(r.Message, "cannot be reached")
		}
		return said && has(c, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonUnreachable) &&
			has(c, v1alpha1.ConditionDegraded, metav1.ConditionTrue, "")
	})
	w.awaitQuiet()
	if got := len(w.mesos.History()); got != launched {
		t.Errorf("%d tasks were launched for a host that perhaps runs them", got-launched)
	}
	w.mesos.StartAgent("node4")
	w.awaitReady()
	w.checkNoDuplicates()
	if got := len(w.mesos.History()); got != launched || w.killed() != 0 {
		t.Errorf("%d tasks were launched and %d stopped for an agent that came back", got-launched, w.killed())
	}
}

// TestReplacedAgentWaitsForAPerson: a new agent on a known host does not mean
// that the old containers are gone (rule 5).
func TestReplacedAgentWaitsForAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(4), PingTimeout: time.Second})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(4)
	w.awaitReadyOf(4)
	launched := len(w.mesos.History())
	old := ""
	for _, task := range w.mesos.Running("node4") {
		old = task.AgentID
	}

	w.mesos.ReplaceAgent("node4")
	w.waitsForAPerson("node4", old, launched)
}

// waitsForAPerson wants that nothing more is launched than was when the host's agent was
// replaced, as the old one's containers live, and that all is well when somebody has seen
// to these and said so.
func (w *world) waitsForAPerson(host, old string, launched int) {
	w.t.Helper()
	w.await("a reason for "+host, func(c *v1alpha1.QuobyteCluster) bool {
		return slices.ContainsFunc(c.Status.Reasons, func(r v1alpha1.Reason) bool { return strings.Contains(r.Message, host) })
	})
	w.awaitQuiet()
	w.awaitQuiet()
	if got := len(w.mesos.History()); got != launched {
		w.t.Fatalf("%d tasks were launched beside containers that live", got-launched)
	}
	w.mesos.KillOrphans(host)
	w.api.Kubectl(w.t, "-n", w.namespace, "annotate", "quobytecluster", "quobyte", v1alpha1.AnnotationGoneAgents+"="+old)
	w.awaitReady()
	w.checkNoDuplicates()
}

func TestAgentMarkedGoneIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(4), PingTimeout: time.Second})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(4)
	w.awaitReadyOf(4)
	w.mesos.MarkGone("node4")
	w.awaitMesos("the end of node4's tasks", func() bool { return len(w.mesos.Running("node4")) == 0 })
	w.mesos.ReplaceAgent("node4")
	w.awaitMesos("its services on the new agent", func() bool { return len(w.mesos.Running("node4")) > 0 })
	w.awaitReady()
	w.checkNoDuplicates()
}

// TestWordThatWasUsedUpDoesNotCountAfterARestart: an agent was declared gone and has come
// back. Nobody took the annotation away, and the operator is restarted when the machine
// has a new agent and the old containers live.
func TestWordThatWasUsedUpDoesNotCountAfterARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(4), PingTimeout: time.Second})
	operator := w.startAlone()
	w.applyCluster()
	w.applyDevices(4)
	w.awaitReadyOf(4)
	old := w.mesos.Running("node4")[0].AgentID
	w.mesos.StopAgent("node4")
	w.await("node4 unreachable", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionDegraded, metav1.ConditionTrue, "Unreachable")
	})
	w.api.Kubectl(t, "-n", w.namespace, "annotate", "quobytecluster", "quobyte", v1alpha1.AnnotationGoneAgents+"="+old)
	w.awaitQuiet()
	w.mesos.StartAgent("node4")
	w.awaitReady()
	w.awaitDevice("node4-disk1", "its task", func(d *v1alpha1.QuobyteDevice) bool { return d != nil && len(d.Status.Services) == 1 })
	w.awaitQuiet()
	data := w.taskOn("data", "node4")
	if err := operator.Kill(); err != nil {
		t.Fatal(err)
	}
	w.mesos.ReplaceAgent("node4") // its containers live
	w.startAlone()
	w.await("a connection", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionConnected, metav1.ConditionTrue, "")
	})
	w.awaitQuiet()
	w.awaitQuiet()
	if now := w.mesos.Running("node4"); slices.ContainsFunc(now, func(r mesostest.TaskRecord) bool { return r.Info.Name == "data" && r.ID != data }) {
		t.Errorf("data was launched beside %s, whose container lives:\n%s", data, taskList(now))
	}
	w.checkNoDuplicates()
}
