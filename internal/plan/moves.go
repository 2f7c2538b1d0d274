package plan

import (
	"slices"
	"strings"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// move is a device that was found on another host than before. Each of its services
// starts on the new host only when nothing of that service is left to stop on the old
// one: what still runs there may hold open files of the disk. They go one by one, as
// the gate may not let the others go before the first is back.
type move struct {
	device *inventory.Device
	from   *host
	// settled are the services of which nothing is left to stop there.
	settled [s3]bool
	// remembered are those that were before: what runs there now is another device's, such
	// as that of one that has changed places with this one.
	remembered [s3]bool
	// done: nothing is left at all.
	done bool
}

func (p *pass) noteMove(i int, d *inventory.Device) {
	if p.moves == nil {
		p.moves = map[int]*move{}
	}
	m := &move{device: d, from: p.hostOf(d.PreviousHost)}
	for k := range s3 {
		m.remembered[k] = m.kept() && d.Object.Status.PreviousHost == d.PreviousHost && slices.Contains(d.Object.Status.MovedServices, k.String())
	}
	p.moves[i] = m
}

// moved are the services that are settled; nil: none is.
func (m *move) moved() []string {
	var moved []string
	for k := range s3 {
		if m.settled[k] {
			moved = append(moved, k.String())
		}
	}
	return moved
}

// markMoves marks what the devices ask for that were moved. A service that is settled
// may keep one on a host that another device has left, which is then settled as well.
func (p *pass) markMoves() {
	if len(p.moves) == 0 {
		return
	}
	moves := make([]*move, 0, len(p.moves))
	for _, m := range p.moves {
		moves = append(moves, m)
	}
	slices.SortFunc(moves, func(a, b *move) int { return strings.Compare(a.device.Object.Name, b.device.Object.Name) })
	for p.settleMoves(moves) {
	}
	for _, m := range moves {
		m.done = m.kept() && p.leftNothing(m)
		if p.mode == running && !m.done {
			p.markMoving(m, p.hostOf(m.device.Host))
		}
	}
}

// settleMoves settles the services that can be, and says whether there were any.
func (p *pass) settleMoves(moves []*move) bool {
	var now [][s3]bool
	settled := false
	for _, m := range moves {
		var fresh [s3]bool
		for k := range s3 {
			fresh[k] = hasType(m.device, k) && !m.settled[k] && (m.remembered[k] || m.kept() && p.leftNothingOf(m, k))
			settled = settled || fresh[k]
		}
		now = append(now, fresh)
	}
	for i, m := range moves {
		for k := range s3 {
			if !now[i][k] {
				continue
			}
			m.settled[k] = true
			if p.mode == running {
				p.markService(m.device, k, p.hostOf(m.device.Host))
			}
		}
	}
	return settled
}

// kept says that the status of the device tells of its new host. Who starts anew knows
// no more: what was started there before would be forgotten when the disk is carried on.
func (m *move) kept() bool {
	o := m.device.Object
	return o.Status.Host == m.device.Host || o.Status.Host == "" && o.Annotations[v1alpha1.AnnotationFound] == ""
}

// unsettled says who has still to stop: "data has", "its services have".
func (m *move) unsettled() string {
	var left []string
	settled := false
	for k := range s3 {
		settled = settled || m.settled[k]
		if hasType(m.device, k) && !m.settled[k] {
			left = append(left, k.String())
		}
	}
	switch {
	case !settled || len(left) == 0:
		return "its services have"
	case len(left) == 1:
		return left[0] + " has"
	}
	return strings.Join(left, " and ") + " have"
}

// markMoving marks a device whose old host is not done with it: its services leave
// there, and what runs on the new host already is no surprise.
func (p *pass) markMoving(m *move, h *host) {
	d := m.device
	cause := d.Leaving
	if cause == "" {
		cause = "its device was moved to " + d.Host
	}
	for k := range s3 {
		if !hasType(d, k) || m.settled[k] {
			continue
		}
		m.from.slots[k].leave(cause)
		s := &h.slots[k]
		// No claim, which would keep a service that leaves for a disk on its way in
		// the other direction.
		s.awaited = true
		switch {
		case d.Leaving != "":
			s.leave(d.Leaving)
		case d.Wanted && s.moving == nil:
			s.movingFrom = m.from
			s.moving = waitOn(h, codeLeaving, "device "+d.Object.Name+" was moved here from "+m.from.name+", and "+k.String()+" may still run for it there: it is stopped first")
			p.activate(h)
		}
	}
}

// leftNothing says that it is proven that no service runs on the old host for the
// device that is not there any more, unless for other devices as well.
func (p *pass) leftNothing(m *move) bool {
	for k := range s3 {
		if hasType(m.device, k) && !m.settled[k] {
			return false
		}
	}
	return p.canProve() && p.forgotten(m, "") || p.neverServed(m.device)
}

// leftNothingOf is leftNothing for one service.
func (p *pass) leftNothingOf(m *move, k kind) bool {
	return p.canProve() && p.freeOf(k, m.from) && p.forgotten(m, k.String()) || p.neverServed(m.device)
}

// neverServed says that no service ever ran for the device.
func (p *pass) neverServed(d *inventory.Device) bool {
	return p.in.NeverRan && len(d.Object.Status.Services) == 0
}

// canProve says that what the snapshot does not tell of is not there, as far as its
// agents are behind their barriers.
func (p *pass) canProve() bool { return p.snap.Connected && p.snap.Reconciled }

// forgotten says that of what the status remembers of the service on the old host
// nothing runs for the device; of all services if none is named.
func (p *pass) forgotten(m *move, service string) bool {
	for i := range m.device.Object.Status.Services {
		t := &m.device.Object.Status.Services[i]
		if service != "" && t.Service != service || t.Host != "" && quobyte.HostKey(t.Host) != m.from.key {
			continue
		}
		if !p.absent(m.device, t, m.from) {
			return false
		}
	}
	return true
}

// free says that the host has no task of the device's services, as far as it is
// known, but those that other devices keep.
func (p *pass) free(d *inventory.Device, h *host) bool {
	for k := range s3 {
		if hasType(d, k) && !p.freeOf(k, h) {
			return false
		}
	}
	return true
}

// freeOf is free for one service.
func (p *pass) freeOf(k kind, h *host) bool {
	s := &h.slots[k]
	return h.unreadable == "" && p.blockedBy == "" && (s.kept() || s.task == nil && s.foreign == nil)
}
