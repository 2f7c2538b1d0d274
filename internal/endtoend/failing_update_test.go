package endtoend

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// failingAs is a script by which a service of version 1.1.6 behaves badly.
func failingAs(service string, bad mesostest.Script) mesostest.Script {
	return func(task mesos.TaskInfo) mesostest.Play {
		if task.Name == service && versionOf(&task) == "1.1.6" {
			return bad(task)
		}
		return mesostest.Healthy(task)
	}
}

// pullFails is an image that cannot be pulled.
func pullFails(mesos.TaskInfo) mesostest.Play {
	return mesostest.Play{Steps: []mesostest.Step{{
		After: 30 * time.Millisecond, State: mesos.TASK_FAILED,
		Message: "Failed to launch container: manifest for quobyte-server:1.1.6 not found",
		Reason:  mesos.REASON_CONTAINER_LAUNCH_FAILED.Enum(), Source: mesos.SOURCE_AGENT.Enum(),
	}}}
}

// staysSick runs, and its health check never succeeds.
func staysSick(task mesos.TaskInfo) mesostest.Play {
	play := mesostest.Healthy(task)
	last := &play.Steps[len(play.Steps)-1]
	last.Healthy = new(bool)
	return play
}

// TestFailingUpdatePauses: whatever goes wrong with a new version, after the time-out
// the update stops at that instance, and the status quotes Mesos.
func TestFailingUpdatePauses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		bad  mesostest.Script
		says string
	}{
		"crashes":                      {mesostest.FailsAfter(50*time.Millisecond, "Container exited with status 42"), "Container exited with status 42"},
		"its image cannot be pulled":   {pullFails, "manifest for quobyte-server:1.1.6 not found"},
		"its health check fails":       {staysSick, "health check"},
		"its task is stuck in STAGING": {mesostest.NeverStarts, "STAGING"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := readyWith(t, 4, failingAs("data", test.bad), `{"spec":{"update":{"timeout":"4s","minReady":"0.5s"},"health":{"restartAfter":"0s"}}}`)
			w.patch(`{"spec":{"version":"1.1.6"}}`)
			failed := w.updateIs(v1alpha1.UpdateFailed)
			for _, kind := range []string{v1alpha1.ConditionStalled, v1alpha1.ConditionDegraded} {
				c := meta.FindStatusCondition(failed.Status.Conditions, kind)
				if c == nil || c.Status != metav1.ConditionTrue || c.Reason != v1alpha1.ReasonUpdateFailed ||
					!strings.Contains(c.Message, test.says) || !strings.Contains(c.Message, "data on node1") {
					t.Errorf("%s does not say that data on node1 %s:\n%s", kind, name, describe(failed))
				}
			}
			w.awaitQuiet()
			old := 0
			for _, task := range w.mesos.Tasks() {
				if task.Info.Name == "data" && versionOf(&task.Info) == "1.1.5" {
					old++
				}
			}
			if old != 3 {
				t.Errorf("%d data services run the old version, want 3: the update stops at the first one\n%s", old, taskList(w.mesos.Tasks()))
			}
			// An old one that fails meanwhile comes back as it was.
			if err := w.mesos.FailTask(w.taskOn("data", "node3"), "Container exited with status 1"); err != nil {
				t.Fatal(err)
			}
			w.awaitMesos("the old version again", func() bool {
				for _, task := range w.mesos.Running("node3") {
					if task.Info.Name == "data" && task.State == mesos.TASK_RUNNING {
						return versionOf(&task.Info) == "1.1.5"
					}
				}
				return false
			})
			// A person gives it up.
			w.patch(`{"spec":{"version":"1.1.5"}}`)
			w.awaitReady()
			if diff := cmp.Diff(map[string]int{"1.1.5": services(4)}, w.versions()); diff != "" {
				t.Errorf("versions that run (-want +got):\n%s", diff)
			}
			w.checkNoDuplicates()
		})
	}
}

// TestFailingUpdateRollsBack: what was updated goes back one by one, and the cluster
// stays so until the spec changes, whatever becomes of the operator.
func TestFailingUpdateRollsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(4),
		Script: failingAs("data", mesostest.FailsAfter(50*time.Millisecond, "Container exited with status 42"))})
	operator := w.startAlone()
	w.applyCluster()
	w.patch(`{"spec":{"update":{"timeout":"4s","minReady":"0.5s","onFailure":"Rollback"}}}`)
	w.applyDevices(4)
	w.awaitReadyOf(4)
	w.awaitGood()
	began := time.Now()
	w.patch(`{"spec":{"version":"1.1.6"}}`)
	w.updateIs(v1alpha1.UpdateRollingBack)
	if err := operator.Kill(); err != nil {
		t.Fatal(err)
	}
	operator = w.startAlone()
	back := w.updateIs(v1alpha1.UpdateRolledBack)
	stalled := meta.FindStatusCondition(back.Status.Conditions, v1alpha1.ConditionStalled)
	if stalled == nil || stalled.Status != metav1.ConditionTrue || stalled.Reason != v1alpha1.ReasonRolledBack || !strings.Contains(stalled.Message, "status 42") {
		t.Errorf("rolled back:\n%s", describe(back))
	}
	if !has(back, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRolledBack) {
		t.Errorf("the spec asks for 1.1.6, and the cluster says\n%s", describe(back))
	}
	if diff := cmp.Diff(map[string]int{"1.1.5": services(4)}, w.versions()); diff != "" {
		t.Errorf("versions that run (-want +got):\n%s", diff)
	}
	// It does not try again by itself.
	launched := len(w.mesos.History())
	if err := operator.Kill(); err != nil {
		t.Fatal(err)
	}
	w.startAlone()
	time.Sleep(3 * time.Second)
	if n := len(w.mesos.History()); n != launched {
		t.Errorf("%d tasks were launched after the rollback", n-launched)
	}
	w.checkNoDuplicates()
	w.checkNeverTwoDown(began)

	w.patch(`{"spec":{"version":"1.1.7"}}`)
	w.awaitReady()
	if diff := cmp.Diff(map[string]int{"1.1.7": services(4)}, w.versions()); diff != "" {
		t.Errorf("versions that run (-want +got):\n%s", diff)
	}
}

// awaitGood waits until there is something to roll back to.
func (w *world) awaitGood() {
	w.t.Helper()
	w.awaitReady()
	w.await("what runs well to be remembered", func(c *v1alpha1.QuobyteCluster) bool { return c.Status.Good != nil })
}

// TestRollbackOfSettings: not only the version goes back.
func TestRollbackOfSettings(t *testing.T) {
	t.Parallel()
	script := func(task mesos.TaskInfo) mesostest.Play {
		for _, v := range task.Command.GetEnvironment().GetVariables() {
			if v.Name == "BAD" {
				return mesostest.FailsAfter(50*time.Millisecond, "Container exited with status 3")(task)
			}
		}
		return mesostest.Healthy(task)
	}
	w := readyWith(t, 3, script, `{"spec":{"update":{"timeout":"2s","onFailure":"Rollback"}}}`)
	w.awaitGood()
	w.patch(`{"spec":{"ports":{"base":22000},"services":{"metadata":{"env":[{"name":"BAD","value":"1"}]}}}}`)
	w.updateIs(v1alpha1.UpdateRolledBack)
	for _, task := range w.mesos.Tasks() {
		for _, r := range task.Info.Resources {
			for _, ports := range r.GetRanges().GetRange() {
				if ports.Begin >= 22000 {
					t.Errorf("%s still uses port %d", task.ID, ports.Begin)
				}
			}
		}
	}
	w.patch(`{"spec":{"services":{"metadata":{"env":null}}}}`)
	w.awaitReady()
	w.checkNoDuplicates()
}
