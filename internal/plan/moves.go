package plan

import (
	"slices"
	"strings"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// move is a device that was found on another host than before. Its services start on
// the new host only when nothing of it is left to stop on the old one: what still
// runs there may hold open files of the disk.
type move struct {
	device *inventory.Device
	from   *host
	// settled: nothing is left to stop there.
	settled bool
}

func (p *pass) noteMove(i int, d *inventory.Device) {
	if p.moves == nil {
		p.moves = map[int]*move{}
	}
	p.moves[i] = &move{device: d, from: p.hostOf(d.PreviousHost)}
}

// markMoves marks what the devices ask for that were moved. One that is settled may
// keep a service on a host that another one has left, which is then settled as well.
func (p *pass) markMoves() {
	if len(p.moves) == 0 {
		return
	}
	open := make([]*move, 0, len(p.moves))
	for _, m := range p.moves {
		open = append(open, m)
	}
	slices.SortFunc(open, func(a, b *move) int { return strings.Compare(a.device.Object.Name, b.device.Object.Name) })
	for {
		settled := 0
		for _, m := range open {
			if m.settled = m.kept() && p.leftNothing(m.device, m.from); m.settled {
				settled++
			}
		}
		if settled == 0 {
			break
		}
		for _, m := range open {
			if m.settled && p.mode == running {
				p.mark(m.device, p.hostOf(m.device.Host))
			}
		}
		open = slices.DeleteFunc(open, func(m *move) bool { return m.settled })
	}
	for _, m := range open {
		if p.mode == running {
			p.markMoving(m, p.hostOf(m.device.Host))
		}
	}
}

// kept says that the status of the device tells of its new host. Who starts anew knows
// no more: what was started there before would be forgotten when the disk is carried on.
func (m *move) kept() bool {
	o := m.device.Object
	return o.Status.Host == m.device.Host || o.Status.Host == "" && o.Annotations[v1alpha1.AnnotationFound] == ""
}

// markMoving marks a device whose old host is not done with it: its services leave
// there, and what runs on the new host already is no surprise.
func (p *pass) markMoving(m *move, h *host) {
	d := m.device
	cause := d.Leaving
	if cause == "" {
		cause = "its device was moved to " + d.Host
	}
	for _, t := range d.Types {
		k, ok := kindOfDevice(t)
		if !ok {
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

// leftNothing says that it is proven that no service runs on the host for a device
// that is not there any more, unless for other devices as well.
func (p *pass) leftNothing(d *inventory.Device, h *host) bool {
	if p.in.NeverRan && len(d.Object.Status.Services) == 0 {
		return true
	}
	if !p.snap.Connected || !p.snap.Reconciled || !p.free(d, h) {
		return false
	}
	for i := range d.Object.Status.Services {
		t := &d.Object.Status.Services[i]
		if (t.Host == "" || quobyte.HostKey(t.Host) == h.key) && !p.absent(d, t, h) {
			return false
		}
	}
	return true
}

// free says that the host has no task of the device's services, as far as it is
// known, but those that other devices keep.
func (p *pass) free(d *inventory.Device, h *host) bool {
	for _, t := range d.Types {
		k, ok := kindOfDevice(t)
		if !ok {
			continue
		}
		s := &h.slots[k]
		if s.kept() {
			continue
		}
		if s.task != nil || s.foreign != nil || h.unreadable != "" || p.blockedBy != "" {
			return false
		}
	}
	return true
}
