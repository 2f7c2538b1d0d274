package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// candidates are the hosts that could take an instance of a floating service,
// resources aside: those that have something reserved for it first, then those
// with the fewest floating tasks, then by name.
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
	failed := p.failedOn(k)
	slices.SortFunc(out, func(a, b *host) int {
		if a, b := failed[a.key], failed[b.key]; !a.Equal(b) {
			return a.Compare(b)
		}
		if a, b := p.awaits(k, a), p.awaits(k, b); a != b {
			return trueFirst(a)
		}
		if a.floating != b.floating {
			return a.floating - b.floating
		}
		return strings.Compare(a.name, b.name)
	})
	return out
}

// failedOn is when an instance failed last on which host, by key, if one has failed again
// and again: another host may do better.
func (p *pass) failedOn(k kind) map[string]time.Time {
	c := p.counters[instanceKey{kind: k}]
	if c == nil || c.Count < 2 && c.Restarts < 2 {
		return nil
	}
	last := map[string]time.Time{quobyte.HostKey(c.Host): c.Time.Time}
	for _, t := range p.snap.Ended {
		id, ok := quobyte.ParseTaskID(t.ID)
		if ok && id.Service == services[k] && id.Hash == c.hash && (failed(t) || stoppedIll(t)) {
			last[id.HostKey] = latest(last[id.HostKey], t.Since)
		}
	}
	return last
}

// awaits says that the host has something reserved for the service: it ran there.
func (p *pass) awaits(k kind, h *host) bool {
	return p.reserver.reserves && p.poolOf(h, k).holdsFor(k)
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
// when what is held is of no use anywhere, or in a fuller domain alone.
func (p *pass) startInstances(k kind) {
	f := &p.floating[k]
	candidates := p.candidates(k)
	if p.in.Cluster.Spec.Placement.SpreadBy != "" {
		candidates = p.launchSpread(k, candidates)
	} else {
		p.launchOnHeld(k, candidates)
	}
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
		case f.wait == nil && pool.fits(p.specFor(k, h.key).need, true):
			p.revives[pool.role] = true
			f.wait = declinedWait()
		case first == nil:
			first = h
		}
	}
	if f.wait == nil {
		f.wait = p.noHostWait(k, first)
	}
}

func (p *pass) launchOnHeld(k kind, candidates []*host) {
	for _, h := range candidates {
		if p.floating[k].missing() == 0 {
			return
		}
		if !h.maintenance {
			p.launchFloating(k, h)
		}
	}
}

func (p *pass) launchFloating(k kind, h *host) bool {
	if !p.launch(k, h, p.poolOf(h, k)) {
		return false
	}
	p.floating[k].launched++
	h.floating++
	return true
}

// launchSpread launches where the domain has the fewest instances; hosts without
// the attribute of spec.placement.spreadBy are one domain. It returns the
// candidates that may take an instance with what was declined, or is asked for again and
// may come: better to wait for that than to start where more are.
func (p *pass) launchSpread(k kind, candidates []*host) []*host {
	instances := map[string]int{}
	for _, h := range p.active {
		if s := &h.slots[k]; s.wanted && s.task != nil {
			instances[p.domainOf(h)]++
		}
	}
	// Better in a fuller domain than where it fails.
	failed := p.failedOn(k)
	at := slices.IndexFunc(candidates, func(h *host) bool { return !failed[h.key].IsZero() })
	if at > 0 && p.hasRoom(k, candidates[:at], true) {
		candidates = candidates[:at]
	}
	open := domains{instances: instances, places: map[string][]int{}}
	for i, h := range candidates {
		domain := p.domainOf(h)
		open.places[domain] = append(open.places[domain], i)
	}
	for p.floating[k].missing() > 0 && len(open.places) > 0 {
		domain := open.emptiest()
		places := open.places[domain]
		at := slices.IndexFunc(places, func(i int) bool {
			return !candidates[i].maintenance && p.launchFloating(k, candidates[i])
		})
		if at >= 0 {
			instances[domain]++
			if open.places[domain] = slices.Delete(places, at, at+1); len(places) == 1 {
				delete(open.places, domain)
			}
			continue
		}
		here := make([]*host, len(places))
		for n, i := range places {
			here[n] = candidates[i]
		}
		switch {
		case p.hasRoom(k, here, true):
			return here
		case p.mayBeOffered(k, here):
			p.floating[k].wait = declinedWait()
			for _, h := range candidates { // declined, they would have to be revived, and so on
				p.keepWhatFits(k, h)
			}
			return here
		}
		delete(open.places, domain)
	}
	return candidates
}

func declinedWait() *wait {
	return &wait{code: codeOffers, message: "waits for resources that were declined to be offered again"}
}

// offeredWithin is how long offers may take to come after a REVIVE: it makes the master
// allocate at once, for all agents together.
const offeredWithin = 2 * time.Second

// mayBeOffered says that a REVIVE was sent just now, and that nothing of one of the hosts
// has come since.
func (p *pass) mayBeOffered(k kind, hosts []*host) bool {
	until := p.snap.Revived.Add(offeredWithin)
	if !p.now.Before(until) || !slices.ContainsFunc(hosts, func(h *host) bool { return !h.maintenance && len(p.poolOf(h, k).offers) == 0 }) {
		return false
	}
	p.at(until)
	return true
}

// domains are the places of candidates, in their order, by domain.
type domains struct {
	instances map[string]int
	places    map[string][]int
}

// emptiest is the domain with the fewest instances; of equals the one with the
// candidate that comes first.
func (d *domains) emptiest() string {
	best, found := "", false
	for domain, places := range d.places {
		n := d.instances[domain] - d.instances[best]
		if !found || n < 0 || n == 0 && places[0] < d.places[best][0] {
			best, found = domain, true
		}
	}
	return best
}

// floatingReturns is returningWait for an instance that can go back to where its last
// task was.
func (p *pass) floatingReturns(k kind) *wait {
	key := instanceKey{kind: k}
	e := p.ends[key]
	if e == nil {
		return nil
	}
	a := p.snap.Agents[e.task.AgentID]
	if a == nil || a.Host == "" {
		return nil
	}
	h := p.hostOf(a.Host)
	if h.agent == nil || h.maintenance || h.slots[k].task != nil || p.startWait(k, h) != nil {
		return nil
	}
	return p.returningWait(key, h, k)
}

// noHostWait is why no host can take another instance.
func (p *pass) noHostWait(k kind, first *host) *wait {
	if first != nil {
		if w := p.floatingReturns(k); w != nil {
			return w
		}
		w := p.poolOf(first, k).shortage(first, p.specFor(k, first.key).need)
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
