package mesostest

import (
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// Fate is what the network between an agent and the master makes of one status
// update.
type Fate struct {
	// Lost: the master never sees it. The agent sends it again, as every update
	// that is not acknowledged (unacknowledged-update).
	Lost bool
	// Late is how much later it arrives, and with it all updates that the agent sends
	// meanwhile, the same one again among them: they come on one connection.
	Late time.Duration
	// Repeated is how many times more it arrives.
	Repeated int
}

// OnUpdate has f decide on the fate of each update that an agent sends, those that it
// sends again among them; nil: all arrive at once, and once. f is called with the
// cluster locked and must not call it.
func (c *Cluster) OnUpdate(f func(*mesos.TaskStatus) Fate) {
	c.change(func() { c.faults.fateOf = f })
}

// deliver carries an update from the agent to the master.
func (c *Cluster) deliver(t *task, status *mesos.TaskStatus) {
	fate := Fate{}
	if c.faults.fateOf != nil {
		fate = c.faults.fateOf(status)
	}
	if fate.Lost {
		return
	}
	a, m := t.agent, c.master
	if at := c.now().Add(fate.Late); at.After(a.updatesArrive) {
		a.updatesArrive = at
	}
	for range 1 + fate.Repeated {
		if !a.updatesArrive.After(c.now()) {
			c.arrived(t, status)
			continue
		}
		c.at(a.updatesArrive, func() {
			// A master does not take what an agent says that it does not know, and
			// what was on its way to the one before is lost.
			if c.master == m && a.standing == registered && a.tasks[t.key()] == t {
				c.arrived(t, status)
			}
		})
	}
}

// arrived is the master taking an update and forwarding it. One that is late and was
// acknowledged meanwhile is forwarded as well: the master keeps no book of that.
func (c *Cluster) arrived(t *task, status *mesos.TaskStatus) {
	fw := c.master.frameworks[t.frameworkID]
	if fw == nil {
		return
	}
	if t.forwarded != status {
		t.forwarded = status
		t.remember(status)
	}
	// Along with the update the agent says what came after it, so the resources
	// of a task that has ended do not wait for acknowledgements.
	if terminal(t.state) {
		c.release(t)
	}
	c.sendStatus(fw, status)
}
