package plan

import (
	"fmt"
	"slices"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

func minutes(n int) metav1.Duration { return metav1.Duration{Duration: time.Duration(n) * time.Minute} }

// healing is threeHosts where what is unhealthy for 5 minutes is restarted.
func healing(t testing.TB) *fixture {
	f := threeHosts(t)
	f.cluster.Spec.Health.RestartAfter = minutes(5)
	f.cluster.Spec.Services.S3.Instances = 0
	return f
}

// ill makes a task unhealthy, since so many minutes.
func (f *fixture) ill(k kind, host string, since int) *mesosbridge.Task {
	t := f.find(k, host)
	t.Healthy, t.Steady = no(), f.now.Add(-minutes(since).Duration)
	return t
}

// restart lets what the result stops end, and come back unhealthy at once.
func (f *fixture) restart(r Result) {
	for _, k := range r.Kills {
		x := f.snap.Tasks[k.TaskID]
		x.Killing = f.now
		f.ended(x, mesos.TASK_KILLED, f.now)
		k2, _ := kindOf(k.Service)
		y := f.task(k2, k.Host)
		y.Since, y.Steady, y.Healthy = f.now, f.now, no()
	}
	f.keep(f.plan())
}

// TestHeal has one data service that is unhealthy for long enough.
func TestHeal(t *testing.T) {
	tests := map[string]struct {
		change func(f *fixture)
		want   []string
		waits  string // of data on node2
	}{
		"for long": {func(f *fixture) {}, []string{"data node2"}, "is being stopped: unhealthy for 5m0s (restart 1)"},
		"not yet": {func(f *fixture) { f.ill(data, "node2", 4) }, nil,
			"node2: runs, and its health check fails; next restart at 12:01:00Z"},
		"never":                 {func(f *fixture) { f.cluster.Spec.Health.RestartAfter = minutes(0) }, nil, "runs, and its health check fails"},
		"suspended":             {func(f *fixture) { f.cluster.Spec.Suspend = true }, nil, "runs, and its health check fails"},
		"not connected":         {func(f *fixture) { f.snap.Connected = false }, nil, ""},
		"not reconciled":        {func(f *fixture) { f.snap.Reconciled = false }, nil, ""},
		"paused is for updates": {func(f *fixture) { f.cluster.Spec.Update.Paused = true }, []string{"data node2"}, ""},
		"silent":                {func(f *fixture) { f.find(data, "node2").Heard = false }, nil, ""},
		"two tasks":             {func(f *fixture) { f.task(data, "node2") }, nil, "data runs more than once"},
		"without its device":    {func(f *fixture) { f.devices = append(f.devices[:1], f.devices[2:]...) }, nil, ""},
		"outside the placement": {func(f *fixture) { f.cluster.Spec.Placement.Hosts = []string{"node1"} }, nil,
			"it is not restarted, it could not start again: node2: is not in spec.placement.hosts"},
		"without its barrier": {func(f *fixture) { f.snap.Agents["agent-node2"].Behind = false }, nil, "it could not start again"},
		"in maintenance": {func(f *fixture) {
			f.offer(f.snap.Agents["agent-node2"], "*", large()...).Unavailability = window(noon.Add(-time.Minute), time.Hour)
			f.ill(metadata, "node1", 1) // so that the host is not drained
		}, nil, "is in maintenance"},
		"it runs since a moment ago": {func(f *fixture) {
			f.cluster.Spec.Health.RestartAfter.Duration = time.Second
			f.find(data, "node2").Since = noon.Add(-time.Second)
		}, []string{"data node2"}, ""},
		"others run since a moment ago, and are unhealthy": {func(f *fixture) { f.ill(data, "node3", 1).Since = noon.Add(-time.Minute) }, []string{"data node2"}, ""},
		"the registries have a majority":                   {func(f *fixture) { f.ill(registry, "node1", 1) }, []string{"data node2"}, ""},
		"the registries have none": {func(f *fixture) { f.ill(registry, "node1", 1); f.ill(registry, "node2", 1) }, nil,
			"it is not restarted, 1 of 3 registries are available, and it may be unhealthy for want of them"},
		"another one is not up yet": {func(f *fixture) { f.find(data, "node1").Healthy = nil; f.find(data, "node1").Since = noon }, nil,
			"its restart waits for another data to settle"},
		"another one is down for long": {func(f *fixture) { delete(f.snap.Tasks, f.find(data, "node1").ID) }, []string{"data node2"}, ""},
		"two are unhealthy":            {func(f *fixture) { f.ill(data, "node1", 5) }, []string{"data node1"}, "it is not restarted while data on node1"},
		"two may be away": {func(f *fixture) {
			f.ill(data, "node1", 5)
			f.cluster.Spec.Update.MaxUnavailable = intstr.FromInt32(2)
		}, []string{"data node1"}, "it is not restarted while data on node1, which was restarted for its health, has not come back and run for minReady yet"},
		"each service by itself": {func(f *fixture) { f.ill(metadata, "node1", 5) }, []string{"metadata node1", "data node2"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := healing(t)
			f.ill(data, "node2", 5)
			test.change(f)
			r := f.plan()
			wantList(t, "kills", kills(r), test.want...)
			if test.waits != "" {
				wantText(t, waits(t, r, data, "node2"), test.waits)
			}
			if r.Phase == PhaseReady && name != "without its device" { // which nobody wants
				t.Error("Ready")
			}
		})
	}
}

// TestHealLeavesTheOutdatedToTheUpdate wants one stop, of the update's cause.
func TestHealLeavesTheOutdatedToTheUpdate(t *testing.T) {
	f := healing(t)
	f.age(data)
	f.ill(data, "node2", 10)
	r := f.plan()
	wantList(t, "kills", kills(r), "data node2")
	wantText(t, r.Kills[0].Cause, "update to 1.1.5")
	f.cluster.Spec.Placement.Hosts = []string{"node1", "node3"} // it could not come back
	wantList(t, "kills", kills(f.plan()))
}

// TestHealWhileUpdating: what is outdated is restarted as it was, and counted, where
// updates are halted or another service has its turn.
func TestHealWhileUpdating(t *testing.T) {
	build := func() *fixture {
		f := healing(t)
		old := testCluster()
		old.Spec.Version = "1.1.4"
		spec := quobyte.SpecOf(old, quobyte.Data)
		f.specs = map[SpecKey]quobyte.Spec{{Service: quobyte.Data, Hash: spec.Hash()}: spec}
		f.cluster.Status.Good = &v1alpha1.GoodRevision{Revision: "good", Version: "1.1.4", Specs: []v1alpha1.SpecRevision{{Service: "data", Hash: spec.Hash()}}}
		for _, host := range []string{"node1", "node2", "node3"} {
			delete(f.snap.Tasks, f.find(data, host).ID)
			f.taskOf(data, host, spec.Hash())
		}
		f.ill(data, "node2", 10)
		return f
	}
	f := build()
	f.age(registry)
	r := f.plan()
	wantList(t, "kills, the registries have their turn", kills(r), "registry node1", "data node2")
	wantText(t, r.Kills[1].Cause, "unhealthy for 10m0s (restart 1)")
	f = build()
	wantText(t, f.plan().Kills[0].Cause, "update to 1.1.5")
	f = build()
	f.cluster.Spec.Update.Paused = true
	r = f.plan()
	wantList(t, "kills, paused", kills(r), "data node2")
	wantText(t, r.Kills[0].Cause, "unhealthy for 10m0s (restart 1)")
	x := f.snap.Tasks[r.Kills[0].TaskID]
	x.Killing = f.now
	f.ended(x, mesos.TASK_KILLED, f.now)
	f.offer(f.snap.Agents["agent-node2"], "*", large()...)
	r = f.plan()
	if len(r.Launches) != 1 || r.Launches[0].Spec.Version != "1.1.4" || len(r.Failures) != 1 || r.Failures[0].Restarts != 1 {
		t.Errorf("launches %v, failures %+v", launches(r), r.Failures)
	}
}

// TestOneThatDoesNotStop holds back the others however long it takes.
func TestOneThatDoesNotStop(t *testing.T) {
	f := healing(t)
	f.ill(data, "node1", 10).Killing = noon.Add(-5 * time.Minute)
	f.ill(data, "node2", 10)
	wantList(t, "kills", kills(f.plan()))
}

func TestHealFloating(t *testing.T) {
	f := healing(t)
	f.ill(api, "node1", 5)
	r := f.plan()
	wantList(t, "kills", kills(r), "api node1")
	if !r.Kills[0].Returns {
		t.Error("it does not return")
	}
	f.ill(registry, "node1", 1)
	f.ill(registry, "node2", 1)
	wantList(t, "kills without a majority", kills(f.plan()))
}

// TestRestartDelay doubles up to an hour, or what is asked for.
func TestRestartDelay(t *testing.T) {
	for _, test := range []struct {
		after    time.Duration
		restarts int32
		want     time.Duration
	}{
		{5 * time.Minute, 0, 5 * time.Minute}, {5 * time.Minute, 1, 10 * time.Minute}, {5 * time.Minute, 3, 40 * time.Minute},
		{5 * time.Minute, 4, time.Hour}, {5 * time.Minute, 1 << 30, time.Hour},
		{time.Second, 1 << 30, time.Hour}, {3 * time.Hour, 0, 3 * time.Hour}, {3 * time.Hour, 5, 3 * time.Hour},
	} {
		if got := restartDelay(test.after, test.restarts); got != test.want {
			t.Errorf("%v after %d: %v", test.after, test.restarts, got)
		}
	}
}

// TestHealBacksOff restarts one service again and again.
func TestHealBacksOff(t *testing.T) {
	f := healing(t)
	f.ill(data, "node2", 0)
	for n, delay := range []int{5, 10, 20, 40, 60, 60} {
		due := f.now.Add(minutes(delay).Duration)
		r := f.plan()
		wantList(t, "kills before", kills(r))
		wantText(t, waits(t, r, data, "node2"), "next restart at "+clockTime(due))
		if r.Recheck.IsZero() || r.Recheck.After(due) {
			t.Errorf("recheck %v, due %v", r.Recheck, due)
		}
		f.now = due.Add(-time.Second)
		if r := f.plan(); len(r.Kills) > 0 || !r.Recheck.Equal(due) {
			t.Errorf("a moment before: kills %v, recheck %v", kills(r), r.Recheck)
		}
		f.now = due
		r = f.plan()
		wantList(t, "kills when due", kills(r), "data node2")
		wantText(t, r.Kills[0].Cause, fmt.Sprintf("unhealthy for %s (restart %d)", minutes(delay).Duration, n+1))
		f.restart(r)
		got := f.cluster.Status.Failures
		if len(got) != 1 || got[0].Restarts != int32(n+1) || got[0].Count != 0 || got[0].Host != "node2" {
			t.Fatalf("after restart %d: %+v", n+1, got)
		}
		if n%2 == 1 {
			f.snap.Ended = nil // another process
		}
		f.snap.Since = noon.Add(-time.Hour)
		wantText(t, alert(f.plan(), AlertUnhealthy), fmt.Sprintf("data on node2 fails its health check, and was restarted %d times", n+1))
	}
}

// TestRestartIsForgotten after ten minutes of running well, in which it was healthy.
func TestRestartIsForgotten(t *testing.T) {
	f := healing(t)
	f.ill(data, "node2", 5)
	f.restart(f.plan())
	x := f.find(data, "node2")
	f.now = f.now.Add(time.Hour)
	x.Healthy, x.Steady = yes(), f.now
	r := f.plan()
	if len(r.Failures) != 1 || !r.Recheck.Equal(f.now.Add(10*time.Minute)) {
		t.Errorf("forgotten at once: %+v, recheck %v", r.Failures, r.Recheck)
	}
	f.now = f.now.Add(10 * time.Minute)
	if got := f.plan().Failures; len(got) != 0 {
		t.Errorf("kept: %+v", got)
	}
}

func TestWhatIsARestart(t *testing.T) {
	tests := map[string]struct {
		change         func(f *fixture, x *mesosbridge.Task)
		restarts, fail int32
	}{
		"stopped while unhealthy": {func(*fixture, *mesosbridge.Task) {}, 1, 0},
		"stopped while healthy":   {func(_ *fixture, x *mesosbridge.Task) { x.Healthy = yes() }, 0, 0},
		"never checked":           {func(_ *fixture, x *mesosbridge.Task) { x.Healthy = nil }, 0, 0},
		"it ended by itself":      {func(_ *fixture, x *mesosbridge.Task) { x.Killing = time.Time{} }, 0, 1},
		"of another spec":         {func(f *fixture, _ *mesosbridge.Task) { f.cluster.Spec.Version = "1.1.6" }, 0, 0},
		"nothing is restarted":    {func(f *fixture, _ *mesosbridge.Task) { f.cluster.Spec.Health.RestartAfter = minutes(0) }, 0, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := oneRegistry(t)
			f.cluster.Spec.Health.RestartAfter = minutes(5)
			x := f.ended(f.task(registry, "node1"), mesos.TASK_KILLED, noon)
			x.Killing, x.Healthy = noon, no()
			test.change(f, x)
			r := f.plan()
			wantList(t, "launches", launches(r), "registry node1") // at once
			var restarts, fail int32
			for _, c := range r.Failures {
				restarts, fail = restarts+c.Restarts, fail+c.Count
			}
			if restarts != test.restarts || fail != test.fail {
				t.Errorf("%+v", r.Failures)
			}
			f.keep(r)
			if again := f.plan().Failures; len(again) > 0 && (again[0].Restarts != test.restarts || again[0].Count != test.fail) {
				t.Errorf("counted twice: %+v", again)
			}
		})
	}
}

// TestRestartIsNoFailure fails twice, and is restarted for its health later: it comes
// back at once, and the next failure counts on.
func TestRestartIsNoFailure(t *testing.T) {
	f := oneRegistry(t)
	f.cluster.Spec.Health.RestartAfter = minutes(5)
	for range 6 {
		f.ended(f.task(registry, "node1"), mesos.TASK_FAILED, f.now)
	}
	f.keep(f.plan())
	f.now = noon.Add(10 * time.Minute)
	x := f.ended(f.task(registry, "node1"), mesos.TASK_KILLED, f.now)
	x.Killing, x.Healthy = f.now, no()
	r := f.plan()
	wantList(t, "launches", launches(r), "registry node1")
	f.keep(r)
	f.ended(f.task(registry, "node1"), mesos.TASK_FAILED, f.now)
	r = f.plan()
	wantList(t, "launches", launches(r))
	if got := r.Failures[0]; got.Count != 7 || got.Restarts != 1 {
		t.Errorf("%+v", got)
	}
}

// TestLostQuorum lets all registries look unhealthy at once, for a day. Exactly one is
// restarted, again and again, with back-off, however many may be away; nothing else is.
func TestLostQuorum(t *testing.T) {
	for _, away := range []int32{1, 3} {
		f := healing(t)
		f.cluster.Spec.Update.MaxUnavailable = intstr.FromInt32(away)
		for _, host := range []string{"node1", "node2", "node3"} {
			for k := range s3 {
				f.ill(k, host, 0)
			}
		}
		f.ill(api, "node1", 0)
		stops := map[string]int{}
		for end := f.now.Add(24 * time.Hour); f.now.Before(end); f.now = f.now.Add(time.Minute) {
			r := f.plan()
			for _, k := range kills(r) {
				stops[k]++
			}
			f.restart(r)
		}
		if n := stops["registry node1"]; len(stops) != 1 || n < 20 || n > 30 {
			t.Errorf("%d away: stops %v", away, stops)
		}
		r := f.plan()
		wantText(t, waits(t, r, registry, "node2"), "0 of 3 registries are available, and without a majority all of them look unhealthy: only registry on node1 is restarted")
		wantText(t, waits(t, r, data, "node2"), "0 of 3 registries are available, and it may be unhealthy for want of them")
		wantText(t, alert(r, AlertUnhealthy), "registry on node1 fails its health check, and was restarted")
		// The quorum is back: nothing more is restarted.
		for _, x := range f.snap.Tasks {
			x.Healthy, x.Steady = yes(), f.now
		}
		f.now = f.now.Add(2 * time.Hour)
		if r := f.plan(); len(r.Kills) > 0 || r.Phase != PhaseReady || alert(r, AlertUnhealthy) != "" {
			t.Errorf("kills %v, phase %s, alerts %v", kills(r), r.Phase, r.Alerts)
		}
	}
}

// TestOthersGetTheirTurn lets all data services be unhealthy, with healthy registries:
// after three restarts that did not help one holds back the others no longer.
func TestOthersGetTheirTurn(t *testing.T) {
	f := healing(t)
	f.cluster.Spec.Update.MaxUnavailable = intstr.FromInt32(3)
	for _, host := range []string{"node1", "node2", "node3"} {
		f.ill(data, host, 5)
	}
	var order []string
	for end := f.now.Add(6 * time.Hour); f.now.Before(end); f.now = f.now.Add(time.Minute) {
		r := f.plan()
		if len(r.Kills) > 1 {
			t.Fatalf("at once: %v", kills(r))
		}
		if len(order) < 9 {
			order = append(order, kills(r)...)
		}
		f.restart(r)
	}
	wantList(t, "order", order, "data node1", "data node1", "data node1", "data node2", "data node2",
		"data node2", "data node3", "data node3", "data node3")
}

// TestWellForAMoment: one that was restarted is well for a moment after each start, as
// registries without a quorum may be. The others go on waiting.
func TestWellForAMoment(t *testing.T) {
	f := healing(t)
	for _, host := range []string{"node1", "node2", "node3"} {
		f.ill(registry, host, 5)
	}
	f.restart(f.plan())
	x := f.find(registry, "node1")
	x.Healthy = yes()
	f.now = f.now.Add(29 * time.Second)
	r := f.plan()
	wantList(t, "kills", kills(r))
	wantText(t, waits(t, r, registry, "node2"), "1 of 3 registries are available, and without a majority all of them look unhealthy: only registry on node1 is restarted")
	if want := x.Steady.Add(30 * time.Second); !r.Recheck.Equal(want) {
		t.Errorf("recheck %v, want %v", r.Recheck, want)
	}
	f.now = f.now.Add(time.Second) // it helped
	wantList(t, "kills later", kills(f.plan()), "registry node2")
}

// TestTriedOneIsAway takes the host of the one that is tried away: the others go on.
func TestTriedOneIsAway(t *testing.T) {
	f := healing(t)
	f.ill(data, "node1", 5)
	f.restart(f.plan())
	f.now = f.now.Add(3 * time.Minute)
	f.ill(data, "node2", 5)
	wantList(t, "kills", kills(f.plan()))
	x := f.find(data, "node1")
	x.State, x.Healthy = mesos.TASK_UNREACHABLE, nil
	f.snap.Agents["agent-node1"].Registered = false
	wantList(t, "kills, unreachable", kills(f.plan()), "data node2")
	f.ended(x, mesos.TASK_GONE_BY_OPERATOR, f.now)
	x.Killing = time.Time{}
	f.snap.Agents["agent-node1"].Registered = true
	f.now = f.now.Add(3 * time.Minute)
	wantList(t, "kills, no offer", kills(f.plan()), "data node2")
	f.offer(f.snap.Agents["agent-node1"], "*", large()...)
	wantList(t, "kills, it comes back", kills(f.plan()))
}

// TestUnhealthyAlert tells a person after a while, also where nothing is restarted.
func TestUnhealthyAlert(t *testing.T) {
	for name, test := range map[string]struct {
		after, since int
		change       func(f *fixture)
		want         bool
	}{
		"not yet":              {5, 4, func(*fixture) {}, false},
		"for long":             {5, 5, func(*fixture) {}, true},
		"as long as is asked":  {20, 19, func(*fixture) {}, false},
		"never restarted":      {0, 5, func(*fixture) {}, true},
		"never restarted, yet": {0, 4, func(*fixture) {}, false},
		"while it stops":       {5, 5, func(f *fixture) { f.find(data, "node2").Killing = noon }, true},
		"healthy":              {5, 5, func(f *fixture) { f.find(data, "node2").Healthy = yes() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := healing(t)
			f.cluster.Spec.Health.RestartAfter = minutes(test.after)
			f.ill(data, "node2", test.since)
			test.change(f)
			r := f.plan()
			if got := alert(r, AlertUnhealthy); (got == "data on node2 fails its health check") != test.want {
				t.Errorf("alert %q", got)
			}
			if !test.want && test.since < 5 && r.Recheck.IsZero() {
				t.Error("nobody wakes")
			}
		})
	}
}

// TestUnhealthyBeforeItsTurn has an update that is at the registries for long, and a data
// service that is unhealthy: it is restarted as it is, less and less often.
func TestUnhealthyBeforeItsTurn(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Health.RestartAfter = minutes(5)
	l.cluster.Spec.Update.MinReady = minutes(600)
	l.now = noon.Add(24 * time.Hour)
	l.cluster.Spec.Version = "1.1.6"
	l.pass()
	l.now = l.now.Add(time.Second)
	l.pass()
	began := l.now
	l.log = nil
	for l.now.Before(began.Add(time.Hour)) {
		task := l.find(data, "node3")
		if task.Healthy = no(); task.Since.Before(began) && task.Steady.Before(began) {
			task.Steady = began
		}
		l.now = l.now.Add(10 * time.Second)
		if len(l.pass().Kills) > 0 {
			l.pass()
		}
	}
	restart := []string{"stop data node3", "start data node3 1.1.5"} // after 5, 10 and 20 minutes
	wantList(t, "log", l.log, slices.Concat(restart, restart, restart)...)
	if f := l.cluster.Status.Failures; len(f) != 1 || f[0].Restarts != 3 {
		t.Errorf("%+v", f)
	}
}
