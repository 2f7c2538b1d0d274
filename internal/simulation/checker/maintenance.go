package checker

import (
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// maintenance is what the wire tells of it.
type maintenance struct {
	// windows by the offers that told of them.
	windows map[string]mesos.Unavailability
	// agents by their inverse offers.
	agents map[string]string
}

func newMaintenance() maintenance {
	return maintenance{windows: map[string]mesos.Unavailability{}, agents: map[string]string{}}
}

// hears takes in what an event tells of windows.
func (m *maintenance) hears(e *scheduler.Event) {
	for _, o := range e.GetOffers().GetOffers() {
		if o.Unavailability != nil {
			m.windows[o.ID.Value] = *o.Unavailability
		}
	}
	for _, o := range e.GetInverseOffers().GetInverseOffers() {
		m.agents[o.OfferID.Value] = o.AgentID.GetValue()
	}
}

// open says that one of the offers told of a window that is open.
func (m *maintenance) open(offers []mesos.OfferID, now time.Time) bool {
	for _, id := range offers {
		w, told := m.windows[id.Value]
		if !told {
			continue
		}
		start := time.Unix(0, w.Start.Nanoseconds)
		if !now.Before(start) && (w.Duration == nil || now.Before(start.Add(time.Duration(w.Duration.Nanoseconds)))) {
			return true
		}
	}
	return false
}

// lets judges that hosts are let go: nothing of the cluster may live there.
func (c *check) lets(offers []mesos.OfferID) {
	for _, id := range offers {
		agent := c.maintenance.agents[id.Value]
		host := c.hostOf(agent)
		for _, t := range c.tasks {
			if (t.agent == agent || host != "" && t.host == host) && t.service != "prober" && c.isLive(t) && !c.wishes.wronglyGone[t.agent] {
				c.violate("maintenance", "agent %s of %s is let go, and %s lives there", agent, t.host, t.id)
			}
		}
	}
}
