package plan

import (
	"slices"
	"strings"
)

// markWanted marks which device-bound services the inventory asks for: one on
// each host with an accepted device of the type that is not being deleted.
func (p *pass) markWanted() {
	p.accepted = accept(p.in.Cluster, p.in.Devices)
	p.standing = make([]*host, len(p.in.Devices))
	for i, d := range p.in.Devices {
		h := p.hostOf(d.Spec.Host)
		p.standing[i] = h
		if p.mode == stopping {
			continue
		}
		for _, t := range d.Spec.Types {
			k, ok := kindOfDevice(t)
			if !ok {
				continue
			}
			s := &h.slots[k]
			switch {
			case givenUp(d):
				s.leaving = true
			case p.awaitsVolume(d):
			case p.accepted[i].Accepted:
				s.wanted = true
				p.activate(h)
			}
		}
	}
}

// unclaimed says that a device-bound service runs of which no device object
// tells (rule 12): absence is no instruction, it keeps running.
func (s *slot) unclaimed() bool { return s.task != nil && !s.wanted && !s.leaving }

// goes says that the service is to leave the host: its device object was
// deleted, and no other one asks for it.
func (s *slot) goes() bool { return s.leaving && !s.wanted && s.task != nil }

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
// ones. Those that are perhaps running count: moving them is not for now. Of two
// on one host one is always surplus.
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
			f.kept = append(f.kept, h)
			f.surplus = append(f.surplus, s.more...)
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
// where it may be, of the wanted spec.
func (p *pass) compareKept(k kind, a, b *host) int {
	s, t := a.slots[k].task, b.slots[k].task
	switch {
	case s.status != t.status:
		return int(s.status - t.status)
	case p.mayStart(a) != p.mayStart(b):
		return trueFirst(p.mayStart(a))
	case s.outdated != t.outdated:
		return trueFirst(t.outdated)
	}
	return strings.Compare(a.name, b.name)
}

func trueFirst(first bool) int {
	if first {
		return -1
	}
	return 1
}

// empty says that the inventory asks for nothing.
func (p *pass) empty() bool {
	for k := range s3 {
		if p.gate.tallies[k].wanted > 0 {
			return false
		}
	}
	return true
}

// devicesOf is how a reason names the devices of a service.
func devicesOf(k kind) string { return "device of type " + string(k.deviceType()) }
