package plan

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

const (
	// forgetWindow is how long a window is believed in of which no offer that is held
	// tells: that it was taken out of the schedule nobody says.
	forgetWindow = 5 * time.Minute
	// How long the master is to ask no more whether a host may go down. Having been
	// told that it may it goes on asking, so that a window is not forgotten.
	askAgainAccepted = time.Minute
	askAgainDeclined = 30 * time.Second
	askAgainSoon     = 5 * time.Second // its services are about to end
)

// downtime is when the machine of a host is to be down, by the schedule of Mesos.
type downtime struct {
	start, end time.Time // the end is zero when there is none
	// waits is why the services of the host are not stopped for it; empty: they are,
	// or none runs there.
	waits string
}

// noteWindow notes the window of an agent's machine.
func (p *pass) noteWindow(h *host, a *mesosbridge.Agent) {
	if a.Unavailability == nil || !p.tellsOfWindow(a) {
		return
	}
	w := downtime{start: time.Unix(0, a.Unavailability.Start.Nanoseconds).UTC()}
	if d := a.Unavailability.Duration; d != nil {
		w.end = w.start.Add(time.Duration(d.Nanoseconds))
		if !w.end.After(p.now) {
			return
		}
		p.at(w.end)
	}
	p.at(w.start)
	switch {
	case h.window == nil:
		p.windows = append(p.windows, h)
	case !w.before(h.window): // of two agents with one host name
		return
	}
	h.window = &w
}

// nearWindows marks the hosts whose windows are open or near: nothing is started there
// any more.
func (p *pass) nearWindows() {
	for _, h := range p.windows {
		drains := p.drainsFrom(h)
		p.at(drains)
		h.maintenance = !drains.After(p.now)
	}
}

// before says that the window begins earlier, or ends later.
func (w *downtime) before(other *downtime) bool {
	if !w.start.Equal(other.start) {
		return w.start.Before(other.start)
	}
	return !other.end.IsZero() && (w.end.IsZero() || w.end.After(other.end))
}

// tellsOfWindow says that the window of the agent is known of late.
func (p *pass) tellsOfWindow(a *mesosbridge.Agent) bool {
	if len(a.InverseOffers) > 0 || slices.ContainsFunc(a.Offers, func(o *mesosbridge.Offer) bool { return o.Unavailability != nil }) {
		return true
	}
	until := a.UnavailabilitySaid.Add(forgetWindow)
	p.at(until)
	return p.now.Before(until)
}

// drainsFrom is when the services of a host with a window are stopped.
func (p *pass) drainsFrom(h *host) time.Time {
	return h.window.start.Add(-p.in.Cluster.Spec.Maintenance.LeadTime.Duration)
}

// drain stops the services of hosts whose window is near or open: all of a host or
// none, for a host that keeps one of them cannot go down. The hosts go one after the
// other, the earliest window first. What is stopped there stays wanted and is down, so
// that the gate counts all hosts in windows together.
//
// It comes before updates and restarts, which can wait for another day, and after what
// a person has asked to leave, which has to go in any case. What a person has asked to
// be stopped altogether does not ask the gate.
func (p *pass) drain() {
	p.sortWindows()
	for _, h := range p.windows {
		if h.maintenance {
			h.window.waits = p.drainHost(h)
		}
	}
}

func (p *pass) sortWindows() {
	slices.SortFunc(p.windows, func(a, b *host) int {
		if c := a.window.start.Compare(b.window.start); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
}

// drainHost stops all services of the host, or says why none.
func (p *pass) drainHost(h *host) string {
	if p.serviceOn(h) == "" {
		return ""
	}
	switch w := p.barred(h); {
	case p.frozen != "":
		return p.frozen
	case !p.snap.Reconciled:
		return "waits until Mesos has told which tasks run"
	case p.mode == stopping:
		return "" // all is stopped anyway
	case w != nil:
		return w.message
	}
	type stop struct {
		task    *task
		verdict verdict
	}
	var stops []stop
	gate := p.gate // a copy: if one of the services has to stay it is as if nobody had asked
	for k := range kinds {
		if why := p.staysOn(k, h); why != "" {
			return why
		}
		s := &h.slots[k]
		if s.task == nil {
			continue
		}
		if s.killed || s.task.status == halting {
			p.keepOffers(h) // it is to be started again
			continue
		}
		v := gate.admit(k, h.name, p.presenceOf(s, k))
		if !v.ok {
			return k.String() + " " + v.why
		}
		stops = append(stops, stop{s.task, v})
	}
	p.gate = gate
	if len(stops) > 0 {
		p.keepOffers(h)
	}
	for _, s := range slices.Backward(stops) {
		p.kill(s.task, "maintenance of its host from "+h.window.start.Format(time.RFC3339)+" on", s.verdict)
	}
	return ""
}

// staysOn says why a service on a host is not stopped for maintenance, whatever the
// gate says: it could not be told, or would not be started again afterwards, for which
// a person has to say what is to become of it. That the host is cordoned somebody has
// said, and knows.
func (p *pass) staysOn(k kind, h *host) string {
	s := &h.slots[k]
	switch {
	case s.foreign != nil:
		return "task " + s.foreign.ID + " runs here, though its id names another host: stop it by hand"
	case s.task == nil:
		return ""
	case s.task.status == doubtful:
		return k.String() + " may run here, and cannot be reached"
	case s.duplicate() && k.bound():
		return duplicateWait(k, h).message
	case slices.ContainsFunc(s.more, func(t *task) bool { return t.status != halting }):
		return "another " + k.String() + " on this host is stopped first"
	case s.killed, s.task.status == halting:
		return ""
	}
	if !s.wanted {
		return p.staysUnwanted(k, s)
	}
	if w := p.confirmWait(k, h); w != nil {
		return k.String() + " could not be started again afterwards: " + w.message
	}
	return ""
}

// staysUnwanted is staysOn for what nobody asks for.
func (p *pass) staysUnwanted(k kind, s *slot) string {
	switch {
	case s.leaving != "" && !s.kept():
		return k.String() + " is stopped for good first: " + s.leaving
	case k.floats(), k == client && !s.task.id.Legacy && !p.in.Cluster.Spec.Services.Client.Enabled:
		return "a surplus " + k.String() + " is stopped first"
	case s.claimedBy != nil:
		return k.String() + " would not be started again afterwards: its device " + s.claimedBy.Object.Name + " is " +
			string(s.claimedBy.Phase) + " (the device says what to do); or stop it by hand"
	}
	return k.String() + " runs, and nothing asks for it, so that it would not be started again afterwards (status.reasons says why); or stop it by hand"
}

// serviceOn names a service that runs on the host, or may; empty: none does. Probers
// are none.
func (p *pass) serviceOn(h *host) string {
	switch {
	case h.unreadable != "":
		return "task " + h.unreadable
	case p.blockedBy != "":
		return "task " + p.blockedBy
	}
	for k := range kinds {
		if s := &h.slots[k]; s.task != nil || s.foreign != nil || s.launched {
			return k.String()
		}
	}
	return ""
}

// answerInverse answers the inverse offers that are held: an agent may go down when no
// service of the cluster runs there, or may.
func (p *pass) answerInverse() {
	if !p.mayStop() {
		return
	}
	slices.SortFunc(p.toLeave, func(a, b *mesosbridge.Agent) int { return strings.Compare(a.ID, b.ID) })
	for _, a := range p.toLeave {
		if !a.Behind {
			continue // nobody knows what runs there
		}
		answer := InverseAnswer{AgentID: a.ID, Host: a.Host}
		answer.Why, answer.Refuse = p.cannotLeave(a)
		for _, o := range a.InverseOffers {
			answer.OfferIDs = append(answer.OfferIDs, o.ID)
		}
		slices.Sort(answer.OfferIDs)
		answer.Accept = answer.Why == ""
		p.result.InverseAnswers = append(p.result.InverseAnswers, answer)
	}
}

// cannotLeave is why an agent must not go down, and when the master is to ask again;
// empty: it may.
func (p *pass) cannotLeave(a *mesosbridge.Agent) (why string, askAgain time.Duration) {
	if a.Host == "" { // no offer has told its name
		if service := p.serviceOf(a); service != "" {
			return service + " runs there, and no offer has told the agent's host name", askAgainDeclined
		}
		return "", askAgainAccepted
	}
	h := p.hostOf(a.Host)
	service := p.serviceOn(h)
	switch {
	case service == "":
		return "", askAgainAccepted
	case p.mode == stopping:
		return stopsText, askAgainSoon
	case h.window == nil:
		return "its window is over, and " + service + " runs there", askAgainDeclined
	case !h.maintenance:
		drains := p.drainsFrom(h)
		return "its window begins at " + h.window.start.Format(time.RFC3339) + ", and its services are stopped from " + drains.Format(time.RFC3339) + " on",
			min(askAgainDeclined, drains.Sub(p.now)+askAgainSoon)
	case h.window.waits != "":
		return h.window.waits, askAgainDeclined
	}
	return stopsText, askAgainSoon
}

const stopsText = "its services are being stopped"

// serviceOf names a service on an agent whose host name is not known.
func (p *pass) serviceOf(a *mesosbridge.Agent) string {
	for _, t := range p.unreadable {
		if t.AgentID == a.ID {
			return "task " + t.ID
		}
	}
	for _, h := range p.active {
		for k := range kinds {
			for _, t := range append([]*task{h.slots[k].task}, h.slots[k].more...) {
				if t != nil && t.AgentID == a.ID {
					return k.String() + " on " + h.name
				}
			}
		}
	}
	return ""
}

// reportMaintenance lists the hosts with a window, the earliest first.
func (p *pass) reportMaintenance() {
	p.sortWindows()
	for _, h := range p.windows {
		if len(p.result.Maintenance) == v1alpha1.MaxMaintenance {
			return
		}
		if h.active || p.mayStart(h) {
			p.result.Maintenance = append(p.result.Maintenance, p.maintenanceOf(h))
		}
	}
}

func (p *pass) maintenanceOf(h *host) v1alpha1.MaintenanceStatus {
	at := func(t time.Time) metav1.Time { return metav1.NewTime(t.Truncate(time.Second)) } // as the API keeps it
	m := v1alpha1.MaintenanceStatus{Host: h.name, Start: at(h.window.start)}
	if !h.window.end.IsZero() {
		end := at(h.window.end)
		m.End = &end
	}
	switch {
	case !h.maintenance:
		m.State, m.Message = v1alpha1.MaintenanceScheduled, "its services are stopped from "+p.drainsFrom(h).Format(time.RFC3339)+" on"
	case h.window.waits != "":
		m.State, m.Message = v1alpha1.MaintenanceWaiting, h.window.waits
	case p.serviceOn(h) != "":
		m.State, m.Message = v1alpha1.MaintenanceDraining, stopsText
	case !p.mayStop() || h.agent == nil || !h.agent.Behind:
		m.State, m.Message = v1alpha1.MaintenanceWaiting, "waits until Mesos has told which tasks run there"
	default:
		m.State = v1alpha1.MaintenanceDrained
	}
	return m
}
