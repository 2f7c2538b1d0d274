package plan

import (
	"slices"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

const (
	// returnTime is how long after the last task has ended what it gave back may
	// not have been offered yet: some allocation intervals of Mesos, of 1 s each.
	returnTime = 10 * time.Second
	// freeTime bounds how long a teardown waits for reservations to be freed: an
	// agent may be away, and Mesos may refuse.
	freeTime = 2 * time.Minute
)

// nobody owns what every service of the cluster may use.
const nobody = kinds

// reserver knows which reservations are those of the cluster's services.
type reserver struct {
	// cluster is the value of their label.
	cluster   string
	principal string
	// reserves: what is used is reserved (spec.mesos.reservation). Otherwise what
	// was reserved is not used any more, and freed.
	reserves bool
}

func reserverOf(c *v1alpha1.QuobyteCluster) reserver {
	m := &c.Spec.Mesos
	return reserver{
		cluster:   c.Namespace + "/" + c.Name,
		principal: m.Principal,
		reserves:  m.Reservation == v1alpha1.ReservationDynamic && m.Role != "*" && m.Principal != "",
	}
}

// ownerOf says which service a resource is reserved for. It is usable unless
// somebody has reserved it dynamically who is not of this cluster: another
// framework of the role, or another cluster.
func (r *reserver) ownerOf(res *mesos.Resource) (owner kind, usable bool) {
	n := len(res.Reservations)
	if n == 0 {
		return nobody, res.Reservation == nil
	}
	last := &res.Reservations[n-1]
	if last.GetType() != mesos.Resource_ReservationInfo_DYNAMIC {
		return nobody, true
	}
	labelled, ok := quobyte.OwnerOf(last.Labels)
	if !ok || labelled.Cluster != r.cluster || labelled.Device != "" {
		return nobody, false
	}
	k, ours := kindOf(labelled.Service)
	if !ours {
		return nobody, false
	}
	return k, true
}

// reservable says that the resource, once it is used, is to be reserved: what the
// role has already been given by a static reservation is used as it is, Mesos
// refines a reservation for a role below alone.
func (r *reserver) reservable(res *mesos.Resource, role string) bool {
	n := len(res.Reservations)
	return r.reserves && role != "*" && (n == 0 || res.Reservations[n-1].GetRole() != role)
}

// reservedFor is the resource as it is when it is reserved for the service.
func (r *reserver) reservedFor(res mesos.Resource, role string, k kind) mesos.Resource {
	return r.reserved(res, role, quobyte.Owner{Cluster: r.cluster, Service: services[k]})
}

func (r *reserver) reserved(res mesos.Resource, role string, owner quobyte.Owner) mesos.Resource {
	res.Reservations = append(slices.Clip(res.Reservations), mesos.Resource_ReservationInfo{
		Type:      mesos.Resource_ReservationInfo_DYNAMIC.Enum(),
		Role:      &role,
		Principal: &r.principal,
		Labels:    owner.Labels(),
	})
	return res
}

// owners says for which services of the cluster some of the resources are
// reserved.
func (r *reserver) owners(resources []mesos.Resource) (owned [kinds]bool, any bool) {
	for i := range resources {
		if len(resources[i].Reservations) == 0 || resources[i].Disk != nil { // the first as nearly all
			continue
		}
		if k, _ := r.ownerOf(&resources[i]); k != nobody {
			owned[k], any = true, true
		}
	}
	return owned, any
}

// freeReservations gives back what is reserved for services that do not need it:
// they have left the host, need less than before, or an earlier pass crashed
// between RESERVE and LAUNCH. It is found in offers alone, so that what was declined
// is asked for again.
func (p *pass) freeReservations() {
	if p.frozen != "" || p.mode == stopping && !p.teardown {
		return // state Stopped keeps what the services will come back to
	}
	for _, a := range p.snap.Agents {
		if !a.Behind {
			continue
		}
		for _, o := range a.Offers {
			if _, any := p.reserver.owners(o.Resources); any {
				p.freeHeld(a, o.Role)
			}
			p.freeDisks(a, o)
		}
		for role, declined := range a.Declined {
			if owned, any := p.reserver.owners(declined); any {
				p.freeDeclined(a, role, owned)
			}
		}
	}
	slices.SortStableFunc(p.result.Operations, func(a, b Operation) int {
		return strings.Compare(a.AgentID+" "+a.Role, b.AgentID+" "+b.Role)
	})
}

func (p *pass) freeHeld(a *mesosbridge.Agent, role string) {
	h := p.hostOfAgent(a)
	if h == nil || p.unreserveWaits(a.ID) {
		return
	}
	pool := p.pool(a, role)
	free := pool.leave(func(k kind) bool { return p.spare(k, h) })
	if len(free) == 0 {
		return
	}
	pool.used = true
	p.operate(a, pool, calls.OpUnreserve(free...))
}

// freeDeclined has declined resources offered again that are to be freed. Surplus
// is not looked for there: it is given back when its service is launched, or when
// it is offered again.
func (p *pass) freeDeclined(a *mesosbridge.Agent, role string, owned [kinds]bool) {
	h := p.hostOfAgent(a)
	if h == nil || p.unreserveWaits(a.ID) || p.revives[role] {
		return
	}
	for k, has := range owned {
		s := &h.slots[k]
		surplus := p.reserver.reserves && (s.task != nil || s.launched)
		if has && !surplus && p.spare(kind(k), h) {
			p.revives[role] = true
		}
	}
}

// hostOfAgent is the host whose one registered agent it is; nil: there is none.
func (p *pass) hostOfAgent(a *mesosbridge.Agent) *host {
	if h := p.hosts[quobyte.HostKey(a.Host)]; h != nil && h.agent == a {
		return h
	}
	return nil
}

// spare says that the service does not need what is still reserved for it on the
// host, now or when it comes back.
func (p *pass) spare(k kind, h *host) bool {
	s := &h.slots[k]
	switch {
	case p.teardown:
		return s.task == nil
	case p.blockedBy != "", h.unreadable != "", s.foreign != nil, s.duplicate():
		return false
	case !p.reserver.reserves, s.launched:
		return true
	case s.task != nil:
		// It runs on what it took: this is left over.
		return s.wanted && !s.killed && !s.task.outdated && s.task.status == available
	case k.floats():
		return p.floating[k].missing() == 0
	}
	return !s.wanted && !p.asks(k, h)
}

// asks says that a device on the host asks for the service, be it refused or
// missing at present: its service may come back.
func (p *pass) asks(k kind, h *host) bool {
	if p.asked == nil {
		p.asked = map[instanceKey]bool{}
		for i := range p.in.Inventory.Devices {
			d := &p.in.Inventory.Devices[i]
			if givenUp(d.Object) {
				continue
			}
			for _, t := range slices.Concat(d.Object.Spec.Types, d.Types) {
				if k, ok := kindOfDevice(t); ok {
					p.asked[instanceKey{k, quobyte.HostKey(d.Object.Spec.Host)}] = true
					p.asked[instanceKey{k, quobyte.HostKey(d.Host)}] = true
				}
			}
		}
	}
	return p.asked[instanceKey{k, h.key}]
}

// operate has an operation done on the offers of the pool.
func (p *pass) operate(a *mesosbridge.Agent, pool *pool, op mesos.Offer_Operation) *Operation {
	p.result.Operations = append(p.result.Operations, Operation{
		AgentID: a.ID, Host: a.Host, Role: pool.role, OfferIDs: pool.offers, Operation: op,
	})
	return &p.result.Operations[len(p.result.Operations)-1]
}

// refusedOperations are the operations that Mesos refused last, by agent, unless
// one of the type was done on the agent since.
func (p *pass) refusedOperations(t mesos.Offer_Operation_Type) map[string]*mesosbridge.OperationState {
	refused := map[string]*mesosbridge.OperationState{}
	for _, o := range p.snap.EndedOperations {
		switch {
		case o.Type != t:
		case o.State == mesos.OPERATION_ERROR, o.State == mesos.OPERATION_FAILED:
			refused[o.AgentID] = o
		case o.State == mesos.OPERATION_FINISHED:
			delete(refused, o.AgentID)
		}
	}
	return refused
}

// unreserveWaits says that Mesos has refused to free something of the agent a
// short time ago.
func (p *pass) unreserveWaits(agentID string) bool {
	if p.refusedFrees == nil {
		p.refusedFrees = p.refusedOperations(mesos.Offer_Operation_UNRESERVE)
	}
	o := p.refusedFrees[agentID]
	return o != nil && p.within(o.Since, lastRetry)
}

// within says that so little time has passed since; when it has, the decisions
// change.
func (p *pass) within(since time.Time, span time.Duration) bool {
	until := since.Add(span)
	p.at(until)
	return p.now.Before(until)
}

// reservationReasons tell of reservations that Mesos refuses: a person has to
// allow them to the principal.
func (p *pass) reservationReasons(book *reasonBook) {
	for _, t := range [...]mesos.Offer_Operation_Type{mesos.Offer_Operation_RESERVE, mesos.Offer_Operation_UNRESERVE} {
		refused := p.refusedOperations(t)
		hosts := make([]string, 0, len(refused))
		byHost := map[string]*mesosbridge.OperationState{}
		for id, o := range refused {
			if a := p.snap.Agents[id]; a != nil && p.within(o.Since, 2*lastRetry) {
				hosts = append(hosts, a.Host)
				byHost[a.Host] = o
			}
		}
		slices.Sort(hosts)
		for _, name := range slices.Compact(hosts) {
			book.add(wholeCluster, &wait{
				code: codeFailing, host: name,
				message: "Mesos refused to " + strings.ToLower(t.String()) + " resources: " + bounded(byHost[name].Message),
				generic: "Mesos refuses reservations",
			}, name)
		}
	}
}

// reservationsFreed says that a teardown need not wait for reservations any more:
// none is known, and what the last tasks gave back has been offered; or that it has
// taken too long.
func (p *pass) reservationsFreed() bool {
	last := p.snap.Since
	if n := len(p.snap.Ended); n > 0 && p.snap.Ended[n-1].Since.After(last) {
		last = p.snap.Ended[n-1].Since
	}
	if p.frozen != "" || !p.within(last, freeTime) {
		return true
	}
	if p.reserver.reserves && p.within(last, returnTime) || len(p.result.Operations) > 0 {
		return false
	}
	for _, o := range p.snap.Operations {
		if o.Type == mesos.Offer_Operation_UNRESERVE {
			return false
		}
	}
	for _, a := range p.snap.Agents {
		for _, declined := range a.Declined {
			if _, any := p.reserver.owners(declined); any {
				return false
			}
		}
		for _, o := range a.Offers {
			if _, any := p.reserver.owners(o.Resources); any {
				return false
			}
		}
	}
	return true
}
