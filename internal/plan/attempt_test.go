package plan

import (
	"fmt"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

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

// What is well for a moment and sick for a moment, by turns, does not come up.
func TestUpdateFailsOfFlapping(t *testing.T) {
	tests := map[string]struct {
		well, sick time.Duration
		once       time.Duration // for which it was well before, once
		restart    bool          // of the operator, a minute before the time-out
		fails      time.Duration // zero: never
	}{
		"flaps":                      {20 * time.Second, 10 * time.Second, 0, false, 10 * time.Minute},
		"ran well before":            {20 * time.Second, 10 * time.Second, 40 * time.Second, false, 0},
		"a new process sees it flap": {20 * time.Second, 10 * time.Second, 0, true, 19 * time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l, task := trying(t, func(*mesosbridge.Task) {})
			l.cluster.Spec.Update.MinReady.Duration = 30 * time.Second
			said := func(healthy bool) {
				if healthy {
					task.Healthy = yes()
				} else {
					task.Healthy, task.Relapses = no(), task.Relapses+1
					task.Well = max(task.Well, test.once, l.now.Sub(task.Steady))
				}
				task.Steady = l.now
			}
			for l.now.Before(noon.Add(25 * time.Minute)) {
				since := l.now.Sub(noon)
				if test.restart && since == 9*time.Minute {
					l.restartOperator()
					task.Well, task.Relapses = 0, 0
				}
				said(true)
				for range 2 {
					r := l.pass()
					wantList(t, fmt.Sprint("stops after ", since), kills(r))
					if test.fails > 0 && since >= test.fails {
						wantState(t, r, v1alpha1.UpdateFailed)
						wantText(t, r.Update.Message, "data on node2 did not come up with version 1.1.5 within 10m0s: its health check fails again and again")
					} else {
						wantState(t, r, v1alpha1.UpdateProgressing)
					}
					if *task.Healthy {
						l.now = l.now.Add(test.well)
						said(false)
					} else {
						l.now = l.now.Add(test.sick)
					}
				}
			}
			said(true)
			l.now = l.now.Add(30 * time.Second)
			r := l.pass()
			wantState(t, r, v1alpha1.UpdateProgressing)
			wantList(t, "it goes on", kills(r), "data node1")
		})
	}
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
