package mesosbridge

import (
	"maps"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
)

// state is all that the bridge knows and all that it decides: what comes in
// (events, answers, wishes, the time) goes through its methods, and what is to be
// done collects in out, over and notes. It does no I/O, starts no goroutine and
// takes no lock, so that every history can be tested without a network; Bridge
// guards and drives it.
//
// What a Snapshot shows (agents, tasks, operations) is immutable once it was shown,
// and is kept apart from the books, which nobody sees.
type state struct {
	timing Timing
	rand   func() float64

	// now is the time of the present input, and seq its number. What must be
	// ordered is ordered by seq: an effect carries the number of the input that
	// caused it, and what comes in later has a larger one. It never starts anew,
	// so that it orders things across subscriptions too.
	now time.Time
	seq uint64

	// head holds the fields of the snapshot that are not kept apart below.
	head       Snapshot
	agents     map[string]*Agent
	tasks      map[string]*Task
	agentBooks map[string]*agentBook
	taskBooks  map[string]*taskBook
	offers     map[string]string // agent id by offer id
	inverse    map[string]string // agent id by inverse offer id
	ended      endedTasks
	gone       map[string]bool // agents that count as gone (rule 5)
	// declared are the agents that a person says are gone; true: the word waits
	// until the master has lost the agent.
	declared   map[string]bool
	taskStates map[mesos.TaskState]int
	operations operations

	subscription uint64 // counts subscriptions
	closing      bool   // a TEARDOWN is on its way: nothing is launched any more
	heartbeat    time.Duration
	lastEvent    time.Time

	barrier   barriers
	reconcile *agenda  // tasks to ask for
	kills     *agenda  // tasks to kill (again)
	reviving  []string // roles that a REVIVE is asked for

	// What the driver takes away.
	out      []*outgoing
	over     error   // why the subscription must end; nil: it goes on
	tornDown *answer // to a TEARDOWN
	messages []received
	notes    []note

	published   *Snapshot
	generation  uint64 // counts snapshots; see editAgent
	agentsDirty bool
	tasksDirty  bool
}

// note is something for the log.
type note struct {
	message string
	values  []any
}

func newState(timing Timing, rand func() float64) *state {
	return &state{
		timing:     timing,
		rand:       rand,
		head:       Snapshot{Problem: Problem{Reason: reasonConnecting}},
		agents:     map[string]*Agent{},
		tasks:      map[string]*Task{},
		agentBooks: map[string]*agentBook{},
		taskBooks:  map[string]*taskBook{},
		offers:     map[string]string{},
		inverse:    map[string]string{},
		ended:      endedTasks{ids: map[string]endedTask{}},
		gone:       map[string]bool{},
		declared:   map[string]bool{},
		taskStates: map[mesos.TaskState]int{},
		operations: newOperations(),
		barrier:    barriers{waiting: map[string]struct{}{}, knocks: newAgenda()},
		reconcile:  newAgenda(),
		kills:      newAgenda(),
	}
}

// begin opens every input.
func (s *state) begin(now time.Time) {
	s.now = now
	s.seq++
	if s.head.Since.IsZero() {
		s.head.Since = now
	}
}

func (s *state) changed() { s.head.Revision++ }

func (s *state) note(message string, values ...any) {
	s.notes = append(s.notes, note{message: message, values: values})
}

// remember takes in tasks that ran when somebody last looked.
func (s *state) remember(tasks []RememberedTask, now time.Time) {
	s.begin(now)
	for _, r := range tasks {
		if s.tasks[r.TaskID] == nil && !s.ended.has(r.TaskID) {
			s.addTask(&Task{ID: r.TaskID, AgentID: r.AgentID, State: mesos.TASK_UNKNOWN, Since: now}, 1)
			if s.head.Connected {
				s.askFor(r.TaskID)
			}
			s.endIfGone(r.TaskID)
		}
	}
}

// connected opens a subscription: the master has answered SUBSCRIBE, and the
// framework id is kept.
func (s *state) connected(frameworkID, leader string, heartbeat time.Duration, now time.Time) {
	s.begin(now)
	s.subscription++
	s.head.Connected, s.head.Since, s.head.Problem = true, now, Problem{}
	s.head.FrameworkID, s.head.Leader = frameworkID, leader
	s.heartbeat, s.lastEvent = heartbeat, now
	s.over, s.tornDown, s.closing = nil, nil, false
	s.changed()
	for id, a := range s.agents {
		// A new subscription starts without filters, and knows agents only by
		// what it hears.
		if len(a.Declined) > 0 {
			s.editAgent(id).Declined = nil
		}
		s.pruneAgent(id)
	}
	for id, b := range s.taskBooks {
		if b.accepted == 0 {
			// The call of the launch either was processed or will be refused: its
			// stream id is not the framework's any more (resubscribe.jsonl).
			b.accepted = s.seq
		}
		s.askFor(id)
		if !s.tasks[id].Killing.IsZero() {
			s.sendKill(id, 0)
		}
	}
	s.operationsBegin()
	s.openBarriers()
	// A master that had not noticed yet that the old stream is gone takes this
	// for a takeover, and may keep the filters.
	s.send(&outgoing{call: calls.ReviveWith(nil)})
}

// disconnected closes the subscription, if there is one, and says why.
func (s *state) disconnected(problem Problem, now time.Time) {
	s.begin(now)
	s.over = nil
	if !s.head.Connected {
		if s.head.Problem != problem {
			s.head.Problem = problem
			s.changed()
		}
		return
	}
	s.head.Connected, s.head.Since, s.head.Problem = false, now, problem
	s.head.Reconciled, s.closing = false, false
	s.changed()
	for id, b := range s.agentBooks {
		b.registered = 0
		if a := s.agents[id]; a.Registered || a.Behind || len(a.Offers) > 0 {
			a = s.editAgent(id)
			a.Registered, a.Behind, a.Offers = false, false, nil
			a.forgetWindow()
		}
	}
	for id, t := range s.tasks {
		if t.Heard {
			s.editTask(id).Heard = false
		}
	}
	clear(s.offers)
	clear(s.inverse)
	s.closeBarriers()
	s.reconcile.clear()
	s.operations.asks.clear()
	s.kills.clear()
	s.reviving = nil
}

// event takes in one event of the subscription.
func (s *state) event(e *scheduler.Event, now time.Time) {
	s.begin(now)
	s.lastEvent = now
	switch {
	case e.Type == scheduler.Event_OFFERS && e.Offers != nil:
		for i := range e.Offers.Offers {
			s.offered(&e.Offers.Offers[i])
		}
	case e.Type == scheduler.Event_RESCIND && e.Rescind != nil:
		s.withdraw(e.Rescind.OfferID.Value)
	case e.Type == scheduler.Event_INVERSE_OFFERS && e.InverseOffers != nil:
		for i := range e.InverseOffers.InverseOffers {
			s.inverseOffered(&e.InverseOffers.InverseOffers[i])
		}
	case e.Type == scheduler.Event_RESCIND_INVERSE_OFFER && e.RescindInverseOffer != nil:
		s.rescindedInverse(e.RescindInverseOffer.InverseOfferID.Value)
	case e.Type == scheduler.Event_UPDATE && e.Update != nil:
		s.status(&e.Update.Status)
	case e.Type == scheduler.Event_UPDATE_OPERATION_STATUS && e.UpdateOperationStatus != nil:
		s.operationStatus(&e.UpdateOperationStatus.Status)
	case e.Type == scheduler.Event_MESSAGE && e.Message != nil:
		s.messageFrom(e.Message)
	case e.Type == scheduler.Event_FAILURE && e.Failure != nil:
		// With an executor it tells of the executor's end, else of the agent's.
		if e.Failure.AgentID != nil && e.Failure.ExecutorID == nil {
			s.agentLeft(e.Failure.AgentID.Value)
		}
	case e.Type == scheduler.Event_ERROR && e.Error != nil:
		s.over = errorEvent(e.Error.Message)
	}
}

// tick does what has become due.
func (s *state) tick(now time.Time) {
	s.begin(now)
	if !s.head.Connected {
		return
	}
	if silent := s.silentAt(); !now.Before(silent) {
		s.endSubscription("the stream was silent for " + now.Sub(s.lastEvent).String())
		return
	}
	s.tickBarriers()
	s.tickReconcile()
	s.tickOperations()
	s.tickKills()
	s.tickRevive()
}

// silentAt is when the stream counts as broken if nothing comes before. After
// five intervals without a heartbeat a scheduler should disconnect, says Mesos's
// documentation of the scheduler HTTP API; any event is as good a sign of life.
func (s *state) silentAt() time.Time {
	return s.lastEvent.Add(time.Duration(s.timing.SilentHeartbeats) * s.heartbeat)
}

// next is when tick has something to do; zero: never.
func (s *state) next() time.Time {
	if !s.head.Connected {
		return time.Time{}
	}
	first := s.silentAt()
	for _, at := range []time.Time{s.nextBarrier(), s.nextRevive(), s.reconcile.next(), s.operations.asks.next(), s.kills.next()} {
		if !at.IsZero() && at.Before(first) {
			first = at
		}
	}
	return first
}

// teardown asks the master to remove the framework with all its tasks.
func (s *state) teardown(now time.Time) {
	s.begin(now)
	if !s.head.Connected || s.closing {
		return
	}
	s.closing = true
	s.send(&outgoing{
		call: &scheduler.Call{Type: scheduler.Call_TEARDOWN},
		answered: func(s *state, a answer) {
			s.tornDown = &a
			s.closing = s.closing && a.outcome == accepted
		},
	})
}

// snapshot shows the state. Nothing in it changes afterwards: the maps are
// copied when something in them changed (a copy of memory, without a look at the
// entries), and the entries are copied by editAgent and editTask.
func (s *state) snapshot() *Snapshot {
	if s.published != nil && s.published.Revision == s.head.Revision {
		return s.published
	}
	snap := s.head
	if s.published == nil || s.agentsDirty {
		snap.Agents = maps.Clone(s.agents)
	} else {
		snap.Agents = s.published.Agents
	}
	if s.published == nil || s.tasksDirty {
		snap.Tasks = maps.Clone(s.tasks)
	} else {
		snap.Tasks = s.published.Tasks
	}
	if s.published == nil || s.operations.dirty {
		snap.Operations = maps.Clone(s.operations.live)
	} else {
		snap.Operations = s.published.Operations
	}
	snap.Ended, snap.EndedOperations = s.ended.latest(), s.operations.latest()
	s.published = &snap
	s.agentsDirty, s.tasksDirty, s.operations.dirty = false, false, false
	s.generation++
	return s.published
}
