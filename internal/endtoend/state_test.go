package endtoend

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

func TestStoppedAndStartedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	framework := w.awaitReadyOf(3).Status.FrameworkID

	w.patch(`{"spec":{"state":"Stopped"}}`)
	stopped := w.await("Stopped", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonStopped)
	})
	if n := w.alive(""); n != 0 {
		t.Errorf("%d tasks still run:\n%s", n, taskList(w.mesos.Tasks()))
	}
	if stopped.Status.Devices != 3 {
		t.Errorf("%d devices are listed, want 3", stopped.Status.Devices)
	}
	// Data stops before metadata, and metadata before the registries.
	var lastData, firstRegistry time.Time
	for _, task := range w.mesos.History() {
		switch {
		case task.Info.Name == "data" && task.Ended.After(lastData):
			lastData = task.Ended
		case task.Info.Name == "registry" && (firstRegistry.IsZero() || task.Ended.Before(firstRegistry)):
			firstRegistry = task.Ended
		}
	}
	if !lastData.Before(firstRegistry) {
		t.Errorf("a registry ended at %s, before the last data service at %s", firstRegistry, lastData)
	}

	w.patch(`{"spec":{"state":"Running"}}`)
	if got := w.awaitReady().Status.FrameworkID; got != framework {
		t.Errorf("framework %s, want %s as before", got, framework)
	}
	w.checkNoDuplicates()
}

func TestNewVersionReplacesOneAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(5)})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(5)
	w.awaitReadyOf(5)
	began := time.Now()

	w.patch(`{"spec":{"version":"1.1.6"}}`)
	w.awaitReady()
	if diff := cmp.Diff(map[string]int{"1.1.6": services(5)}, w.versions()); diff != "" {
		t.Errorf("versions that run (-want +got):\n%s", diff)
	}
	w.checkNoDuplicates()
	w.checkNeverTwoDown(began)
}

func TestNewResourcesReplaceThatServiceAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.awaitReadyOf(3)
	began := time.Now()

	w.patch(`{"spec":{"services":{"data":{"resources":{"memory":"5Gi"}}}}}`)
	w.awaitReady()
	for _, task := range w.mesos.History() {
		if len(task.Kills) > 0 && task.Info.Name != "data" {
			t.Errorf("%s was stopped for a change of data", task.ID)
		}
	}
	if n := w.killed(); n != 3 {
		t.Errorf("%d tasks were stopped, want the 3 data services", n)
	}
	w.checkNeverTwoDown(began)
}

func TestSuspendedClusterChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.awaitReadyOf(3)
	w.patch(`{"spec":{"suspend":true,"version":"1.1.6"}}`)
	w.await("Suspended", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonSuspended)
	})
	// It goes on to report: what fails is seen, and not started again.
	launched := len(w.mesos.History())
	if err := w.mesos.FailTask(w.taskOn("data", "node2"), "Container exited with status 1"); err != nil {
		t.Fatal(err)
	}
	w.await("the failure to be reported", func(c *v1alpha1.QuobyteCluster) bool {
		return len(c.Status.Failures) == 1 && strings.HasPrefix(c.Status.Summary.Services, "10/")
	})
	w.awaitQuiet()
	if n := w.killed(); n != 0 {
		t.Errorf("%d tasks were stopped while suspended", n)
	}
	if n := len(w.mesos.History()); n != launched {
		t.Errorf("%d tasks were launched while suspended", n-launched)
	}
	w.patch(`{"spec":{"suspend":false}}`)
	w.awaitReady()
	w.awaitQuiet()
	// Each is updated once; the one that failed comes back as it was before that, as it
	// is not its turn.
	if n := len(w.mesos.History()) - launched; n != services(3)+1 {
		t.Errorf("%d tasks were launched when it was resumed, want %d", n, services(3)+1)
	}
	if diff := cmp.Diff(map[string]int{"1.1.6": services(3)}, w.versions()); diff != "" {
		t.Errorf("versions that run (-want +got):\n%s", diff)
	}
}
