package mesostest

import (
	"maps"
	"slices"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// register is an agent coming to the master, for the first time or again.
func (c *Cluster) register(a *agent) {
	if !a.running || a.standing == registered || a.standing == gone || a.standing == removed {
		return
	}
	before := a.standing
	c.stop(a.ping)
	c.shutDownRemoved(a)
	switch before {
	case unknown:
		if old := a.replaces; old != nil && (old.standing == registered || old.standing == disconnected) {
			c.removeAgent(old, "a new agent registered at the same address")
		}
		a.replaces = nil
		a.id = c.master.newAgentID()
		c.master.agents[a.id] = a
	case recovered:
		c.master.recovered--
		c.adoptTasks(a, false)
	case unreachable:
		c.adoptTasks(a, true)
	}
	a.standing = registered
	a.reregisteredAt = c.now()
	if before == unknown {
		a.registeredAt = a.reregisteredAt
	}
	if before != disconnected {
		c.master.allocator.total.add(a.total, 1)
	}
	a.available = a.total
	for _, t := range a.tasks {
		if !t.released {
			a.available = a.available.minus(t.resources)
		}
	}
	for _, e := range a.executors {
		a.available = a.available.minus(e.resources)
	}
	for _, t := range sortedTasks(a.tasks) {
		if a.kills[t.key()] {
			c.killOnAgent(t, nil)
		}
		c.resume(t)
	}
	clear(a.kills)
	c.adoptOperations(a)
	c.killDrained(a)
	c.allocate([]*agent{a})
}

// shutDownRemoved ends the tasks of frameworks that were removed while their
// agent was away.
func (c *Cluster) shutDownRemoved(a *agent) {
	for _, t := range sortedTasks(a.tasks) {
		if c.master.removed[t.frameworkID] {
			c.forgetTask(t)
			c.endProcess(t)
		}
	}
	for _, e := range a.sortedExecutors() {
		if c.master.removed[e.key.frameworkID] {
			c.shutDownExecutor(e)
		}
	}
}

// adoptTasks takes the tasks of an agent into the books of a master that had
// dropped it, or that never knew more than its name. Only in the first case the
// frameworks are told (agent-unreachable; in master-failover not a word).
func (c *Cluster) adoptTasks(a *agent, tell bool) {
	for _, e := range a.sortedExecutors() {
		c.allot(c.recoverFramework(e.key.frameworkID, e.framework), e.role, e.resources)
		e.held = true
	}
	for _, t := range sortedTasks(a.tasks) {
		fw := c.recoverFramework(t.frameworkID, t.framework)
		fw.tasks[t.id] = t
		delete(fw.unreachable, t.id)
		if t.released = terminal(t.state); !t.released {
			c.allot(fw, t.role, t.resources)
		}
		if !tell {
			continue
		}
		status := c.masterStatus(t.id, &mesos.AgentID{Value: a.id}, mesos.REASON_AGENT_REREGISTERED)
		setState(status, t.state.Enum(), "Unreachable agent re-reregistered") // so it is written
		status.ContainerStatus = t.containerStatus
		status.Healthy = t.healthy
		c.sendStatus(fw, status)
	}
}

// markUnreachable happens when an agent is away too long (agent-unreachable).
func (c *Cluster) markUnreachable(a *agent) {
	c.stop(a.ping)
	a.unreachableSince = c.now()
	c.endTasks(a, func(fw *framework, t *task) *mesos.TaskStatus {
		fw.unreachable[t.id] = t
		status := c.masterStatus(t.id, &mesos.AgentID{Value: a.id}, mesos.REASON_AGENT_REMOVED)
		setState(status, fw.lost(mesos.TASK_UNREACHABLE), "health check timed out")
		status.UnreachableTime = &mesos.TimeInfo{Nanoseconds: a.unreachableSince.UnixNano()}
		return status
	})
	c.loseOperations(a, mesos.OPERATION_UNREACHABLE, "Agent was marked unreachable")
	a.standing = unreachable
	c.sendFailure(a)
}

// removeAgent happens to an agent in whose place a new one registers
// (_removeSlave in master/master.cpp).
func (c *Cluster) removeAgent(a *agent, cause string) {
	c.stop(a.ping)
	c.endTasks(a, func(_ *framework, t *task) *mesos.TaskStatus {
		status := c.masterStatus(t.id, &mesos.AgentID{Value: a.id}, mesos.REASON_AGENT_REMOVED)
		setState(status, mesos.TASK_LOST.Enum(), "Agent "+a.host+" removed: "+cause)
		return status
	})
	c.loseOperations(a, mesos.OPERATION_UNKNOWN, "") // nobody is told
	a.standing = removed
	c.rescindAll(a)
	c.forgetInverse(a)
	delete(c.master.agents, a.id)
	c.sendFailure(a)
}

// endTasks takes an agent and its tasks out of the master's books, and tells the
// frameworks what status makes of each. What was refused of it is forgotten: when it
// comes back, it is offered at once.
func (c *Cluster) endTasks(a *agent, status func(*framework, *task) *mesos.TaskStatus) {
	if a.standing == registered || a.standing == disconnected {
		c.master.allocator.total.add(a.total, -1)
		c.forgetFiltersOf(a)
	}
	for _, t := range sortedTasks(a.tasks) {
		fw := c.master.frameworks[t.frameworkID]
		if fw == nil || fw.tasks[t.id] != t {
			continue
		}
		delete(fw.tasks, t.id)
		if !t.released {
			t.released = true
			c.unallot(fw, t.role, t.resources)
		}
		word := status(fw, t)
		t.remember(word)
		if fw.unreachable[t.id] != t {
			fw.complete(t)
		}
		c.sendStatus(fw, word)
	}
	for _, e := range a.sortedExecutors() {
		if fw := c.master.frameworks[e.key.frameworkID]; fw != nil && e.held {
			c.unallot(fw, e.role, e.resources)
		}
		e.held = false
	}
}

// registeredAgents in the order of their hosts.
func (c *Cluster) registeredAgents() []*agent {
	list := make([]*agent, 0, len(c.hosts))
	for _, host := range c.hosts {
		if a := c.agents[host]; a.standing == registered {
			list = append(list, a)
		}
	}
	return list
}

func (c *Cluster) sortedFrameworks() []*framework {
	list := make([]*framework, 0, len(c.master.frameworks))
	for _, id := range sortedKeys(c.master.frameworks) {
		list = append(list, c.master.frameworks[id])
	}
	return list
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
