package mesostest

import (
	"slices"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// offer is outstanding: its resources are neither available nor used.
type offer struct {
	id        string
	number    int
	fw        *framework
	agent     *agent
	role      string
	resources resources
}

// offer sets resources of an agent aside for a framework.
func (c *Cluster) offer(fw *framework, role string, a *agent, r resources) *offer {
	o := &offer{id: c.master.newOfferID(), number: c.master.nextOffer, fw: fw, agent: a, role: role, resources: r}
	c.master.offers[o.id] = o
	fw.offers[o.id] = o
	a.offers[o.id] = o
	a.available = a.available.minus(r)
	c.allot(fw, role, r)
	return o
}

func (o *offer) proto(m *master) mesos.Offer {
	a := o.agent
	p := mesos.Offer{
		ID:          mesos.OfferID{Value: o.id},
		FrameworkID: mesos.FrameworkID{Value: o.fw.id},
		AgentID:     mesos.AgentID{Value: a.id},
		Hostname:    a.host,
		URL:         a.url,
		Domain:      a.domain,
		Resources:   o.resources.proto(o.fw, o.role),
		Attributes:  a.attributes,

		Unavailability: m.unavailability(a),
	}
	for _, e := range a.sortedExecutors() {
		if e.key.frameworkID == o.fw.id {
			p.ExecutorIDs = append(p.ExecutorIDs, e.info.ExecutorID)
		}
	}
	if o.fw.multiRole {
		p.AllocationInfo = &mesos.Resource_AllocationInfo{Role: &o.role}
	}
	return p
}

// remove takes an offer from the books; its resources are the caller's now.
func (c *Cluster) remove(o *offer) {
	delete(c.master.offers, o.id)
	delete(o.fw.offers, o.id)
	delete(o.agent.offers, o.id)
}

// withdraw ends an offer that was not used; its resources are available again.
func (c *Cluster) withdraw(o *offer, rescind bool) {
	c.remove(o)
	c.recover(o.fw, o.role, o.agent, o.resources)
	if rescind {
		o.fw.send(&scheduler.Event{
			Type:    scheduler.Event_RESCIND,
			Rescind: &scheduler.Event_Rescind{OfferID: mesos.OfferID{Value: o.id}},
		})
	}
}

// recover makes resources available that a framework had.
func (c *Cluster) recover(fw *framework, role string, a *agent, r resources) {
	a.available = a.available.plus(r)
	c.unallot(fw, role, r)
	c.allocateSoon()
}

// decline returns offers; those that are no longer valid are passed over.
func (c *Cluster) decline(fw *framework, call *scheduler.Call_Decline) {
	for _, id := range call.OfferIDs {
		if o := fw.offers[id.Value]; o != nil {
			c.withdraw(o, false)
			c.refuse(fw, o.role, o.agent, o.resources, call.Filters)
		}
	}
}

func newestFirst(offers map[string]*offer) []*offer {
	list := make([]*offer, 0, len(offers))
	for _, o := range offers {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b *offer) int { return b.number - a.number })
	return list
}
