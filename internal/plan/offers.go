package plan

import (
	"maps"
	"slices"

	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// settleOffers declines what nothing can use now. What an instance lacks that was
// declined before is revived, and what is held of that agent is declined in the
// same pass: both then come back as one offer. Kept, the held part would be
// declined before the other one comes, and the two would chase each other.
func (p *pass) settleOffers() {
	if !p.snap.Connected {
		return
	}
	for _, a := range p.snap.Agents {
		for _, o := range a.Offers {
			if !p.keeps(a, o) {
				p.result.Declines = append(p.result.Declines, o.ID)
			}
		}
	}
	slices.Sort(p.result.Declines)
	p.result.Revives = slices.Sorted(maps.Keys(p.revives))
}

func (p *pass) keeps(a *mesosbridge.Agent, o *mesosbridge.Offer) bool {
	pool := p.pools[poolKey{a.ID, o.Role}]
	if pool != nil && pool.used {
		return true
	}
	if p.teardown || p.frozen != "" {
		return false
	}
	if pool != nil && pool.keep {
		return true
	}
	if o.Unavailability != nil && p.mayHaveEnded(a, o.Role) {
		return true
	}
	if a.Behind {
		return false
	}
	_, reserved := p.reserver.owners(o.Resources)
	return reserved || p.mayUse(a, o.Role)
}

// mayUse says that something could want the offers of an agent once its barrier
// is open: before, nobody knows what runs there.
func (p *pass) mayUse(a *mesosbridge.Agent, role string) bool {
	h := p.hosts[quobyte.HostKey(a.Host)]
	if h == nil || h.agent == nil || !p.mayStart(h) || h.unreadable != "" || p.blockedBy != "" {
		return false
	}
	if h.prober == nil && p.in.Prober != nil && role == p.probers.role {
		return true
	}
	if p.cordoned[h.name] {
		return false
	}
	for k := range kinds {
		s := &h.slots[k]
		if p.specs[k].role != role || s.task != nil {
			continue
		}
		if k.floats() && p.floating[k].missing() > 0 || s.wanted {
			return true
		}
	}
	return false
}

// mayHaveEnded says that a service of the agent's host may have ended, and nobody has
// said so yet: an operator that has just come knows the tasks of a host that was left
// for its maintenance by statuses that are late. It has to be started again then, and
// what was declined before would not tell that the window was cancelled (keepOffers).
func (p *pass) mayHaveEnded(a *mesosbridge.Agent, role string) bool {
	h := p.hosts[quobyte.HostKey(a.Host)]
	if h == nil {
		return false
	}
	for k := range kinds {
		if s := &h.slots[k]; p.specs[k].role == role && s.wanted && s.task != nil && (s.task.status == doubtful || !s.task.Heard) {
			return true
		}
	}
	return false
}
