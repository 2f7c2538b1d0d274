package plan

import (
	"slices"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// The scalar resources of a service.
const (
	cpus = iota
	mem
	disk
	scalars
)

var scalarNames = [scalars]string{"cpus", "mem", "disk"}

// need is what one instance takes of its agent. Scalars are in the fixed point
// of Mesos: three digits after the point.
type need struct {
	scalars [scalars]int64
	ports   []uint64
}

func needOf(s quobyte.Spec) need {
	return need{scalars: [scalars]int64{s.MilliCPUs, s.MemMiB * 1000, s.DiskMiB * 1000}, ports: s.Ports()}
}

// poolKey names the offers that can be used together: a task uses those of one
// agent and one role.
type poolKey struct{ agent, role string }

// pool is what is held of one agent and role, and what is left of it.
type pool struct {
	role   string
	offers []string
	// held parts are those of the offers, reserved ones first; declined are
	// known and not at hand.
	held     []part
	declined []part
	// used by a launch of this pass.
	used bool
	// keep the offers though nothing uses them now.
	keep bool
}

// part is one resource of an offer, as far as it is left.
type part struct {
	from   *mesos.Resource
	scalar int // index of its name; scalars for ports
	left   int64
	ranges []mesos.Value_Range
}

// poolOf returns the pool of the host's agent for the service.
func (p *pass) poolOf(h *host, k kind) *pool {
	key := poolKey{h.agent.ID, p.specs[k].role}
	if known := p.pools[key]; known != nil {
		return known
	}
	made := newPool(h.agent, key.role)
	p.pools[key] = made
	return made
}

func newPool(a *mesosbridge.Agent, role string) *pool {
	pool := &pool{role: role}
	var offers []*mesosbridge.Offer
	for _, o := range a.Offers {
		if o.Role == role {
			offers = append(offers, o)
		}
	}
	slices.SortFunc(offers, func(a, b *mesosbridge.Offer) int { return strings.Compare(a.ID, b.ID) })
	for _, o := range offers {
		pool.offers = append(pool.offers, o.ID)
		pool.held = appendParts(pool.held, o.Resources)
	}
	pool.declined = appendParts(nil, a.Declined[role])
	slices.SortStableFunc(pool.held, func(a, b part) int { return reservedFirst(a.from) - reservedFirst(b.from) })
	return pool
}

func reservedFirst(r *mesos.Resource) int {
	if isReserved(r) {
		return 0
	}
	return 1
}

// isReserved says that the resource is reserved; it is offered to us, so for us.
func isReserved(r *mesos.Resource) bool {
	return len(r.Reservations) > 0 || r.Role != nil && *r.Role != "*"
}

// appendParts adds what a service may use: no volumes and disks of their own, no
// resources that can be revoked or are shared, none of a resource provider.
func appendParts(parts []part, resources []mesos.Resource) []part {
	for i := range resources {
		r := &resources[i]
		if r.Disk != nil || r.Revocable != nil || r.Shared != nil || r.ProviderID != nil {
			continue
		}
		name := slices.Index(scalarNames[:], r.Name)
		switch {
		case name >= 0 && r.Scalar != nil:
			parts = append(parts, part{from: r, scalar: name, left: fixed(r.Scalar.Value)})
		case r.Name == "ports" && r.Ranges != nil:
			parts = append(parts, part{from: r, scalar: scalars, ranges: slices.Clone(r.Ranges.Range)})
		}
	}
	return parts
}

// fixed is the fixed point of Mesos (src/common/values.cpp).
func fixed(value float64) int64 {
	if value < 0 {
		return 0
	}
	return int64(value*1000 + 0.5)
}

func (p *part) hasPort(port uint64) bool {
	return slices.ContainsFunc(p.ranges, func(r mesos.Value_Range) bool { return r.Begin <= port && port <= r.End })
}

// lacks says what the pool does not have of the need: scalars (0 or less: it
// has enough) and ports.
func (pool *pool) lacks(n need, withDeclined bool) (short [scalars]int64, ports []uint64) {
	short = n.scalars
	known := [2][]part{pool.held}
	if withDeclined {
		known[1] = pool.declined
	}
	for _, parts := range known {
		for i := range parts {
			if s := parts[i].scalar; s < scalars {
				short[s] -= parts[i].left
			}
		}
	}
	for _, port := range n.ports {
		has := func(p part) bool { return p.hasPort(port) }
		if !slices.ContainsFunc(known[0], has) && !slices.ContainsFunc(known[1], has) {
			ports = append(ports, port)
		}
	}
	return short, ports
}

// fits says that the need could be met, with what was declined or without it.
func (pool *pool) fits(n need, withDeclined bool) bool {
	short, ports := pool.lacks(n, withDeclined)
	return short[cpus] <= 0 && short[mem] <= 0 && short[disk] <= 0 && len(ports) == 0
}

// nothing says that nothing is known to be there.
func (pool *pool) nothing() bool { return len(pool.held) == 0 && len(pool.declined) == 0 }

// offersReserved says that the agent offers, or offered, reserved resources.
func (pool *pool) offersReserved() bool {
	reserved := func(p part) bool { return isReserved(p.from) }
	return slices.ContainsFunc(pool.held, reserved) || slices.ContainsFunc(pool.declined, reserved)
}
