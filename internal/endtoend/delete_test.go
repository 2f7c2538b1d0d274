package endtoend

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

func (w *world) deleteCluster(wait string) {
	w.t.Helper()
	w.api.Kubectl(w.t, "-n", w.namespace, "delete", "quobytecluster", "quobyte", "--wait="+wait, "--timeout=90s")
}

func TestOrphanedServicesRunOnAndAreTakenOverAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	framework := w.awaitReadyOf(3).Status.FrameworkID

	w.deleteCluster("true")
	if got := w.alive(""); got != services(3) {
		t.Errorf("%d tasks run after the deletion, want %d", got, services(3))
	}
	frameworks := w.mesos.Frameworks()
	if len(frameworks) != 1 || !frameworks[0].Removed.IsZero() {
		t.Fatalf("frameworks: %+v", frameworks)
	}
	tenYears := 10 * 365 * 24 * time.Hour
	if got := frameworks[0].Info.GetFailoverTimeout(); got != tenYears.Seconds() {
		t.Errorf("the framework is left with a fail-over time-out of %v s, want ten years", got)
	}
	kept := &corev1.ConfigMap{}
	if err := w.api.Client().Get(t.Context(), w.key("quobyte-framework"), kept); err != nil || kept.Data["frameworkID"] != framework {
		t.Errorf("the kept id is %v (%v), want %s", kept.Data, err, framework)
	}

	// The same cluster again, as from a restored backup without status.
	w.applyCluster()
	if got := w.awaitReady().Status.FrameworkID; got != framework {
		t.Errorf("framework %s, want %s as before", got, framework)
	}
	if got := len(w.mesos.History()); got != services(3) {
		t.Errorf("%d tasks were ever launched, want %d: those that ran are taken over", got, services(3))
	}
	if n := w.killed(); n != 0 {
		t.Errorf("%d tasks were stopped", n)
	}
}

// TestOrphanThatCannotBeReachedIsRemembered: what no object tells of after a deletion,
// and Mesos does not tell by itself, still counts when the cluster is taken over.
func TestOrphanThatCannotBeReachedIsRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(4), PingTimeout: time.Second})
	w.readyAs(4, "")
	host := w.hostsOf("api")[0]
	task := w.taskOn("api", host)
	w.mesos.StopAgent(host)
	w.await("a lost agent", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionDegraded, metav1.ConditionTrue, "Unreachable")
	})
	w.deleteCluster("true")
	w.applyCluster()
	w.await("the task to be remembered", func(c *v1alpha1.QuobyteCluster) bool {
		return slices.ContainsFunc(c.Status.Tasks, func(s v1alpha1.TaskStatus) bool { return s.TaskID == task })
	})
	w.mesos.StartAgent(host)
	w.awaitReady()
	w.checkNoDuplicates()
}

func TestTeardownStopsEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.awaitReadyOf(3)

	w.patch(`{"spec":{"deletionPolicy":"Teardown"}}`)
	w.deleteCluster("true")
	if n := w.alive(""); n != 0 {
		t.Errorf("%d tasks still run", n)
	}
	if f := w.mesos.Frameworks(); len(f) != 1 || f[0].Removed.IsZero() {
		t.Errorf("the framework was not torn down: %+v", f)
	}
	err := w.api.Client().Get(t.Context(), w.key("quobyte-framework"), &corev1.ConfigMap{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("the ConfigMap of the removed framework: %v", err)
	}
	w.awaitDevice("node1-disk1", "an unknown cluster", func(d *v1alpha1.QuobyteDevice) bool {
		return d != nil && len(d.Status.Conditions) > 0 && d.Status.Conditions[0].Reason == v1alpha1.ReasonUnknownCluster
	})
	w.api.Kubectl(t, "-n", w.namespace, "delete", "devices", "--all", "--timeout=90s")
}

func TestDeletionWithoutMesosSaysHowToLetGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.awaitReadyOf(3)

	w.mesos.RefuseConnections(true)
	w.mesos.BreakStreams()
	w.patch(`{"spec":{"deletionPolicy":"Teardown"}}`)
	w.deleteCluster("false")
	w.await("how to let go", func(c *v1alpha1.QuobyteCluster) bool {
		for _, condition := range c.Status.Conditions {
			if condition.Type == v1alpha1.ConditionReady && condition.Reason == v1alpha1.ReasonDeleting &&
				strings.Contains(condition.Message, v1alpha1.FinalizerCluster) && strings.Contains(condition.Message, "Orphan") {
				return true
			}
		}
		return false
	})
	// The policy can change while the object waits; then Mesos comes back.
	w.patch(`{"spec":{"deletionPolicy":"Orphan"}}`)
	w.mesos.RefuseConnections(false)
	w.api.Kubectl(t, "-n", w.namespace, "wait", "--for=delete", "quobytecluster/quobyte", "--timeout=90s")
	if got := w.alive(""); got != services(3) {
		t.Errorf("%d tasks run, want %d", got, services(3))
	}
}

func TestDeletedDeviceStopsItsServiceThroughTheGate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(4)})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(4)
	w.awaitReadyOf(4)

	w.api.Kubectl(t, "-n", w.namespace, "delete", "device", "node4-disk1", "--timeout=90s")
	if got := len(w.mesos.Running("node4")); got > 2 {
		t.Errorf("%d tasks run on node4, want at most api and webconsole", got)
	}
	for _, task := range w.mesos.Running("node4") {
		if task.Info.Name == "data" {
			t.Error("the data service of the deleted device still runs")
		}
	}
	if got := w.alive("data"); got != 3 {
		t.Errorf("%d data services run, want the 3 others", got)
	}
	// With a data service down, another is not stopped for its device.
	w.mesos.StopAgent("node2")
	w.await("node2 unreachable", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionDegraded, metav1.ConditionTrue, "")
	})
	w.api.Kubectl(t, "-n", w.namespace, "delete", "device", "node3-disk1", "--wait=false")
	w.awaitQuiet()
	if got := w.alive("data"); got != 3 {
		t.Errorf("%d data services run, want 3: the one on node3 has to wait for the one on node2", got)
	}
	w.mesos.StartAgent("node2")
	w.api.Kubectl(t, "-n", w.namespace, "wait", "--for=delete", "device/node3-disk1", "--timeout=90s")
	w.checkNoDuplicates()
}

// TestOrphanKeepsTheIDWhenSomebodyDeletedTheConfigMap: after an orphaning deletion it is
// all that tells of what runs.
func TestOrphanKeepsTheIDWhenSomebodyDeletedTheConfigMap(t *testing.T) {
	t.Parallel()
	w := readyWith(t, 3, nil, "")
	framework := w.cluster().Status.FrameworkID
	w.api.Kubectl(t, "-n", w.namespace, "delete", "configmap", "quobyte-framework")

	w.deleteCluster("true")
	kept := &corev1.ConfigMap{}
	if err := w.api.Client().Get(t.Context(), w.key("quobyte-framework"), kept); err != nil || kept.Data["frameworkID"] != framework {
		t.Errorf("the kept id is %v (%v), want %s", kept.Data, err, framework)
	}
	w.applyCluster()
	if got := w.awaitConnected(); got != framework {
		t.Errorf("framework %s, want %s as before", got, framework)
	}
	if f := w.mesos.Frameworks(); len(f) != 1 {
		t.Errorf("%d frameworks", len(f))
	}
}

func (w *world) awaitConnected() string {
	w.t.Helper()
	return w.await("a connection", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionConnected, metav1.ConditionTrue, "")
	}).Status.FrameworkID
}
