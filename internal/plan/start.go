package plan

import (
	"fmt"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
)

// startBound starts the device-bound services that are wanted and have no task.
func (p *pass) startBound() {
	for k := range s3 {
		p.startMissing(k)
	}
}

// startMissing starts the instances of a service that is bound to hosts.
func (p *pass) startMissing(k kind) {
	if p.frozen != "" {
		return
	}
	for _, h := range p.active {
		if s := &h.slots[k]; s.wanted && s.task == nil {
			p.startOn(k, h)
		}
	}
}

// startOn starts a service that is bound to its host, or says why not.
func (p *pass) startOn(k kind, h *host) {
	s := &h.slots[k]
	if s.wait = p.startWait(k, h); s.wait != nil {
		return
	}
	if s.wait = p.retryWait(k, h.key, h.name); s.wait != nil {
		p.holdForRetry(k, h)
		return
	}
	if h.maintenance {
		s.wait = p.maintenanceWait(h)
		p.keepOffers(h)
		return
	}
	pool := p.poolOf(h, k)
	if p.launch(k, h, pool) {
		return
	}
	need := p.specFor(k, h.key).need
	if pool.fits(need, true) {
		p.revives[pool.role] = true
		s.wait = waitOn(h, codeOffers, "waits for resources that were declined to be offered again")
		return
	}
	if s.wait = p.returningWait(instanceKey{k, h.key}, h, need.kind); s.wait == nil {
		s.wait = pool.shortage(h, need)
	}
}

// keepOffers keeps the offers of a host in maintenance while something on it is
// to be started or replaced: they alone tell of the window. Declined, they would
// look like resources that a revive brings back.
func (p *pass) keepOffers(h *host) {
	for _, o := range h.agent.Offers {
		p.pool(h.agent, o.Role).keep = true
	}
}

// keepWhatFits keeps the offers of the host that suffice for the service.
func (p *pass) keepWhatFits(k kind, h *host) {
	if pool := p.poolOf(h, k); pool.fits(p.specFor(k, h.key).need, false) {
		pool.keep = true
	}
}

// startWait is why a service cannot be started on the host now, its resources
// and earlier failures aside.
func (p *pass) startWait(k kind, h *host) *wait {
	if w := p.blocked(h); w != nil {
		return w
	}
	if f := h.slots[k].foreign; f != nil {
		return &wait{
			code: codeForeign, host: h.name,
			message: "task " + f.ID + " runs here, though its id names another host", generic: "have tasks of other hosts",
		}
	}
	if w := p.confirmWait(k, h); w != nil {
		return w
	}
	return p.orderWait(k, h)
}

// orderWait is why a service waits for others: the registries of a new
// installation for the first one, metadata, data and clients for a majority of the
// registries, floating services for one of each core service, and for the core
// services of the host that they start on.
func (p *pass) orderWait(k kind, h *host) *wait {
	if k == registry {
		return p.bootstrapWait(h)
	}
	if w := p.coreWait(k); w != nil {
		return w
	}
	if !k.floats() {
		return nil
	}
	for core := range s3 {
		s := &h.slots[core]
		if s.wanted && (s.task == nil || !s.task.runs() || s.killed) {
			return waitOn(h, codeOrder, "waits for "+core.String()+" to run on this host")
		}
	}
	return nil
}

// coreWait is the part of orderWait that holds for all hosts.
func (p *pass) coreWait(k kind) *wait {
	if k == registry {
		return nil
	}
	registries := &p.gate.tallies[registry]
	if registries.members == 0 {
		return noDevice(registry)
	}
	if need := majority(registries.members); registries.running < need {
		return &wait{code: codeOrder, message: fmt.Sprintf("waits for %d of %d registries", need, registries.members)}
	}
	if !k.floats() {
		return nil
	}
	for _, core := range [...]kind{metadata, data} {
		t := &p.gate.tallies[core]
		if t.members == 0 {
			return noDevice(core)
		}
		if t.running == 0 {
			return &wait{code: codeOrder, message: "waits for a " + core.String() + " service to run"}
		}
	}
	return nil
}

func noDevice(k kind) *wait {
	return &wait{code: codeNoDevice, message: "waits for " + k.String() + ", and the inventory has no " + devicesOf(k)}
}

// launch starts the service with the offers of the pool, if they suffice.
func (p *pass) launch(k kind, h *host, pool *pool) bool {
	if p.volumeDeclined(k, h) {
		return false
	}
	chosen := p.specFor(k, h.key)
	resources, reserve, ok := pool.take(chosen.need)
	if !ok {
		return false
	}
	if len(reserve) > 0 {
		p.operate(h.agent, pool, calls.OpReserve(reserve...))
	}
	resources = p.takeVolumes(k, h, resources)
	if chosen.hash == p.specs[k].hash && !p.tries(&h.slots[k], k, h, away) {
		p.gate.tallies[k].trying++
	}
	h.slots[k].launched = true
	p.result.Launches = append(p.result.Launches, Launch{
		Spec:      chosen.spec,
		Hash:      chosen.hash,
		Host:      h.name,
		AgentID:   h.agent.ID,
		Role:      pool.role,
		OfferIDs:  pool.offers,
		Resources: resources,
	})
	h.slots[k].wait = waitOn(h, codeProgress, "is being launched")
	return true
}
