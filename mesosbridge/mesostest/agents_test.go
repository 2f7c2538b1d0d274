package mesostest_test

import (
	"io"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

func reconcile(tasks ...scheduler.Call_Reconcile_Task) *scheduler.Call {
	return &scheduler.Call{Type: scheduler.Call_RECONCILE, Reconcile: &scheduler.Call_Reconcile{Tasks: tasks}}
}

func named(task string, agent *mesos.AgentID) scheduler.Call_Reconcile_Task {
	return scheduler.Call_Reconcile_Task{TaskID: mesos.TaskID{Value: task}, AgentID: agent}
}

func TestStoppedAgentRescindsItsOffers(t *testing.T) {
	run(t, mesostest.Config{PingTimeout: time.Minute}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		o := s.offers("node1", "node2")["node1"]
		c.StopAgent("node1")
		if e := s.next(scheduler.Event_RESCIND); e.Rescind.OfferID != o.ID {
			t.Errorf("rescinded %v, want %v", e.Rescind.OfferID, o.ID)
		}
		s.call(launch(0, taskInfo(o, "t"), o))
		if status := s.status(mesos.TASK_DROPPED); status.GetReason() != mesos.REASON_INVALID_OFFERS {
			t.Errorf("%v", status)
		}
		s.quiet(scheduler.Event_FAILURE, 50*time.Second)
		s.next(scheduler.Event_FAILURE)
		c.StartAgent("node1")
		if again := s.offers("node1")["node1"]; again.AgentID != o.AgentID {
			t.Errorf("it came back as %v", again.AgentID)
		}
	})
}

// What happened while an agent was away comes when it is back.
func TestTaskEndsWhileItsAgentIsAway(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		o := s.runs("t")
		c.StopAgent("node1")
		if err := c.FailTask("t", "alone"); err != nil {
			t.Fatal(err)
		}
		s.status(mesos.TASK_UNREACHABLE)
		c.StartAgent("node1")
		if status := s.status(mesos.TASK_FAILED); status.GetReason() != mesos.REASON_AGENT_REREGISTERED {
			t.Errorf("%v", status)
		}
		if status := s.status(mesos.TASK_FAILED); status.UUID == nil || status.GetMessage() != "alone" {
			t.Errorf("%v", status)
		}
		s.call(reconcile(named("t", &o.AgentID)))
		s.status(mesos.TASK_GONE)
	})
}

func TestKillReachesAnAgentThatWasAway(t *testing.T) {
	run(t, mesostest.Config{PingTimeout: time.Hour}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.runs("t")
		c.StopAgent("node1")
		s.call(kill("t"))
		s.quiet(scheduler.Event_UPDATE, time.Minute)
		c.StartAgent("node1")
		s.status(mesos.TASK_KILLED)
	})
}

// An agent that lost its work directory is a new one; the processes of the old
// one live on.
func TestReplacedAgent(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		old := s.runs("t")
		c.ReplaceAgent("node1")
		status := s.status(mesos.TASK_LOST)
		if status.GetReason() != mesos.REASON_AGENT_REMOVED ||
			status.GetMessage() != "Agent node1 removed: a new agent registered at the same address" {
			t.Errorf("%v", status)
		}
		if e := s.next(scheduler.Event_FAILURE); *e.Failure.AgentID != old.AgentID {
			t.Errorf("failure of %v", e.Failure.AgentID)
		}
		o := s.offers("node1")["node1"]
		if o.AgentID == old.AgentID || scalarOf(o, "cpus") != 8 {
			t.Errorf("offered %v", o)
		}
		s.call(reconcile(named("t", &old.AgentID)))
		s.status(mesos.TASK_UNKNOWN)
		if len(c.Running("node1")) != 1 {
			t.Error("the process is gone")
		}
		c.KillOrphans("node1")
		if r, _ := c.Task("t"); r.Alive() || len(c.Running("node1")) != 0 {
			t.Error("the process is still there")
		}
		s.quiet(scheduler.Event_UPDATE, time.Hour)
	})
}

// An agent whose process is started again while the one in its place registers is
// removed all the same.
func TestReplacedAgentThatIsStartedTwice(t *testing.T) {
	cfg := mesostest.Config{Agents: mesostest.Agents(1), RegistrationDelay: time.Second}
	run(t, cfg, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		old := s.offers("node1")["node1"]
		s.call(launch(0, taskInfo(old, "t"), old))
		s.status(mesos.TASK_RUNNING)
		c.ReplaceAgent("node1")
		c.StartAgent("node1")
		if st := s.status(mesos.TASK_LOST); st.AgentID.Value != old.AgentID.Value {
			t.Errorf("lost on %s, want %s", st.AgentID.Value, old.AgentID.Value)
		}
		if o := s.offers("node1")["node1"]; o.AgentID.Value == old.AgentID.Value {
			t.Error("the old agent is offered")
		}
	})
}

func TestMarkGone(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		o := s.runs("t")
		c.MarkGone("node1")
		status := s.status(mesos.TASK_GONE_BY_OPERATOR)
		if status.GetMessage() != "Agent has been marked gone" || status.GetReason() != mesos.REASON_AGENT_REMOVED_BY_OPERATOR {
			t.Errorf("%v", status)
		}
		s.next(scheduler.Event_FAILURE)
		c.StartAgent("node1")
		s.quiet(scheduler.Event_OFFERS, time.Hour)
		s.call(reconcile(named("t", &o.AgentID)))
		if status := s.status(mesos.TASK_GONE_BY_OPERATOR); status.GetMessage() != "Reconciliation: Task is gone" {
			t.Errorf("%v", status)
		}
		c.ReplaceAgent("node1")
		s.offers("node1")
	})
}

// After a failover to the other master the agents come back one by one, or never.
func TestFailoverToTheStandby(t *testing.T) {
	run(t, mesostest.Config{Agents: mesostest.Agents(3)}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		o := s.offers("node1", "node2", "node3")["node1"]
		s.call(launch(3600, taskInfo(o, "t"), o))
		s.status(mesos.TASK_RUNNING)
		c.StopAgent("node3")
		c.FailoverMaster(mesostest.FailoverOptions{ToStandby: true, Downtime: 10 * time.Second,
			AgentsReturnAfter: time.Minute, AgentsReturnEvery: time.Minute})
		if err := s.ends(); err != io.ErrUnexpectedEOF {
			t.Errorf("the stream ended with %v", err)
		}
		if c.LeaderURL() != c.StandbyURL() {
			t.Errorf("%s leads", c.LeaderURL())
		}
		if _, err := s.http.Get(c.StandbyURL() + "/health"); err == nil {
			t.Error("a master that is down answers")
		}
		time.Sleep(11 * time.Second)
		s.subscribe() // by the redirect of the first master
		s.call(reconcile(named("t", &o.AgentID), named("t", nil)))
		s.quiet(scheduler.Event_UPDATE, 40*time.Second)
		if back := s.offers("node1")["node1"]; scalarOf(back, "cpus") != 7.5 {
			t.Errorf("offered %v", back)
		}
		s.offers("node2")
		s.call(reconcile())
		s.status(mesos.TASK_RUNNING)
		s.call(kill("t"))
		s.status(mesos.TASK_KILLED)
		// node3 is given up in the end, and then the master answers for it.
		s.next(scheduler.Event_FAILURE)
		s.call(reconcile(named("other", nil)))
		s.status(mesos.TASK_UNKNOWN)
	})
}

// A framework that has not come back yet is known from its tasks' agents.
func TestFrameworkRecoveredFromAgents(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.runs("t")
		s.hangUp()
		c.FailoverMaster(mesostest.FailoverOptions{})
		c.StartAgent("node1")
		time.Sleep(time.Minute)
		if len(c.Running("node1")) != 1 {
			t.Fatal("the task is gone")
		}
		time.Sleep(time.Hour)
		if len(c.Running("node1")) != 0 {
			t.Fatal("the task outlived its framework")
		}
	})
}
