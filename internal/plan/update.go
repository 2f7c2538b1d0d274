package plan

import (
	"fmt"
	"slices"
	"time"
)

// settleTime is how long what was just stopped or started counts as on its way
// without being heard of: an offer for a freed host comes within seconds, and what
// has not come by then is kept away by something outside.
const settleTime = 2 * time.Minute

// rollout is one reason for which instances are restarted one after the other.
type rollout struct {
	// one instance's restart, and the whole, in words.
	one, many string
	// none says, cheaply, that nothing is due.
	none func(p *pass) bool
	// due says that an instance that is wanted and has a task is to be restarted.
	due func(p *pass, s *slot) bool
	// asked says that it concerns the instance on the host, done or not; nil for updates.
	asked func(p *pass, k kind, h *host) bool
	cause func(p *pass, s *slot) string
}

// updates replace what runs another spec than the pursued one.
var updates = rollout{
	one: "its update", many: "update",
	none: func(p *pass) bool {
		return !slices.ContainsFunc(p.gate.tallies[:], func(t tally) bool { return t.outdated > 0 })
	},
	due: func(_ *pass, s *slot) bool { return s.task.outdated },
	cause: func(p *pass, s *slot) string {
		to := p.specs[s.task.kind].spec.Version
		switch {
		case p.course.back != nil:
			return "rollback to " + to
		case p.versionOf(s.task) == to:
			return "update of its settings"
		}
		return "update to " + to
	},
}

func (r *rollout) waits(message string) *wait {
	return &wait{code: codeUpdate, message: message, generic: "waits for " + r.one}
}

// update restarts what is to be restarted: what is outdated, when that is done what a
// person asked to be restarted, and then what does not know a new device. That a person
// has paused updates concerns the last no more than it concerns failures.
func (p *pass) update() {
	switch {
	case !p.mayStop() || p.course.failed.message != "":
	case p.course.halted != "":
		p.roll(&renewals)
	case p.roll(&updates) && p.roll(&restarts):
		p.roll(&renewals)
	}
}

// roll goes through a rollout service by service in the order of spec.update.order,
// host by host, each stop through the gate. It has no memory: what is due stands in
// the task ids, and what is in motion in the snapshot. It says whether all is done.
func (p *pass) roll(r *rollout) bool {
	if r.none(p) {
		return true
	}
	earlier := "" // the service whose rollout is not done
	for _, k := range p.course.order {
		open := p.openFor(r, k)
		switch {
		case earlier == "":
			p.rollKind(r, k, open)
		case r == &updates:
			p.giveUpHanging(k, open)
		}
		for _, h := range open {
			h.slots[k].hold(r.waits("waits until the " + r.many + " of " + earlier + " is done"))
		}
		// What waits for core services of another order holds up nobody: it might be these.
		// And what the rollout does not concern is down for another reason, perhaps for long.
		if earlier == "" && p.turnWait(k) == nil && (len(open) > 0 || p.concerns(r, k) && p.unsettled(k)) {
			earlier = k.String()
		}
	}
	return earlier == ""
}

// giveUpHanging stops what hangs at its start with a spec that was given up, before its turn
// has come: the update that it waits for may itself wait for what is down.
func (p *pass) giveUpHanging(k kind, open []*host) {
	var hanging []*host
	for _, h := range open {
		if t := h.slots[k].task; t.status == launching && t.id.Hash != p.course.good[k].hash && p.inVain(p.launchedAt(t)) {
			hanging = append(hanging, h)
		}
	}
	if len(hanging) > 0 {
		p.rollDown(&updates, k, hanging)
	}
}

// turnWait is why the service's turn has to wait, whatever the host: what waits for the
// registries, or for core services that are updated later, does not hold these up.
func (p *pass) turnWait(k kind) *wait {
	if w := p.coreWait(k); w != nil {
		return w
	}
	return p.quorumWait(k)
}

// quorumWait is why no other service that serves is stopped now: without a majority of the
// registries it may not get well again.
func (p *pass) quorumWait(k kind) *wait {
	if k == registry || p.gate.quorate() {
		return nil
	}
	t := &p.gate.tallies[registry]
	return &wait{code: codeOrder, message: fmt.Sprintf("%d of %d registries are available", t.available, t.members)}
}

// concerns says that a rollout does something to the service, or has.
func (p *pass) concerns(r *rollout, k kind) bool {
	if r != &updates {
		return slices.ContainsFunc(p.active, func(h *host) bool { return h.slots[k].wanted && r.asked(p, k, h) })
	}
	return p.changes(k) || p.gate.tallies[k].outdated > 0 || p.toUpdate(k)
}

// openFor are the hosts whose instance is due and could come back after a stop. What
// could not is left alone, and keeps nobody waiting.
func (p *pass) openFor(r *rollout, k kind) []*host {
	var open []*host
	for _, h := range p.active {
		s := &h.slots[k]
		if !s.wanted || s.task == nil || s.duplicate() || s.task.status == halting || s.task.status == doubtful || !r.due(p, s) {
			continue
		}
		if w := p.cannotReturn(k, h); w != nil {
			s.hold(r.waits("is not stopped for " + r.one + ", it could not start again: " + w.sentence()))
			continue
		}
		open = append(open, h)
	}
	return open
}

// cannotReturn says why an instance that is stopped on the host could not be
// started again for reasons that lie outside the cluster's services.
func (p *pass) cannotReturn(k kind, h *host) *wait {
	w := p.blocked(h)
	switch {
	case h.slots[k].foreign != nil:
		return p.startWait(k, h)
	case w == nil && h.maintenance:
		p.keepOffers(h)
		return p.maintenanceWait(h)
	case w == nil:
		return p.confirmWait(k, h)
	case k.floats() && h.agent != nil && h.agent.Behind && p.hasRoomElsewhere(k):
		return nil
	}
	return w
}

// hasRoomElsewhere says that a floating service that is stopped could come back
// on a host that has none now.
func (p *pass) hasRoomElsewhere(k kind) bool {
	f := &p.floating[k]
	if f.looked { // once for all its instances
		return f.room
	}
	f.looked = true
	candidates := p.candidates(k)
	f.room = p.hasRoom(k, candidates, true)
	for _, h := range candidates {
		if h.maintenance && !f.room {
			p.keepOffers(h)
		}
	}
	return f.room
}

func (p *pass) hasRoom(k kind, hosts []*host, withDeclined bool) bool {
	return slices.ContainsFunc(hosts, func(h *host) bool {
		return !h.maintenance && p.poolOf(h, k).fits(p.specFor(k, h.key).need, withDeclined)
	})
}

// rollKind stops the next instances of one service: first what is down already, which
// takes nothing away, then what serves, the youngest before others: they count as down.
func (p *pass) rollKind(r *rollout, k kind, open []*host) {
	var down, serving []*host
	for _, h := range open {
		s := &h.slots[k]
		w := p.coreWait(k)
		if w == nil && !k.floats() {
			w = p.orderWait(k, h)
		}
		if w == nil && p.presenceOf(s, k) != away {
			w = p.quorumWait(k)
		}
		switch {
		case w != nil:
			s.hold(r.waits(r.one + " waits, it could not start again now: " + w.sentence()))
		case p.presenceOf(s, k) != away:
			serving = append(serving, h)
		default:
			down = append(down, h)
		}
	}
	if len(down) > 0 {
		p.rollDown(r, k, down)
	}
	serving = p.domainTurn(r, k, serving)
	if p.gate.tallies[k].available > p.gate.tallies[k].steady {
		slices.SortStableFunc(serving, func(a, b *host) int {
			return int(p.presenceOf(&a.slots[k], k) - p.presenceOf(&b.slots[k], k))
		})
	}
	for _, h := range serving {
		s := &h.slots[k]
		if v := p.gate.admit(k, h.name, p.presenceOf(s, k)); v.ok {
			p.kill(s.task, r.cause(p, s), v)
		} else {
			s.hold(r.waits(r.one + " " + v.why))
		}
	}
}

// rollDown replaces instances that are down. The gate lets all of them go;
// but what looks unhealthy all at once, as when a quorum is lost, is not restarted
// all at once: each gets a short time to come back before the next one.
func (p *pass) rollDown(r *rollout, k kind, down []*host) {
	motion, limit := p.inMotion(k), p.motionLimit(k)
	for _, h := range down {
		s := &h.slots[k]
		others := motion
		if p.slotInMotion(k, h) {
			others--
		}
		if others >= limit || r == &updates && p.comesBack(s, k) {
			s.hold(r.waits(r.one + " waits for another " + k.String() + " to settle"))
			continue
		}
		p.kill(s.task, r.cause(p, s), p.gate.admit(k, h.name, away))
		motion = others + 1
	}
}

// motionLimit is how many instances of the service that are down may be on their way at a
// time: as many as may be away, and of registries without a majority one.
func (p *pass) motionLimit(k kind) int {
	if k == registry && !p.gate.quorate() {
		return 1
	}
	return p.gate.tallies[k].limit
}

// comesBack says that an instance was started as it was, because others try the pursued
// spec, and is not to be stopped before these have shown that they run.
func (p *pass) comesBack(s *slot, k kind) bool {
	t := &p.gate.tallies[k]
	return k.bound() && t.trying >= t.limit && s.comesUp() && !p.inVain(p.launchedAt(s.task))
}

// comesUp says that the service's task was started and does not run well yet.
func (s *slot) comesUp() bool { return s.task.status == launching || s.task.status == comingUp }

// unsettled says that an instance of the service is on its way, so that the
// update of the next service waits. One that the outside keeps away (its agent is
// unreachable, no offer comes) holds up nobody.
func (p *pass) unsettled(k kind) bool {
	for _, h := range p.active {
		if p.slotUnsettled(k, h) {
			return true
		}
	}
	return p.homelessUnsettled(k)
}

// slotUnsettled is unsettled for the instance on one host.
func (p *pass) slotUnsettled(k kind, h *host) bool {
	s := &h.slots[k]
	switch {
	case !s.wanted:
		return p.makesWay(k, s)
	case s.killed:
		return true
	case s.task == nil:
		return p.justGone(instanceKey{k, h.key}) || p.failing(k, h.key) && p.blocked(h) == nil || p.mayReturn(k, h)
	case s.task.status == halting:
		return true
	case s.task.outdated && s.comesUp() && p.recent(s.task.Since):
		return true // it comes back as it was
	case s.task.status == doubtful || s.task.outdated:
		return p.recent(p.snap.Since) && p.mayStart(h) && !p.cordoned[h.name] // agents are still coming back
	case s.task.status == available:
		return p.presenceOf(s, k) == young
	}
	return true
}

// makesWay says that an instance of a floating service is being stopped: from then on
// another one is wanted in its stead, or none. One that hangs holds up nobody.
func (p *pass) makesWay(k kind, s *slot) bool {
	return k.floats() && s.task != nil && s.task.status == halting && !p.inVain(s.task.Killing)
}

// homelessUnsettled is unsettled for the missing instances of a floating service.
func (p *pass) homelessUnsettled(k kind) bool {
	if p.floating[k].missing() == 0 {
		return false
	}
	return p.justGone(instanceKey{kind: k}) || p.failing(k, "") || p.coreWait(k) == nil && p.hasRoom(k, p.candidates(k), false)
}

// mayReturn says that a missing instance can be started with what is held.
func (p *pass) mayReturn(k kind, h *host) bool {
	return p.startWait(k, h) == nil && !h.maintenance && p.poolOf(h, k).fits(p.specFor(k, h.key).need, false)
}

// inMotion counts the instances of the service that were stopped or started a
// short time ago and have not become available.
func (p *pass) inMotion(k kind) int {
	n := 0
	for _, h := range p.active {
		if p.slotInMotion(k, h) {
			n++
		}
	}
	f := &p.floating[k]
	if f.missing() > 0 && p.justGone(instanceKey{kind: k}) {
		n += f.missing()
	}
	return n
}

// slotInMotion is inMotion for the instance on one host.
func (p *pass) slotInMotion(k kind, h *host) bool {
	s := &h.slots[k]
	switch {
	case !s.wanted:
		return p.makesWay(k, s) && p.recent(s.task.Killing)
	case s.killed:
		return true
	case s.task == nil:
		return p.justGone(instanceKey{k, h.key})
	case s.task.status == halting:
		return p.recent(s.task.Killing)
	case s.task.outdated: // if it comes back as it was, it is as much on its way as before its launch
		return s.comesUp() && p.justGone(keyOf(k, h.key))
	}
	return (s.comesUp() || s.task.status == unhealthy) && p.recent(s.task.Since)
}

// justGone says that the last task of an instance ended a short time ago, or
// that one may have: nobody remembers what was before this subscription.
func (p *pass) justGone(key instanceKey) bool {
	if p.recent(p.snap.Since) {
		return true
	}
	e := p.ends[key]
	return e != nil && p.recent(e.task.Since)
}

func (p *pass) recent(t time.Time) bool {
	until := t.Add(settleTime)
	p.at(until)
	return p.now.Before(until)
}

// replaced says that the instance was stopped for its update and has not
// come back yet.
func (p *pass) replaced(key instanceKey, hash string) bool {
	e := p.ends[key]
	return e != nil && !e.task.Killing.IsZero() && e.hash != hash
}
