package checker

import (
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// tenYears in seconds: less is no Orphan.
const tenYears = 10 * 365 * 24 * 3600

// subscribes judges who speaks as whom.
func (c *check) subscribes(e *Entry) {
	info := e.Call.Subscribe.FrameworkInfo
	if e.Operator < c.newest {
		c.violate("10", "process %d subscribes after %d did", e.Operator, c.newest)
	}
	if e.Operator > c.newest {
		c.newest = e.Operator
		for _, t := range c.tasks {
			c.judgeTask(t)
		}
	}
	if !info.GetCheckpoint() {
		c.violate("9", "the framework does not checkpoint")
	}
	if c.identity == nil {
		c.identity = info
	}
	if was := c.identity; info.User != was.User || info.GetPrincipal() != was.GetPrincipal() || info.Name != was.Name ||
		len(info.Roles) != len(was.Roles) || len(info.Roles) > 0 && info.Roles[0] != was.Roles[0] {
		c.violate("9", "the framework is %+v, and was %+v", info, was)
	}
	if id := info.GetID().GetValue(); id != c.framework && c.framework != "" {
		c.violate("6", "a process subscribes as framework %q, and %s uses offers", id, c.framework)
	}
	c.timeout = info.GetFailoverTimeout()
}

// tearsDown judges a TEARDOWN.
func (c *check) tearsDown() {
	for _, f := range c.Frameworks {
		// One that was never used is torn down when its id cannot be kept.
		if f.ID == c.framework && f.Calls[scheduler.Call_ACCEPT] > 0 && !c.wishes.teardown.now() {
			c.violate("16", "framework %s is torn down, and nobody asked for it", f.ID)
		}
	}
	for _, t := range c.tasks {
		truth := c.truth[t.id]
		// What ends in this very instant ends because of it.
		if truth == nil || t.service == "prober" || !truth.Alive() && truth.Ended.Before(c.now) || c.wishes.wronglyGone[t.agent] || c.wishes.gone[t.agent] {
			continue
		}
		if c.reachable(t) {
			c.violate("16", "the framework is torn down, and %s runs", t.id)
		}
	}
	if c.wishes.teardown.now() {
		c.framework, c.identity = "", nil
	}
}

// atTheEnd is what must be so when all is at rest.
func (c *check) atTheEnd() {
	c.now = c.End
	if !c.Rested {
		return
	}
	if c.wishes.orphaned.now() && c.timeout < tenYears-1 && c.framework != "" {
		c.violate("16", "the framework is left to itself with a fail-over time-out of %.0fs", c.timeout)
	}
	c.acknowledged()
}

// acknowledged is rule 18: of what lives, all that was reported was acknowledged.
func (c *check) acknowledged() {
	open, done := map[string]string{}, map[string]bool{}
	for i := range c.Entries {
		e := &c.Entries[i]
		switch {
		case e.Event != nil && e.Event.Type == scheduler.Event_UPDATE && len(e.Event.Update.Status.UUID) > 0:
			if uuid := string(e.Event.Update.Status.UUID); !done[uuid] {
				open[uuid] = e.Event.Update.Status.TaskID.Value
			}
		case e.Call != nil && e.Call.Type == scheduler.Call_ACKNOWLEDGE:
			uuid := string(e.Call.Acknowledge.UUID)
			if open[uuid] == "" && !done[uuid] {
				c.found = append(c.found, Violation{Rule: "18", At: e.At, Text: "an update of " + e.Call.Acknowledge.TaskID.Value + " is acknowledged that did not come"})
			}
			delete(open, uuid)
			done[uuid] = true
		}
	}
	for _, id := range open {
		if truth := c.truth[id]; truth != nil && truth.Alive() {
			c.violate("18", "an update of %s was never acknowledged", id)
		}
	}
}
