package plan

import (
	"slices"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// TestWhatFailsAfterAWhileLeadsNoUpdateOn has a new version that runs for longer than
// minReady and then fails: the update ends where it began.
func TestWhatFailsAfterAWhileLeadsNoUpdateOn(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Update.MinReady = metav1.Duration{Duration: 30 * time.Second}
	l.cluster.Spec.Update.Timeout = metav1.Duration{Duration: 10 * time.Minute}
	l.cluster.Spec.Version = "1.1.6"
	failed := 0
	for range 200 {
		l.now = l.now.Add(10 * time.Second)
		l.pass()
		for _, task := range l.snap.Tasks {
			id, _ := quobyte.ParseTaskID(task.ID)
			if spec := l.specs[SpecKey{id.Service, id.Hash}]; spec.Version == "1.1.6" && l.now.Sub(task.Since) >= 100*time.Second {
				task.Message = "exited with status 3"
				l.ended(task, mesos.TASK_FAILED, l.now)
				failed++
			}
		}
	}
	if failed < 3 {
		t.Fatalf("it failed %d times", failed)
	}
	wantState(t, l.pass(), v1alpha1.UpdateFailed)
	// That the first ones fail nobody can know before: they were good for 30 seconds.
	if old := l.outdated(); old < 7 {
		t.Errorf("only %d of 10 instances were left as they were: %v", old, l.log)
	}
}

// outdated counts what runs the version before.
func (l *live) outdated() int {
	n := 0
	for _, version := range l.versions() {
		if version == "1.1.5" {
			n++
		}
	}
	return n
}

// TestWhatHasFailedProvesItself: as long as one that has just failed may fail again no
// other one is stopped.
func TestWhatHasFailedProvesItself(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Update.MinReady = metav1.Duration{Duration: 30 * time.Second}
	l.cluster.Spec.Update.Timeout = metav1.Duration{Duration: 10 * time.Minute}
	l.ended(l.find(data, "node2"), mesos.TASK_FAILED, l.now)
	l.pass() // starts it again
	began := l.now
	for _, d := range l.devices {
		if d.Spec.Host == "node3" {
			d.Spec.State = v1alpha1.DeviceDecommissioned
		}
	}
	for l.pass(); !slices.Contains(l.log, "stop data node3"); l.pass() {
		if l.now = l.now.Add(10 * time.Second); l.now.Sub(began) > time.Hour {
			t.Fatal("it is never stopped")
		}
	}
	if waited := l.now.Sub(began); waited < 5*time.Minute || waited > 5*time.Minute+20*time.Second {
		t.Errorf("data on node3 was stopped %v after data on node2 had failed, want 5m", waited)
	}
}

// TestPausedBeforeAnythingRanWell: what fails then comes back as its last task was.
func TestPausedBeforeAnythingRanWell(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Status.Good = nil
	l.cluster.Spec.Version = "1.1.6"
	l.cluster.Spec.Update.Paused = true
	l.ended(l.find(data, "node3"), mesos.TASK_FAILED, l.now)
	l.pass()
	if got := l.versions()["data node3"]; got != "1.1.5" {
		t.Errorf("data on node3 came back with %s", got)
	}
}

// TestNeverHealthyFailsInTime: restarts for its health give an update no more time.
func TestNeverHealthyFailsInTime(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Update.Timeout = metav1.Duration{Duration: 10 * time.Minute}
	l.cluster.Spec.Health.RestartAfter = metav1.Duration{Duration: 5 * time.Minute}
	l.cluster.Spec.Version = "1.1.6"
	began := l.now
	for stateOf(l.pass()) != v1alpha1.UpdateFailed {
		for _, task := range l.snap.Tasks {
			id, _ := quobyte.ParseTaskID(task.ID)
			if l.specs[SpecKey{id.Service, id.Hash}].Version == "1.1.6" && *task.Healthy && l.now.Sub(task.Since) >= 2*time.Minute {
				t.Fatal("it was healthy")
			} else if l.specs[SpecKey{id.Service, id.Hash}].Version == "1.1.6" {
				task.Healthy = no()
			}
		}
		if l.now = l.now.Add(10 * time.Second); l.now.Sub(began) > time.Hour {
			t.Fatal("it never fails")
		}
	}
	if took := l.now.Sub(began); took > 10*time.Minute+30*time.Second {
		t.Errorf("it failed after %v: %v", took, l.log)
	}
	if !slices.Contains(l.log[2:], "stop registry node1") {
		t.Errorf("it was not restarted for its health meanwhile: %v", l.log)
	}
}

// TestFailedVersionIsTriedAnew: what failed, was given up and is asked for again has all
// the time that it is due, and is stopped for once.
func TestFailedVersionIsTriedAnew(t *testing.T) {
	for name, again := range map[string]func(*live){
		"given up by hand":           func(l *live) { l.cluster.Spec.Update.OnFailure = v1alpha1.FailurePause },
		"rolled back, and then kept": func(l *live) { l.cluster.Spec.Update.OnFailure = v1alpha1.FailureRollback },
	} {
		t.Run(name, func(t *testing.T) {
			l := liveCluster(t)
			l.cluster.Spec.Update.Timeout = metav1.Duration{Duration: time.Minute}
			again(l)
			l.broken, l.cluster.Spec.Version = "1.1.7", "1.1.7"
			l.run(10)
			if l.cluster.Spec.Update.OnFailure == v1alpha1.FailurePause {
				l.cluster.Spec.Version = "1.1.5"
				l.run(5)
				l.cluster.Spec.Version = "1.1.7"
			}
			l.wantVersion("1.1.5")
			l.cluster.Spec.Update.OnFailure = v1alpha1.FailurePause
			l.log = nil
			for range 4 { // less than the time-out
				l.now = l.now.Add(10 * time.Second)
				if r := l.pass(); stateOf(r) != v1alpha1.UpdateProgressing {
					t.Errorf("%v: %+v", l.log, r.Update)
				}
			}
			wantList(t, "what is done", l.log[:min(len(l.log), 2)], "stop registry node1", "start registry node1 1.1.7")
			l.broken = ""
			l.run(5)
			l.wantVersion("1.1.7")
		})
	}
}

// passesUntilDone makes passes until the status tells of no update any more, and wants that
// it does in each before; it returns the last result.
func (l *live) passesUntilDone(what string) Result {
	l.t.Helper()
	for range 500 {
		r := l.pass()
		if r.Update == nil {
			return r
		}
		if r.Phase != PhaseUpdating {
			l.t.Errorf("%s during %s: %+v", r.Phase, what, r.Update)
		}
		l.now = l.now.Add(5 * time.Second)
	}
	l.t.Fatalf("%s has no end", what)
	return Result{}
}

// TestUpdateIsToldOfWithoutAGap: also while a floating service moves from one task to
// the next the status tells of the update, and who waits for Ready waits.
func TestUpdateIsToldOfWithoutAGap(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Services.Webconsole.Instances = 1
	l.run(5)
	l.cluster.Spec.Update.MinReady = metav1.Duration{Duration: 30 * time.Second}
	l.cluster.Spec.Version = "1.1.6"
	last := l.passesUntilDone("the update")
	if last.Phase != PhaseReady || last.Good == nil || last.Good.Version != "1.1.6" {
		t.Errorf("in the end %s, %+v; %v", last.Phase, last.Good, l.log)
	}
	l.wantVersion("1.1.6")

	l.log = nil
	l.cluster.Annotations = map[string]string{v1alpha1.AnnotationRestartedAt: l.now.UTC().Format(time.RFC3339)}
	l.now = l.now.Add(10 * time.Second)
	last = l.passesUntilDone("the restart")
	if last.Phase != PhaseReady || len(l.log) != 2*len(last.Instances) {
		t.Errorf("in the end %s: %v", last.Phase, l.log)
	}
}

// TestRestartWaitsForWhatIsBeingUpdated, also where the spec that ran well last asks for
// nothing new: an instance runs another one, for whatever reason.
func TestRestartWaitsForWhatIsBeingUpdated(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Annotations = map[string]string{v1alpha1.AnnotationRestartedAt + "-data": l.now.UTC().Format(time.RFC3339)}
	l.now = l.now.Add(time.Minute)
	l.age(api)
	r := l.plan()
	wantList(t, "first", kills(r), "api node1")
	l.snap.Tasks[r.Kills[0].TaskID].Killing = l.now
	wantList(t, "while it is stopped", kills(l.plan()))
}
