package mesosbridge

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// A barrier (rule 2 of the design) stands between an agent's first word in a
// subscription and the first launch on it. After a master failover that word is
// an offer, and nothing is said of the tasks that run there
// (master-failover.jsonl): who launched on it would run a service twice.
//
// Barriers are opened by rounds. A round is an implicit RECONCILE, which makes
// the master tell of every task that it knows; when that was answered 202, an
// explicit RECONCILE follows, of one task that cannot exist for each agent that
// waits, the agent named. The master answers reconciliations in the order of the
// calls (reconcile.jsonl), and such a probe with TASK_GONE only if the agent is
// registered.
//
// That is not enough yet: an agent that registers between the two calls answers
// the second without its tasks having been told by the first. So an agent's
// barrier opens only by a round whose implicit RECONCILE was sent after the agent
// was first known to be registered in this subscription: by an offer, by a
// TASK_GONE, or by an update of the agent's or an executor's own. The number of
// the round, which its probes carry, is the number of the input by which it
// began, so that this is one comparison. It follows that agents that nobody knows
// to be registered need no round: they are knocked at, which is an explicit
// RECONCILE alone, and whose TASK_GONE makes them wait for the next round.
type barriers struct {
	// nonce tells the probes of this subscription from others.
	nonce string
	// waiting are the registered agents whose barrier is closed.
	waiting map[string]struct{}
	// knocks are due at agents that have tasks or operations and are not known to be registered.
	knocks *agenda
	// told: the first implicit reconciliation of this subscription was accepted.
	told bool

	phase  roundPhase
	number uint64 // of the present or last round
	full   bool   // it asks for the agents behind their barrier too
	open   int    // explicit calls that are not answered yet

	at       time.Time     // of the next round; zero: none is needed
	last     time.Time     // begin of the last round
	lastFull time.Time     // begin of the last full round
	gap      time.Duration // least distance between two rounds
	again    time.Duration // back-off for probes that nobody answered
}

type roundPhase int

const (
	roundIdle     roundPhase = iota
	roundImplicit            // the implicit RECONCILE is sent
	roundExplicit            // it was accepted; the explicit ones are sent
)

const probePrefix = "barrier."

// probeID is the id of a task that cannot exist. Round 0 is a knock, which opens
// nothing.
func (b *barriers) probeID(round uint64) string {
	return probePrefix + b.nonce + "." + strconv.FormatUint(round, 10)
}

// parseProbe tells a probe's id from a task's.
func parseProbe(id string) (nonce string, round uint64, ok bool) {
	rest, ok := strings.CutPrefix(id, probePrefix)
	if !ok {
		return "", 0, false
	}
	nonce, number, ok := strings.Cut(rest, ".")
	round, err := strconv.ParseUint(number, 10, 64)
	return nonce, round, ok && err == nil
}

// nobody is an agent that does not exist. A probe that names it is answered
// TASK_UNKNOWN (reconcile.jsonl), and after all that the implicit reconciliation
// before it brought. It is answered while agents are away after a master failover
// too: the master keeps silent about a task whose agent, as it is named, is one of
// those that it waits for, or that names no agent while it waits for any
// (reconcile in master/master.cpp; the latter in master-failover.jsonl).
func (b *barriers) nobody() string { return probePrefix + b.nonce }

// openBarriers begins the first round of a subscription, at once: most tasks are
// known again a moment later.
func (s *state) openBarriers() {
	knocks := s.barrier.knocks
	knocks.clear()
	s.barrier = barriers{
		nonce:   fmt.Sprintf("%016x", uint64(s.rand()*(1<<52))<<12|s.seq&0xfff),
		waiting: map[string]struct{}{},
		knocks:  knocks,
		again:   s.timing.ReconcileMin,
	}
	s.startRound(true)
}

func (s *state) closeBarriers() {
	clear(s.barrier.waiting)
	s.barrier.knocks.clear()
	s.barrier.phase, s.barrier.at = roundIdle, time.Time{}
}

// startRound begins a round. Each makes the next one wait longer, so that
// thousands of agents that return one by one share a handful of them.
func (s *state) startRound(full bool) {
	b := &s.barrier
	b.phase, b.number, b.full = roundImplicit, s.seq, full
	b.at, b.last = time.Time{}, s.now
	b.gap = min(max(2*b.gap, s.timing.RoundMin), s.timing.RoundMax)
	if full {
		b.lastFull = s.now
	}
	s.send(&outgoing{
		call: reconcileCall(nil),
		answered: func(s *state, a answer) {
			switch a.outcome {
			case accepted:
				s.barrier.told = true
				s.probe()
			case refused:
				s.barrier.phase = roundIdle
				s.wantRound(s.timing.ReconcileMin)
			}
		},
	})
}

// probe is the second half of a round.
func (s *state) probe() {
	b := &s.barrier
	b.phase = roundExplicit
	var tasks []scheduler.Call_Reconcile_Task
	if !s.head.Reconciled {
		tasks = append(tasks, reconcileTask(b.probeID(b.number), b.nobody()))
	}
	id := b.probeID(b.number)
	for _, agentID := range slices.Sorted(maps.Keys(b.waiting)) {
		if s.agentBooks[agentID].registered < b.number {
			tasks = append(tasks, reconcileTask(id, agentID))
		}
	}
	if b.full {
		for _, agentID := range slices.Sorted(maps.Keys(s.agentBooks)) {
			book := s.agentBooks[agentID]
			switch {
			case !book.busy():
			case s.agents[agentID].Behind:
				tasks = append(tasks, reconcileTask(id, agentID))
			case book.registered == 0:
				tasks = append(tasks, reconcileTask(b.probeID(0), agentID))
				b.knocks.set(agentID, s.now, s.timing.ReconcileMin)
			}
		}
	}
	if len(tasks) == 0 {
		s.roundDone()
		return
	}
	for _, part := range chunks(tasks, reconcileBatch) {
		b.open++
		s.send(&outgoing{call: reconcileCall(part), answered: func(s *state, a answer) {
			if s.barrier.open--; s.barrier.open == 0 {
				s.roundDone()
			}
		}})
	}
}

// roundDone makes room for the next round. Answers to this one may still be on
// their way, and count when they come.
func (s *state) roundDone() {
	b := &s.barrier
	b.phase = roundIdle
	if len(b.waiting) == 0 {
		return
	}
	for agentID := range b.waiting {
		if s.agentBooks[agentID].registered > b.number {
			s.wantRound(s.timing.RoundMin)
			return
		}
	}
	s.wantRound(b.again)
	b.again = min(2*b.again, s.timing.ReconcileMax)
}

// wantRound asks for a round after the delay, or later if there were many.
func (s *state) wantRound(delay time.Duration) {
	b := &s.barrier
	if s.now.Sub(b.last) > 2*s.timing.RoundMax {
		b.gap = 0 // it was quiet for long
	}
	at := s.now.Add(delay)
	if earliest := b.last.Add(b.gap); at.Before(earliest) {
		at = earliest
	}
	if b.at.IsZero() || at.Before(b.at) {
		b.at = at
	}
}

func (s *state) tickBarriers() {
	b := &s.barrier
	if b.told {
		s.knock()
	}
	if b.phase != roundIdle {
		return
	}
	full := !s.now.Before(b.lastFull.Add(s.timing.ImplicitEvery))
	wanted := !b.at.IsZero() && !s.now.Before(b.at)
	switch {
	case full, wanted && !b.told:
		s.startRound(true)
	case wanted && len(b.waiting) > 0, !s.now.Before(s.lookAt()):
		s.startRound(false)
	case wanted:
		b.at = time.Time{} // all answers came meanwhile
	}
}

func (s *state) nextBarrier() time.Time {
	b := &s.barrier
	var next time.Time
	if b.phase == roundIdle {
		next = b.lastFull.Add(s.timing.ImplicitEvery)
		for _, at := range []time.Time{s.lookAt(), b.at} {
			if !at.IsZero() && at.Before(next) {
				next = at
			}
		}
	}
	if at := b.knocks.next(); b.told && !at.IsZero() && (next.IsZero() || at.Before(next)) {
		next = at
	}
	return next
}

// lookAt is when a round is due though nothing asks for one. A busy agent that
// comes back late after a master failover may make no offer, and a process that
// began without memory does not know of its tasks. While a subscription is young,
// the silence between two rounds is at most as long as it has lasted before:
// rounds at 30 s, 1, 2, 4 and 8 minutes, then the full ones. Each has the master
// tell of every task once, five times more in all; and what comes back after t is
// known by 2t, or by 30 s.
func (s *state) lookAt() time.Time {
	b := &s.barrier
	return b.last.Add(min(max(b.last.Sub(s.head.Since), s.timing.LookMin), s.timing.ImplicitEvery))
}

// expect knocks at an agent that has tasks or operations and is not known to be registered.
// The time is rounded, so that many agents share a call.
func (s *state) expect(agentID string) {
	if !s.head.Connected || s.agentBooks[agentID].registered != 0 || s.barrier.knocks.has(agentID) {
		return
	}
	step := 10 * s.timing.RoundMin
	s.barrier.knocks.set(agentID, s.now, s.now.Add(2*step).Truncate(step).Sub(s.now))
}

func (s *state) knock() {
	var tasks []scheduler.Call_Reconcile_Task
	s.barrier.knocks.due(s.now, func(agentID string, delay time.Duration) {
		book := s.agentBooks[agentID]
		if book == nil || book.registered != 0 || !book.busy() {
			return
		}
		tasks = append(tasks, reconcileTask(s.barrier.probeID(0), agentID))
		s.barrier.knocks.again(agentID, s.now, delay, s.timing.ReconcileMin, s.timing.ReconcileMax)
	})
	for _, part := range chunks(tasks, reconcileBatch) {
		s.send(&outgoing{call: reconcileCall(part)})
	}
}

// probed takes in the answer to a probe.
func (s *state) probed(nonce string, round uint64, agentID string, said mesos.TaskState) {
	if nonce != s.barrier.nonce {
		return
	}
	if !s.head.Reconciled {
		s.head.Reconciled = true
		s.changed()
	}
	switch said {
	case mesos.TASK_GONE:
		s.registered(agentID)
		if s.agentBooks[agentID].registered < round {
			s.openBarrier(agentID, round)
		}
	case mesos.TASK_UNKNOWN, mesos.TASK_UNREACHABLE:
		s.agentLeft(agentID)
	case mesos.TASK_GONE_BY_OPERATOR:
		s.agentLeft(agentID)
		s.agentGone(agentID)
	}
}

// openBarrier opens the barrier of an agent, which is open already when the
// round was a periodic one.
func (s *state) openBarrier(agentID string, round uint64) {
	if !s.agents[agentID].Behind {
		s.editAgent(agentID).Behind = true
		delete(s.barrier.waiting, agentID)
		s.barrier.again = s.timing.ReconcileMin
	}
	s.sweep(agentID, round)
}

// sweep judges the tasks of an agent that a round did not show (rule 4): the
// master has told of all that it knows there.
func (s *state) sweep(agentID string, round uint64) {
	var lost []string
	for id := range s.agentBooks[agentID].tasks {
		t, b := s.tasks[id], s.taskBooks[id]
		switch {
		case b.known >= round || b.told >= round:
			// The round began before anybody could know of it, or showed it.
		case b.accepted == 0 || b.accepted >= round:
			// Rule 3: the round may have overtaken the ACCEPT.
		case t.Heard && !t.Launching && !Doubtful(t.State):
			// It should have been shown: ask by name before believing it.
			s.reconcile.set(id, s.now, 0)
		default:
			lost = append(lost, id)
		}
	}
	slices.Sort(lost)
	for _, id := range lost {
		s.finish(id, mesos.TASK_GONE, "", "agent "+agentID+" is registered and does not know the task", concluded)
	}
}
