package mesostest

import (
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// drain is an agent that DRAIN_AGENT or DEACTIVATE_AGENT has taken out of
// service. It is in the master's registry, and outlives a failover.
type drain struct {
	// info is nil when the agent was only deactivated.
	info  *mesos.DrainInfo
	start time.Time
}

// deactivated: nothing is offered of the agent.
func (a *agent) deactivated() bool { return a.drain != nil }

func (a *agent) draining() bool {
	return a.drain != nil && a.drain.info != nil && a.drain.info.State == mesos.DrainState_DRAINING
}

// drainAgent kills what runs on an agent and offers nothing of it from now on
// (agent-gone; _drainAgent in master/http.cpp).
func (c *Cluster) drainAgent(a *agent, grace *mesos.DurationInfo, markGone bool) {
	a.drain = &drain{
		info: &mesos.DrainInfo{
			State:  mesos.DrainState_DRAINING,
			Config: mesos.DrainConfig{MaxGracePeriod: grace, MarkGone: &markGone},
		},
		start: c.now(),
	}
	c.rescindAll(a)
	c.forgetInverse(a)
	c.killDrained(a)
	c.finishDrain(a)
}

// deactivateAgent only stops the offers.
func (c *Cluster) deactivateAgent(a *agent) {
	if a.drain == nil {
		a.drain = &drain{}
	}
	c.rescindAll(a)
	c.forgetInverse(a)
}

// killDrained has the agent kill its tasks, with its grace period where that is
// shorter than the task's (Slave::drain in slave/slave.cpp).
func (c *Cluster) killDrained(a *agent) {
	if !a.draining() || !a.connected() {
		return
	}
	limit := a.drain.info.Config.MaxGracePeriod
	for _, t := range sortedTasks(a.tasks) {
		var policy *mesos.KillPolicy
		own := t.info.KillPolicy.GetGracePeriod()
		if limit != nil && (own == nil || limit.Nanoseconds < own.Nanoseconds) {
			policy = &mesos.KillPolicy{GracePeriod: limit}
		}
		c.killOnAgent(t, policy)
	}
}

// drainReason overrides why a task was killed (statusUpdate in slave/slave.cpp).
func (a *agent) drainReason(status *mesos.TaskStatus) {
	if a.draining() && (*status.State == mesos.TASK_KILLING || *status.State == mesos.TASK_KILLED) {
		status.Reason = mesos.REASON_AGENT_DRAINING.Enum()
	}
}

// finishDrain ends the draining of an agent of whose tasks and operations all has
// been acknowledged (checkAndTransitionDrainingAgent in master/master.cpp).
func (c *Cluster) finishDrain(a *agent) {
	if !a.draining() || len(a.tasks) > 0 || len(a.operations) > 0 {
		return
	}
	if a.drain.info.Config.GetMarkGone() {
		c.markGone(a)
		return
	}
	a.drain.info.State = mesos.DrainState_DRAINED
}

// reactivateAgent offers an agent again, in the next round.
func (c *Cluster) reactivateAgent(a *agent) (problem string) {
	switch {
	case a.drain == nil:
		return "Agent is not deactivated"
	case a.draining():
		return "Agent is still in the DRAINING state"
	}
	a.drain = nil
	c.allocateSoon()
	return ""
}
