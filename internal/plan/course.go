package plan

import (
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// course is where the services are led to, and whether they may be led on.
type course struct {
	// asked are the specs of the cluster object, and revision names them together.
	asked    [kinds]wantedSpec
	revision string
	// good is what ran well last, as far as it is stored; its hash is empty where
	// nothing is known. goodHash is what the status says of it, stored or not.
	good     [kinds]wantedSpec
	goodHash [kinds]string
	// unstored is a ControllerRevision that a rollback would need, and that is not
	// there or holds another spec than it says; empty: none is.
	unstored string
	// back is the failed update while a rollback is in force; nil: none is.
	back *v1alpha1.FailedUpdate
	// order in which the services are updated.
	order []kind
	// later services wait for another one to be updated first.
	later [kinds]bool
	// halted says why no update and no restart on request goes on; empty: they do.
	halted string
	// failed says which instance did not come up with the pursued spec, and why; its
	// message is empty when all did.
	failed failedInstance
	// restarts that were asked for.
	restarts requests
	// changed: something else is asked for since all core services run.
	changed bool
}

// settleCourse finds out what is asked for, what is pursued, and what ran well last.
// While a rollback is in force what ran well last is pursued: the status alone says
// so, and a spec of another revision ends it.
func (p *pass) settleCourse() {
	c, cluster := &p.course, p.in.Cluster
	hashes := make([]string, kinds)
	for k := range kinds {
		c.asked[k] = wantedSpecOf(cluster, k)
		hashes[k] = c.asked[k].hash
	}
	c.revision = quobyte.Revision(hashes)
	c.order = orderOf(cluster.Spec.Update.Order)
	p.specs = c.asked
	p.loadGood()

	u := cluster.Status.Update
	if cluster.Spec.Update.OnFailure != v1alpha1.FailureRollback || u == nil || u.Failed == nil || u.Failed.Revision != c.revision || !c.leadsBack(cluster.Status.Good) {
		return
	}
	c.back = u.Failed
	if c.unstored != "" {
		return
	}
	if p.triedSince(u.Failed) {
		c.back = nil
		return
	}
	for k := range kinds {
		if c.good[k].hash != "" { // of what did not run before nothing is known
			p.specs[k] = c.good[k]
		}
	}
}

// recordedWithin is how long a failure may take to be read from the status: until then
// what failed is tried again.
const recordedWithin = time.Minute

// triedSince says that something runs with what is asked for that was launched long after
// that failed: somebody wanted it tried again, and the status that tells of the failure
// is an old one, of a restored backup. Rolling back now would stop what runs well.
func (p *pass) triedSince(failed *v1alpha1.FailedUpdate) bool {
	if failed.Time == nil {
		return false
	}
	c := &p.course
	for _, t := range p.snap.Tasks {
		id, ok := quobyte.ParseTaskID(t.ID)
		if !ok || id.Legacy || t.State != mesos.TASK_RUNNING {
			continue
		}
		k, ours := kindOf(id.Service)
		if !ours || id.Hash != c.asked[k].hash || c.good[k].hash == "" || id.Hash == c.good[k].hash {
			continue
		}
		serves := t.Healthy == nil && !c.asked[k].spec.Checked() || t.Healthy != nil && *t.Healthy
		if launched, known := id.Launched(); serves && known && launched.After(failed.Time.Add(recordedWithin)) {
			return true
		}
	}
	return false
}

// failedAt is when a failure is noted to have happened: now, but no earlier than the last
// launch, whatever the clock of the process says that made it.
func (p *pass) failedAt() time.Time {
	at := p.now
	for _, t := range p.snap.Tasks {
		id, ok := quobyte.ParseTaskID(t.ID)
		if !ok {
			continue
		}
		if k, ours := kindOf(id.Service); ours && id.Hash == p.course.asked[k].hash {
			if launched, known := id.Launched(); known {
				at = latest(at, launched)
			}
		}
	}
	return at.Truncate(time.Second)
}

// leadsBack says that something else than what is asked for ran well last.
func (c *course) leadsBack(good *v1alpha1.GoodRevision) bool {
	return good != nil && good.Revision != c.revision
}

// orderOf is the order of an update: the services that are named, then the others.
func orderOf(named []v1alpha1.ServiceName) []kind {
	order := make([]kind, 0, kinds)
	for _, name := range named {
		if k, ok := kindOf(quobyte.Service(name)); ok && !slices.Contains(order, k) {
			order = append(order, k)
		}
	}
	for k := range kinds {
		if !slices.Contains(order, k) {
			order = append(order, k)
		}
	}
	return order
}

// before says that the service is updated before the other one.
func (c *course) before(service string, k kind) bool {
	first, ok := kindOf(quobyte.Service(service))
	return ok && slices.Index(c.order, first) < slices.Index(c.order, k)
}

// loadGood looks up what ran well last. A stored spec whose hash is another one was
// written by a later version that knows more fields: it must not be launched.
func (p *pass) loadGood() {
	c, good := &p.course, p.in.Cluster.Status.Good
	if good == nil {
		return
	}
	for _, named := range good.Specs {
		k, ok := kindOf(quobyte.Service(named.Service))
		if !ok {
			continue
		}
		c.goodHash[k] = named.Hash
		if named.Hash == c.asked[k].hash {
			c.good[k] = c.asked[k]
			continue
		}
		spec, stored := p.in.Specs[SpecKey{services[k], named.Hash}]
		switch {
		case stored && spec.Hash() == named.Hash:
			c.good[k] = launchable(p.in.Cluster, k, spec, named.Hash)
		case c.unstored == "":
			c.unstored = p.in.Cluster.Name + "-" + named.Service + "-" + named.Hash
		}
	}
}

// changes says that the course leads the service to another spec than it had: only
// then can what it does be the fault of an update.
func (p *pass) changes(k kind) bool {
	if p.course.back != nil {
		return p.specs[k].hash != p.course.asked[k].hash
	}
	return p.specs[k].hash != p.course.goodHash[k]
}

// current says that the task runs what the cluster object asks for.
func (p *pass) current(t *task) bool { return !t.id.Legacy && t.id.Hash == p.course.asked[t.kind].hash }

// specFor is what a missing instance is launched with: what is pursued. But while
// updates are halted, or another service is to be updated first, one that was not
// updated comes back as it was: what fails by chance must not carry on an update that
// was stopped. When it is the service's turn, as many may try the pursued spec at a time
// as may be away: after an outage in the middle of an update the others come back as
// they were.
//
// What its last task ran is what it was. Where that is not stored, or has failed again and
// again, it is what ran well last. Of one whose last task nobody remembers it is believed
// that it ran that. Who has stopped all services does not want them back as they were.
func (p *pass) specFor(k kind, hostKey string) *wantedSpec {
	c, key := &p.course, keyOf(k, hostKey)
	last := p.lastHash(key)
	if last == p.specs[k].hash || p.stoppedByHand() || c.halted == "" && !c.later[k] && p.mayTry(k, key, last) {
		return &p.specs[k]
	}
	fails := c.good[k].hash != "" && p.failsWith(key, last)
	if last != "" && last != c.goodHash[k] && !fails && c.back == nil {
		if spec, stored := p.in.Specs[SpecKey{services[k], last}]; stored && spec.Hash() == last {
			was := launchable(p.in.Cluster, k, spec, last)
			return &was
		}
	}
	if c.good[k].hash != "" {
		return &c.good[k]
	}
	return &p.specs[k]
}

// stoppedByHand says that all services start anew after state Stopped.
func (p *pass) stoppedByHand() bool {
	good := p.in.Cluster.Status.Good
	return good != nil && good.Stopped && !p.course.changed && p.course.back == nil && !p.in.Cluster.Spec.Update.Paused
}

// changedSince says that something else is asked for since all core services run: what
// starts is none of the start after state Stopped any more. The tasks say so, and not the
// status, which may be behind them.
func (p *pass) changedSince() bool {
	if p.mode == stopping {
		return false
	}
	other := false
	for k := range kinds {
		runs := false
		for _, h := range p.active {
			if t := h.slots[k].task; t != nil && t.status != doubtful && t.status != halting {
				runs, other = true, other || !p.current(t)
			}
		}
		if !runs && k < s3 && p.gate.tallies[k].wanted > 0 {
			return false
		}
	}
	return other
}

// mayTry says that a missing instance may be started with the pursued spec, which its
// last task did not run. What was stopped for it does, and what did not run well as it
// was.
func (p *pass) mayTry(k kind, key instanceKey, last string) bool {
	t := &p.gate.tallies[k]
	return !k.bound() || p.replaced(key, p.specs[k].hash) || p.failsWith(key, last) || t.trying < t.limit
}

// failsWith says that the instance has failed again and again with that spec, or was stopped
// with it before it ever came up.
func (p *pass) failsWith(key instanceKey, hash string) bool {
	if e := p.ends[key]; e != nil && e.hash == hash && hash != p.course.good[key.kind].hash && !e.task.Killing.IsZero() && e.task.Healthy == nil {
		return true
	}
	c := p.counters[key]
	return c != nil && c.hash == hash && c.Count >= 2
}

// tries says that the instance has to show that it runs with the pursued spec, or is to be
// started with it.
func (p *pass) tries(s *slot, k kind, h *host, is presence) bool {
	switch {
	case !s.wanted || !k.bound():
		return false
	case s.task == nil:
		key := keyOf(k, h.key)
		return p.lastHash(key) == p.specs[k].hash || p.replaced(key, p.specs[k].hash)
	case s.task.outdated:
		return s.task.status == halting
	}
	return is != steady && s.task.status != doubtful
}

// lastHash is the hash of the instance's last task; empty: nobody remembers one.
func (p *pass) lastHash(key instanceKey) string {
	if e := p.ends[key]; e != nil {
		return e.hash
	}
	if c := p.counters[key]; c != nil {
		return c.hash
	}
	return ""
}

// reportGood notes what the services run, when they do so well, all that can be reached,
// and nothing keeps them from being asked for something else.
func (p *pass) reportGood() {
	p.result.Revision = p.course.revision
	p.result.Good = p.in.Cluster.Status.Good
	if p.result.Good != nil && (p.result.Phase == PhaseStopped || p.onlyLostAreLeft()) {
		p.result.Good = p.result.Good.DeepCopy()
		p.result.Good.Stopped = true
		return
	}
	if p.result.Good != nil && p.result.Good.Stopped && p.course.changed {
		p.result.Good = p.result.Good.DeepCopy()
		p.result.Good.Stopped = false
	}
	if p.course.back != nil || p.in.Cluster.Spec.Update.Paused || !p.mayStop() || !p.allWell() && !p.reachedAll() {
		return
	}
	good := &v1alpha1.GoodRevision{Revision: p.course.revision, Version: p.in.Cluster.Spec.Version}
	for k := range kinds {
		// What nothing asks for at present, as when all its devices are missing, ran well
		// with this spec, if it did.
		if p.gate.tallies[k].wanted > 0 || p.course.goodHash[k] == p.course.asked[k].hash {
			good.Specs = append(good.Specs, v1alpha1.SpecRevision{Service: k.String(), Hash: p.course.asked[k].hash})
		}
	}
	p.result.Good = good
}

// onlyLostAreLeft says that all is stopped that can be: of what is left nobody can tell
// whether it runs.
func (p *pass) onlyLostAreLeft() bool {
	return p.mode == stopping && !p.teardown && p.canProve() && len(p.unreadable) == 0 && !slices.ContainsFunc(p.active, func(h *host) bool {
		return slices.ContainsFunc(h.slots[:], func(s slot) bool { return s.task != nil && s.task.status != doubtful })
	})
}

// allWell says that all runs as asked for, and has for minReady.
func (p *pass) allWell() bool {
	return p.result.Phase == PhaseReady && !slices.ContainsFunc(p.gate.tallies[:], func(t tally) bool { return t.down > 0 })
}

// reachedAll says that all that an update can reach runs well as asked for: what is left is
// kept from it by the outside (a cordon, an agent that is away, maintenance), and less than
// what runs. That may last for weeks, and what fails then must not be led back to what ran
// before.
func (p *pass) reachedAll() bool {
	if p.mode == stopping || p.course.failed.message != "" || p.course.restarts.due || len(p.result.Kills) > 0 || p.recent(p.snap.Since) || p.empty() {
		return false
	}
	for k := range kinds {
		reached, left := 0, 0
		for _, h := range p.active {
			s := &h.slots[k]
			switch {
			case !s.wanted:
			case s.task != nil && !s.duplicate() && p.current(s.task) && p.presenceOf(s, k) == steady:
				reached++
			case p.outOfReach(k, h):
				left++
			default:
				return false
			}
		}
		if p.floating[k].missing() > 0 || p.gate.tallies[k].wanted > 0 && reached <= left {
			return false
		}
	}
	return true
}

// outOfReach says that the outside keeps the instance from being updated, and not just for
// a moment, as while an agent restarts.
func (p *pass) outOfReach(k kind, h *host) bool {
	left := p.cordoned[h.name] || !p.mayStart(h) || h.maintenance
	switch s := &h.slots[k]; {
	case s.task == nil:
		e := p.ends[keyOf(k, h.key)]
		return left || p.blocked(h) != nil && (e == nil || p.inVain(e.task.Since))
	case s.task.status == doubtful:
		return p.inVain(p.lostSince(s.task))
	default:
		return left && s.task.outdated && s.task.status == available && p.cannotReturn(k, h) != nil
	}
}
