package endtoend

import (
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// TestFailingTaskBacksOff: a service that fails again and again is not started
// in a hot loop, and the status says what Mesos said.
func TestFailingTaskBacksOff(t *testing.T) {
	t.Parallel()
	script := func(task mesos.TaskInfo) mesostest.Play {
		if task.Name == "data" {
			return mesostest.FailsAfter(50*time.Millisecond, "Container exited with status 42")(task)
		}
		return mesostest.Healthy(task)
	}
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3), Script: script})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.await("a reason that quotes Mesos", func(c *v1alpha1.QuobyteCluster) bool {
		for _, r := range c.Status.Reasons {
			if r.Service == "data" && strings.Contains(r.Message, "Container exited with status 42") {
				return has(c, v1alpha1.ConditionReady, metav1.ConditionFalse, "")
			}
		}
		return false
	})
	cluster := w.await("failures", func(c *v1alpha1.QuobyteCluster) bool {
		return len(c.Status.Failures) == 3 && c.Status.Failures[0].Count >= 2
	})
	for _, f := range cluster.Status.Failures {
		if f.Service != "data" || !strings.Contains(f.Message, "42") {
			t.Errorf("failure %+v", f)
		}
	}
	launched := func() int {
		n := 0
		for _, task := range w.mesos.History() {
			if task.Info.Name == "data" && task.Host == "node1" {
				n++
			}
		}
		return n
	}
	before := launched()
	time.Sleep(4 * time.Second) // The third attempt comes ten seconds after the second.
	if n := launched(); n > before+1 || n > 3 {
		t.Errorf("%d data tasks were launched on node1 within seconds", n)
	}
	w.checkNoDuplicates()
}

func TestFailedTaskIsReplacedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.awaitReadyOf(3)
	w.awaitQuiet()
	launched := len(w.mesos.History())
	for _, task := range w.mesos.Running("node2") {
		if task.Info.Name == "data" {
			if err := w.mesos.FailTask(task.ID, "Container exited with status 1"); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.awaitMesos("a successor", func() bool { return len(w.mesos.History()) > launched })
	w.awaitReady()
	w.checkNoDuplicates()
}
