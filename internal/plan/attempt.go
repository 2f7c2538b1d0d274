package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// settleUpdate finds out whether an update may go on, before anything is started or
// stopped: both depend on it.
func (p *pass) settleUpdate() {
	c := &p.course
	c.changed = p.changedSince()
	p.settleRestarts()
	p.settleTurns()
	switch {
	case p.in.Cluster.Spec.Update.Paused:
		c.halted = "spec.update.paused is true"
		return
	case c.back != nil && c.unstored != "":
		c.failed.message = fmt.Sprintf("the update to %s failed (%s), and cannot be rolled back: ControllerRevision %s is missing, or of another version of the operator",
			c.back.Version, c.back.Message, c.unstored)
	case p.mayStop():
		c.failed = p.findFailed()
	}
	switch {
	case c.failed.message == "":
	case c.back != nil:
		c.halted = "the rollback to " + p.in.Cluster.Status.Good.Version + " has failed"
	default:
		c.halted = "the update to " + p.in.Cluster.Spec.Version + " has failed"
	}
}

// settleTurns finds the services that another one goes before: it still has
// something to update. What the outside keeps from being updated holds up nobody.
func (p *pass) settleTurns() {
	c := &p.course
	if !p.differs() {
		return
	}
	busy := false
	for _, k := range c.order {
		c.later[k] = busy
		busy = busy || p.turnWait(k) == nil && p.toUpdate(k)
	}
}

// differs says that a service could come back with what ran well before.
func (p *pass) differs() bool {
	for k := range kinds {
		if hash := p.course.good[k].hash; hash != "" && hash != p.specs[k].hash {
			return true
		}
	}
	return false
}

// toUpdate says that an instance of the service is to be replaced, or was and is on its
// way back. What the outside keeps away, as an offer that does not come, holds up nobody:
// not the update of the next service, and so not what is missing there either. Else that
// would come back as it was, and be stopped for the update again.
func (p *pass) toUpdate(k kind) bool {
	for _, h := range p.active {
		s := &h.slots[k]
		switch {
		case !s.wanted:
		case s.task != nil && s.task.outdated:
			if s.task.status == halting || s.task.status != doubtful && !s.duplicate() && p.cannotReturn(k, h) == nil {
				return true
			}
		case p.returning(k, h.key) && p.slotUnsettled(k, h):
			return true
		}
	}
	return p.floating[k].missing() > 0 && p.returning(k, "") && p.homelessUnsettled(k)
}

// returning says that the instance was stopped for an update, and has not come back since.
// Where the pursued spec is what ran well, as after a change of course, it is no fault of
// the update when it does not: it is waited for no longer than the time-out.
func (p *pass) returning(k kind, hostKey string) bool {
	key := keyOf(k, hostKey)
	return p.replaced(key, p.specs[k].hash) && (p.changes(k) || !p.inVain(p.ends[key].task.Since))
}

// recorded is what the status says of the update to what is asked for now; nil:
// nothing.
func (p *pass) recorded() *v1alpha1.UpdateStatus {
	s := &p.in.Cluster.Status
	if s.Update == nil || s.Revision != p.course.revision || IsRestart(s.Update) {
		return nil
	}
	return s.Update
}

// underWay says that an update or a rollback is: something is to be replaced, or what
// was replaced has still to prove itself.
func (p *pass) underWay() bool {
	u := p.recorded()
	return !updates.none(p) || u != nil && u.State != v1alpha1.UpdateRolledBack
}

// failedInstance is one that did not come up with the pursued spec.
type failedInstance struct{ service, host, message string }

// findFailed looks for an instance that was updated and has tried in vain for
// spec.update.timeout to come up, and says what is wrong with it.
func (p *pass) findFailed() failedInstance {
	if !p.underWay() {
		return failedInstance{}
	}
	u := p.recorded()
	message, stood := p.stoodStill(u)
	for _, k := range p.course.order {
		if !p.changes(k) {
			continue
		}
		for _, h := range p.active {
			if since, tries := p.triesSince(k, h, stood); tries && p.inVain(since) {
				return p.failure(k, h)
			}
		}
		if c := p.counters[instanceKey{kind: k}]; p.floating[k].missing() > 0 && p.failing(k, "") && p.inVain(c.began()) {
			return p.failureOf(k, c.Host, c.Message)
		}
	}
	if stood && p.stillFails(u) {
		return failedInstance{service: u.Service, host: u.Current, message: message}
	}
	return failedInstance{}
}

// stoodStill says that what is under way had failed already, and why: the update, or
// the rollback.
func (p *pass) stoodStill(u *v1alpha1.UpdateStatus) (message string, stood bool) {
	if u == nil || u.State != v1alpha1.UpdateFailed {
		return "", false
	}
	if p.course.back == nil {
		return u.Message, u.Failed == nil
	}
	return strings.CutPrefix(u.Message, p.rollbackFailed())
}

// rollbackFailed is what the message of a failed rollback begins with.
func (p *pass) rollbackFailed() string {
	return "the rollback to " + p.in.Cluster.Status.Good.Version + " failed: "
}

// stillFails says that the instance at which the update failed has not come up since:
// it is restarted, for one, or about to be tried again. That its agent has gone away
// proves nothing: whoever looks for what is wrong may have rebooted the machine. A
// person can leave the host out, by a cordon or by taking its device away.
func (p *pass) stillFails(u *v1alpha1.UpdateStatus) bool {
	if p.recent(p.snap.Since) {
		return true // agents are still coming back
	}
	k, ok := kindOf(quobyte.Service(u.Service))
	h := p.hosts[quobyte.HostKey(u.Current)]
	if !ok || h == nil {
		return false
	}
	s := &h.slots[k]
	if !s.wanted || !p.mayStart(h) || p.cordoned[h.name] {
		return false
	}
	return s.task == nil || !s.task.outdated && p.presenceOf(s, k) != steady
}

// inVain says that what was begun then has taken too long.
func (p *pass) inVain(since time.Time) bool {
	return !p.within(since, p.in.Cluster.Spec.Update.Timeout.Duration)
}

// spell is how long what was updated may be unhealthy before that is held against the
// update.
const spell = 30 * time.Second

// triesSince says since when an instance with the pursued spec tries to come up;
// false: it does not. One that the outside keeps away does not try. stood: the
// update has failed already.
func (p *pass) triesSince(k kind, h *host, stood bool) (since time.Time, tries bool) {
	s := &h.slots[k]
	c := p.counters[keyOf(k, h.key)]
	counted := c != nil && c.hash == p.specs[k].hash
	switch {
	case !s.wanted || s.duplicate():
		return since, false
	case s.task == nil:
		return c.began(), counted && p.failing(k, h.key) && !h.maintenance && p.startWait(k, h) == nil
	case s.task.outdated:
		return since, false
	case !stood && p.flaps(s, k):
		// What was before this process nobody knows.
		return latest(p.launchedAt(s.task), p.snap.Since), true
	}
	switch s.task.status {
	case available:
		// What has failed proves itself before the update goes on.
		return c.began(), stood && counted && p.presenceOf(s, k) == young
	case halting:
		if s.task.Healthy == nil || *s.task.Healthy {
			return since, false
		}
		// It is stopped because it did not come up.
	case doubtful:
		return since, false
	}
	timeout := p.in.Cluster.Spec.Update.Timeout.Duration
	if s.task.status == unhealthy && !stood && p.within(s.task.Steady, min(spell, timeout/4)) {
		return since, false // it may have run well until a moment ago
	}
	since = p.launchedAt(s.task)
	// What took longer than the time-out to become unhealthy ran well before.
	if s.task.status == unhealthy && !stood && s.task.Steady.Sub(since) >= timeout {
		return s.task.Steady, true
	}
	if counted && c.began().Before(since) {
		since = c.began()
	}
	return since, true
}

// flaps says that the instance is well and sick by turns, and was never well for minReady:
// it does not come up, though it is never sick for long.
func (p *pass) flaps(s *slot, k kind) bool {
	t := s.task
	switch {
	case t.Relapses < 2 || t.Well >= p.in.Cluster.Spec.Update.MinReady.Duration:
		return false
	case t.status == available:
		return p.presenceOf(s, k) == young
	}
	return t.status == unhealthy
}

// began is when the failures that are counted began; zero without a counter.
func (c *counter) began() time.Time {
	switch {
	case c == nil:
		return time.Time{}
	case c.First != nil:
		return c.First.Time
	}
	return c.Time.Time
}

// launchedAt is when the task was launched. What its id does not say is taken from
// the end of the task that made way for it.
func (p *pass) launchedAt(t *task) time.Time {
	if at, known := t.id.Launched(); known {
		return at
	}
	if key := keyOf(t.kind, t.host.key); p.replaced(key, t.id.Hash) {
		return p.ends[key].task.Since
	}
	return t.Since
}

// failure says what is wrong with an instance that does not come up. How its last
// task ended says more than how the present one stands, and does not change with
// every try.
func (p *pass) failure(k kind, h *host) failedInstance {
	if c := p.counters[keyOf(k, h.key)]; c != nil && c.hash == p.specs[k].hash {
		return p.failureOf(k, h.name, c.Message)
	}
	t := h.slots[k].task
	quoted := t.Message
	if quoted == "" {
		quoted = t.Reason
	}
	switch {
	case p.flaps(&h.slots[k], k):
		quoted = "its health check fails again and again"
	case t.status == unhealthy:
		quoted = "its health check fails"
	case t.status == comingUp:
		quoted = "its health check has not reported"
	case quoted == "":
		quoted = "stuck in " + stateName(t.State)
	default:
		quoted = "stuck in " + stateName(t.State) + ": " + bounded(quoted)
	}
	return p.failureOf(k, h.name, quoted)
}

func (p *pass) failureOf(k kind, host, quoted string) failedInstance {
	return failedInstance{service: k.String(), host: host, message: fmt.Sprintf("%s on %s did not come up with version %s within %s: %s",
		k, host, p.specs[k].spec.Version, p.in.Cluster.Spec.Update.Timeout.Duration, quoted)}
}
