package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// TestStoppedLongAgo: the start after state Stopped is over when something else is asked
// for, though a machine that is away has kept the cluster from Ready. A version that has
// failed is not what all others come back with.
func TestStoppedLongAgo(t *testing.T) {
	l := manyData(t, 5)
	l.cluster.Spec.State = v1alpha1.StateStopped
	l.run(5)
	l.cluster.Spec.State = v1alpha1.StateRunning
	l.loseHost("disk04")
	l.run(30)
	l.cluster.Spec.Version, l.stuck = "1.1.6", "1.1.6"
	for range 100 {
		l.now = l.now.Add(10 * time.Second)
		l.pass()
	}
	if l.cluster.Status.Good.Stopped {
		t.Error("the start after Stopped is not over")
	}
	l.log = nil
	l.outage(data, mesos.TASK_FAILED)
	l.now = l.now.Add(10 * time.Second)
	l.pass()
	if n := l.logged("start", "1.1.6"); n > 1 {
		t.Errorf("%d try the version that failed: %v", n, l.log)
	}
}

// loseHost takes the agent away, which has not told of any task since.
func (l *live) loseHost(host string) {
	a := l.snap.Agents["agent-"+host]
	a.Registered, a.Behind, a.Offers = false, false, nil
}

// logged counts what was started or stopped, of a version for what was started.
func (l *live) logged(what, version string) int {
	n := 0
	for _, entry := range l.log {
		if strings.HasPrefix(entry, what+" ") && strings.HasSuffix(entry, version) {
			n++
		}
	}
	return n
}

// TestGoodWhereAHostIsCordoned: what is rolled out to all that can be reached is what the
// next update goes back to when it fails.
func TestGoodWhereAHostIsCordoned(t *testing.T) {
	l := manyData(t, 7)
	l.cluster.Spec.Update.OnFailure = v1alpha1.FailureRollback
	l.cluster.Spec.Placement.CordonedHosts = []string{"disk05"}
	l.cluster.Spec.Version = "1.1.6"
	l.run(30)
	if good := l.cluster.Status.Good; good.Version != "1.1.6" {
		t.Fatalf("good %+v", good)
	}
	l.cluster.Spec.Version, l.stuck, l.log = "1.1.7", "1.1.7", nil
	l.run(200)
	if n := l.logged("stop", ""); n > 2 || l.logged("start", "1.1.5") > 0 {
		t.Errorf("%d stops: %v", n, l.log)
	}
}

// TestFailureLongAfterAnUpdate: a disk that dies weeks after an update that has left out a
// cordoned host is no failure of that update.
func TestFailureLongAfterAnUpdate(t *testing.T) {
	l := manyData(t, 7)
	l.cluster.Spec.Update.OnFailure = v1alpha1.FailureRollback
	l.cluster.Spec.Update.MaxUnavailable.IntVal = 2
	l.cluster.Spec.Placement.CordonedHosts = []string{"disk05"}
	l.cluster.Spec.Version = "1.1.6"
	l.run(30)
	l.now, l.log = l.now.Add(500*time.Hour), nil
	l.pass()
	for range 720 {
		for _, task := range l.snap.Tasks {
			if id, _ := quobyte.ParseTaskID(task.ID); id.HostKey == "disk01" {
				l.ended(task, mesos.TASK_FAILED, l.now)
			}
		}
		l.now = l.now.Add(10 * time.Second)
		l.pass()
	}
	if n := l.logged("stop", ""); n > 0 {
		t.Errorf("%d stops, %+v", n, l.cluster.Status.Update)
	}
}

// TestGoodIsNotOfTheFew: what could be reached in the middle of an update, as most hosts
// cannot be, is not what ran well.
func TestGoodIsNotOfTheFew(t *testing.T) {
	l := manyData(t, 7)
	l.cluster.Spec.Version = "1.1.6"
	for l.logged("start", "1.1.6") < 3 {
		l.now = l.now.Add(10 * time.Second)
		l.pass()
	}
	for id, task := range l.snap.Tasks {
		if parsed, _ := quobyte.ParseTaskID(id); l.specs[SpecKey{parsed.Service, parsed.Hash}].Version == "1.1.5" {
			task.State = mesos.TASK_UNREACHABLE
			l.loseHost(parsed.HostKey)
		}
	}
	l.run(30)
	if good := l.cluster.Status.Good; good.Version != "1.1.5" {
		t.Errorf("good %+v", good)
	}
}

// TestMomentOfSickness: what ran well until a moment ago has not failed to come up, and
// what is sick for long has.
func TestMomentOfSickness(t *testing.T) {
	for _, lasts := range []time.Duration{10 * time.Second, 10 * time.Minute} {
		l := manyData(t, 20)
		l.cluster.Spec.Update.OnFailure = v1alpha1.FailureRollback
		l.cluster.Spec.Update.MinReady.Duration = 30 * time.Second
		l.cluster.Spec.Version = "1.1.6"
		failed := l.firstUpdated(300, func(task *mesosbridge.Task, runs time.Duration) {
			switch runs {
			case 9*time.Minute + 55*time.Second:
				task.Healthy, task.Steady = no(), l.now
			case 9*time.Minute + 55*time.Second + lasts:
				task.Healthy, task.Steady = yes(), l.now
			}
		})
		if want := lasts > time.Minute; failed != want {
			t.Errorf("sick for %s: failed %v", lasts, failed)
		}
	}
}

// TestOneCrash of what has run well is no failure of the update, whatever the time-out is.
func TestOneCrash(t *testing.T) {
	l := manyData(t, 20)
	l.cluster.Spec.Update.OnFailure = v1alpha1.FailureRollback
	l.cluster.Spec.Update.MinReady.Duration = 30 * time.Second
	l.cluster.Spec.Update.Timeout.Duration = 3 * time.Minute
	l.cluster.Spec.Version = "1.1.6"
	ended := false
	if l.firstUpdated(300, func(task *mesosbridge.Task, runs time.Duration) {
		if runs >= 8*time.Minute && !ended {
			ended = true
			l.ended(task, mesos.TASK_FAILED, l.now)
		}
	}) || !ended {
		t.Errorf("failed, or has not ended: %v", ended)
	}
}

// firstUpdated makes so many passes, five seconds apart, and does something with the
// instance that was launched first, by how long it runs. It says whether the update failed.
func (l *live) firstUpdated(passes int, each func(task *mesosbridge.Task, runs time.Duration)) bool {
	var first time.Time
	for range passes {
		for _, task := range l.snap.Tasks {
			id, _ := quobyte.ParseTaskID(task.ID)
			at, known := id.Launched()
			if known && first.IsZero() {
				first = at
			}
			if known && at.Equal(first) {
				each(task, l.now.Sub(at))
			}
		}
		if r := l.pass(); r.Update != nil && r.Update.Failed != nil {
			return true
		}
		l.now = l.now.Add(5 * time.Second)
	}
	return false
}

// TestStatusIsBehindTheStart: of the start after Stopped the tasks tell, before the status
// does: all get the new version.
func TestStatusIsBehindTheStart(t *testing.T) {
	l := manyData(t, 5)
	l.cluster.Spec.State = v1alpha1.StateStopped
	l.run(5)
	l.cluster.Spec.State, l.cluster.Spec.Version, l.log = v1alpha1.StateRunning, "1.1.6", nil
	// The first pass starts registries; its status is not in the cache yet (or could not be written).
	was := l.cluster.Status.DeepCopy()
	l.now = l.now.Add(10 * time.Second)
	l.pass()
	l.cluster.Status = *was
	l.run(10)
	if n := l.logged("start", "1.1.5"); n > 0 {
		t.Errorf("%d are started with 1.1.5: %v", n, l.log)
	}
}

// TestStoppedButForALostHost counts as stopped: the new version is started everywhere.
func TestStoppedButForALostHost(t *testing.T) {
	l := manyData(t, 5)
	var lost []*mesosbridge.Task
	for id, task := range l.snap.Tasks {
		if parsed, _ := quobyte.ParseTaskID(id); parsed.HostKey == "disk04" {
			task.State = mesos.TASK_UNREACHABLE
			lost = append(lost, task)
		}
	}
	l.loseHost("disk04")
	l.cluster.Spec.State = v1alpha1.StateStopped
	l.runWithout(lost)
	l.cluster.Spec.State, l.cluster.Spec.Version, l.log = v1alpha1.StateRunning, "1.1.6", nil
	l.runWithout(lost)
	if n := l.logged("start", "1.1.5"); n > 0 || l.logged("start data", "1.1.6") == 0 {
		t.Errorf("%d are started with 1.1.5: %v", n, l.log)
	}
}

// runWithout makes passes while nobody hears of these tasks, whatever they are told.
func (l *live) runWithout(lost []*mesosbridge.Task) {
	for range 50 {
		l.now = l.now.Add(10 * time.Second)
		l.pass()
		l.snap.Ended = slices.DeleteFunc(l.snap.Ended, func(t *mesosbridge.Task) bool {
			if !slices.Contains(lost, t) {
				return false
			}
			t.State = mesos.TASK_UNREACHABLE
			l.snap.Tasks[t.ID] = t
			return true
		})
	}
}

// TestGoodTakesMoreThanAMoment: agents that restart are not out of reach.
func TestGoodTakesMoreThanAMoment(t *testing.T) {
	l := manyData(t, 7)
	l.cluster.Spec.Update.OnFailure = v1alpha1.FailureRollback
	l.cluster.Spec.Services.Data.ExtraConfig = "new"
	for l.logged("start data", "1.1.5") < 6 {
		l.now = l.now.Add(10 * time.Second)
		l.pass()
	}
	was := l.cluster.Status.Good.Revision
	blip := func(behind bool) {
		for _, task := range l.snap.Tasks {
			if id, _ := quobyte.ParseTaskID(task.ID); id.Service == quobyte.Data && id.Hash != l.hashOf(data) {
				l.snap.Agents[task.AgentID].Behind = behind
			}
		}
	}
	blip(false)
	l.pass()
	blip(true)
	if l.cluster.Status.Good.Revision != was {
		t.Error("good has advanced with 6 of 10 updated")
	}
	l.stuck = "1.1.5"
	r := l.run(400)
	if r.Update == nil || r.Update.Failed == nil {
		t.Errorf("no failure: %+v; %v", r.Update, r.Alerts)
	}
}
