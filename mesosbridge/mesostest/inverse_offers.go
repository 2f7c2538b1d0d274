package mesostest

import (
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	inverseoffers "github.com/mesos/mesos-go/api/v1/lib/allocator"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// inverse is what the master and one framework say to each other about the
// maintenance of one agent's machine.
type inverse struct {
	fw       *framework
	agent    *agent
	offerID  string // outstanding; empty: none is
	answer   *inverseoffers.InverseOfferStatus
	filtered *timer // runs while the framework wants no other inverse offer
}

// offerInverse asks the frameworks that have something on an agent, or are
// offered something, to leave it, again and again, unless they are asked already
// or do not want to hear of it for a while (generateInverseOffers in
// master/allocator/mesos/hierarchical.cpp).
func (c *Cluster) offerInverse(agents []*agent) {
	if len(c.master.windows) == 0 {
		return
	}
	batches := map[*framework][]mesos.InverseOffer{}
	for _, a := range agents {
		window := c.master.unavailability(a)
		if window == nil || a.deactivated() {
			continue
		}
		for fw := range a.frameworks(c.master) {
			if i := a.inverseTo(fw); fw.stream != nil && i.offerID == "" && !i.filtered.running() {
				batches[fw] = append(batches[fw], c.inverseOffer(i, window))
			}
		}
	}
	for _, fw := range c.sortedFrameworks() {
		if batches[fw] != nil {
			fw.send(&scheduler.Event{
				Type:          scheduler.Event_INVERSE_OFFERS,
				InverseOffers: &scheduler.Event_InverseOffers{InverseOffers: batches[fw]},
			})
		}
	}
}

func (c *Cluster) inverseOffer(i *inverse, window *mesos.Unavailability) mesos.InverseOffer {
	i.offerID = c.master.newOfferID()
	c.master.inverse[i.offerID] = i
	return mesos.InverseOffer{
		OfferID:        mesos.OfferID{Value: i.offerID},
		FrameworkID:    mesos.FrameworkID{Value: i.fw.id},
		AgentID:        &mesos.AgentID{Value: i.agent.id},
		URL:            i.agent.url,
		Unavailability: *window,
	}
}

// frameworks that have something on the agent, or are offered something.
func (a *agent) frameworks(m *master) map[*framework]bool {
	found := map[*framework]bool{}
	for _, o := range a.offers {
		found[o.fw] = true
	}
	for _, t := range a.tasks {
		if fw := m.frameworks[t.frameworkID]; fw != nil && !t.released {
			found[fw] = true
		}
	}
	return found
}

func (a *agent) inverseTo(fw *framework) *inverse {
	i := a.inverse[fw.id]
	if i == nil || i.fw != fw {
		i = &inverse{fw: fw, agent: a}
		if a.inverse == nil {
			a.inverse = map[string]*inverse{}
		}
		a.inverse[fw.id] = i
	}
	return i
}

// answerInverse handles ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS; ids
// that are no longer valid are passed over.
func (c *Cluster) answerInverse(fw *framework, ids []mesos.OfferID,
	answer inverseoffers.InverseOfferStatus_Status, filters *mesos.Filters,
) {
	for _, id := range ids {
		i := c.master.inverse[id.Value]
		if i == nil || i.fw != fw {
			continue
		}
		c.withdrawInverse(i, false)
		i.answer = &inverseoffers.InverseOfferStatus{
			Status:      answer.Enum(),
			FrameworkID: mesos.FrameworkID{Value: fw.id},
			Timestamp:   mesos.TimeInfo{Nanoseconds: c.now().UnixNano()},
		}
		if lasts := refusal(filters); lasts > 0 {
			i.filtered = c.after(lasts, c.allocateSoon)
		} else {
			c.allocateSoon()
		}
	}
}

// withdrawInverse ends an inverse offer; another may follow.
func (c *Cluster) withdrawInverse(i *inverse, rescind bool) {
	if i.offerID == "" {
		return
	}
	id := i.offerID
	delete(c.master.inverse, id)
	i.offerID = ""
	if rescind {
		i.fw.send(&scheduler.Event{
			Type:                scheduler.Event_RESCIND_INVERSE_OFFER,
			RescindInverseOffer: &scheduler.Event_RescindInverseOffer{InverseOfferID: mesos.OfferID{Value: id}},
		})
	}
}

// forgetInverse forgets all that was said about an agent: it has left, or its
// window has changed.
func (c *Cluster) forgetInverse(a *agent) {
	for _, id := range sortedKeys(a.inverse) {
		c.withdrawInverse(a.inverse[id], true)
		c.stop(a.inverse[id].filtered)
	}
	clear(a.inverse)
}

// discardInverse withdraws what a framework has outstanding, when it has a new
// stream. What it did not want to hear it still does not.
func (c *Cluster) discardInverse(fw *framework) {
	for _, a := range c.agents {
		if i := a.inverse[fw.id]; i != nil {
			c.withdrawInverse(i, false)
		}
	}
}

// forgetInverseTo forgets what a framework has outstanding, and on REVIVE what it
// did not want to hear.
func (c *Cluster) forgetInverseTo(fw *framework, revived bool) {
	for _, a := range c.agents {
		i := a.inverse[fw.id]
		if i == nil {
			continue
		}
		c.stop(i.filtered)
		if !revived {
			c.withdrawInverse(i, false)
		}
	}
}
