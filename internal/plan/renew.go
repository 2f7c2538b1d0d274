package plan

import (
	"time"

	"github.com/quobyte/mesos-operator/internal/inventory"
)

// renewEvery bounds how often a service is restarted for new devices: a mount that
// comes and goes turns up each time.
const renewEvery = 5 * time.Minute

// renewals restart services that run, as wanted, since before a device of theirs
// turned up on the host: the mount reaches the container, and most services look for
// devices when they start. They come after all updates and
// restarts on request, which do the same.
var renewals = rollout{
	one: "its restart for a new device", many: "restart for new devices",
	none:  func(p *pass) bool { return !p.renewing },
	asked: func(_ *pass, k kind, h *host) bool { return h.slots[k].appeared != nil },
	due:   func(p *pass, s *slot) bool { return p.renews(s) && !p.stoppedOfLate(s) },
	cause: func(p *pass, s *slot) string {
		return "restart for the new device " + s.appeared.Object.Name
	},
}

// noteAppeared remembers the device that turned up last on the host of the slot. One
// of the future comes from a clock that was ahead.
func (p *pass) noteAppeared(s *slot, d *inventory.Device) {
	if d.AppearedAt.IsZero() || d.AppearedAt.After(p.now) || !d.Confirmed || !p.in.Probing || !p.in.Cluster.Spec.Devices.RestartOnNewDevice {
		return
	}
	if a := s.appeared; a != nil {
		if c := d.AppearedAt.Compare(a.AppearedAt); c < 0 || c == 0 && d.Object.Name > a.Object.Name {
			return
		}
	}
	s.appeared = d
	p.renewing = p.renewing || p.renews(s)
}

// renews says that the service was started before a device of it turned up. When it
// was started, the task id says; of one that does not say it, nothing is known.
func (p *pass) renews(s *slot) bool {
	if s.appeared == nil || !s.wanted || s.task == nil || s.task.outdated {
		return false
	}
	launched, known := s.task.id.Launched()
	return known && launched.Before(s.appeared.AppearedAt)
}

// stoppedOfLate says that the task before this one was stopped, not long ago. What
// turned up since is gathered for one restart.
func (p *pass) stoppedOfLate(s *slot) bool {
	e := p.ends[keyOf(s.task.kind, s.task.host.key)]
	return e != nil && !e.task.Killing.IsZero() && p.within(e.task.Since, renewEvery)
}
