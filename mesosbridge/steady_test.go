package mesosbridge

import (
	"fmt"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"pgregory.net/rapid"
)

// checkSteady: Steady moves when State or Healthy have changed, and at no other
// time; what was known of the health is there after the end.
func (m *model) checkSteady(t *rapid.T, before *Snapshot) {
	if before == nil {
		return
	}
	for id, was := range before.Tasks {
		if now := m.shown.Tasks[id]; now != nil && now != was {
			want := was.Steady
			if now.State != was.State || healthOf(now) != healthOf(was) {
				want = m.now
			}
			if !now.Steady.Equal(want) {
				t.Fatalf("steady since %v, want %v:\n%+v, healthy %s\n%+v, healthy %s", now.Steady, want, was, healthOf(was), now, healthOf(now))
			}
		}
	}
	if len(before.Ended) >= len(m.shown.Ended) {
		return
	}
	last := m.shown.Ended[len(m.shown.Ended)-1]
	if was := before.Tasks[last.ID]; was != nil && healthOf(was) != healthOf(last) || !last.Steady.Equal(last.Since) {
		t.Fatalf("%+v, healthy %s; before its end %+v", last, healthOf(last), was)
	}
}

func healthOf(t *Task) string {
	if t.Healthy == nil {
		return "unknown"
	}
	return fmt.Sprint(*t.Healthy)
}

// Since when a task has been as it is, through all that may be said of it.
func TestSteady(t *testing.T) {
	p := play(t)
	began := p.now
	p.ready("a", "o")
	call := p.launch("a", "o", "t")
	launched := p.now
	own := func(said mesos.TaskState, healthy ...bool) *scheduler.Event {
		e := update("t", "a", said, nil)
		e.Update.Status.Source, e.Update.Status.UUID = mesos.SOURCE_EXECUTOR.Enum(), []byte("uuid")
		if len(healthy) > 0 {
			e.Update.Status.Healthy = &healthy[0]
		}
		return e
	}
	answered := func(said mesos.TaskState, healthy ...bool) *scheduler.Event {
		e := own(said, healthy...)
		e.Update.Status.Source, e.Update.Status.UUID = mesos.SOURCE_MASTER.Enum(), nil
		e.Update.Status.Reason = mesos.REASON_RECONCILIATION.Enum()
		return e
	}
	say := func(e *scheduler.Event) func() { return func() { p.s.event(e, p.now) } }
	shown := func() *Task {
		snap := p.s.snapshot()
		if task := snap.Tasks["t"]; task != nil {
			return task
		}
		return snap.Ended[len(snap.Ended)-1]
	}
	if task := shown(); !task.Steady.Equal(launched) || launched.Equal(began) {
		t.Fatalf("%+v", task)
	}
	p.answer(call, answer{outcome: accepted})
	for _, step := range []struct {
		name   string
		do     func()
		moves  bool
		health string
	}{
		{"it is staged, as was known", say(answered(mesos.TASK_STAGING)), false, "unknown"},
		{"it runs", say(own(mesos.TASK_RUNNING)), true, "unknown"},
		{"the same again", say(own(mesos.TASK_RUNNING)), false, "unknown"},
		{"it is healthy", say(own(mesos.TASK_RUNNING, true)), true, "true"},
		{"the same again", say(own(mesos.TASK_RUNNING, true)), false, "true"},
		{"an answer without a word on its health", say(answered(mesos.TASK_RUNNING)), false, "true"},
		{"an old status comes again", say(own(mesos.TASK_STARTING)), false, "true"},
		{"the stream breaks", func() { p.s.disconnected(Problem{}, p.now) }, false, "true"},
		{"a new subscription", func() { p.s.connected("framework", "m", 15*time.Second, p.now) }, false, "true"},
		{"in which the same is said", say(answered(mesos.TASK_RUNNING, true)), false, "true"},
		{"it is unhealthy", say(own(mesos.TASK_RUNNING, false)), true, "false"},
		{"it is killed", func() { p.s.kill("t", p.now) }, false, "false"},
		{"it is healthy again", say(own(mesos.TASK_RUNNING, true)), true, "true"},
		{"unreachable", say(update("t", "a", mesos.TASK_UNREACHABLE, mesos.REASON_AGENT_REMOVED.Enum())), true, "true"},
		{"and back", say(update("t", "a", mesos.TASK_RUNNING, mesos.REASON_AGENT_REREGISTERED.Enum())), true, "true"},
		{"it is unhealthy", say(own(mesos.TASK_RUNNING, false)), true, "false"},
		{"it is being killed", say(own(mesos.TASK_KILLING)), true, "false"},
		{"it has ended", say(own(mesos.TASK_KILLED)), true, "false"},
		{"the end comes again", say(own(mesos.TASK_KILLED, true)), false, "false"},
	} {
		before := shown().Steady
		p.now = p.now.Add(time.Second)
		step.do()
		task := shown()
		if moved := !task.Steady.Equal(before); moved != step.moves || moved && !task.Steady.Equal(p.now) {
			t.Errorf("%s: steady since %v ago, before %v ago; it must move: %v", step.name, p.now.Sub(task.Steady), p.now.Sub(before), step.moves)
		}
		if healthOf(task) != step.health {
			t.Errorf("%s: healthy is %s, want %s", step.name, healthOf(task), step.health)
		}
	}
}

// How long it was well before something else was said, and how often it fell ill.
func TestRelapses(t *testing.T) {
	p := play(t)
	p.ready("a", "o")
	p.answer(p.launch("a", "o", "t"), answer{outcome: accepted})
	for _, step := range []struct {
		said     mesos.TaskState
		healthy  *bool
		lasts    time.Duration
		well     time.Duration
		relapses int
	}{
		{mesos.TASK_RUNNING, nil, time.Minute, 0, 0},
		{mesos.TASK_RUNNING, ptr(false), time.Minute, 0, 0},
		{mesos.TASK_RUNNING, ptr(true), 5 * time.Second, 0, 0},
		{mesos.TASK_RUNNING, ptr(true), 5 * time.Second, 0, 0},
		{mesos.TASK_RUNNING, ptr(false), time.Minute, 10 * time.Second, 1},
		{mesos.TASK_RUNNING, ptr(true), 20 * time.Second, 10 * time.Second, 1},
		{mesos.TASK_UNREACHABLE, nil, time.Minute, 20 * time.Second, 1}, // by no fault of its own
		{mesos.TASK_RUNNING, ptr(true), 3 * time.Second, 20 * time.Second, 1},
		{mesos.TASK_RUNNING, ptr(false), time.Minute, 20 * time.Second, 2},
	} {
		e := update("t", "a", step.said, nil)
		e.Update.Status.Healthy = step.healthy
		p.s.event(e, p.now)
		if task := p.s.snapshot().Tasks["t"]; task.Well != step.well || task.Relapses != step.relapses {
			t.Errorf("%s, healthy %s: well for %v, %d relapses, want %v, %d", task.State, healthOf(task), task.Well, task.Relapses, step.well, step.relapses)
		}
		p.now = p.now.Add(step.lasts)
	}
}

// What ran before this process counts from when this process has heard of it.
func TestSteadyOfWhatWasRemembered(t *testing.T) {
	p := play(t)
	p.s.remember([]RememberedTask{{TaskID: "t", AgentID: "a"}}, p.now)
	if task := p.s.tasks["t"]; !task.Steady.Equal(p.now) {
		t.Errorf("%+v", task)
	}
	p.tick(time.Minute)
	for _, id := range []string{"t", "nobody remembered"} {
		e := update(id, "a", mesos.TASK_RUNNING, mesos.REASON_RECONCILIATION.Enum())
		e.Update.Status.Healthy = ptr(true)
		p.s.event(e, p.now)
		if task := p.s.tasks[id]; !task.Steady.Equal(p.now) || healthOf(task) != "true" {
			t.Errorf("%+v", task)
		}
	}
}

// How a task was before it ended, whoever ended it, and what its last status said.
func TestHealthOfTheEnded(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(p *player)
		want string
	}{
		"a status without a word on it": {func(p *player) { p.s.event(update("t", "a", mesos.TASK_FAILED, nil), p.now) }, "true"},
		"the failing check ends it (health-check.jsonl)": {func(p *player) {
			e := update("t", "a", mesos.TASK_KILLED, nil)
			e.Update.Status.Healthy = ptr(false)
			p.s.event(e, p.now)
		}, "false"},
		"its agent is gone": {func(p *player) {
			p.s.event(update("t", "a", mesos.TASK_UNREACHABLE, nil), p.now)
			p.s.declareGone([]string{"a"}, p.now)
		}, "true"},
	} {
		p := play(t)
		e := update("t", "a", mesos.TASK_RUNNING, nil)
		e.Update.Status.Healthy = ptr(true)
		p.s.event(e, p.now)
		before := p.s.snapshot()
		c.end(p)
		ended := p.s.snapshot().Ended
		if len(ended) != 1 || healthOf(ended[0]) != c.want {
			t.Errorf("%s: %+v", name, ended)
		}
		if healthOf(before.Tasks["t"]) != "true" {
			t.Errorf("%s: a snapshot has changed", name)
		}
	}
}
