package plan

import (
	"slices"
	"strings"
)

// candidates are the hosts that could take an instance of a floating service,
// resources aside: those with the fewest floating tasks first, then by name.
func (p *pass) candidates(k kind) []*host {
	var out []*host
	for _, h := range p.hosts {
		s := &h.slots[k]
		if h.agent == nil || s.task != nil || s.launched || p.startWait(k, h) != nil {
			continue
		}
		if p.specs[k].reserved && !p.poolOf(h, k).offersReserved() {
			continue
		}
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b *host) int {
		if a.floating != b.floating {
			return a.floating - b.floating
		}
		return strings.Compare(a.name, b.name)
	})
	return out
}

// startFloating starts the missing instances of the floating services.
func (p *pass) startFloating() {
	for k := range kinds {
		f := &p.floating[k]
		if !k.floats() || f.missing() == 0 || p.frozen != "" {
			continue
		}
		if f.wait = p.coreWait(k); f.wait != nil {
			continue
		}
		if !p.snap.Reconciled {
			f.wait = &wait{code: codeBarrier, message: "waits until Mesos has told which tasks run"}
			continue
		}
		if f.wait = p.retryWait(k, "", ""); f.wait != nil {
			continue
		}
		p.startInstances(k)
	}
}

// startInstances looks for hosts. Declined resources are asked for again only
// when what is held is of no use anywhere.
func (p *pass) startInstances(k kind) {
	f := &p.floating[k]
	candidates := p.candidates(k)
	p.launchOnHeld(k, candidates)
	if f.missing() == 0 {
		return
	}
	var first *host // without room
	for _, h := range candidates {
		pool := p.poolOf(h, k)
		switch {
		case h.slots[k].launched:
		case h.maintenance:
			p.keepOffers(h)
		case f.wait == nil && pool.fits(p.specs[k].need, true):
			p.revives[pool.role] = true
			f.wait = &wait{code: codeOffers, message: "waits for resources that were declined to be offered again"}
		case first == nil:
			first = h
		}
	}
	if f.wait == nil {
		f.wait = p.noHostWait(k, first)
	}
}

func (p *pass) launchOnHeld(k kind, candidates []*host) {
	f := &p.floating[k]
	for _, h := range candidates {
		if f.missing() == 0 {
			return
		}
		if !h.maintenance && p.launch(k, h, p.poolOf(h, k)) {
			f.launched++
			h.floating++
		}
	}
}

// noHostWait is why no host can take another instance.
func (p *pass) noHostWait(k kind, first *host) *wait {
	if first != nil {
		w := p.poolOf(first, k).shortage(first, p.specs[k].need)
		return &wait{code: w.code, message: "no host that is free for it has room; " + w.sentence(), generic: "no host has room"}
	}
	if p.specs[k].reserved {
		return &wait{code: codeResources, message: "no further agent offers resources reserved for role " + p.specs[k].role + " (spec.placement.publicRole)"}
	}
	var example *host
	for _, h := range p.hosts {
		if h.known != nil && h.slots[k].task == nil && !h.slots[k].launched && (example == nil || h.name < example.name) {
			example = h
		}
	}
	if example == nil {
		return &wait{code: codeNoAgent, message: "waits for a further host: each that Mesos offers has one already, and two of a kind do not share a host"}
	}
	message := "no host can take it"
	if w := p.startWait(k, example); w != nil {
		return &wait{code: w.code, message: message + "; " + w.sentence(), generic: message}
	}
	return &wait{code: codeMaintenance, message: message + "; " + p.maintenanceWait(example).sentence(), generic: message}
}
