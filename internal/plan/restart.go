package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// requests are the restarts that people asked for by annotations.
type requests struct {
	// all services, and those of each kind; zero: nobody asked.
	all time.Time
	of  [kinds]time.Time
	// any: something was asked for, of a host perhaps. due: something that runs was
	// started before.
	any, due bool
	// bad are annotations that cannot be read.
	bad []string
}

// restarts are asked for by a person. They come after all updates, which do the same,
// and before what is restarted for a new device.
var restarts = rollout{
	one: "its restart on request", many: "restart on request",
	none:  func(p *pass) bool { return !p.course.restarts.due },
	due:   func(p *pass, s *slot) bool { return p.restartDue(s) },
	cause: func(*pass, *slot) string { return "restart on request" },
}

// settleRestarts reads the annotations, and finds out whether something is due.
func (p *pass) settleRestarts() {
	r := &p.course.restarts
	for name, value := range p.in.Cluster.Annotations {
		rest, ours := strings.CutPrefix(name, v1alpha1.AnnotationRestartedAt)
		service, one := strings.CutPrefix(rest, "-")
		k, known := kindOf(quobyte.Service(service))
		switch {
		case !ours || rest != "" && !one:
		case rest == "":
			r.all = p.requested(name, value, "")
		case known:
			r.of[k] = p.requested(name, value, "")
		default:
			r.bad = append(r.bad, fmt.Sprintf("annotation %s: there is no service %q", name, service))
		}
	}
	for i := range p.in.Inventory.Devices {
		d := &p.in.Inventory.Devices[i]
		value, asked := d.Object.Annotations[v1alpha1.AnnotationRestartedAt]
		if !asked {
			continue
		}
		at := p.requested(v1alpha1.AnnotationRestartedAt, value, " of device "+d.Object.Name)
		// It was said of the host on which the device was then.
		if h := p.standing[i]; h != nil && !at.Before(d.AppearedAt) {
			h.restart = latest(h.restart, at)
		}
	}
	slices.Sort(r.bad)
	if !r.any || p.mode == stopping {
		return
	}
	for k := range kinds {
		for _, h := range p.active {
			if s := &h.slots[k]; s.wanted && s.task != nil && p.restartDue(s) {
				r.due = true
				return
			}
		}
	}
}

// requested reads the time of a restart; zero: it is not due, or cannot be read.
func (p *pass) requested(name, value, whose string) time.Time {
	r := &p.course.restarts
	at, err := time.Parse(time.RFC3339, value)
	switch {
	case err != nil:
		r.bad = append(r.bad, fmt.Sprintf("annotation %s%s is %q, which is no time in RFC 3339 such as 2026-11-21T12:00:00Z: nothing is restarted for it",
			name, whose, bounded(value)))
		return time.Time{}
	case at.After(p.now):
		p.at(at)
		return time.Time{}
	}
	r.any = true
	return at.Truncate(time.Millisecond) // as a task id keeps the time of its launch
}

// restartAsked is when a restart of the service on the host was asked for last; zero:
// never. A device speaks for the services that are bound to its host.
func (p *pass) restartAsked(k kind, h *host) time.Time {
	r := &p.course.restarts
	at := latest(r.all, r.of[k])
	if !k.floats() {
		at = latest(at, h.restart)
	}
	return at
}

// restartDue says that the service was started before its restart was asked for. A
// task whose id does not say when it was started was started long ago.
func (p *pass) restartDue(s *slot) bool {
	if s.task.outdated {
		return false
	}
	asked := p.restartAsked(s.task.kind, s.task.host)
	if asked.IsZero() {
		return false
	}
	launched, known := s.task.id.Launched()
	return !known || launched.Before(asked)
}

// restartMessage begins the message of a restart in the status: it tells one from an
// update.
const restartMessage = "restart on request"

// IsRestart says that the status is that of a restart on request, and not of an update.
func IsRestart(u *v1alpha1.UpdateStatus) bool {
	return u.From == u.To && u.Failed == nil && strings.HasPrefix(u.Message, restartMessage)
}
