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
	// kind of the service: what is reserved for another one is not for it. nobody:
	// it is no service, and nothing is reserved for it.
	kind    kind
	scalars [scalars]int64
	ports   []uint64
}

func needOf(s quobyte.Spec) need {
	k, ok := kindOf(s.Service)
	if !ok {
		k = nobody
	}
	return need{kind: k, scalars: [scalars]int64{s.MilliCPUs, s.MemMiB * 1000, s.DiskMiB * 1000}, ports: s.Ports()}
}

// poolKey names the offers that can be used together: a task uses those of one
// agent and one role.
type poolKey struct{ agent, role string }

// pool is what is held of one agent and role, and what is left of it.
type pool struct {
	role     string
	reserver *reserver
	offers   []string
	// held parts are those of the offers, those reserved for a service first, then
	// those reserved for the role; declined are known and not at hand.
	held     []part
	declined []part
	// used by a launch or an operation of this pass.
	used bool
	// keep the offers though nothing uses them now.
	keep bool
}

// part is one resource of an offer, as far as it is left.
type part struct {
	from   *mesos.Resource
	scalar int // index of its name; scalars for ports
	// owner is the service that it is reserved for; nobody: it is for all.
	owner  kind
	left   int64
	ranges []mesos.Value_Range
}

// poolOf returns the pool of the host's agent for the service.
func (p *pass) poolOf(h *host, k kind) *pool {
	return p.pool(h.agent, p.specs[k].role)
}

func (p *pass) pool(a *mesosbridge.Agent, role string) *pool {
	key := poolKey{a.ID, role}
	if known := p.pools[key]; known != nil {
		return known
	}
	made := newPool(a, role, &p.reserver)
	p.pools[key] = made
	return made
}

func newPool(a *mesosbridge.Agent, role string, reserver *reserver) *pool {
	pool := &pool{role: role, reserver: reserver}
	var offers []*mesosbridge.Offer
	for _, o := range a.Offers {
		if o.Role == role {
			offers = append(offers, o)
		}
	}
	slices.SortFunc(offers, func(a, b *mesosbridge.Offer) int { return strings.Compare(a.ID, b.ID) })
	for _, o := range offers {
		pool.offers = append(pool.offers, o.ID)
		pool.held = reserver.appendParts(pool.held, o.Resources)
	}
	pool.declined = reserver.appendParts(nil, a.Declined[role])
	slices.SortStableFunc(pool.held, func(a, b part) int { return reservedFirst(&a) - reservedFirst(&b) })
	return pool
}

func reservedFirst(p *part) int {
	switch {
	case p.owner != nobody:
		return 0
	case isReserved(p.from):
		return 1
	}
	return 2
}

// isReserved says that the resource is reserved; it is offered to us, so for us.
func isReserved(r *mesos.Resource) bool {
	return len(r.Reservations) > 0 || r.Role != nil && *r.Role != "*"
}

// appendParts adds what a service may use: no volumes and disks of their own, no
// resources that can be revoked or are shared, none of a resource provider, none
// that somebody else has reserved.
func (r *reserver) appendParts(parts []part, resources []mesos.Resource) []part {
	for i := range resources {
		res := &resources[i]
		if res.Disk != nil || res.Revocable != nil || res.Shared != nil || res.ProviderID != nil {
			continue
		}
		owner, usable := r.ownerOf(res)
		name := slices.Index(scalarNames[:], res.Name)
		switch {
		case !usable:
		case name >= 0 && res.Scalar != nil:
			parts = append(parts, part{from: res, scalar: name, owner: owner, left: fixed(res.Scalar.Value)})
		case res.Name == "ports" && res.Ranges != nil:
			parts = append(parts, part{from: res, scalar: scalars, owner: owner, ranges: slices.Clone(res.Ranges.Range)})
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

// mayUse says that the service may use the part: it is reserved for it, or for
// nobody else.
func (pool *pool) mayUse(p *part, k kind) bool {
	return p.owner == nobody || p.owner == k && pool.reserver.reserves
}

// holdsFor says that something is known to be reserved for the service.
func (pool *pool) holdsFor(k kind) bool {
	own := func(p part) bool { return p.owner == k && pool.mayUse(&p, k) }
	return slices.ContainsFunc(pool.held, own) || slices.ContainsFunc(pool.declined, own)
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
			if s := parts[i].scalar; s < scalars && pool.mayUse(&parts[i], n.kind) {
				short[s] -= parts[i].left
			}
		}
	}
	for _, port := range n.ports {
		has := func(p part) bool { return p.hasPort(port) && pool.mayUse(&p, n.kind) }
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
