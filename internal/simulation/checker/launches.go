package checker

import (
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// launchFits judges whether what is launched is wanted at all.
func (c *check) launchFits(t *task) {
	w := &c.wishes
	since := c.heardSince()
	if old := longSince(w.stopped, since) || longSince(w.teardown, since) || longSince(w.orphaned, since); old {
		c.violate("launch", "%s is launched, and the cluster is not to run", t.id)
	}
	if longSince(w.suspended, since) {
		c.violate("suspend", "%s is launched, and the cluster is suspended", t.id)
	}
	if s := w.cordoned[t.host]; s != nil && longSince(*s, since) {
		c.violate("cordon", "%s is launched on %s, which is cordoned", t.id, t.host)
	}
	if bound(t.service) {
		if !w.asked(t.service, t.host, since) {
			c.violate("launch", "%s is launched on %s, where no device asks for it", t.id, t.host)
		}
		c.movedAway(t)
		c.startsInOrder(t)
		return
	}
	_, most := w.floating(t.service, since)
	live := 0
	for _, other := range c.tasks {
		if other.service == t.service && !other.ended && !other.absent && !c.isKilled(other) && c.isLive(other) && c.reachable(other) {
			live++
		}
	}
	if live >= most {
		c.violate("launch", "%s is launched, and %d of %d run", t.id, live, most)
	}
}

// startsInOrder: metadata and data are started when a registry runs, or Mesos has said so
// in this session: that an earlier process has asked for its end it does not say.
func (c *check) startsInOrder(t *task) {
	if t.service == "registry" {
		c.startsAlone(t)
		return
	}
	for _, other := range c.tasks {
		if other.service != "registry" {
			continue
		}
		if other.heard == c.last && other.state == mesos.TASK_RUNNING && !c.isKilled(other) {
			return
		}
		truth := c.truth[other.id]
		if truth != nil && !truth.Running.IsZero() && truth.Running.Before(c.now) &&
			(truth.Alive() || truth.Ended.After(c.now.Add(-glance))) {
			return
		}
	}
	c.violate("start order", "%s is launched, and no registry runs", t.id)
}

// startsAlone: where probers tell which device makes the installation, its registry runs
// before another one is started. Two that began at the same time would make two.
func (c *check) startsAlone(t *task) {
	if !c.probed() {
		return
	}
	rival := ""
	for _, other := range c.tasks {
		if other.service != "registry" {
			continue
		}
		if truth := c.truth[other.id]; truth != nil && !truth.Running.IsZero() && truth.Running.Before(c.now) {
			return
		}
		if other.host != t.host && c.isLive(other) {
			rival = other.id
		}
	}
	if rival != "" {
		c.violate("start order", "%s is launched beside %s, and no registry has run", t.id, rival)
	}
}

// longSince says that it has been so since before then.
func longSince(s spans, then time.Time) bool {
	return s.now() && s[len(s)-1].from.Before(then)
}

// isLive is the truth about a task now.
func (c *check) isLive(t *task) bool {
	truth := c.truth[t.id]
	return truth != nil && (truth.Alive() || truth.Ended.After(c.now))
}

// movedAway is that a disk is not served on its new host while the service that had it
// runs on the old one.
func (c *check) movedAway(t *task) {
	for name, d := range c.wishes.devices {
		if d.from == "" || d.host != t.host || !slices.Contains(d.types, t.service) || c.othersAsk(name, t) {
			continue
		}
		for _, other := range c.tasks {
			if other.service == t.service && other.host == d.from && other.launched.Before(d.since) && c.isLive(other) &&
				!c.othersAskOn(name, t.service, d.from) && !c.wishes.wronglyGone[other.agent] {
				c.violate("14", "%s is launched for %s, which %s on %s may still serve", t.id, name, other.id, d.from)
			}
		}
	}
}

func (c *check) othersAsk(name string, t *task) bool { return c.othersAskOn(name, t.service, t.host) }

// othersAskOn says that another device asks for the service on the host, or may have.
func (c *check) othersAskOn(name, service, host string) bool {
	for other, d := range c.wishes.devices {
		if other != name && (d.host == host || d.from == host) && slices.Contains(d.types, service) {
			return true
		}
	}
	return false
}
