package plan

import (
	"reflect"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// trying has the data service on node2 updated and not up since noon, and those on
// node1 and node3 still to be updated.
func trying(t testing.TB, change func(task *mesosbridge.Task)) (*live, *mesosbridge.Task) {
	l := liveCluster(t)
	l.cluster.Spec.Services.Data.ExtraConfig = "new"
	old := l.find(data, "node2")
	old.Killing = l.now
	l.ended(old, mesos.TASK_KILLED, l.now)
	id := quobyte.NewTaskID(quobyte.Data, "node2", l.hashOf(data), quobyte.NewNonce(l.now, "00000001"))
	task := l.addTask(id, "node2")
	task.Since, task.Steady, task.Healthy = l.now, l.now, nil
	change(task)
	return l, task
}

func TestUpdateFails(t *testing.T) {
	tests := map[string]struct {
		change func(task *mesosbridge.Task)
		quotes string
	}{
		"stuck":                {func(task *mesosbridge.Task) { task.State, task.Message = mesos.TASK_STAGING, "pulling" }, "stuck in STAGING: pulling"},
		"stuck, silently":      {func(task *mesosbridge.Task) { task.State = mesos.TASK_STARTING }, "stuck in STARTING"},
		"stuck, with a reason": {func(task *mesosbridge.Task) { task.State, task.Reason = mesos.TASK_STAGING, "REASON_X" }, "stuck in STAGING: REASON_X"},
		"unhealthy":            {func(task *mesosbridge.Task) { task.Healthy, task.Steady = no(), noon.Add(2*time.Minute) }, "its health check fails"},
		"never checked":        {func(*mesosbridge.Task) {}, "its health check has not reported"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l, task := trying(t, test.change)
			wantState(t, l.pass(), v1alpha1.UpdateProgressing)
			l.now = noon.Add(10*time.Minute - time.Second)
			r := l.pass()
			wantState(t, r, v1alpha1.UpdateProgressing)
			if r.Recheck.After(noon.Add(10 * time.Minute)) {
				t.Errorf("looks again at %v", r.Recheck)
			}
			l.now = noon.Add(10 * time.Minute)
			r = l.pass()
			wantState(t, r, v1alpha1.UpdateFailed)
			if r.Phase != PhaseFailed || r.Update.Current != "node2" || r.Update.Service != "data" || r.Update.Failed != nil {
				t.Errorf("%s %+v", r.Phase, r.Update)
			}
			wantText(t, r.Update.Message, "data on node2 did not come up with version 1.1.5 within 10m0s: "+test.quotes)
			wantText(t, alert(r, AlertUpdateFailed), test.quotes)
			wantText(t, waits(t, r, data, "node1"), "the update to 1.1.5 has failed")
			l.cluster.Spec.Update.MaxUnavailable.IntVal = 3
			l.now = l.now.Add(time.Hour)
			again := l.pass()
			wantList(t, "nothing more is stopped", kills(again))
			if again.Update.Message != r.Update.Message {
				t.Errorf("the message moves: %q", again.Update.Message)
			}
			l.cluster.Spec.Update.MaxUnavailable.IntVal = 1

			l.restartOperator() // the id of the task tells when it was launched
			wantState(t, l.pass(), v1alpha1.UpdateFailed)
			l.now = l.now.Add(3 * time.Minute)
			wantState(t, l.pass(), v1alpha1.UpdateFailed)

			task.State, task.Healthy, task.Steady = mesos.TASK_RUNNING, yes(), l.now
			r = l.pass()
			wantState(t, r, v1alpha1.UpdateProgressing)
			if len(r.Alerts) > 0 {
				t.Errorf("alerts %+v", r.Alerts)
			}
			wantList(t, "it goes on", kills(r), "data node1")
		})
	}
}

func TestUpdateFailsOfCrashes(t *testing.T) {
	l := liveCluster(t)
	l.broken = "1.1.6"
	l.cluster.Spec.Version = "1.1.6"
	r := l.pass()
	for l.now.Before(noon.Add(9 * time.Minute)) {
		l.now = l.now.Add(10 * time.Second)
		r = l.pass()
		wantState(t, r, v1alpha1.UpdateProgressing)
	}
	first := l.cluster.Status.Failures[0].First
	if first == nil || first.Sub(noon) > 10*time.Second {
		t.Fatalf("first failure %v", first)
	}
	tries := 0
	for l.now.Before(noon.Add(30 * time.Minute)) {
		l.now = l.now.Add(10 * time.Second)
		if l.now.Equal(noon.Add(20 * time.Minute)) {
			l.restartOperator() // the counter in the status tells
		}
		r = l.pass()
		tries += len(r.Launches)
		if l.now.After(noon.Add(10*time.Minute + 10*time.Second)) {
			wantState(t, r, v1alpha1.UpdateFailed)
			wantList(t, "stops", kills(r))
		}
	}
	if tries < 3 || tries > 6 {
		t.Errorf("it is tried again %d times in 20 minutes", tries)
	}
	wantText(t, r.Update.Message, "registry on node1 did not come up with version 1.1.6 within 10m0s: exited with status 3")
	if first := l.cluster.Status.Failures[0].First; first.Sub(noon) > 10*time.Second {
		t.Errorf("first failure %v", first)
	}
	for what, version := range l.versions() {
		if what != "registry node1" && version != "1.1.5" {
			t.Errorf("%s runs %s", what, version)
		}
	}

	// Another version goes straight to it.
	l.cluster.Spec.Version = "1.1.7"
	wantState(t, l.run(40), "")
	l.wantVersion("1.1.7")
}

func TestWhatTheOutsideKeepsAwayHasNotFailed(t *testing.T) {
	tests := map[string]func(l *live, task *mesosbridge.Task){
		"its agent is unreachable": func(_ *live, task *mesosbridge.Task) { task.State = mesos.TASK_UNREACHABLE },
		"its agent is silent":      func(_ *live, task *mesosbridge.Task) { task.Heard = false },
		"its agent is gone": func(l *live, task *mesosbridge.Task) {
			delete(l.snap.Tasks, task.ID)
			delete(l.snap.Agents, "agent-node2")
		},
		"no offer": func(l *live, task *mesosbridge.Task) {
			delete(l.snap.Tasks, task.ID)
			l.snap.Agents["agent-node2"].Offers = nil
		},
		"no offer after a failure": func(l *live, task *mesosbridge.Task) {
			l.ended(task, mesos.TASK_FAILED, noon)
			l.snap.Agents["agent-node2"].Offers = nil
		},
		"being stopped": func(_ *live, task *mesosbridge.Task) { task.Killing = noon },
		"maintenance": func(l *live, task *mesosbridge.Task) {
			delete(l.snap.Tasks, task.ID)
			l.snap.Agents["agent-node2"].Offers[0].Unavailability = window(noon, time.Hour)
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			l, task := trying(t, func(*mesosbridge.Task) {})
			change(l, task)
			for range 20 {
				l.now = l.now.Add(time.Minute)
				r := l.plan() // nothing is carried out
				wantState(t, r, v1alpha1.UpdateProgressing)
				l.remember(&r)
			}
		})
	}
}

// TestWhatRanWellHasNotFailed has an updated instance that becomes unhealthy long after
// its launch: it is given the time-out from then.
func TestWhatRanWellHasNotFailed(t *testing.T) {
	l, task := trying(t, func(task *mesosbridge.Task) { task.Healthy = yes() })
	l.now = noon.Add(time.Hour)
	task.Healthy, task.Steady = no(), l.now.Add(-time.Minute)
	wantState(t, l.pass(), v1alpha1.UpdateProgressing)
	l.now = l.now.Add(9 * time.Minute)
	wantState(t, l.pass(), v1alpha1.UpdateFailed)
}

// TestOnlyUpdatesFail has services that do not come up, with no update, or by no fault
// of it.
func TestOnlyUpdatesFail(t *testing.T) {
	for name, change := range map[string]func(l *live){
		"no update":                    func(*live) {},
		"an update of another service": func(l *live) { l.cluster.Spec.Services.Data.ExtraConfig = "new" },
		"a restart":                    func(l *live) { l.annotate(v1alpha1.AnnotationRestartedAt+"-data", noon) },
	} {
		t.Run(name, func(t *testing.T) {
			l := liveCluster(t)
			change(l)
			r := l.find(registry, "node1")
			r.Healthy, r.Steady = no(), l.now
			for range 20 {
				l.now = l.now.Add(time.Minute)
				if r := l.plan(); stateOf(r) == v1alpha1.UpdateFailed {
					t.Fatalf("%v: %+v", l.now, r.Update)
				}
			}
		})
	}
}

func TestCounterRemembersTheFirstFailure(t *testing.T) {
	f := threeHosts(t)
	fail := func(at time.Time) v1alpha1.Failure {
		f.now = at
		f.ended(f.task(data, "node1"), mesos.TASK_FAILED, at)
		r := f.plan()
		f.remember(&r)
		return r.Failures[0]
	}
	delete(f.snap.Tasks, f.find(data, "node1").ID)
	fail(noon)
	if c := fail(noon.Add(time.Minute)); c.Count != 2 || !c.First.Time.Equal(noon) {
		t.Errorf("%+v", c)
	}
	f.cluster.Spec.Services.Data.ExtraConfig = "other"
	if c := fail(noon.Add(2 * time.Minute)); c.Count != 1 || !c.First.Time.Equal(noon.Add(2*time.Minute)) {
		t.Errorf("of another spec: %+v", c)
	}
}

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

// TestSpecOfAMissingInstance wants what is launched for a data service that is missing,
// while an update has come as far as metadata.
func TestSpecOfAMissingInstance(t *testing.T) {
	const newSpec, goodSpec = "1.1.6", "1.1.5"
	tests := map[string]struct {
		change func(l *live)
		want   string
	}{
		"nobody remembers":     {func(l *live) { delete(l.snap.Tasks, l.find(data, "node1").ID) }, goodSpec},
		"it ran what ran well": {func(l *live) { l.ended(l.find(data, "node1"), mesos.TASK_FAILED, l.now) }, goodSpec},
		"it ran what is asked for": {func(l *live) {
			delete(l.snap.Tasks, l.find(data, "node1").ID)
			l.ended(l.task(data, "node1"), mesos.TASK_FAILED, l.now)
		}, newSpec},
		"its failures tell": {func(l *live) {
			delete(l.snap.Tasks, l.find(data, "node1").ID)
			l.cluster.Status.Failures = []v1alpha1.Failure{{Service: "data", Host: "node1", Count: 1, Time: metav1.NewTime(l.now),
				TaskID: quobyte.NewTaskID(quobyte.Data, "node1", l.hashOf(data), "n1")}}
		}, newSpec},
		"its turn has come": {func(l *live) {
			l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"data"}
			l.ended(l.find(data, "node1"), mesos.TASK_FAILED, l.now)
		}, newSpec},
		"its turn has come, and another one tries": {func(l *live) {
			l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"data"}
			l.ended(l.find(data, "node1"), mesos.TASK_FAILED, l.now)
			delete(l.snap.Tasks, l.find(data, "node2").ID)
			task := l.task(data, "node2")
			task.State, task.Since, task.Steady = mesos.TASK_STARTING, l.now, l.now
		}, goodSpec},
		"it was stopped for its update, and another one tries": {func(l *live) {
			l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"data"}
			l.find(data, "node1").Killing = l.now
			l.ended(l.find(data, "node1"), mesos.TASK_KILLED, l.now)
			delete(l.snap.Tasks, l.find(data, "node2").ID)
			task := l.task(data, "node2")
			task.State, task.Since, task.Steady = mesos.TASK_STARTING, l.now, l.now
		}, newSpec},
		"what ran well is not stored": {func(l *live) {
			l.specs = nil
			l.ended(l.find(data, "node1"), mesos.TASK_FAILED, l.now)
		}, newSpec},
		"all is updated before": {func(l *live) {
			for _, k := range []kind{registry, metadata} {
				for _, host := range []string{"node1", "node2", "node3"} {
					delete(l.snap.Tasks, l.find(k, host).ID)
					l.task(k, host)
				}
			}
			l.ended(l.find(data, "node1"), mesos.TASK_FAILED, l.now)
		}, newSpec},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := liveCluster(t)
			l.cluster.Spec.Version = "1.1.6"
			l.cluster.Spec.Services.Data.Resources.CPUs.Set(5)
			test.change(l)
			r := l.plan()
			for _, launch := range r.Launches {
				if launch.Spec.Service != quobyte.Data {
					continue
				}
				if launch.Spec.Version != test.want || launch.Hash != launch.Spec.Hash() {
					t.Errorf("launches %s", launch.Spec.Version)
				}
				cpus := 0.0
				for _, res := range launch.Resources {
					if res.Name == "cpus" {
						cpus += res.Scalar.Value
					}
				}
				if want := float64(launch.Spec.MilliCPUs) / 1000; cpus != want {
					t.Errorf("takes %v cpus, needs %v", cpus, want)
				}
				return
			}
			t.Fatalf("launches %v", launches(r))
		})
	}
}

// TestOutageInTheMiddleOfAnUpdate wants that not all of a service try the new version at
// once, because all are down when its turn has come.
func TestOutageInTheMiddleOfAnUpdate(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Version = "1.1.6"
	l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"data"}
	for _, host := range []string{"node1", "node2", "node3"} {
		l.ended(l.find(data, host), mesos.TASK_FAILED, l.now)
	}
	versions := []string{}
	for _, launch := range l.plan().Launches {
		versions = append(versions, launch.Host+" "+launch.Spec.Version)
	}
	wantList(t, "launches", versions, "node1 1.1.6", "node2 1.1.5", "node3 1.1.5")
	l.run(40) // each proves itself for five minutes
	l.wantVersion("1.1.6")
}

// TestBackoffIsOfWhatIsLaunched has an instance that failed three times with what ran
// well: that it waits for the next try depends on what it is tried with.
func TestBackoffIsOfWhatIsLaunched(t *testing.T) {
	for paused, want := range map[bool]int{true: 0, false: 1} {
		l := liveCluster(t)
		for range 3 {
			l.ended(l.task(data, "node1"), mesos.TASK_FAILED, l.now)
		}
		l.ended(l.find(data, "node1"), mesos.TASK_FAILED, l.now)
		l.cluster.Spec.Services.Data.ExtraConfig = "new"
		l.cluster.Spec.Update.Paused = paused
		if r := l.plan(); len(r.Launches) != want {
			t.Errorf("paused %v: launches %v", paused, launches(r))
		}
	}
}

func TestGoodIsWhatRunsWell(t *testing.T) {
	tests := map[string]struct {
		change func(f *fixture)
		good   bool
	}{
		"all run":           {func(*fixture) {}, true},
		"one is young":      {func(f *fixture) { f.find(data, "node1").Steady = f.now }, false},
		"one is missing":    {func(f *fixture) { delete(f.snap.Tasks, f.find(data, "node1").ID) }, false},
		"one is unhealthy":  {func(f *fixture) { f.find(api, "node1").Healthy = no() }, false},
		"one is outdated":   {func(f *fixture) { f.age(api) }, false},
		"paused":            {func(f *fixture) { f.cluster.Spec.Update.Paused = true }, false},
		"suspended":         {func(f *fixture) { f.cluster.Spec.Suspend = true }, false},
		"not connected":     {func(f *fixture) { f.snap.Connected = false }, false},
		"not reconciled":    {func(f *fixture) { f.snap.Reconciled = false }, false},
		"stopped":           {func(f *fixture) { f.cluster.Spec.State = v1alpha1.StateStopped; clear(f.snap.Tasks) }, false},
		"nothing asked for": {func(f *fixture) { f.devices = nil; clear(f.snap.Tasks) }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := threeHosts(t)
			f.cluster.Spec.Services.S3.Hostname = ""
			f.cluster.Spec.Services.S3.Instances = 0
			f.cluster.Spec.Update.MinReady = metav1.Duration{Duration: 30 * time.Second}
			before := &v1alpha1.GoodRevision{Revision: "before"}
			f.cluster.Status.Good = before
			test.change(f)
			r := f.plan()
			if !test.good {
				if r.Good != before {
					t.Errorf("good %+v", r.Good)
				}
				return
			}
			if r.Good.Revision != r.Revision || r.Good.Version != "1.1.5" || len(r.Good.Specs) != 5 {
				t.Fatalf("good %+v", r.Good)
			}
			for _, s := range r.Good.Specs {
				k, _ := kindOf(quobyte.Service(s.Service))
				if s.Hash != f.hashOf(k) {
					t.Errorf("%+v", s)
				}
			}
		})
	}
}

// TestGoodKeepsWhatNothingAsksFor has all metadata devices missing for a moment, while
// their services run on: a later rollback has to know what these ran.
func TestGoodKeepsWhatNothingAsksFor(t *testing.T) {
	l := liveCluster(t)
	before := l.cluster.Status.Good
	l.inventory = l.found().Devices
	for i := range l.devices {
		d := &l.inventory[i]
		d.Types = []v1alpha1.DeviceType{v1alpha1.DeviceRegistry, v1alpha1.DeviceData}
		gone := found(l.device(d.Host, v1alpha1.DeviceMetadata))
		gone.Wanted, gone.Claims, gone.Phase = false, true, v1alpha1.PhaseMissing
		l.inventory = append(l.inventory, gone)
	}
	if r := l.pass(); r.Phase != PhaseReady || !reflect.DeepEqual(r.Good, before) {
		t.Errorf("%s, good %+v, want %+v", r.Phase, r.Good, before)
	}
	l.cluster.Spec.Version = "1.1.6"
	l.run(20)
	if r := l.pass(); r.Phase != PhaseReady || r.Good.Revision == before.Revision || len(r.Good.Specs) != len(before.Specs)-1 {
		t.Errorf("that was never run by metadata: %s, good %+v", r.Phase, r.Good)
	}
}

// TestFailedUpdateStandsWhileAgentsComeBack has the operator restart: the agent of the
// instance that did not come up is not back yet, and does not come.
func TestFailedUpdateStandsWhileAgentsComeBack(t *testing.T) {
	l, task := trying(t, func(task *mesosbridge.Task) { task.State = mesos.TASK_STAGING })
	l.now = noon.Add(10 * time.Minute)
	failed := l.pass()
	wantState(t, failed, v1alpha1.UpdateFailed)
	l.restartOperator()
	l.cluster.Spec.Update.MaxUnavailable.IntVal = 3
	task.Heard = false
	r := l.pass()
	wantState(t, r, v1alpha1.UpdateFailed)
	wantList(t, "kills", kills(r))
	if r.Update.Message != failed.Update.Message || r.Update.Current != "node2" {
		t.Errorf("%+v", r.Update)
	}
	l.now = l.now.Add(time.Hour)
	wantState(t, l.pass(), v1alpha1.UpdateFailed)
	l.cluster.Spec.Placement.CordonedHosts = []string{"node2"}
	wantState(t, l.pass(), v1alpha1.UpdateProgressing) // somebody has said that it goes on without
}

// TestFailedUpdateStandsWithoutItsAgent has a person reboot the machine on which the new
// version fails: the update does not go on to the next one meanwhile, and what fails
// there by chance comes back as it was.
func TestFailedUpdateStandsWithoutItsAgent(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"data"}
	l.broken = "1.1.6"
	l.cluster.Spec.Version = "1.1.6"
	passes := func(n int) (r Result) {
		l.log = nil
		for range n {
			l.now = l.now.Add(10 * time.Second)
			r = l.pass()
		}
		return r
	}
	wantState(t, passes(100), v1alpha1.UpdateFailed)
	l.cluster.Spec.Update.MaxUnavailable.IntVal = 2
	agent := l.snap.Agents["agent-node1"]
	agent.Registered, agent.Behind = false, false
	for _, task := range l.snap.Tasks {
		if task.AgentID == agent.ID {
			task.State = mesos.TASK_UNREACHABLE
		}
	}
	wantState(t, passes(100), v1alpha1.UpdateFailed)
	wantList(t, "log", l.log)
	l.ended(l.find(data, "node3"), mesos.TASK_FAILED, l.now)
	wantState(t, passes(3), v1alpha1.UpdateFailed)
	wantList(t, "log", l.log, "start data node3 1.1.5")

	agent.Registered, agent.Behind = true, true
	for _, task := range l.snap.Tasks {
		task.State, task.Steady = mesos.TASK_RUNNING, noon
	}
	wantState(t, passes(100), v1alpha1.UpdateFailed)
	for _, entry := range l.log {
		if entry != "start data node1 1.1.6" {
			t.Errorf("%s", entry)
		}
	}
	l.broken = "" // somebody has mended it
	wantState(t, l.run(60), "")
	l.wantVersion("1.1.6")
}

func TestFailedUpdateStopsNothingForNewDevices(t *testing.T) {
	for failed, want := range map[bool]int{true: 0, false: 1} {
		f := renewing(t)
		f.cluster.Spec.Update.MaxUnavailable.IntVal = 3
		f.cluster.Spec.Update.Timeout.Duration = 10 * time.Minute
		if failed {
			x := f.task(api, "node3") // in the place of the one on node1
			delete(f.snap.Tasks, f.find(api, "node1").ID)
			x.State, x.Since = mesos.TASK_STAGING, f.now.Add(-time.Hour)
			r := f.plan()
			f.cluster.Status.Revision = r.Revision
			f.cluster.Status.Update = &v1alpha1.UpdateStatus{State: v1alpha1.UpdateProgressing, Service: "api", To: "1.1.5"}
		}
		r := f.plan()
		if failed != (stateOf(r) == v1alpha1.UpdateFailed) {
			t.Fatalf("%+v", r.Update)
		}
		if got := len(kills(r)); (got > 0) != (want > 0) {
			t.Errorf("failed %v: kills %v", failed, kills(r))
		}
	}
}

// TestUpdateDoesNotWaitForWhatWaitsForIt has api updated before data, and all data
// services down: api cannot start again before they run.
func TestUpdateDoesNotWaitForWhatWaitsForIt(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"api", "data"}
	l.cluster.Spec.Services.API.ExtraConfig = "new"
	l.cluster.Spec.Services.Data.ExtraConfig = "new"
	for _, host := range []string{"node1", "node2", "node3"} {
		task := l.find(data, host)
		task.State, task.Healthy = mesos.TASK_STAGING, nil
	}
	wantList(t, "kills", kills(l.pass()), "data node1")
	wantState(t, l.run(20), "")
	l.wantVersion("1.1.5")
}
