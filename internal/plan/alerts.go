package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
)

// Reasons of alerts, the most important first.
const (
	AlertDuplicateService = v1alpha1.ReasonDuplicateService
	AlertUnreadableTask   = "UnreadableTask"
	AlertDuplicateAgent   = "DuplicateAgent"
	AlertUpdateFailed     = v1alpha1.ReasonUpdateFailed
	AlertServiceDown      = v1alpha1.ReasonServiceDown
	AlertUnhealthy        = "Unhealthy"
	AlertUnreachable      = v1alpha1.ReasonUnreachable
	AlertDeviceMissing    = "DeviceMissing"
	AlertUnclaimed        = "Unclaimed"
)

// downAfter is how many failures in a row make a service count as down.
const downAfter = 3

// maxNamed is how many cases an alert names.
const maxNamed = 5

// alertBook gathers the cases of each alert, so that one message tells of many.
type alertBook struct {
	cases map[string][]string
	count map[string]int
}

func (b *alertBook) add(reason, text string) {
	b.count[reason]++
	if b.count[reason] <= maxNamed {
		b.cases[reason] = append(b.cases[reason], text)
	}
}

// reportAlerts tells what needs a person's eye.
func (p *pass) reportAlerts() {
	book := &alertBook{cases: map[string][]string{}, count: map[string]int{}}
	for _, t := range p.unreadable {
		book.add(AlertUnreadableTask, "task "+t.ID+" on agent "+t.AgentID+" has an id that this version cannot read")
	}
	for k := range kinds {
		for _, h := range p.active {
			p.alertsOf(book, k, h)
		}
		p.alertDown(book, k, "", p.gate.tallies[k].available < p.floating[k].want)
	}
	for _, h := range p.active {
		if h.registered > 1 {
			book.add(AlertDuplicateAgent, fmt.Sprintf("%d registered agents have the host name %s", h.registered, h.name))
		}
	}
	if b := &p.bootstrap.alert; b.Reason != "" && p.gate.tallies[registry].wanted > 0 {
		book.add(b.Reason, b.Message)
	}
	if u := p.result.Update; u != nil && (u.State == v1alpha1.UpdateFailed || u.State == v1alpha1.UpdateRollingBack) {
		book.add(AlertUpdateFailed, u.Message)
	}
	p.alertMissing(book)
	for _, reason := range []string{
		AlertDuplicateService, AlertUnreadableTask, AlertDuplicateAgent,
		v1alpha1.ReasonNoBootstrap, v1alpha1.ReasonManyBootstraps,
		AlertUpdateFailed, AlertServiceDown, AlertUnhealthy, AlertUnreachable, AlertDeviceMissing, AlertUnclaimed,
	} {
		cases, more := book.cases[reason], book.count[reason]-maxNamed
		if len(cases) == 0 {
			continue
		}
		message := strings.Join(cases, "; ")
		if more > 0 {
			message += fmt.Sprintf("; and %d more", more)
		}
		p.result.Alerts = append(p.result.Alerts, Alert{Reason: reason, Message: message})
	}
}

func (p *pass) alertsOf(book *alertBook, k kind, h *host) {
	s := &h.slots[k]
	if s.duplicate() {
		book.add(AlertDuplicateService, duplicateWait(k, h).sentence())
	}
	if s.task != nil && s.task.status == doubtful && p.snap.Reconciled {
		book.add(AlertUnreachable, k.String()+" on "+h.name+" may run, and cannot be reached")
	}
	if p.mode == running && k.bound() && s.unclaimed() {
		book.add(AlertUnclaimed, k.String()+" on "+h.name+" runs, and no device object tells of it")
	}
	if s.wanted {
		p.alertDown(book, k, h.key, !s.available(k))
		p.alertUnhealthy(book, k, h)
	}
	p.alertStuck(book, k, h)
}

// alertStuck tells of what takes longer to start or to stop than an instance may take in an
// update: nothing else ends it.
func (p *pass) alertStuck(book *alertBook, k kind, h *host) {
	t := h.slots[k].task
	if t == nil {
		return
	}
	since, what := time.Time{}, ""
	switch t.status {
	case launching:
		since, what = p.launchedAt(t), "is stuck in "+stateName(t.State)
	case comingUp:
		since, what = t.Steady, "runs, and its health check has not reported,"
	case halting:
		since, what = t.Killing, "was asked to stop, and has not ended,"
	}
	if what == "" || since.IsZero() || !p.inVain(since) {
		return
	}
	text := fmt.Sprintf("%s on %s %s since %s", k, h.name, what, since.UTC().Format(time.RFC3339))
	if t.Message != "" {
		text += ": " + bounded(t.Message)
	}
	book.add(AlertServiceDown, text)
}

// alertDown tells of an instance that failed repeatedly and is not back.
func (p *pass) alertDown(book *alertBook, k kind, hostKey string, down bool) {
	if !down || k.floats() != (hostKey == "") {
		return
	}
	if c := p.counters[keyOf(k, hostKey)]; c != nil && c.Count >= downAfter {
		book.add(AlertServiceDown, fmt.Sprintf("%s on %s failed %d times, last: %s", k, c.Host, c.Count, c.Message))
	}
}

// alertMissing tells of devices that are not where they were: nobody can tell
// whether a person took them away.
func (p *pass) alertMissing(book *alertBook) {
	if p.mode != running {
		return
	}
	var missing []*inventory.Device
	for i := range p.in.Inventory.Devices {
		if d := &p.in.Inventory.Devices[i]; d.Phase == v1alpha1.PhaseMissing || d.Phase == v1alpha1.PhaseReplaced {
			missing = append(missing, d)
		}
	}
	slices.SortFunc(missing, func(a, b *inventory.Device) int { return strings.Compare(a.Object.Name, b.Object.Name) })
	for _, d := range missing {
		text := "device " + d.Object.Name + " is missing on " + d.Host
		if status := &d.Object.Status; status.Phase == d.Phase && status.PhaseSince != nil {
			text += " since " + status.PhaseSince.UTC().Format(time.RFC3339)
		}
		book.add(AlertDeviceMissing, text)
	}
}
