package plan

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
)

// gate is the one place that every voluntary stop passes (rule 11): updates,
// deleted devices, surplus instances. It counts what is there and what is away,
// for each service, and lets go what leaves enough. Exempt are state Stopped and
// Teardown, which do not ask.
type gate struct {
	tallies [kinds]tally
}

// tally counts the instances of one service.
type tally struct {
	// wanted instances.
	wanted int
	// members are those that are wanted or exist. A registry whose device object is not
	// there still votes.
	members int
	// voters are what the majority that has to stay is counted of: the members, and the
	// registries that do not run because their devices are missing. The others count on
	// them until a person says that they are gone.
	voters int
	// available members; of them steady are those that have been for minReady.
	available, steady int
	// running members, healthy or not.
	running int
	// down are wanted instances that are not steady, and others on their way out.
	down int
	// limit is how many may be down for a further one to be stopped: less than so many.
	limit int
	// trying are wanted instances that have to show that they run with the pursued spec, or
	// are to be started with it: they were stopped for it, or have failed with it.
	trying int
	// outdated are instances of another spec that are wanted, or were until they were stopped.
	outdated int
	// leaving are those that are being stopped for good.
	leaving int
	// first says which one is down first, and how.
	first string
}

func majority(n int) int { return n/2 + 1 }

// quorate says that a majority of the registries is available.
func (g *gate) quorate() bool {
	t := &g.tallies[registry]
	return t.available >= majority(t.members)
}

// presence says what stopping an instance takes away.
type presence int

const (
	away   presence = iota // it does not serve: nothing
	young                  // it serves, and since less than minReady: it counts as down
	steady                 // it serves
)

// presenceOf says how the service is there.
func (p *pass) presenceOf(s *slot, k kind) presence {
	switch {
	case s.task != nil && p.mayServe(s.task) && !(k.bound() && s.duplicate()):
		return young
	case !s.available(k):
		return away
	}
	if until := s.task.Steady.Add(p.provesItself(s.task)); p.now.Before(until) {
		p.at(together(until))
		return young
	}
	return steady
}

// provenTogether is how far apart instances may prove themselves that one pass takes in.
// After a start thousands do, each at a time of its own.
const provenTogether = 250 * time.Millisecond

func together(at time.Time) time.Time {
	return at.Add(provenTogether - 1).Truncate(provenTogether)
}

// mayServe says that no health check has reported on the task to this subscription, which
// did not launch it: it may have served for long. When nothing has reported for long the
// check does not.
func (p *pass) mayServe(t *task) bool {
	if t.status != comingUp || !p.within(t.Steady, runsWell) {
		return false
	}
	launched, known := t.id.Launched()
	return !known || launched.Before(p.snap.Since)
}

// provesItself is how long a task must run until it is believed to go on: minReady, or
// longer when one of its spec has just failed there. What runs for a while and then
// fails, again and again, must not lead an update on from host to host.
func (p *pass) provesItself(t *task) time.Duration {
	update := &p.in.Cluster.Spec.Update
	if c := p.counters[keyOf(t.kind, t.host.key)]; c != nil && c.Count > 0 && c.hash == t.id.Hash {
		return max(update.MinReady.Duration, min(runsWell, update.Timeout.Duration)/2)
	}
	return update.MinReady.Duration
}

// servingTask is presenceOf for a task that is not wanted: as such it is never
// counted as down.
func servingTask(t *task) presence {
	if t.status == available {
		return steady
	}
	return away
}

// verdict is the gate's answer.
type verdict struct {
	ok bool
	// quorumAtRisk: fewer than three registries, and one of them goes.
	quorumAtRisk bool
	// why not, as what a sentence goes on with: "waits for data on node1, which ...".
	why string
}

// admit asks whether one more instance may be stopped, and counts it as down if
// so. One that is down already takes nothing away: it is never blocked.
func (g *gate) admit(k kind, host string, is presence) verdict {
	t := &g.tallies[k]
	v := verdict{ok: true, quorumAtRisk: k == registry && t.voters < 3}
	if is == away {
		return v
	}
	down, others := t.down, t.steady
	if is == young {
		down-- // itself
	} else {
		others--
	}
	if down >= t.limit {
		return verdict{why: fmt.Sprintf("waits for %s; %d may be away at a time", t.first, t.limit)}
	}
	if k == registry {
		switch {
		case t.voters < 3 && others < t.voters-1:
			return verdict{why: fmt.Sprintf("waits: only %d of %d registries are available", t.steady, t.voters)}
		case t.voters >= 3 && others < majority(t.voters):
			return verdict{why: fmt.Sprintf("waits: of %d registries %d must stay available, and %d are", t.voters, majority(t.voters), t.steady)}
		}
	}
	t.available--
	if is == steady {
		t.steady--
		t.countDown(1, k.String()+" on "+host+", "+beingStopped)
	}
	return v
}

// admitForGood is admit for an instance that does not come back. What stops for good
// shrinks the membership of the registries, whether it was available or not, so that
// only one goes at a time, however it is with it: those that stay have to agree first.
func (g *gate) admitForGood(k kind, host string, is presence) verdict {
	t := &g.tallies[k]
	if k == registry && t.leaving > 0 {
		return verdict{why: "waits for another registry, which is being stopped for good"}
	}
	v := g.admit(k, host, is)
	if v.ok {
		t.leaving++
	}
	return v
}

// tallyUp counts what there is before anything is stopped.
func (p *pass) tallyUp() {
	for k := range kinds {
		t := &p.gate.tallies[k]
		for _, h := range p.active {
			p.tallySlot(t, k, h)
		}
		if k.floats() {
			t.wanted = p.floating[k].want
		}
		t.limit = limitOf(p.in.Cluster.Spec.Update.MaxUnavailable, t.wanted)
		if !k.floats() {
			continue
		}
		if missing := p.floating[k].missing(); missing > 0 {
			t.members += missing
			t.countDown(missing, "an instance of "+k.String()+", "+notAvailable)
		}
	}
}

// tallyMove counts the service of a device that was carried to the host, and that does not
// run here yet: where it has stopped, or cannot be reached, on the old host, it is down. A
// task that is here is of another device, which leaves, and has a vote of its own.
func (t *tally) tallyMove(k kind, h *host) {
	s := &h.slots[k]
	if s.moving == nil || s.wanted || s.movingFrom.slots[k].wanted {
		return // or another device keeps the one on the old host, which is counted there
	}
	switch before := s.movingFrom.slots[k].task; {
	case before == nil:
		t.members++
		if s.task != nil || !s.missing { // else its vote is counted
			t.voters++
		}
	case before.status != doubtful:
		return
	}
	t.countDown(1, k.String()+" of a device on its way to "+h.name+", "+notAvailable)
}

func (p *pass) tallySlot(t *tally, k kind, h *host) {
	s := &h.slots[k]
	if s.wanted {
		t.wanted++
	}
	if s.task != nil && s.task.outdated && (s.wanted || p.makesWay(k, s)) {
		t.outdated++
	}
	if s.wanted || s.task != nil {
		t.members++
	}
	is := p.presenceOf(s, k)
	if p.tries(s, k, h, is) {
		t.trying++
	}
	if is != away {
		t.available++
	}
	if is == steady {
		t.steady++
	}
	if s.task != nil && s.task.runs() {
		t.running++
	}
	t.tallyMove(k, h)
	if s.wanted || s.task != nil || s.missing {
		t.voters++
	}
	if s.wanted && is != steady {
		t.countDown(1, k.String()+" on "+h.name+", "+p.whyDown(s, is))
	}
	leaves := !s.wanted && (s.goes() || !k.bound())
	if leaves && s.task != nil && s.task.status == halting {
		t.leaving++
		t.countDown(1, k.String()+" on "+h.name+", "+beingStopped)
	}
	if !k.bound() {
		for _, extra := range s.more {
			if extra.status == halting {
				t.countDown(1, k.String()+" on "+h.name+", "+beingStopped)
			}
		}
	}
}

// limitOf is how many of the wanted instances may be down at a time: at least one.
func limitOf(asked intstr.IntOrString, wanted int) int {
	limit := asked.IntValue()
	if percent, is := strings.CutSuffix(asked.StrVal, "%"); is {
		limit, _ = strconv.Atoi(percent) // the API accepts nothing else
		limit = wanted * limit / 100
	}
	return max(1, limit)
}

func (t *tally) countDown(n int, which string) {
	t.down += n
	if t.first == "" {
		t.first = which
	}
}

// What is told of an instance that is down.
const (
	beingStopped = "which is being stopped"
	notAvailable = "which is not available"
)

// whyDown says how an instance is away that counts as down.
func (p *pass) whyDown(s *slot, is presence) string {
	switch {
	case is == young:
		proves := p.provesItself(s.task)
		if minReady := p.in.Cluster.Spec.Update.MinReady.Duration; proves > minReady {
			return "which has failed, and has not run for " + proves.String() + " since"
		}
		return "which has not run for minReady (" + proves.String() + ") yet"
	case s.task != nil && s.task.status == halting:
		return beingStopped
	}
	return notAvailable
}

// available says that the service serves on its host. Two tasks of a
// device-bound service are no service; of a floating one the better counts.
func (s *slot) available(k kind) bool {
	return s.task != nil && s.task.status == available && (!k.bound() || !s.duplicate())
}
