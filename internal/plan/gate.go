package plan

import "fmt"

// maxUnavailable is how many instances of a service may be away at a time.
const maxUnavailable = 1

// gate is the one place that every voluntary stop passes (rule 11): updates,
// deleted devices, surplus instances. It counts what is there and what is away,
// for each service, and lets go what leaves enough. Exempt are state Stopped and
// Teardown, which do not ask.
type gate struct {
	maxUnavailable int
	tallies        [kinds]tally
}

// tally counts the instances of one service.
type tally struct {
	// wanted instances.
	wanted int
	// members are those that are wanted or exist: what a majority is counted of.
	// A registry whose device object is not there still votes.
	members int
	// available members.
	available int
	// running members, healthy or not.
	running int
	// down are wanted instances that are not available, and others on their way
	// out.
	down int
	// outdated are wanted instances of another spec.
	outdated int
	// leaving are those that are being stopped for good.
	leaving int
	// first says where the first is that is down.
	first string
}

func majority(n int) int { return n/2 + 1 }

// verdict is the gate's answer.
type verdict struct {
	ok bool
	// quorumAtRisk: fewer than three registries, and one of them goes.
	quorumAtRisk bool
	// why not.
	why string
}

// admit asks whether one more instance may be stopped, and counts it as down if
// so. One that is down already takes nothing away: it is never blocked.
func (g *gate) admit(k kind, host string, isAvailable bool) verdict {
	t := &g.tallies[k]
	v := verdict{ok: true, quorumAtRisk: k == registry && t.members < 3}
	if !isAvailable {
		return v
	}
	if t.down >= g.maxUnavailable {
		return verdict{why: fmt.Sprintf("%s is not available, and %d may be away at a time", t.first, g.maxUnavailable)}
	}
	if k == registry {
		switch {
		case t.members < 3 && t.available < t.members:
			return verdict{why: fmt.Sprintf("only %d of %d registries are available", t.available, t.members)}
		case t.members >= 3 && t.available-1 < majority(t.members):
			return verdict{why: fmt.Sprintf("of %d registries %d must stay available, and %d are", t.members, majority(t.members), t.available)}
		}
	}
	t.available--
	t.countDown(1, k.String()+" on "+host)
	return v
}

// admitForGood is admit for an instance that does not come back. What stops for good
// shrinks the membership of the registries, whether it was available or not, so that
// only one goes at a time, however it is with it: those that stay have to agree first.
func (g *gate) admitForGood(k kind, host string, isAvailable bool) verdict {
	t := &g.tallies[k]
	if k == registry && t.leaving > 0 {
		return verdict{why: "another registry is being stopped for good"}
	}
	v := g.admit(k, host, isAvailable)
	if v.ok {
		t.leaving++
	}
	return v
}

// tallyUp counts what there is before anything is stopped.
func (p *pass) tallyUp() {
	for k := range kinds {
		t := &p.gate.tallies[k]
		for _, h := range p.active {
			p.tallySlot(t, k, h)
		}
		if !k.floats() {
			continue
		}
		f := &p.floating[k]
		t.wanted = f.want
		if missing := f.missing(); missing > 0 {
			t.members += missing
			t.countDown(missing, "an instance of "+k.String())
		}
	}
}

func (p *pass) tallySlot(t *tally, k kind, h *host) {
	s := &h.slots[k]
	if s.wanted {
		t.wanted++
	}
	if s.wanted && s.task != nil && s.task.outdated {
		t.outdated++
	}
	if s.wanted || s.task != nil {
		t.members++
	}
	isAvailable := s.available(k)
	if isAvailable {
		t.available++
	}
	if s.task != nil && s.task.runs() {
		t.running++
	}
	if s.wanted && !isAvailable {
		t.countDown(1, k.String()+" on "+h.name)
	}
	leaves := !s.wanted && (s.goes() || !k.bound())
	if leaves && s.task != nil && s.task.status == halting {
		t.leaving++
		t.countDown(1, k.String()+" on "+h.name)
	}
	if !k.bound() {
		for _, extra := range s.more {
			if extra.status == halting {
				t.countDown(1, k.String()+" on "+h.name)
			}
		}
	}
}

func (t *tally) countDown(n int, where string) {
	t.down += n
	if t.first == "" {
		t.first = where
	}
}

// available says that the service serves on its host. Two tasks of a
// device-bound service are no service; of a floating one the better counts.
func (s *slot) available(k kind) bool {
	return s.task != nil && s.task.status == available && (!k.bound() || !s.duplicate())
}
