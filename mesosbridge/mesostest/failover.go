package mesostest

import (
	"time"
)

// FailoverOptions say how the master fails over.
type FailoverOptions struct {
	// ToStandby makes the other master the leader; otherwise the same one starts
	// again.
	ToStandby bool
	// Downtime is how long connections are refused.
	Downtime time.Duration
	// AgentsReturnAfter is when the first of the running agents comes back, and
	// AgentsReturnEvery how long after it the next one does. When both are zero,
	// an agent comes back only by StartAgent.
	AgentsReturnAfter, AgentsReturnEvery time.Duration
}

// FailoverMaster replaces the leading master by one that knows nothing but the
// registry: the ids of the agents, which are drained, and the maintenance schedule. All streams break. Frameworks have to
// subscribe again, with their id. An agent that is not back after
// Config.ReregisterTimeout is unreachable (master-failover).
func (c *Cluster) FailoverMaster(o FailoverOptions) {
	if o.Downtime > 0 {
		c.refuseConnections(true)
	}
	c.change(func() {
		if o.Downtime > 0 {
			c.after(o.Downtime, func() { c.refuseConnections(false) })
		}
		c.dismiss(c.master)
		fresh := newMaster(c.uuid(), c.now())
		// The schedule is in the registry, too.
		fresh.schedule, fresh.windows = c.master.schedule, c.master.windows
		for _, a := range c.master.agents {
			switch a.standing {
			case registered, disconnected:
				a.standing = recovered
			}
			if a.standing == recovered {
				fresh.recovered++
			}
			fresh.agents[a.id] = a
		}
		c.master = fresh
		if o.ToStandby {
			c.faults.leader = 1 - c.faults.leader
		}
		c.after(c.cfg.ReregisterTimeout, func() { c.giveUpRecovered(fresh) })
		c.returnAgents(o)
	})
}

// dismiss breaks the streams of a master and stops its deadlines.
func (c *Cluster) dismiss(m *master) {
	for _, fw := range m.frameworks {
		c.stop(fw.failover)
		fw.forgetFilters(c)
		if fw.stream != nil {
			c.stop(fw.stream.beat)
			fw.stream.cut()
			fw.stream = nil
		}
	}
	c.stop(m.allocator.round)
	for _, a := range m.agents {
		clear(a.offers)
		for _, i := range a.inverse {
			c.stop(i.filtered)
		}
		clear(a.inverse)
		clear(a.kills)
		c.stop(a.ping)
		c.pauseOperations(a)
		for _, t := range a.tasks {
			c.stop(t.retry)
		}
	}
}

// returnAgents has the running agents come back one after the other.
func (c *Cluster) returnAgents(o FailoverOptions) {
	if o.AgentsReturnAfter == 0 && o.AgentsReturnEvery == 0 {
		return
	}
	delay := o.AgentsReturnAfter
	for _, host := range c.hosts {
		a := c.agents[host]
		if !a.running || a.standing != recovered {
			continue
		}
		c.stop(a.arrival)
		a.arrival = c.after(delay, func() { c.register(a) })
		delay += o.AgentsReturnEvery
	}
}

// giveUpRecovered drops agents that did not come back to a new master. It has no
// tasks of theirs to tell of (recoveredSlavesTimeout in master/master.cpp).
func (c *Cluster) giveUpRecovered(m *master) {
	if c.master != m {
		return
	}
	for _, id := range sortedKeys(m.agents) {
		if a := m.agents[id]; a.standing == recovered {
			m.recovered--
			a.running = false
			c.markUnreachable(a)
		}
	}
}
