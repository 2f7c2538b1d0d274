package plan

import (
	"fmt"
	"time"

	"github.com/quobyte/mesos-operator/mesosbridge"
)

const (
	// lastRestart is the longest time that a service stays unhealthy before it is
	// restarted again, unless spec.health.restartAfter is longer.
	lastRestart = time.Hour
	// triedEnough is after how many restarts an instance that stays unhealthy holds
	// back the others no longer: what ails it is its own.
	triedEnough = 3
	// wellAfter is for how long an instance that was restarted has to be available, at
	// least, before another one of its service is.
	wellAfter = 30 * time.Second
	// ailsAfter is how long a service is unhealthy before a person is told, where
	// nothing is restarted.
	ailsAfter = 5 * time.Minute
)

// restartDelay is how long an instance stays unhealthy before it is restarted, after
// so many restarts.
func restartDelay(after time.Duration, restarts int32) time.Duration {
	longest := max(after, lastRestart)
	for ; restarts > 0 && after < longest; restarts-- {
		after *= 2
	}
	return min(after, longest)
}

// stoppedIll says that the task was stopped while it was unhealthy.
func stoppedIll(t *mesosbridge.Task) bool {
	return !t.Killing.IsZero() && t.Healthy != nil && !*t.Healthy
}

// restartCount is how often the instance was restarted for its health, with the spec
// that it would come back with, since it last ran well.
func (p *pass) restartCount(k kind, hostKey string) int32 {
	c := p.counters[keyOf(k, hostKey)]
	if c == nil || c.Restarts == 0 || c.hash != p.specFor(k, hostKey).hash {
		return 0
	}
	return c.Restarts
}

// heal restarts what runs and has been unhealthy for long. What is unhealthy takes
// nothing away, so that the gate lets all of it go; but services that need each other
// look unhealthy all at once, as when the registries lose their quorum, and restarting
// all of them would make it worse. So one is tried, and the others wait for how that
// goes. What is outdated is left to the update, unless that is halted or is at another
// service, which may take days.
func (p *pass) heal() {
	if p.in.Cluster.Spec.Health.RestartAfter.Duration <= 0 || !p.mayStop() {
		return
	}
	for k := range kinds {
		p.healKind(k)
	}
}

// returnsAsItIs says that what is stopped comes back with the spec that it has.
func (p *pass) returnsAsItIs(t *task) bool {
	waits := p.course.halted != "" || p.course.later[t.kind]
	return !t.outdated || waits && t.id.Hash != "" && p.asItWas(t.kind, t.id.Hash)
}

// asItWas says that what is stopped while updates wait comes back with that spec.
func (p *pass) asItWas(k kind, hash string) bool {
	spec, stored := p.in.Specs[SpecKey{services[k], hash}]
	return p.course.good[k].hash == hash || p.course.back == nil && stored && spec.Hash() == hash
}

func (p *pass) healKind(k kind) {
	var tried *trial
	looked, motion := false, 0
	for _, h := range p.active {
		s := &h.slots[k]
		if !s.wanted || s.killed || s.task == nil || s.task.status != unhealthy || !p.returnsAsItIs(s.task) || s.duplicate() {
			continue
		}
		if !looked {
			looked, tried, motion = true, p.triedLast(k), p.healthyMotion(k)
		}
		if w := p.healWait(k, h, tried, motion); w != nil {
			s.wait = w // it says more than what an update waits for
			continue
		}
		n := p.restartCount(k, h.key) + 1
		cause := fmt.Sprintf("unhealthy for %s (restart %d)", p.now.Sub(s.task.Steady).Truncate(time.Second), n)
		p.kill(s.task, cause, p.gate.admit(k, h.name, away))
		motion++
		if p.holdsBack(k, n) {
			tried = triedOn(k, h)
		}
	}
}

// healthyMotion is inMotion but for what is unhealthy: that is what is looked at, and
// of what was restarted for it the trial tells.
func (p *pass) healthyMotion(k kind) int {
	n := p.inMotion(k)
	for _, h := range p.active {
		s := &h.slots[k]
		if s.wanted && !s.killed && s.task != nil && s.task.status == unhealthy && !s.task.outdated && p.recent(s.task.Since) {
			n--
		}
	}
	return n
}

// healWait is why an unhealthy instance is not restarted now.
func (p *pass) healWait(k kind, h *host, tried *trial, motion int) *wait {
	at := h.slots[k].task.Steady.Add(restartDelay(p.in.Cluster.Spec.Health.RestartAfter.Duration, p.restartCount(k, h.key)))
	if p.now.Before(at) && (tried == nil || tried.host == h) {
		p.at(at)
		return p.unwell(h, "next restart at "+clockTime(at))
	}
	registries := &p.gate.tallies[registry]
	if k == registry && tried != nil && tried.host != h && registries.steady < majority(registries.members) {
		return p.unwell(h, fmt.Sprintf("%d of %d registries are available, and without a majority all of them look unhealthy: only %s is restarted; "+
			"bring back the hosts of those that are away, or look into the logs", registries.available, registries.members, tried.name))
	}
	if tried != nil && tried.host != h {
		return p.unwell(h, "it is not restarted while "+tried.name+", which was restarted for its health, has not come back and run for minReady yet")
	}
	if k != registry && !p.gate.quorate() {
		return p.unwell(h, fmt.Sprintf("it is not restarted, %d of %d registries are available, and it may be unhealthy for want of them",
			registries.available, registries.members))
	}
	if w := p.cannotReturn(k, h); w != nil {
		return p.unwell(h, "it is not restarted, it could not start again: "+w.sentence())
	}
	w := p.coreWait(k)
	if w == nil && !k.floats() {
		w = p.orderWait(k, h)
	}
	switch {
	case w != nil:
		return p.unwell(h, "it is not restarted, it could not start again now: "+w.sentence())
	case motion >= p.motionLimit(k):
		return p.unwell(h, "its restart waits for another "+k.String()+" to settle")
	}
	return nil
}

func (p *pass) unwell(h *host, what string) *wait {
	return &wait{code: codeUnhealthy, host: h.name, message: unhealthyText + "; " + what, generic: "fail their health checks"}
}

const unhealthyText = "runs, and its health check fails"

// trial is the instance that was restarted for its health last, and is not available
// yet.
type trial struct {
	host *host // nil: a floating one that has no host at present
	name string
}

func triedOn(k kind, h *host) *trial { return &trial{h, k.String() + " on " + h.name} }

// holdsBack says that an instance that was restarted so often, and is not available,
// holds back the others of its service.
func (p *pass) holdsBack(k kind, restarts int32) bool {
	registries := &p.gate.tallies[registry]
	return restarts < triedEnough || k == registry && registries.steady < majority(registries.members)
}

// triedLast finds the instance for which the others of its service wait; nil: none.
// One that the outside keeps away holds back nobody.
func (p *pass) triedLast(k kind) *trial {
	var found *host
	var last time.Time
	for _, h := range p.active {
		at, is := p.triedAt(k, h)
		if is && (found == nil || at.After(last)) {
			found, last = h, at
		}
	}
	if found != nil {
		return triedOn(k, found)
	}
	f := &p.floating[k]
	if n := p.restartCount(k, ""); k.floats() && n > 0 && p.holdsBack(k, n) && f.missing() > 0 &&
		(p.justGone(instanceKey{kind: k}) || p.failing(k, "") || p.coreWait(k) == nil && p.hasRoom(k, p.candidates(k), false)) {
		return &trial{name: "an instance of " + k.String()}
	}
	return nil
}

// triedAt says when the instance on the host was restarted for its health, if it was,
// and has not proved well yet.
func (p *pass) triedAt(k kind, h *host) (time.Time, bool) {
	s, n := &h.slots[k], p.restartCount(k, h.key)
	if !s.wanted {
		return time.Time{}, false
	}
	if t := s.task; t != nil && t.status == halting && p.returnsAsItIs(t) && stoppedIll(t.Task) {
		return t.Killing, p.holdsBack(k, n+1)
	}
	if n == 0 || !p.holdsBack(k, n) || p.provedWell(k, s) {
		return time.Time{}, false
	}
	at := p.counters[keyOf(k, h.key)].Time.Time
	switch {
	case s.task == nil:
		return at, p.justGone(instanceKey{k, h.key}) || p.failing(k, h.key) && p.blocked(h) == nil || p.mayReturn(k, h)
	case s.task.status == doubtful, !p.returnsAsItIs(s.task):
		return at, false
	case k.floats(): // which of them it was, only the time tells
		launched, known := s.task.id.Launched()
		return launched, known && !launched.Before(at)
	}
	return at, true
}

// provedWell says that the instance has been available for long enough to be believed: what
// needs others that are unhealthy may be well for a moment after its start.
func (p *pass) provedWell(k kind, s *slot) bool {
	if !s.available(k) {
		return false
	}
	until := s.task.Steady.Add(max(wellAfter, p.in.Cluster.Spec.Update.MinReady.Duration))
	p.at(until)
	return !p.now.Before(until)
}

// ails says that a person is to be told of the health of an instance that is wanted:
// it has been unhealthy for long, or was restarted for that and is not back.
func (p *pass) ails(k kind, h *host) bool {
	s := &h.slots[k]
	if s.available(k) {
		return false
	}
	t := s.task
	switch {
	case p.restartCount(k, h.key) > 0:
		return t == nil || t.status != doubtful
	case t == nil:
		return false
	case t.status == halting:
		return stoppedIll(t.Task)
	case t.status != unhealthy:
		return false
	}
	after := p.in.Cluster.Spec.Health.RestartAfter.Duration
	if after <= 0 {
		after = ailsAfter
	}
	until := t.Steady.Add(after)
	p.at(until)
	return !p.now.Before(until)
}

// alertUnhealthy tells of an instance that stays unhealthy.
func (p *pass) alertUnhealthy(book *alertBook, k kind, h *host) {
	if !p.ails(k, h) {
		return
	}
	text := k.String() + " on " + h.name + " fails its health check"
	if n := p.restartCount(k, h.key); n > 0 {
		text = fmt.Sprintf("%s, and was restarted %d times", text, n)
	}
	book.add(AlertUnhealthy, text)
}
