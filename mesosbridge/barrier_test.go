package mesosbridge_test

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// The scenario of master-failover.jsonl: the first word of an agent that comes
// back is an offer, and nothing is said of what runs there.
func TestBarrierAfterMasterFailover(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		id := &identity{}
		b := w.start(w.config(id))
		b.run("node1", "survivor")
		w.mesos.FailoverMaster(mesostest.FailoverOptions{Downtime: time.Second})
		w.until("the stream breaks", func() bool { return !b.Snapshot().Connected })
		b.untilConnected()
		w.rest(7 * time.Second)
		if a := b.Snapshot().Agents; len(a) != 1 {
			w.Fatalf("agents that nobody has told of: %v", a)
		}
		if survivor := b.Snapshot().Tasks["survivor"]; survivor == nil || survivor.Heard {
			w.Fatalf("%+v", survivor)
		}
		// A bridge that knows nothing would launch again.
		_ = b.end()
		b = w.start(w.config(id))
		b.untilConnected()
		w.rest(7 * time.Second)
		if n := len(b.Snapshot().Tasks); n != 0 {
			w.Fatalf("%d tasks are known", n)
		}
		w.mesos.StartAgent("node1")
		offered := false
		w.until("the barrier opens", func() bool {
			a := b.agent("node1")
			offered = offered || len(a.Offers) > 0 && !a.Behind
			if a.Behind && b.Snapshot().Tasks["survivor"] == nil {
				w.Fatal("behind the barrier without its task")
			}
			return a.Behind
		})
		if !offered {
			w.Error("the fault did not happen: no offer came before the barrier")
		}
		_ = b.end()
	})
}

// An agent registers after the implicit reconciliation of a round and before
// the explicit one: its task was not told, and the probe is answered TASK_GONE.
func TestBarrierWhenAgentRegistersWithinARound(t *testing.T) {
	// The task leaves nothing over, so that no offer tells of the agent.
	full := mesostest.Config{Agents: []mesostest.Agent{{Host: "node1", CPUs: 0.1, Mem: 32}}}
	inWorld(t, full, func(w *world) {
		id := &identity{}
		b := w.start(w.config(id))
		b.run("node1", "survivor")
		agentID := b.agent("node1").ID
		_ = b.end()
		w.mesos.FailoverMaster(mesostest.FailoverOptions{})
		returned := false
		w.mesos.OnCall(func(r mesostest.CallRecord) {
			if implicit(r.Call) && !returned {
				returned = true
				w.mesos.StartAgent("node1")
			}
		})
		cfg := w.config(id)
		// A task that ended long ago makes the bridge ask for the agent in the
		// first round.
		cfg.Remembered = []mesosRemembered{{TaskID: "ended", AgentID: agentID}}
		b = w.start(cfg)
		w.until("the barrier opens", func() bool {
			a := b.Snapshot().Agents[agentID]
			if a.Behind && b.Snapshot().Tasks["survivor"] == nil {
				w.Fatal("behind the barrier without its task")
			}
			return a.Behind
		})
		if !returned || w.count(implicit) < 2 {
			w.Error("the fault did not happen")
		}
		if s := b.state("ended"); s != mesos.TASK_GONE {
			w.Errorf("the ended task is %v", s)
		}
		_ = b.end()
	})
}

func TestAgentsThatComeBackOneByOneShareRounds(t *testing.T) {
	const n = 2000
	inWorld(t, mesostest.Config{Agents: mesostest.Agents(n), ReregisterTimeout: time.Hour}, func(w *world) {
		id := &identity{}
		b := w.start(w.config(id))
		w.until("all agents are behind their barriers", func() bool { return behind(b) == n })
		before := w.count(implicit)
		if before > 5 {
			w.Errorf("%d implicit reconciliations at the start", before)
		}
		w.mesos.FailoverMaster(mesostest.FailoverOptions{
			Downtime: time.Second, AgentsReturnAfter: 2 * time.Second, AgentsReturnEvery: 200 * time.Millisecond})
		w.until("the stream breaks", func() bool { return !b.Snapshot().Connected })
		w.until("all are back", func() bool { return behind(b) == n })
		if cost := w.count(implicit) - before; cost > 40 {
			w.Errorf("%d implicit reconciliations for %d agents in %v", cost, n, n*200*time.Millisecond)
		} else {
			w.Logf("%d implicit reconciliations", cost)
		}
		_ = b.end()
	})
}

func behind(b *bridge) int {
	n := 0
	for _, a := range b.Snapshot().Agents {
		if a.Behind {
			n++
		}
	}
	return n
}

func TestAgentUnreachableAndBack(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.run("node1", "t1")
		agentID := b.agent("node1").ID
		w.mesos.StopAgent("node1")
		b.untilState("t1", mesos.TASK_UNREACHABLE)
		if a := b.Snapshot().Agents[agentID]; a == nil || a.Behind || a.Registered || len(a.Offers) > 0 {
			w.Errorf("%+v", a)
		}
		w.rest(time.Hour)
		if b.state("t1") != mesos.TASK_UNREACHABLE {
			w.Errorf("t1 is %v", b.state("t1"))
		}
		w.mesos.StartAgent("node1")
		b.untilState("t1", mesos.TASK_RUNNING)
		b.untilReady("node1")
		_ = b.end()
	})
}

// The agent lost its work directory: a new one registers, the old task is
// TASK_LOST, and its process lives.
func TestReplacedAgentKeepsItsTaskInDoubt(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.run("node1", "t1")
		old := b.agent("node1").ID
		w.mesos.ReplaceAgent("node1")
		w.until("t1 is in doubt", func() bool { return b.state("t1") == mesos.TASK_LOST })
		b.untilReady("node1")
		w.rest(2 * time.Hour)
		if s := b.state("t1"); (s != mesos.TASK_LOST && s != mesos.TASK_UNKNOWN) || len(w.mesos.Running("node1")) != 1 {
			w.Errorf("t1 is %v", s)
		}
		if b.agent("node1").ID == old {
			w.Error("the fault did not happen")
		}
		// A person knows that the host has booted since.
		b.DeclareGone([]string{old})
		if s := b.state("t1"); s != mesos.TASK_GONE_BY_OPERATOR {
			w.Errorf("t1 is %v", s)
		}
		b.DeclareGone([]string{old})
		if n := len(b.Snapshot().Ended); n != 1 {
			w.Errorf("%d tasks ended", n)
		}
		_ = b.end()
	})
}

func TestAgentMarkedGone(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.run("node1", "t1")
		w.mesos.MarkGone("node1")
		b.untilState("t1", mesos.TASK_GONE_BY_OPERATOR)
		_ = b.end()
	})
}

// Remembered tasks count as perhaps running until a barrier says otherwise.
func TestRememberedTasks(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		id := &identity{}
		b := w.start(w.config(id))
		b.run("node1", "real")
		agentID, other := b.agent("node1").ID, b.agent("node2").ID
		_ = b.end()
		cfg := w.config(id)
		cfg.Remembered = []mesosRemembered{{TaskID: "real", AgentID: agentID}, {TaskID: "forgotten", AgentID: agentID},
			{TaskID: "elsewhere", AgentID: other}, {TaskID: "nowhere", AgentID: "no-such-agent"}}
		w.mesos.StopAgent("node2")
		w.rest(time.Minute)
		b = w.start(cfg)
		if t := b.Snapshot().Tasks["forgotten"]; t == nil || t.State != mesos.TASK_UNKNOWN || t.Heard {
			w.Errorf("%+v", t)
		}
		b.untilState("real", mesos.TASK_RUNNING)
		b.untilState("forgotten", mesos.TASK_GONE)
		w.rest(time.Hour)
		for _, id := range []string{"elsewhere", "nowhere"} {
			if s := b.state(id); s != mesos.TASK_UNREACHABLE && s != mesos.TASK_UNKNOWN {
				w.Errorf("%s is %v", id, s)
			}
		}
		w.mesos.StartAgent("node2")
		b.untilState("elsewhere", mesos.TASK_GONE)
		_ = b.end()
	})
}

// Probes are not tasks, and nobody acknowledges their answers.
func TestProbesLeaveNoTrace(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.untilReady("node1", "node2")
		w.rest(time.Hour)
		if snap := b.Snapshot(); len(snap.Tasks)+len(snap.Ended) != 0 {
			w.Errorf("%v %v", snap.Tasks, snap.Ended)
		}
		if n := w.count(ofType(scheduler.Call_ACKNOWLEDGE)); n != 0 {
			w.Errorf("%d acknowledgements", n)
		}
		if n := w.count(implicit); n < 9 || n > 12 {
			w.Errorf("%d implicit reconciliations in an hour", n)
		}
		_ = b.end()
	})
}
