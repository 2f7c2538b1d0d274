package mesosbridge_test

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/mesosbridge"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// A person declares an agent gone that is only cut off. When it is back its task
// must be seen at once, whatever was launched elsewhere meanwhile.
func TestAgentDeclaredGoneIsBack(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.run("node1", "t1")
		agentID := b.agent("node1").ID
		w.mesos.StopAgent("node1")
		b.untilState("t1", mesos.TASK_UNREACHABLE)
		b.DeclareGone([]string{agentID})
		if b.Snapshot().Tasks["t1"] != nil || b.state("t1") != mesos.TASK_GONE_BY_OPERATOR {
			w.Fatalf("the word does not count: %v", b.state("t1"))
		}
		b.run("node2", "t2")
		if len(w.mesos.Running("node1")) != 1 {
			w.Fatal("the fault did not happen: t1 does not run")
		}
		w.mesos.StartAgent("node1")
		b.untilState("t1", mesos.TASK_RUNNING)
		if n := len(b.Snapshot().Ended); n != 0 {
			w.Errorf("it runs, and is among %d that ended", n)
		}
		b.untilReady("node1")
		b.DeclareGone([]string{agentID}) // as the annotation stands, at every pass
		w.rest(time.Hour)
		if a := b.agent("node1"); !a.Behind || b.state("t1") != mesos.TASK_RUNNING {
			w.Errorf("the word counts twice: %+v, %v", a, b.state("t1"))
		}
		if n := len(w.mesos.Running("node1")) + len(w.mesos.Running("node2")); n != 2 {
			w.Errorf("%d processes: somebody was killed", n)
		}
		// The next time that it is gone is another matter, until it is said anew.
		w.mesos.StopAgent("node1")
		b.untilState("t1", mesos.TASK_UNREACHABLE)
		b.DeclareGone([]string{agentID})
		if s := b.state("t1"); s != mesos.TASK_UNREACHABLE {
			w.Errorf("an old word counts again: %v", s)
		}
		b.DeclareGone(nil)
		b.DeclareGone([]string{agentID})
		if s := b.state("t1"); s != mesos.TASK_GONE_BY_OPERATOR {
			w.Errorf("a new word does not count: %v", s)
		}
		_ = b.end()
	})
}

// After a master failover the first word of a returned agent is an offer, and
// nobody tells of its tasks (master-failover.jsonl).
func TestAgentDeclaredGoneIsBackAtANewMaster(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.run("node1", "t1")
		agentID := b.agent("node1").ID
		w.mesos.FailoverMaster(mesostest.FailoverOptions{Downtime: time.Second})
		w.until("the stream breaks", func() bool { return !b.Snapshot().Connected })
		b.untilConnected()
		b.DeclareGone([]string{agentID})
		if b.Snapshot().Tasks["t1"] != nil {
			w.Fatal("the word does not count")
		}
		w.rest(time.Minute)
		w.mesos.StartAgent("node1")
		w.until("it is offered", func() bool { return len(b.agent("node1").Offers) > 0 })
		if t := b.Snapshot().Tasks["t1"]; t == nil || !mesosbridge.Doubtful(t.State) && t.State != mesos.TASK_RUNNING {
			w.Errorf("the agent is there, and its task is %+v", t)
		}
		b.untilState("t1", mesos.TASK_RUNNING)
		b.untilReady("node1")
		_ = b.end()
	})
}

// A person says so before the master has noticed anything.
func TestAgentDeclaredGoneWhileItIsRegistered(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.run("node1", "t1")
		agentID := b.agent("node1").ID
		w.mesos.StopAgent("node1")
		b.DeclareGone([]string{agentID})
		if s := b.state("t1"); s != mesos.TASK_RUNNING {
			w.Errorf("%v, though the master says that it runs", s)
		}
		b.untilState("t1", mesos.TASK_GONE_BY_OPERATOR)
		_ = b.end()
	})
}

// A task was remembered with an agent that is not its own, which therefore does
// not know it. It must not stay ended when its own agent is back.
func TestTaskThatCountedAsEndedIsAlive(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		id := &identity{}
		b := w.start(w.config(id))
		b.run("node1", "t1")
		other := b.agent("node2").ID
		_ = b.end()
		w.mesos.FailoverMaster(mesostest.FailoverOptions{})
		w.mesos.StartAgent("node2")
		cfg := w.config(id)
		cfg.Remembered = []mesosRemembered{{TaskID: "t1", AgentID: other}}
		b = w.start(cfg)
		b.untilState("t1", mesos.TASK_GONE)
		if len(w.mesos.Running("node1")) != 1 {
			w.Fatal("the fault did not happen: t1 does not run")
		}
		w.mesos.StartAgent("node1")
		b.untilReady("node1")
		if t := b.Snapshot().Tasks["t1"]; t == nil || t.State != mesos.TASK_RUNNING || t.AgentID != b.agent("node1").ID {
			w.Errorf("%+v", t)
		}
		if err := w.mesos.FailTask("t1", "it ends at last"); err != nil {
			w.Fatal(err)
		}
		b.untilState("t1", mesos.TASK_FAILED)
		w.rest(time.Hour)
		if n := len(b.Snapshot().Ended); n != 1 {
			w.Errorf("%d ended", n)
		}
		_ = b.end()
	})
}

// An agent with nothing to offer comes back late to a master, and a process that
// remembers nothing has no reason to ask for it.
func TestBusyAgentThatReturnsLateIsSeen(t *testing.T) {
	full := mesostest.Config{Agents: []mesostest.Agent{{Host: "node1", CPUs: 0.1, Mem: 32}}}
	for _, late := range []time.Duration{time.Second, 20 * time.Second, 3 * time.Minute} {
		inWorld(t, full, func(w *world) {
			id := &identity{}
			b := w.start(w.config(id))
			b.run("node1", "t1")
			_ = b.end()
			w.mesos.FailoverMaster(mesostest.FailoverOptions{})
			b = w.start(w.config(id))
			began := time.Now()
			b.untilConnected()
			w.rest(late)
			if n := len(b.Snapshot().Tasks); n != 0 {
				w.Fatalf("the fault did not happen: %d tasks are known", n)
			}
			w.mesos.StartAgent("node1")
			b.untilState("t1", mesos.TASK_RUNNING)
			if took := time.Since(began); took > max(2*late, 30*time.Second)+2*time.Second {
				w.Errorf("it came back after %v and was seen after %v", late, took)
			}
			_ = b.end()
		})
	}
}
