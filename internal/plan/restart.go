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
	// bad are annotations that cannot be read; of them badDevices are those of devices.
	bad        []string
	badDevices []badDevice
	// later are restarts that are due in the future.
	later []string
}

// badDevice is a device whose annotation cannot be read.
type badDevice struct{ name, message string }

// restarts are asked for by a person. They come after all updates, which do the same,
// and before what is restarted for a new device.
var restarts = rollout{
	one: "its restart on request", many: "restart on request",
	none:  func(p *pass) bool { return !p.course.restarts.due },
	due:   func(p *pass, s *slot) bool { return p.restartDue(s) },
	asked: func(p *pass, k kind, h *host) bool { return !p.restartAsked(k, h).IsZero() },
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
			r.all = p.requested(name, value, nil)
		case known:
			r.of[k] = p.requested(name, value, nil)
		default:
			r.bad = append(r.bad, fmt.Sprintf("annotation %s: there is no service %q, but %s", name, bounded(service), serviceNames()))
		}
	}
	for i := range p.in.Inventory.Devices {
		d := &p.in.Inventory.Devices[i]
		p.refuseServices(d.Object)
		value, asked := d.Object.Annotations[v1alpha1.AnnotationRestartedAt]
		if !asked {
			continue
		}
		at := p.requested(v1alpha1.AnnotationRestartedAt, value, d.Object)
		// It was said of the host on which the device was then.
		if h := p.standing[i]; h != nil && !at.Before(d.AppearedAt) {
			h.restart = latest(h.restart, at)
		}
	}
	slices.Sort(r.bad)
	slices.SortFunc(r.badDevices, func(a, b badDevice) int { return strings.Compare(a.name+a.message, b.name+b.message) })
	slices.Sort(r.later)
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

// refuseServices tells of annotations that only a cluster may have: a device's restart is
// that of all services of its host.
func (p *pass) refuseServices(device *v1alpha1.QuobyteDevice) {
	for name := range device.Annotations {
		if strings.HasPrefix(name, v1alpha1.AnnotationRestartedAt+"-") {
			p.course.restarts.refuse(fmt.Sprintf("annotation %s of device %s: one service is restarted by an annotation of the cluster, and all those bound to the device's host by %s: nothing is restarted for it",
				name, device.Name, v1alpha1.AnnotationRestartedAt), device)
		}
	}
}

// refuse notes an annotation that cannot be followed; device is nil when it is the
// cluster's.
func (r *requests) refuse(why string, device *v1alpha1.QuobyteDevice) {
	r.bad = append(r.bad, why)
	if device != nil {
		r.badDevices = append(r.badDevices, badDevice{device.Name, why})
	}
}

// requested reads the time of a restart; zero: it is not due, or cannot be read. The
// annotation is that of a device, or of the cluster when that is nil.
func (p *pass) requested(name, value string, device *v1alpha1.QuobyteDevice) time.Time {
	r := &p.course.restarts
	whose := ""
	if device != nil {
		whose = " of device " + device.Name
	}
	at, err := time.Parse(time.RFC3339, value)
	switch {
	case err != nil:
		bad := fmt.Sprintf("annotation %s%s is %q, which is no time in RFC 3339 such as 2026-11-21T12:00:00Z: nothing is restarted for it",
			name, whose, bounded(value))
		r.refuse(bad, device)
		return time.Time{}
	case at.After(p.now):
		p.at(at)
		r.later = append(r.later, fmt.Sprintf("annotation %s%s: the restart is due at %s", name, whose, at.UTC().Format(time.RFC3339)))
		return time.Time{}
	}
	r.any = true
	return at.Truncate(time.Millisecond) // as a task id keeps the time of its launch
}

// serviceNames are what can stand for a service.
func serviceNames() string {
	names := make([]string, kinds)
	for k := range kinds {
		names[k] = k.String()
	}
	return strings.Join(names, ", ")
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

// sayRestart puts it before what a restart waits for, which may begin with it.
func sayRestart(message string) string {
	if rest, own := strings.CutPrefix(message, restarts.one+" "); own {
		return restartMessage + " " + rest
	}
	return strings.TrimSuffix(restartMessage+": "+message, ": ")
}

// IsRestart says that the status is that of a restart on request, and not of an update.
func IsRestart(u *v1alpha1.UpdateStatus) bool {
	return u.From == u.To && u.Failed == nil && strings.HasPrefix(u.Message, restartMessage)
}
