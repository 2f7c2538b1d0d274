package endtoend

import (
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// TestUnhealthyServiceIsRestarted: Mesos reports alone, unhealthy is not Ready, and
// what stays so is restarted; the status counts.
func TestUnhealthyServiceIsRestarted(t *testing.T) {
	t.Parallel()
	w := readyWith(t, 4, nil, `{"spec":{"health":{"restartAfter":"2s"}}}`)
	for _, task := range w.mesos.Tasks() {
		check := task.Info.HealthCheck
		if check == nil || check.GetHTTP() == nil || check.GetConsecutiveFailures() != math.MaxUint32 {
			t.Errorf("%s has health check %v", task.ID, check)
		}
	}
	sick := w.taskOn("data", "node2")
	if err := w.mesos.SetHealth(sick, false); err != nil {
		t.Fatal(err)
	}
	w.await("not Ready", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionReady, metav1.ConditionFalse, "") && slices.ContainsFunc(c.Status.Reasons, func(r v1alpha1.Reason) bool {
			return strings.Contains(r.Message, "node2") && strings.Contains(r.Message, "health check")
		})
	})
	w.awaitMesos("the restart", func() bool {
		task, _ := w.mesos.Task(sick)
		return !task.Alive()
	})
	ready := w.awaitReady()
	counted := slices.ContainsFunc(ready.Status.Failures, func(f v1alpha1.Failure) bool {
		return f.Service == "data" && f.Host == "node2" && f.Restarts == 1
	})
	if !counted {
		t.Errorf("the restart is not counted: %+v", ready.Status.Failures)
	}
	if n := w.killed(); n != 1 {
		t.Errorf("%d tasks were stopped, want 1", n)
	}
	// The next restart waits for twice as long.
	again := w.taskOn("data", "node2")
	began := time.Now()
	if err := w.mesos.SetHealth(again, false); err != nil {
		t.Fatal(err)
	}
	w.awaitMesos("the second restart", func() bool { return len(w.stoppedSince(began)) > 0 })
	if waited := time.Since(began); waited < 3500*time.Millisecond {
		t.Errorf("the second restart came after %v, want 4s", waited)
	}
	w.checkNoDuplicates()
}

// TestLostQuorumRestartsFew: registries that all look unhealthy are not all restarted,
// and neither is what depends on them.
func TestLostQuorumRestartsFew(t *testing.T) {
	t.Parallel()
	var lost atomic.Bool // the quorum
	script := func(task mesos.TaskInfo) mesostest.Play {
		if lost.Load() && (task.Name == "registry" || task.Name == "metadata") {
			return staysSick(task)
		}
		return mesostest.Healthy(task)
	}
	w := readyWith(t, 3, script, `{"spec":{"health":{"restartAfter":"1s"}}}`)
	began := time.Now()
	lost.Store(true)
	for _, task := range w.mesos.Tasks() {
		if task.Info.Name == "registry" || task.Info.Name == "metadata" {
			if err := w.mesos.SetHealth(task.ID, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The first restart comes after 1s, the others after 2s, 4s and so on.
	w.awaitMesos("a registry that is restarted again and again", func() bool { return len(w.stoppedSince(began)) >= 3 })
	hosts := map[string]bool{}
	for _, stopped := range w.stoppedSince(began) {
		service, host, _ := strings.Cut(stopped, "@")
		if service == "registry" {
			hosts[host] = true
		} else {
			t.Errorf("%s on %s was restarted while no registry is healthy", service, host)
		}
	}
	if len(hosts) != 1 {
		t.Errorf("the registries of %d hosts were restarted while the quorum is lost, want one: %v", len(hosts), w.stoppedSince(began))
	}
}

// TestHealthChecksOff: without checks a service is well when it runs.
func TestHealthChecksOff(t *testing.T) {
	t.Parallel()
	w := readyWith(t, 3, nil, `{"spec":{"health":{"except":["data"],"path":"/health","interval":"7s"}}}`)
	for _, task := range w.mesos.Tasks() {
		check := task.Info.HealthCheck
		switch {
		case task.Info.Name == "data":
			if check != nil {
				t.Errorf("data has health check %v", check)
			}
		case check.GetHTTP().GetPath() != "/health" || check.GetIntervalSeconds() != 7:
			t.Errorf("%s has health check %v", task.ID, check)
		}
	}
	began := time.Now()
	// It is a change that concerns the services: they are replaced, one by one.
	w.patch(`{"spec":{"health":{"enabled":false}}}`)
	w.awaitReady()
	for _, task := range w.mesos.Tasks() {
		if task.Info.HealthCheck != nil {
			t.Errorf("%s has a health check", task.ID)
		}
	}
	if slices.ContainsFunc(w.stoppedSince(began), func(s string) bool { return strings.HasPrefix(s, "data@") }) {
		t.Error("data was restarted though nothing changed for it")
	}
	w.checkNeverTwoDown(began)
	if n := w.mesos.Calls()[scheduler.Call_KILL]; n == 0 {
		t.Error("nothing was replaced")
	}
}
