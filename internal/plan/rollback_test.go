package plan

import (
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// TestRollback lets 1.1.6 fail on data, after the registries and metadata were updated.
func TestRollback(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Update.OnFailure = v1alpha1.FailureRollback
	l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"registry", "metadata", "data"}
	good := l.cluster.Status.Good.Revision
	l.cluster.Spec.Version = "1.1.6"
	for l.versions()["metadata node3"] != "1.1.6" {
		l.now = l.now.Add(10 * time.Second)
		l.pass()
	}
	l.broken = "1.1.6"
	var r Result
	for stateOf(r) != v1alpha1.UpdateFailed {
		l.now = l.now.Add(10 * time.Second)
		r = l.plan()
		if stateOf(r) != v1alpha1.UpdateFailed {
			l.pass()
		}
	}
	if r.Update.Failed == nil || r.Update.Failed.Revision != r.Revision || r.Update.Failed.Version != "1.1.6" || r.Phase != PhaseUpdating {
		t.Fatalf("%s %+v", r.Phase, r.Update)
	}
	wantText(t, r.Update.Message, "rolling back to 1.1.5")
	wantText(t, r.Update.Failed.Message, "data on node1 did not come up with version 1.1.6")
	for range 3 { // the API server refuses the status
		l.now = l.now.Add(10 * time.Second)
		r = l.plan()
		wantState(t, r, v1alpha1.UpdateFailed)
		wantList(t, "before the status tells of it", kills(r))
	}
	l.pass()
	l.log = nil
	r = l.pass()
	wantState(t, r, v1alpha1.UpdateRollingBack)
	wantText(t, alert(r, AlertUpdateFailed), "rolling back to 1.1.5: data on node1")
	if r.Update.From != "1.1.6" || r.Update.To != "1.1.5" || r.Update.Service != "registry" {
		t.Errorf("%+v", r.Update)
	}
	for n := 0; stateOf(r) == v1alpha1.UpdateRollingBack; n++ {
		if n == 3 {
			l.restartOperator()
		}
		if len(r.Kills) > 1 {
			t.Errorf("stops %v", kills(r))
		}
		l.now = l.now.Add(10 * time.Second)
		r = l.pass()
	}
	wantState(t, r, v1alpha1.UpdateRolledBack)
	r = l.run(100)
	wantState(t, r, v1alpha1.UpdateRolledBack)
	l.wantVersion("1.1.5")
	if r.Phase != PhaseRolledBack || len(r.Alerts) > 0 || r.Good.Revision != good {
		t.Errorf("%s, alerts %+v, good %+v", r.Phase, r.Alerts, r.Good)
	}
	if s := r.Services[data]; s.Updated != 0 || s.Ready != 3 {
		t.Errorf("%+v", s)
	}
	wantText(t, waits(t, r, data, "node2"), "runs version 1.1.5, and not what the spec asks for: the update to 1.1.6 failed")
	for _, entry := range l.log {
		if strings.HasPrefix(entry, "start") && !strings.HasSuffix(entry, "1.1.5") {
			t.Error(entry)
		}
	}

	// A service that stops and starts again does so with what ran well.
	l.cluster.Spec.State = v1alpha1.StateStopped
	l.run(3)
	l.cluster.Spec.State = v1alpha1.StateRunning
	r = l.run(5)
	wantState(t, r, v1alpha1.UpdateRolledBack)
	l.wantVersion("1.1.5")

	// Nobody tries the same again, unless asked to.
	l.broken = ""
	wantState(t, l.run(50), v1alpha1.UpdateRolledBack)
	l.cluster.Spec.Update.OnFailure = v1alpha1.FailurePause
	wantState(t, l.run(5), "")
	l.wantVersion("1.1.6")
}

// rolledBack is a cluster in which 1.1.6 failed, and whose registries run it.
func rollingBack(t testing.TB) *live {
	l := liveCluster(t)
	l.cluster.Spec.Update.OnFailure = v1alpha1.FailureRollback
	l.cluster.Spec.Version = "1.1.6"
	for l.versions()["registry node3"] != "1.1.6" {
		l.now = l.now.Add(10 * time.Second)
		l.pass()
	}
	r := l.plan()
	l.cluster.Status.Update = &v1alpha1.UpdateStatus{State: v1alpha1.UpdateFailed, To: "1.1.6",
		Failed: &v1alpha1.FailedUpdate{Revision: r.Revision, Version: "1.1.6", Message: "data on node1 did not come up"}}
	l.cluster.Status.Revision = r.Revision
	return l
}

func TestWhenARollbackIsInForce(t *testing.T) {
	tests := map[string]struct {
		change func(l *live)
		want   v1alpha1.UpdateState
		kills  []string
	}{
		"yes":                  {func(*live) {}, v1alpha1.UpdateRollingBack, []string{"registry node1"}},
		"onFailure is Pause":   {func(l *live) { l.cluster.Spec.Update.OnFailure = v1alpha1.FailurePause }, v1alpha1.UpdateProgressing, []string{"metadata node1"}},
		"another spec":         {func(l *live) { l.cluster.Spec.Version = "1.1.7" }, v1alpha1.UpdateProgressing, []string{"registry node1"}},
		"nothing ran well":     {func(l *live) { l.cluster.Status.Good = nil }, v1alpha1.UpdateProgressing, []string{"metadata node1"}},
		"it is what ran well":  {func(l *live) { l.cluster.Status.Good.Revision = l.cluster.Status.Revision }, v1alpha1.UpdateProgressing, []string{"metadata node1"}},
		"paused":               {func(l *live) { l.cluster.Spec.Update.Paused = true }, v1alpha1.UpdatePaused, nil},
		"suspended":            {func(l *live) { l.cluster.Spec.Suspend = true }, v1alpha1.UpdateFailed, nil},
		"not connected":        {func(l *live) { l.snap.Connected = false }, v1alpha1.UpdateFailed, nil},
		"a spec is not stored": {func(l *live) { delete(l.specs, SpecKey{quobyte.Data, l.cluster.Status.Good.Specs[2].Hash}) }, v1alpha1.UpdateFailed, nil},
		"a spec is not what it says": {func(l *live) {
			key := SpecKey{quobyte.Data, l.cluster.Status.Good.Specs[2].Hash}
			spec := l.specs[key]
			spec.MemMiB++
			l.specs[key] = spec
		}, v1alpha1.UpdateFailed, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := rollingBack(t)
			test.change(l)
			r := l.plan()
			wantState(t, r, test.want)
			wantList(t, "kills", kills(r), test.kills...)
			keeps := test.want != v1alpha1.UpdateProgressing
			if keeps != (r.Update.Failed != nil) {
				t.Errorf("keeps %+v", r.Update.Failed)
			}
			if strings.HasPrefix(name, "a spec") {
				wantText(t, r.Update.Message, "ControllerRevision quobyte-data-"+l.cluster.Status.Good.Specs[2].Hash)
				if r.Phase != PhaseFailed {
					t.Errorf("phase %s", r.Phase)
				}
			}
		})
	}
}

// TestOldStatusRollsNothingBack restores a status that tells of a failure, when the same
// version has been tried again since and runs well.
func TestOldStatusRollsNothingBack(t *testing.T) {
	l := rollingBack(t)
	old := l.cluster.Status.DeepCopy()
	old.Update.Failed.Time = &metav1.Time{Time: l.now}
	wantState(t, l.run(5), v1alpha1.UpdateRolledBack)
	l.cluster.Spec.Update.OnFailure = v1alpha1.FailurePause
	l.run(5)
	l.wantVersion("1.1.6")
	l.cluster.Spec.Update.OnFailure = v1alpha1.FailureRollback

	l.cluster.Status, l.log = *old, nil
	r := l.run(5)
	if len(l.log) > 0 {
		t.Errorf("what runs well is changed: %v", l.log)
	}
	wantState(t, r, "")
	if r.Phase != PhaseReady || r.Good.Version != "1.1.6" {
		t.Errorf("%s, good %+v", r.Phase, r.Good)
	}
}

// TestRollbackAfterAClockThatWasAhead has the process that launched end, and one judge whose clock is
// right: the rollback does not wait for the difference.
func TestRollbackAfterAClockThatWasAhead(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Update.OnFailure = v1alpha1.FailureRollback
	l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"data"}
	l.cluster.Spec.Version = "1.1.6"
	l.now = l.now.Add(20 * time.Minute)
	for len(l.log) < 2 {
		l.pass()
		l.now = l.now.Add(10 * time.Second)
	}
	l.now = l.now.Add(-20 * time.Minute)
	l.restartOperator()
	l.stuck = "1.1.6"
	var failed time.Time
	for range 400 {
		r := l.pass()
		if stateOf(r) == v1alpha1.UpdateRolledBack {
			break
		}
		if r.Update != nil && r.Update.Failed != nil && failed.IsZero() {
			failed = l.now
		}
		l.now = l.now.Add(10 * time.Second)
	}
	if failed.IsZero() || l.now.Sub(failed) > 3*time.Minute {
		t.Errorf("failed at %v, rolled back at %v", failed, l.now)
	}
	l.wantVersion("1.1.5")
}

func TestRollbackWithoutAWayBack(t *testing.T) {
	for name, test := range map[string]struct {
		change func(l *live)
		says   string
	}{
		"nothing ran well": {func(l *live) { l.cluster.Status.Good = nil }, "there is nothing to roll back to"},
		"it is not stored": {func(l *live) { l.specs = nil }, "it cannot be rolled back: ControllerRevision quobyte-data-"},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := trying(t, func(*mesosbridge.Task) {})
			l.cluster.Spec.Update.OnFailure = v1alpha1.FailureRollback
			test.change(l)
			l.now = noon.Add(10 * time.Minute)
			r := l.plan()
			wantState(t, r, v1alpha1.UpdateFailed)
			wantText(t, r.Update.Message, test.says)
			if r.Update.Failed != nil || r.Phase != PhaseFailed {
				t.Errorf("%s %+v", r.Phase, r.Update)
			}
		})
	}
}

func TestRollbackFails(t *testing.T) {
	l := rollingBack(t)
	l.pass()
	l.stuck = "1.1.5"
	l.pass()
	l.now = l.now.Add(11 * time.Minute)
	r := l.pass()
	wantState(t, r, v1alpha1.UpdateFailed)
	wantText(t, r.Update.Message, "the rollback to 1.1.5 failed: registry on node1 did not come up with version 1.1.5 within 10m0s: stuck in STAGING: pulling the image")
	if r.Phase != PhaseFailed || r.Update.Failed == nil || r.Update.Failed.Version != "1.1.6" {
		t.Errorf("%s %+v", r.Phase, r.Update)
	}
	l.now = l.now.Add(time.Hour)
	wantList(t, "kills", kills(l.pass()))

	l.find(registry, "node1").State, l.find(registry, "node1").Healthy = mesos.TASK_RUNNING, yes()
	l.stuck = ""
	wantState(t, l.run(5), v1alpha1.UpdateRolledBack)
	l.wantVersion("1.1.5")
}

// TestRolledBackIsOver has an instance fail long after the rollback: that is no
// failure of it.
func TestRolledBackIsOver(t *testing.T) {
	l := rollingBack(t)
	wantState(t, l.run(5), v1alpha1.UpdateRolledBack)
	task := l.find(registry, "node1")
	task.Healthy, task.Steady = no(), l.now
	for range 20 {
		l.now = l.now.Add(time.Minute)
		wantState(t, l.pass(), v1alpha1.UpdateRolledBack)
	}
}
