package plan

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/mesosbridge"
)

// oneLost is threeHosts with api on node1, whose agent is lost since so many minutes,
// and room on node4.
func oneLost(t testing.TB, since int) (*fixture, *mesosbridge.Task) {
	f := threeHosts(t)
	f.cluster.Spec.Services.S3.Instances = 0
	f.cluster.Spec.Placement.UnreachableTimeout = minutes(5)
	f.snap.Since = noon.Add(-24 * time.Hour)
	f.node("node4")
	x := f.find(api, "node1")
	x.State, x.Since, x.Steady = mesos.TASK_UNREACHABLE, noon.Add(-minutes(since).Duration), noon.Add(-minutes(since).Duration)
	f.snap.Agents["agent-node1"].Registered, f.snap.Agents["agent-node1"].Behind = false, false
	return f, x
}

// TestFloatingMoves loses the agent of the only api service.
func TestFloatingMoves(t *testing.T) {
	tests := map[string]struct {
		change func(f *fixture, x *mesosbridge.Task)
		since  int
		want   []string
		waits  string // of api on node1
	}{
		"for long": {func(*fixture, *mesosbridge.Task) {}, 5, []string{"api node4"},
			"node1: its agent cannot be reached, another instance was started elsewhere"},
		"not yet": {func(*fixture, *mesosbridge.Task) {}, 4, nil, "another instance is started elsewhere at 12:01:00Z"},
		"silent, and the subscription is new": {func(f *fixture, x *mesosbridge.Task) {
			x.State, x.Heard, f.snap.Since = mesos.TASK_RUNNING, false, noon.Add(-4*time.Minute)
		}, 60, nil, "at 12:01:00Z"},
		"silent for long": {func(f *fixture, x *mesosbridge.Task) {
			x.State, x.Heard, f.snap.Since = mesos.TASK_RUNNING, false, noon.Add(-5*time.Minute)
		}, 60, []string{"api node4"}, ""},
		"only remembered, by a new process": {func(f *fixture, x *mesosbridge.Task) {
			x.State, x.Heard, f.snap.Since = mesos.TASK_UNKNOWN, false, noon.Add(-5*time.Minute)
			x.Since = noon.Add(-time.Minute) // its own clock
		}, 60, nil, "at 12:04:00Z"},
		"unreachable, as was said before and is not said again": {func(f *fixture, x *mesosbridge.Task) {
			x.Heard, f.snap.Since = false, noon.Add(-time.Minute)
		}, 60, nil, "at 12:04:00Z"},
		"lost":           {func(_ *fixture, x *mesosbridge.Task) { x.State = mesos.TASK_LOST }, 5, []string{"api node4"}, ""},
		"not reconciled": {func(f *fixture, _ *mesosbridge.Task) { f.snap.Reconciled = false }, 60, nil, ""},
		"not connected":  {func(f *fixture, _ *mesosbridge.Task) { f.snap.Connected = false }, 60, nil, ""},
		"suspended":      {func(f *fixture, _ *mesosbridge.Task) { f.cluster.Spec.Suspend = true }, 60, nil, ""},
		"never": {func(f *fixture, _ *mesosbridge.Task) { f.cluster.Spec.Placement.UnreachableTimeout = minutes(0) }, 60, nil,
			"cannot be reached, and its task may still run; when the machine is gone for good"},
		"no room": {func(f *fixture, _ *mesosbridge.Task) { f.snap.Agents["agent-node4"].Offers = nil }, 5, nil,
			"its agent cannot be reached, and no other instance can be started: no host that is free for it has room"},
		"not on its own host": {func(f *fixture, _ *mesosbridge.Task) {
			f.snap.Agents["agent-node4"].Offers = nil
			f.agent("node1").ID = "other"
			f.snap.Agents["other"] = f.snap.Agents["agent-node1"]
			delete(f.snap.Agents, "agent-node1")
			f.offer(f.snap.Agents["other"], "*", large()...)
		}, 5, nil, ""},
		"not wanted": {func(f *fixture, _ *mesosbridge.Task) { f.cluster.Spec.Services.API.Instances = 0 }, 5, nil, "no instance is wanted any more"},
		"device-bound services wait": {func(f *fixture, x *mesosbridge.Task) {
			delete(f.snap.Tasks, x.ID)
			f.task(api, "node2")
			f.find(data, "node1").State = mesos.TASK_UNREACHABLE
		}, 60, nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, x := oneLost(t, test.since)
			test.change(f, x)
			r := f.plan()
			wantList(t, "launches", launches(r), test.want...)
			wantList(t, "kills", kills(r))
			if test.waits != "" {
				wantText(t, waits(t, r, api, "node1"), test.waits)
			}
			if len(r.Failures) > 0 {
				t.Errorf("counted as a failure: %+v", r.Failures)
			}
		})
	}
}

// TestMovedWakes wants a pass when the time-out is over.
func TestMovedWakes(t *testing.T) {
	f, _ := oneLost(t, 4)
	if got := f.plan().Recheck; !got.Equal(noon.Add(time.Minute)) {
		t.Errorf("recheck %v", got)
	}
}

// TestTheOneThatComesBackStops goes through the whole of it.
func TestTheOneThatComesBackStops(t *testing.T) {
	f, x := oneLost(t, 5)
	f.cluster.Spec.Update.MinReady.Duration = 30 * time.Second
	for k := range s3 { // the host's other services are there
		f.find(k, "node1")
	}
	wantList(t, "launches", launches(f.plan()), "api node4")
	y := f.task(api, "node4")
	y.Since, y.Steady = f.now, f.now
	r := f.plan()
	if r.Phase != PhaseReady {
		t.Errorf("phase %s: %v", r.Phase, r.Reasons)
	}
	wantList(t, "launches", launches(r))
	f.now = f.now.Add(time.Hour)
	f.snap.Agents["agent-node1"].Registered = true
	x.State, x.Since, x.Steady = mesos.TASK_RUNNING, f.now, f.now
	wantList(t, "kills before the barrier", kills(f.plan()))
	f.snap.Agents["agent-node1"].Behind = true
	y.Healthy, y.Steady = no(), f.now
	wantList(t, "kills while the other one does not serve", kills(f.plan()), "api node4")
	y.Healthy, y.Steady = yes(), f.now.Add(-time.Minute)
	r = f.plan()
	wantList(t, "kills", kills(r), "api node1")
	wantText(t, r.Kills[0].Cause, "one instance too many")
	x.Killing = f.now
	f.ended(x, mesos.TASK_KILLED, f.now)
	f.offer(f.snap.Agents["agent-node1"], "*", large()...)
	r = f.plan()
	wantList(t, "launches", launches(r))
	if r.Phase != PhaseReady || len(r.Failures) > 0 {
		t.Errorf("phase %s, failures %v", r.Phase, r.Failures)
	}
}

// TestItComesBackBeforeTheOtherServes keeps what serves.
func TestItComesBackBeforeTheOtherServes(t *testing.T) {
	f, x := oneLost(t, 5)
	f.task(api, "node4").Healthy = nil
	x.State, x.Since, x.Steady = mesos.TASK_RUNNING, f.now, f.now
	f.snap.Agents["agent-node1"].Registered, f.snap.Agents["agent-node1"].Behind = true, true
	wantList(t, "kills", kills(f.plan()), "api node4")
}

// TestMovedCountsInTheGate: the one that takes the place of a lost one counts in its
// place. As long as it is not there another one is not stopped.
func TestMovedCountsInTheGate(t *testing.T) {
	f, _ := oneLost(t, 5)
	f.cluster.Spec.Services.API.Instances = 2
	f.task(api, "node2")
	f.age(api)
	f.snap.Agents["agent-node4"].Offers = nil
	r := f.plan()
	wantList(t, "kills", kills(r))
	f.task(api, "node4")
	f.task(api, "node5")
	f.agent("node5")
	delete(f.snap.Tasks, f.find(api, "node2").ID)
	f.now = f.now.Add(time.Minute)
	if r := f.plan(); r.Phase != PhaseReady {
		t.Errorf("phase %s, reasons %+v", r.Phase, r.Reasons)
	}
}

// TestFloatingFailsOnce is started again at once after a failure, and not after two.
func TestFloatingFailsOnce(t *testing.T) {
	f := threeHosts(t)
	f.cluster.Spec.Services.S3.Instances = 0
	f.node("node4")
	f.ended(f.find(api, "node1"), mesos.TASK_FAILED, f.now)
	r := f.plan()
	wantList(t, "launches", launches(r), "api node4")
	f.keep(r)
	f.ended(f.task(api, "node4"), mesos.TASK_FAILED, f.now)
	r = f.plan()
	wantList(t, "launches", launches(r))
	wantText(t, waits(t, r, api, ""), "api on node4 failed 2 times")
	f.now = f.now.Add(10 * time.Second)
	wantList(t, "launches later", launches(f.plan()), "api node4")
}
