package mesosbridge

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// Which words bring back a task that counts as ended, and which do not.
func TestWordsAfterTheEnd(t *testing.T) {
	own := func(said mesos.TaskState) *scheduler.Event {
		e := update("t", "a", said, nil)
		e.Update.Status.Source, e.Update.Status.UUID = mesos.SOURCE_EXECUTOR.Enum(), []byte("uuid")
		return e
	}
	answer := func(said mesos.TaskState) *scheduler.Event {
		return update("t", "a", said, mesos.REASON_RECONCILIATION.Enum())
	}
	type end func(p *player)
	say := func(e *scheduler.Event) end { return func(p *player) { p.s.event(e, p.now) } }
	// It counts at once, as the master does not know the agent any more.
	person := func(p *player) {
		p.s.event(answer(mesos.TASK_UNREACHABLE), p.now)
		p.s.declareGone([]string{"a"}, p.now)
	}
	swept := func(p *player) {
		p.s.disconnected(Problem{}, p.now)
		p.s.connected("framework", "m", 15*time.Second, p.now)
		p.ready("a", "o")
	}
	for name, c := range map[string]struct {
		end   end
		word  *scheduler.Event
		state mesos.TaskState // -1: it stays ended
	}{
		"failed, and a retry":                {say(own(mesos.TASK_FAILED)), own(mesos.TASK_RUNNING), -1},
		"failed, and an answer":              {say(answer(mesos.TASK_FAILED)), answer(mesos.TASK_RUNNING), -1},
		"dropped by the master":              {say(update("t", "a", mesos.TASK_DROPPED, nil)), own(mesos.TASK_STARTING), -1},
		"gone with the agent, says Mesos":    {say(update("t", "a", mesos.TASK_GONE_BY_OPERATOR, nil)), own(mesos.TASK_RUNNING), -1},
		"gone, says the agent":               {say(own(mesos.TASK_GONE)), own(mesos.TASK_RUNNING), -1},
		"gone, says the master":              {say(answer(mesos.TASK_GONE)), own(mesos.TASK_STARTING), mesos.TASK_STARTING},
		"gone, and an answer":                {say(answer(mesos.TASK_GONE)), answer(mesos.TASK_RUNNING), mesos.TASK_RUNNING},
		"gone, and the agent returns":        {say(answer(mesos.TASK_GONE)), update("t", "a", mesos.TASK_RUNNING, mesos.REASON_AGENT_REREGISTERED.Enum()), mesos.TASK_RUNNING},
		"gone, and it leaves with its agent": {say(answer(mesos.TASK_GONE)), update("t", "a", mesos.TASK_UNREACHABLE, mesos.REASON_AGENT_REMOVED.Enum()), mesos.TASK_UNREACHABLE},
		"gone, and the agent is away":        {say(answer(mesos.TASK_GONE)), answer(mesos.TASK_UNREACHABLE), -1},
		"gone, and again":                    {say(answer(mesos.TASK_GONE)), answer(mesos.TASK_GONE), -1},
		"swept, and it runs":                 {swept, own(mesos.TASK_RUNNING), mesos.TASK_RUNNING},
		"swept, and an answer":               {swept, answer(mesos.TASK_KILLING), mesos.TASK_KILLING},
		"declared gone, and it runs":         {person, own(mesos.TASK_RUNNING), mesos.TASK_RUNNING},
		"declared gone, and an answer":       {person, answer(mesos.TASK_RUNNING), mesos.TASK_RUNNING},
		"declared gone, and another runs":    {person, update("t3", "a", mesos.TASK_RUNNING, mesos.REASON_AGENT_REREGISTERED.Enum()), mesos.TASK_UNKNOWN},
		"declared gone, and it is away":      {person, answer(mesos.TASK_UNREACHABLE), -1},
		"declared gone, and it leaves":       {person, update("t", "a", mesos.TASK_UNREACHABLE, mesos.REASON_AGENT_REMOVED.Enum()), -1},
		"declared gone, and nobody knows":    {person, answer(mesos.TASK_UNKNOWN), -1},
		"declared gone, and it had failed":   {person, own(mesos.TASK_FAILED), -1},
	} {
		p := play(t)
		p.s.event(own(mesos.TASK_RUNNING), p.now)
		c.end(p)
		if p.s.tasks["t"] != nil || !p.s.ended.has("t") {
			t.Errorf("%s: it has not ended: %+v", name, p.s.tasks["t"])
			continue
		}
		p.s.event(c.word, p.now)
		shown := false
		for _, e := range p.s.snapshot().Ended {
			shown = shown || e.ID == "t"
		}
		switch task := p.s.tasks["t"]; {
		case c.state < 0 && (task != nil || !p.s.ended.has("t") || !shown):
			t.Errorf("%s: %+v", name, task)
		case c.state >= 0 && (task == nil || task.State != c.state || p.s.ended.has("t") || shown):
			t.Errorf("%s: %+v, ended %v, shown %v", name, task, p.s.ended.has("t"), shown)
		}
		if c.state >= 0 {
			p.s.event(own(mesos.TASK_FAILED), p.now)
		}
		p.s.event(own(mesos.TASK_RUNNING), p.now)
		if last := c.word.Update.Status.GetState(); (c.state >= 0 || last == mesos.TASK_FAILED) && p.s.tasks["t"] != nil {
			t.Errorf("%s: a retry brings it back after Mesos has told its end", name)
		}
	}
}

// An agent that drains and shall be gone afterwards says GONE_BY_OPERATOR of each
// task that it begins to kill, and lives itself.
func TestDrainingAgentIsNotGone(t *testing.T) {
	p := play(t)
	for i := range 2 {
		p.s.event(executorUpdate(i*manyAgents, mesos.TASK_RUNNING, 1), p.now)
	}
	e := executorUpdate(0, mesos.TASK_GONE_BY_OPERATOR, 2)
	id, agentID := e.Update.Status.TaskID.Value, e.Update.Status.AgentID.Value
	p.s.event(e, p.now)
	if len(p.s.tasks) != 2 || p.s.tasks[id].State != mesos.TASK_KILLING || !p.s.agents[agentID].Registered {
		t.Fatalf("%+v", p.s.tasks[id])
	}
	if n := len(p.sent(scheduler.Call_ACKNOWLEDGE)); n != 3 {
		t.Errorf("%d acknowledgements", n)
	}
	// It is drained, and the master marks it gone.
	p.s.event(&scheduler.Event{Type: scheduler.Event_FAILURE, Failure: &scheduler.Event_Failure{AgentID: &mesos.AgentID{Value: agentID}}}, p.now)
	p.round()
	p.s.event(update(p.s.barrier.probeID(0), agentID, mesos.TASK_GONE_BY_OPERATOR, mesos.REASON_RECONCILIATION.Enum()), p.now)
	if len(p.s.tasks) != 0 {
		t.Errorf("%v", p.s.tasks)
	}
}

// A person's word about an agent that is registered waits until the master has
// lost it, and is worth nothing once the agent has spoken.
func TestWordAboutARegisteredAgent(t *testing.T) {
	for _, speaks := range []bool{false, true} {
		p := play(t)
		p.s.event(executorUpdate(0, mesos.TASK_STARTING, 1), p.now)
		for range 2 {
			p.s.declareGone([]string{agentName(0)}, p.now)
		}
		p.s.event(update("t", agentName(0), mesos.TASK_RUNNING, mesos.REASON_RECONCILIATION.Enum()), p.now)
		if len(p.s.tasks) != 2 {
			t.Fatal("the master says that the agent is registered, and its tasks end")
		}
		if speaks {
			p.s.event(executorUpdate(0, mesos.TASK_RUNNING, 2), p.now)
		}
		p.s.event(update("t", agentName(0), mesos.TASK_UNREACHABLE, mesos.REASON_AGENT_REMOVED.Enum()), p.now)
		if left := len(p.s.tasks) == 2; left != speaks {
			t.Errorf("speaks %v: %d tasks", speaks, len(p.s.tasks))
		}
	}
}
