package mesostest

import (
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// filter keeps resources of an agent from being offered again for a while. It
// blocks only what is a subset of what was refused, so that more comes through
// (RefusedOfferFilter in master/allocator/mesos/hierarchical.cpp).
type filter struct {
	refused resources
	expiry  *timer
}

type filterKey struct{ role, agentID string }

// refuse remembers that a framework does not want resources. A filter lasts at
// least until the next round of offers.
func (c *Cluster) refuse(fw *framework, role string, a *agent, r resources, f *mesos.Filters) {
	lasts := refusal(f)
	if lasts == 0 || len(r) == 0 || fw.stream == nil {
		return
	}
	key := filterKey{role, a.id}
	added := &filter{refused: r}
	added.expiry = c.after(max(lasts, c.cfg.AllocationInterval), func() {
		left := slices.DeleteFunc(fw.filters[key], func(x *filter) bool { return x == added })
		if fw.filters[key] = left; len(left) == 0 {
			delete(fw.filters, key)
		}
		c.allocateSoon()
	})
	fw.filters[key] = append(fw.filters[key], added)
}

// refusal is how long a filter lasts; zero: there is none.
func refusal(f *mesos.Filters) time.Duration {
	const longest = 365 * 24 * 3600 // seconds
	s := f.GetRefuseSeconds()       // 5 when there are no filters
	if s < 0 {
		s = mesos.Default_Filters_RefuseSeconds
	}
	return time.Duration(min(s, longest) * float64(time.Second))
}

func (fw *framework) filtered(role string, a *agent, r resources) bool {
	if len(fw.filters) == 0 {
		return false
	}
	return slices.ContainsFunc(fw.filters[filterKey{role, a.id}], func(f *filter) bool {
		return f.refused.contains(r)
	})
}

// forgetFilters of some roles, or of all when none is named.
func (fw *framework) forgetFilters(c *Cluster, roles ...string) {
	for key, list := range fw.filters {
		if len(roles) > 0 && !slices.Contains(roles, key.role) {
			continue
		}
		for _, f := range list {
			c.stop(f.expiry)
		}
		delete(fw.filters, key)
	}
}

// forgetFiltersOf an agent that the master removes from its allocator: because it is
// unreachable, gone, or replaced. One that is merely disconnected keeps them (removeSlave
// and deactivateSlave in master/allocator/mesos/hierarchical.cpp; since MESOS-9852, in
// Mesos 1.7.3, 1.8.1 and 1.9.0. Masters before kept them until they expired).
func (c *Cluster) forgetFiltersOf(a *agent) {
	for _, fw := range c.master.frameworks {
		for key, list := range fw.filters {
			if key.agentID != a.id {
				continue
			}
			for _, f := range list {
				c.stop(f.expiry)
			}
			delete(fw.filters, key)
		}
	}
}

// revive removes filters and offers again, at once, what was refused. Roles that
// are not the framework's are passed over (revive in master/master.cpp).
func (c *Cluster) revive(fw *framework, roles []string) {
	for _, role := range fw.named(roles) {
		delete(fw.suppressed, role)
		fw.forgetFilters(c, role)
	}
	c.forgetInverseTo(fw, true)
	c.allocate(c.registeredAgents())
}

// suppress stops offers for roles; those that are outstanding stay.
func (c *Cluster) suppress(fw *framework, roles []string) {
	for _, role := range fw.named(roles) {
		fw.suppressed[role] = true
	}
}

func (fw *framework) named(roles []string) []string {
	if len(roles) == 0 {
		return fw.roles
	}
	var known []string
	for _, role := range roles {
		if slices.Contains(fw.roles, role) {
			known = append(known, role)
		}
	}
	return known
}
