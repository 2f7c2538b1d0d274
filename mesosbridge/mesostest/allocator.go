package mesostest

import (
	"cmp"
	"slices"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// allocator decides who is offered what: dominant resource fairness, first
// between roles, then between the frameworks of a role. There is no quota, and
// all weights are one.
type allocator struct {
	roles map[string]*share
	total share
	round *timer // the next one; nil when there is nothing new to offer
}

// share is what somebody has, offers included, in thousandths.
type share struct {
	cpus, mem, disk int64
	count           int
}

func (s *share) add(r resources, sign int64) {
	s.cpus += sign * r.milli("cpus")
	s.mem += sign * r.milli("mem")
	s.disk += sign * r.milli("disk")
	s.count += int(sign)
}

// dominant is the largest part that somebody has of any resource.
func (s *share) dominant(total *share) float64 {
	part := func(have, of int64) float64 { return float64(have) / float64(max(of, 1)) }
	return max(part(s.cpus, total.cpus), part(s.mem, total.mem), part(s.disk, total.disk))
}

func (c *Cluster) allot(fw *framework, role string, r resources) {
	shareOf(c.master.allocator.roles, role).add(r, 1)
	shareOf(fw.shares, role).add(r, 1)
}

func (c *Cluster) unallot(fw *framework, role string, r resources) {
	shareOf(c.master.allocator.roles, role).add(r, -1)
	shareOf(fw.shares, role).add(r, -1)
}

func shareOf(shares map[string]*share, role string) *share {
	if shares[role] == nil {
		shares[role] = &share{}
	}
	return shares[role]
}

// allocateSoon offers what is available at the next round. Rounds come at
// multiples of the allocation interval, and only when something has changed.
func (c *Cluster) allocateSoon() {
	if c.master.allocator.round != nil {
		return
	}
	m := c.master
	interval := c.cfg.AllocationInterval
	rounds := c.now().Sub(c.started)/interval + 1
	m.allocator.round = c.at(c.started.Add(rounds*interval), func() {
		m.allocator.round = nil
		c.allocate(c.registeredAgents())
	})
}

// allocate offers what agents have available, all to a framework in one event.
func (c *Cluster) allocate(agents []*agent) {
	roles := c.sortedRoles()
	if len(roles) == 0 {
		c.offerInverse(agents) // a framework that wants no offers may have tasks
		return
	}
	c.rand.Shuffle(len(agents), func(i, j int) { agents[i], agents[j] = agents[j], agents[i] })
	var order []*framework
	batches := map[*framework][]mesos.Offer{}
	for _, a := range agents {
		for _, o := range c.allocateAgent(a, roles) {
			if batches[o.fw] == nil {
				order = append(order, o.fw)
			}
			batches[o.fw] = append(batches[o.fw], o.proto(c.master))
		}
	}
	for _, fw := range order {
		fw.send(&scheduler.Event{
			Type:   scheduler.Event_OFFERS,
			Offers: &scheduler.Event_Offers{Offers: batches[fw]},
		})
	}
	c.offerInverse(agents)
}

// allocateAgent offers one agent's resources: those that are not reserved go
// whole to the first that takes them.
func (c *Cluster) allocateAgent(a *agent, roles []*roleQueue) (made []*offer) {
	if len(a.available) == 0 || a.deactivated() {
		return nil
	}
	total := &c.master.allocator.total
	slices.SortFunc(roles, func(x, y *roleQueue) int { return fairer(x.share, y.share, total, x.role, y.role) })
	for _, queue := range roles {
		role := queue.role
		if len(queue.frameworks) > 1 {
			slices.SortFunc(queue.frameworks, func(x, y *framework) int {
				return fairer(shareOf(x.shares, role), shareOf(y.shares, role), total, x.id, y.id)
			})
		}
		for _, fw := range queue.frameworks {
			available := a.available.forRole(role)
			if !allocatable(available) {
				break
			}
			if !fw.filtered(role, a, available) {
				made = append(made, c.offer(fw, role, a, available))
			}
		}
	}
	return made
}

// roleQueue is a role and the frameworks that want offers for it.
type roleQueue struct {
	role       string
	share      *share
	frameworks []*framework
}

func (c *Cluster) sortedRoles() []*roleQueue {
	byRole := map[string]*roleQueue{}
	var all []*roleQueue
	for _, fw := range c.master.frameworks {
		if fw.stream == nil {
			continue
		}
		for _, role := range fw.roles {
			if fw.suppressed[role] {
				continue
			}
			if byRole[role] == nil {
				byRole[role] = &roleQueue{role: role, share: shareOf(c.master.allocator.roles, role)}
				all = append(all, byRole[role])
			}
			byRole[role].frameworks = append(byRole[role].frameworks, fw)
		}
	}
	return all
}

// fairer orders by dominant share, then by the number of allocations, then by
// name (master/allocator/mesos/sorter/drf/sorter.hpp).
func fairer(a, b, total *share, nameA, nameB string) int {
	return cmp.Or(
		cmp.Compare(a.dominant(total), b.dominant(total)),
		cmp.Compare(a.count, b.count),
		cmp.Compare(nameA, nameB),
	)
}

// allocatable: too little is not worth an offer (--min_allocatable_resources of
// the master, docs/configuration/master.md: cpus:0.01|mem:32).
func allocatable(r resources) bool { return r.milli("cpus") >= 10 || r.milli("mem") >= 32000 }
