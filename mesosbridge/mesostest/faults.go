package mesostest

import (
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// faults are what goes wrong on the network.
type faults struct {
	leader  int // which of the two masters leads
	stalled bool
	drops   map[scheduler.Call_Type][]When
	fateOf  func(*mesos.TaskStatus) Fate // of updates; nil: none has one
}

// When a call is dropped.
type When int

// Zero is neither: no call is dropped.
const (
	// Before: the master never sees the call.
	Before When = iota + 1
	// After: the master does what the call says, and the answer is lost.
	After
)

// DropNext cuts the connection of the next call of a type, before the master has
// seen it or after. It can be called several times for several calls.
func (c *Cluster) DropNext(call scheduler.Call_Type, when When) {
	c.change(func() {
		if c.faults.drops == nil {
			c.faults.drops = map[scheduler.Call_Type][]When{}
		}
		c.faults.drops[call] = append(c.faults.drops[call], when)
	})
}

func (c *Cluster) takeDrop(call scheduler.Call_Type) (when When) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if list := c.faults.drops[call]; len(list) > 0 {
		when, c.faults.drops[call] = list[0], list[1:]
	}
	return when
}

// BreakStreams cuts the connections of all streams, which ends subscriptions for
// both sides.
func (c *Cluster) BreakStreams() {
	c.change(func() {
		for _, fw := range c.sortedFrameworks() {
			if s := fw.stream; s != nil {
				s.cut()
				c.stop(s.beat)
				c.disconnect(fw)
			}
		}
	})
}

// StallStreams makes all streams silent, those to come included: they stay open,
// but nothing comes, no heartbeat either. What was held back comes when the fault ends.
func (c *Cluster) StallStreams(yes bool) {
	c.change(func() {
		c.faults.stalled = yes
		for _, fw := range c.master.frameworks {
			if fw.stream != nil {
				fw.stream.stall(yes)
			}
		}
	})
}

// RefuseConnections turns new connections away, and ends those that are idle.
// Streams go on; BreakStreams ends them.
func (c *Cluster) RefuseConnections(yes bool) { c.refuseConnections(yes) }

func (c *Cluster) refuseConnections(yes bool) {
	for _, e := range c.server.endpoints {
		if e == nil {
			continue
		}
		for _, g := range e.gates {
			g.refuse(yes)
		}
		// Closes idle connections, and others after their next answer.
		e.http.SetKeepAlivesEnabled(!yes)
	}
}

func (c *Cluster) leader() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.faults.leader
}
