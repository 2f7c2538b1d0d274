package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
)

// markWanted marks which device-bound services the inventory asks for: one on
// each host with a device of the type that is wanted there.
func (p *pass) markWanted() {
	devices := p.in.Inventory.Devices
	p.standing = make([]*host, len(devices))
	for i := range devices {
		d := &devices[i]
		if d.Host == "" {
			continue // named by its serial, and never found
		}
		h := p.hostOf(d.Host)
		h.devices = true
		p.standing[i] = h
		switch {
		case d.PreviousHost != "" && d.PreviousHost != d.Host:
			p.noteMove(i, d)
		case p.mode == running:
			p.mark(d, h)
		}
	}
	p.markMoves()
}

// mark marks what one device asks for on the host.
func (p *pass) mark(d *inventory.Device, h *host) {
	for k := range s3 {
		if hasType(d, k) {
			p.markService(d, k, h)
		}
	}
}

// markService marks one service that a device asks for. Where several devices could be
// named, it is the first by name: the order of the inventory must not show.
func (p *pass) markService(d *inventory.Device, k kind, h *host) {
	s := &h.slots[k]
	switch {
	case d.Leaving != "":
		s.leave(d.Leaving)
	case d.Wanted && awaitsVolume(d.Object):
		s.claim(d) // what runs goes on
	case d.Wanted:
		s.wanted = true
		s.confirmed = s.confirmed || d.Confirmed
		s.remembered = s.remembered || !d.Elsewhere
		p.activate(h)
		p.noteAppeared(s, d)
	case d.Claims:
		s.claim(d)
		p.activate(h) // it may count among the voters
	}
}

func (s *slot) leave(cause string) {
	if s.leaving == "" || cause < s.leaving {
		s.leaving = cause
	}
}

func (s *slot) claim(d *inventory.Device) {
	s.missing = s.missing || d.Phase == v1alpha1.PhaseMissing || d.Phase == v1alpha1.PhaseReplaced
	if s.claimedBy == nil || d.Object.Name < s.claimedBy.Object.Name {
		s.claimedBy = d
	}
}

// unclaimed says that a device-bound service runs of which no device object
// tells (rule 12): absence is no instruction, it keeps running.
func (s *slot) unclaimed() bool { return s.task != nil && !s.kept() && !s.awaited && s.leaving == "" }

// goes says that the service is to leave the host: a device of it does, and no other
// one keeps it.
func (s *slot) goes() bool { return s.leaving != "" && !s.kept() && s.task != nil }

// duplicate says that more than one task of the service is on the host.
func (s *slot) duplicate() bool { return len(s.more) > 0 }

// floating is what a pass knows of one floating service.
type floating struct {
	want int
	// kept are the hosts whose instance counts as one of the wanted, surplus
	// the tasks beyond.
	kept    []*host
	surplus []*task
	// wait is why the missing ones are not started.
	wait *wait
	// launched in this pass.
	launched int
	// room: another host could take one, if it was looked for.
	room, looked bool
}

// missing says how many instances are to be started.
func (f *floating) missing() int { return max(0, f.want-len(f.kept)-f.launched) }

// settleFloating decides which tasks of the floating services are the wanted
// ones. Those that are perhaps running count, until nothing was heard of them for so
// long that others are started elsewhere. Of two on one host one is always surplus.
func (p *pass) settleFloating() {
	spec := &p.in.Cluster.Spec
	for k := range kinds {
		if !k.floats() || p.mode == stopping {
			continue
		}
		f := &p.floating[k]
		f.want = int(spec.Services.Of(string(services[k])).Instances)
		for _, h := range p.active {
			s := &h.slots[k]
			if s.task == nil {
				continue
			}
			f.surplus = append(f.surplus, s.more...)
			if s.lost = p.lostForLong(s.task); !s.lost {
				f.kept = append(f.kept, h)
			}
		}
		slices.SortFunc(f.kept, func(a, b *host) int { return p.compareKept(k, a, b) })
		if len(f.kept) > f.want {
			for _, h := range f.kept[f.want:] {
				f.surplus = append(f.surplus, h.slots[k].task)
			}
			f.kept = f.kept[:f.want]
		}
		for _, h := range f.kept {
			h.slots[k].wanted = true
		}
		slices.SortFunc(f.surplus, func(a, b *task) int { return strings.Compare(a.ID, b.ID) })
	}
}

// compareKept puts the instance that is better to keep first: what serves,
// where it may be, of the wanted spec, for the longest time.
func (p *pass) compareKept(k kind, a, b *host) int {
	s, t := a.slots[k].task, b.slots[k].task
	switch {
	case s.status != t.status:
		return int(s.status - t.status)
	case p.mayStart(a) != p.mayStart(b):
		return trueFirst(p.mayStart(a))
	case s.outdated != t.outdated:
		return trueFirst(t.outdated)
	case !s.Steady.Equal(t.Steady): // one that came back has not served meanwhile
		return s.Steady.Compare(t.Steady)
	}
	return strings.Compare(a.name, b.name)
}

// lostForLong says that nobody can tell of a task of a floating service whether it
// runs, for longer than spec.placement.unreachableTimeout: by this process's clock, and
// by this subscription as long as it has said nothing of the task. It goes on blocking
// its host (rule 1).
func (p *pass) lostForLong(t *task) bool {
	timeout := p.in.Cluster.Spec.Placement.UnreachableTimeout.Duration
	if t.status != doubtful || timeout <= 0 || !p.snap.Connected || !p.snap.Reconciled {
		return false
	}
	until := p.lostSince(t).Add(timeout)
	p.at(until)
	return !p.now.Before(until)
}

func (p *pass) lostSince(t *task) time.Time {
	if t.Heard {
		return t.Since
	}
	return latest(t.Since, p.snap.Since)
}

func trueFirst(first bool) int {
	if first {
		return -1
	}
	return 1
}

// empty says that the inventory asks for nothing, not even on another host.
func (p *pass) empty() bool {
	for _, m := range p.moves {
		if !m.done {
			return false
		}
	}
	for k := range s3 {
		if p.gate.tallies[k].wanted > 0 {
			return false
		}
	}
	return true
}

// devicesOf is how a reason names the devices of a service.
func devicesOf(k kind) string { return "device of type " + string(k.deviceType()) }
