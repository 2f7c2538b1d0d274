package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// oneRegistry is a registry that is to run on node1, with an offer.
func oneRegistry(t *testing.T) *fixture {
	f := newFixture(t)
	f.cluster.Spec.Services.API.Instances, f.cluster.Spec.Services.Webconsole.Instances = 0, 0
	f.device("node1", isRegistry)
	f.node("node1")
	return f
}

// keep writes the failures to the status, as the API server keeps them.
func (f *fixture) keep(r Result) {
	f.cluster.Status.Failures = nil
	for _, x := range r.Failures {
		x.Time = metav1.NewTime(x.Time.Truncate(time.Second).Local())
		f.cluster.Status.Failures = append(f.cluster.Status.Failures, x)
	}
}

// TestBackOff lets a registry fail again and again.
func TestBackOff(t *testing.T) {
	for _, kept := range []bool{true, false} { // the status may not have been written
		t.Run(fmt.Sprint("kept=", kept), func(t *testing.T) {
			f := oneRegistry(t)
			f.now = noon.Add(300 * time.Millisecond)
			for n, delay := range []int{0, 10, 20, 40, 80, 160, 300, 300} {
				x := f.ended(f.task(registry, "node1"), mesos.TASK_FAILED, f.now)
				x.Message = "exited with status 1"
				r := f.plan()
				if kept {
					f.keep(r)
				}
				if got := r.Failures[0]; got.Count != int32(n+1) || got.TaskID != x.ID || got.Host != "node1" || got.Message != x.Message {
					t.Fatalf("failure %d: %+v", n+1, got)
				}
				due := f.now.Truncate(time.Second).Add(time.Duration(delay) * time.Second)
				if delay > 0 {
					wantList(t, "launches", launches(r))
					wantText(t, waits(t, r, registry, "node1"), fmt.Sprintf("registry on node1 failed %d times, last: exited with status 1; next try at %s", n+1, due.Format("15:04:05Z")))
					if !r.Recheck.Equal(due) {
						t.Errorf("recheck %v, want %v", r.Recheck, due)
					}
					f.now = due.Add(-time.Millisecond)
					wantList(t, "launches a moment before", launches(f.plan()))
					f.now = due
				}
				r = f.plan()
				wantList(t, "launches when due", launches(r), "registry node1")
				if len(r.Failures) != 1 || r.Failures[0].Count != int32(n+1) {
					t.Errorf("counted twice: %+v", r.Failures)
				}
				if got := alert(r, AlertServiceDown) != ""; got != (n+1 >= 3) {
					t.Errorf("down after %d failures: %v", n+1, got)
				}
			}
		})
	}
}

func TestWhatIsAFailure(t *testing.T) {
	for state, want := range map[mesos.TaskState]int{
		mesos.TASK_FAILED: 1, mesos.TASK_ERROR: 1, mesos.TASK_FINISHED: 1, mesos.TASK_KILLED: 1, mesos.TASK_DROPPED: 1,
		mesos.TASK_GONE: 0, mesos.TASK_GONE_BY_OPERATOR: 0,
	} {
		f := oneRegistry(t)
		x := f.ended(f.task(registry, "node1"), state, noon)
		if got := f.plan().Failures; len(got) != want {
			t.Errorf("%s: %+v", state, got)
		}
		x.Killing = noon
		if got := f.plan().Failures; len(got) != 0 {
			t.Errorf("%s, asked for: %+v", state, got)
		}
	}
}

func TestFailuresAreForgotten(t *testing.T) {
	build := func() *fixture {
		f := oneRegistry(t)
		for range 5 {
			f.ended(f.task(registry, "node1"), mesos.TASK_FAILED, noon)
		}
		f.keep(f.plan())
		return f
	}
	t.Run("after running well", func(t *testing.T) {
		f := build()
		x := f.task(registry, "node1")
		x.Since = noon.Add(time.Minute)
		f.now = noon.Add(11*time.Minute - time.Second)
		r := f.plan()
		if len(r.Failures) != 1 || !r.Recheck.Equal(noon.Add(11*time.Minute)) {
			t.Errorf("too early: %+v, recheck %v", r.Failures, r.Recheck)
		}
		f.now = noon.Add(11 * time.Minute)
		r = f.plan()
		if len(r.Failures) != 0 {
			t.Fatalf("kept: %+v", r.Failures)
		}
		f.keep(r)
		f.ended(x, mesos.TASK_FAILED, f.now)
		if got := f.plan().Failures; len(got) != 1 || got[0].Count != 1 {
			t.Errorf("begins anew: %+v", got)
		}
	})
	t.Run("not while unhealthy", func(t *testing.T) {
		f := build()
		x := f.task(registry, "node1")
		x.Since, x.Healthy = noon, no()
		f.now = noon.Add(time.Hour)
		if got := f.plan().Failures; len(got) != 1 {
			t.Errorf("forgotten: %+v", got)
		}
	})
	t.Run("when not wanted", func(t *testing.T) {
		f := build()
		f.devices = nil
		if got := f.plan().Failures; len(got) != 0 {
			t.Errorf("kept: %+v", got)
		}
	})
	t.Run("for a new spec", func(t *testing.T) {
		f := build()
		f.cluster.Spec.Version = "1.1.6"
		r := f.plan()
		wantList(t, "launches", launches(r), "registry node1")
		f.ended(f.task(registry, "node1"), mesos.TASK_FAILED, noon)
		if got := f.plan().Failures; got[0].Count != 1 {
			t.Errorf("counted on: %+v", got)
		}
	})
	t.Run("not by a new process", func(t *testing.T) {
		f := build()
		f.snap.Ended = nil
		wantList(t, "launches", launches(f.plan()))
		f.ended(f.task(registry, "node1"), mesos.TASK_FAILED, noon)
		if got := f.plan().Failures; got[0].Count != 6 {
			t.Errorf("got %+v", got)
		}
	})
}

// TestFloatingBackOff counts one service wherever it fails.
func TestFloatingBackOff(t *testing.T) {
	f := threeHosts(t)
	f.node("node4")
	delete(f.snap.Tasks, f.find(api, "node1").ID)
	for n := range 4 {
		f.ended(f.task(api, fmt.Sprintf("node%d", n+1)), mesos.TASK_FAILED, noon)
	}
	r := f.plan()
	wantList(t, "launches", launches(r))
	wantText(t, waits(t, r, api, ""), "api on node4 failed 4 times")
	wantText(t, alert(r, AlertServiceDown), "api on node4 failed 4 times")
	if len(r.Failures) != 1 {
		t.Errorf("%+v", r.Failures)
	}
	f.keep(r)
	// Another instance that runs well says nothing of the one that fails.
	f.cluster.Spec.Services.API.Instances = 2
	f.task(api, "node1")
	wantList(t, "launches", launches(f.plan()))
}

func TestManyFailures(t *testing.T) {
	f := newFixture(t)
	for i := range 150 {
		host := fmt.Sprintf("node%03d", i)
		f.device(host, isRegistry)
		f.node(host)
		f.ended(f.task(registry, host), mesos.TASK_FAILED, noon.Add(-time.Duration(i)*time.Second))
		f.ended(f.task(registry, host), mesos.TASK_FAILED, noon.Add(-time.Duration(i)*time.Second))
	}
	r := f.plan()
	if len(r.Failures) != v1alpha1.MaxFailures || r.Failures[0].Host != "node000" || r.Failures[99].Host != "node099" {
		t.Errorf("%d failures, from %s", len(r.Failures), r.Failures[0].Host)
	}
	if r.Failures[0].Message != "FAILED" {
		t.Errorf("message %q", r.Failures[0].Message)
	}
	before := len(r.Launches)
	f.keep(r)
	if after := f.plan(); len(after.Launches) != before {
		t.Errorf("%d launches after the status was cut, %d before", len(after.Launches), before)
	}
}

// TestFlood has more failures than the snapshot remembers.
func TestFlood(t *testing.T) {
	f := oneRegistry(t)
	for i := range mesosbridge.EndedKept {
		f.ended(f.task(registry, fmt.Sprintf("other%d", i)), mesos.TASK_FAILED, noon.Add(-time.Minute))
	}
	r := f.plan()
	wantList(t, "launches", launches(r))
	wantText(t, waits(t, r, registry, "node1"), "next try at 12:04:00Z")
	f.now = noon.Add(4 * time.Minute)
	wantList(t, "launches later", launches(f.plan()), "registry node1")
	f.now = noon
	for _, x := range f.snap.Ended {
		x.Killing = noon // a stop of the whole cluster is no flood
	}
	wantList(t, "launches after a stop", launches(f.plan()), "registry node1")
}

func TestFailureMessageIsBounded(t *testing.T) {
	got := failureMessage(&mesosbridge.Task{Message: strings.Repeat("ä", 1000)})
	if len(got) > maxMessage+3 || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("%d bytes: %q", len(got), got[250:])
	}
	if got := failureMessage(&mesosbridge.Task{Reason: "REASON_X"}); got != "REASON_X" {
		t.Error(got)
	}
}
