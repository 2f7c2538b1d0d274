package mesosbridge

import (
	"fmt"
	"maps"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"pgregory.net/rapid"
)

// model is a Mesos master with its agents, reduced to what the rules of safety
// rest on, and the network between it and a state: every call may wait, be lost
// or lose its answer, and agents and masters go and come at any moment. It plays
// the state alone, so that a history takes microseconds.
type model struct {
	s      *state
	now    time.Time
	agents []*modelAgent
	serial int

	lanes   map[string][]*outgoing // calls that are not processed, by agent
	answers map[string]func()      // of the call that was processed last, by lane
	events  []*scheduler.Event     // on the stream, not read yet
	unacked map[string]*scheduler.Event
	final   map[string]bool // tasks whose end the state was told by Mesos
	misled  map[string]bool // tasks that were remembered with another agent
	health  map[string]bool // what the checks of tasks said last
	said    []string        // agents that a person says are gone

	shown *Snapshot // the one before, and what it looked like
	looks string
}

type standing string

const (
	isRegistered  standing = "registered"
	isUnreachable standing = "unreachable"
	isRecovered   standing = "recovered" // known to a new master from its registry alone
)

type modelAgent struct {
	id       string
	standing standing
	running  map[string]bool // the processes, whatever anybody knows
	finished map[string]bool // whose end no master has heard of
	offer    string
	// operations whose end nobody has acknowledged, and all that were done.
	operations map[string]*scheduler.Event
	done       map[string]bool
	// window of its machine, nil: none is scheduled; the inverse offer that is
	// outstanding, empty: none is; and the answer to the one before.
	window          *mesos.Unavailability
	inverse, answer string
}

func newModel() *model {
	m := &model{
		now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), unacked: map[string]*scheduler.Event{},
		final: map[string]bool{}, misled: map[string]bool{}, health: map[string]bool{},
	}
	for i := range 3 {
		m.agents = append(m.agents, &modelAgent{id: fmt.Sprintf("agent%d", i), standing: isRegistered,
			running: map[string]bool{}, finished: map[string]bool{},
			operations: map[string]*scheduler.Event{}, done: map[string]bool{}})
	}
	m.restart(nil)
	return m
}

func (m *model) id(prefix string) string { m.serial++; return fmt.Sprintf("%s%d", prefix, m.serial) }

func (m *model) restart(remembered []RememberedTask) {
	m.s = newState(DefaultTiming(), func() float64 { m.serial++; return float64(m.serial%997) / 997 })
	m.s.remember(remembered, m.now)
	m.lanes, m.answers, m.events = map[string][]*outgoing{}, map[string]func(){}, nil
	clear(m.final)
	m.said, m.shown = nil, nil
	for _, a := range m.agents {
		a.offer, a.inverse = "", ""
	}
}

// take takes what the state wants sent.
func (m *model) take() {
	for _, o := range m.s.out {
		m.lanes[o.agent] = append(m.lanes[o.agent], o)
	}
	m.s.out, m.s.messages = nil, nil
}

func (m *model) connect() {
	m.s.connected("framework", "master", 15*time.Second, m.now)
	for _, id := range slices.Sorted(maps.Keys(m.unacked)) {
		if m.agent(m.unacked[id].Update.Status.AgentID.Value).standing == isRegistered {
			m.events = append(m.events, m.unacked[id])
		}
	}
	for _, a := range m.agents {
		m.repeatOperations(a)
	}
}

// disconnect ends the subscription. fate says what becomes of a call: processed,
// lost on the way, or never sent.
func (m *model) disconnect(fate func() int) {
	m.s.disconnected(Problem{Reason: reasonConnecting}, m.now)
	for _, lane := range slices.Sorted(maps.Keys(m.answers)) {
		if fate() == 0 {
			m.answers[lane]()
		}
		delete(m.answers, lane)
	}
	lanes := m.lanes
	m.lanes = map[string][]*outgoing{}
	for _, lane := range slices.Sorted(maps.Keys(lanes)) {
		for i, o := range lanes[lane] {
			switch {
			case i == 0 && fate() == 0:
				m.process(o)
				m.s.answer(o, answer{outcome: unseen}, m.now)
			case i == 0 && fate() == 1:
				m.s.answer(o, answer{outcome: unseen}, m.now)
			default:
				m.s.answer(o, answer{outcome: unsent}, m.now)
			}
		}
	}
	m.s.out, m.events = nil, nil
	for _, a := range m.agents {
		a.offer, a.inverse = "", ""
	}
}

func (m *model) agent(id string) *modelAgent {
	for _, a := range m.agents {
		if a.id == id {
			return a
		}
	}
	return nil
}

func (m *model) emit(e *scheduler.Event) {
	if m.s.head.Connected {
		m.events = append(m.events, e)
	}
}

func update(task, agent string, said mesos.TaskState, reason *mesos.TaskStatus_Reason) *scheduler.Event {
	source := mesos.SOURCE_MASTER
	return &scheduler.Event{Type: scheduler.Event_UPDATE, Update: &scheduler.Event_Update{Status: mesos.TaskStatus{
		TaskID: mesos.TaskID{Value: task}, AgentID: &mesos.AgentID{Value: agent}, State: &said, Reason: reason, Source: &source}}}
}

// own is an update of an executor, which comes until it is acknowledged.
func (m *model) own(task string, a *modelAgent, said mesos.TaskState) *scheduler.Event {
	e := update(task, a.id, said, nil)
	e.Update.Status.Source = mesos.SOURCE_EXECUTOR.Enum()
	e.Update.Status.UUID = []byte(m.id("uuid"))
	m.unacked[task] = e
	if a.standing == isRegistered {
		m.emit(e)
	}
	return e
}

// running is a master's word that a task runs, and how its check found it last.
func (m *model) running(task string, a *modelAgent, reason mesos.TaskStatus_Reason) *scheduler.Event {
	e := update(task, a.id, mesos.TASK_RUNNING, &reason)
	if healthy, ok := m.health[task]; ok {
		e.Update.Status.Healthy = &healthy
	}
	return e
}

// process is what a master does with a call.
func (m *model) process(o *outgoing) {
	c := o.call
	switch c.Type {
	case scheduler.Call_RECONCILE:
		if len(c.Reconcile.Tasks) == 0 {
			for _, a := range m.agents {
				if a.standing == isRegistered {
					for _, id := range slices.Sorted(maps.Keys(a.running)) {
						m.emit(m.running(id, a, mesos.REASON_RECONCILIATION))
					}
				}
			}
		}
		for _, t := range c.Reconcile.Tasks {
			m.explain(t.TaskID.Value, t.AgentID.GetValue())
		}
	case scheduler.Call_ACCEPT:
		a := m.agent(o.agent)
		valid := a.standing == isRegistered && a.offer == c.Accept.OfferIDs[0].Value
		if valid {
			a.offer = ""
		}
		for i := range c.Accept.Operations {
			m.perform(a, &c.Accept.Operations[i], valid)
		}
	case scheduler.Call_KILL:
		id := c.Kill.TaskID.Value
		a := m.agent(c.Kill.AgentID.GetValue())
		if a != nil && a.standing == isRegistered && a.running[id] {
			delete(a.running, id)
			m.own(id, a, mesos.TASK_KILLED)
			return
		}
		m.explain(id, c.Kill.AgentID.GetValue())
	case scheduler.Call_ACKNOWLEDGE:
		if e := m.unacked[c.Acknowledge.TaskID.Value]; e != nil && string(e.Update.Status.UUID) == string(c.Acknowledge.UUID) {
			delete(m.unacked, c.Acknowledge.TaskID.Value)
		}
	case scheduler.Call_ACKNOWLEDGE_OPERATION_STATUS:
		ack := c.AcknowledgeOperationStatus
		a := m.agent(ack.AgentID.Value)
		if e := a.operations[ack.OperationID.Value]; e != nil && a.standing == isRegistered &&
			string(e.UpdateOperationStatus.Status.UUID.Value) == string(ack.UUID) {
			delete(a.operations, ack.OperationID.Value)
		}
	case scheduler.Call_RECONCILE_OPERATIONS:
		for _, asked := range c.ReconcileOperations.Operations {
			m.explainOperation(asked.OperationID.Value, asked.AgentID.Value)
		}
	case scheduler.Call_ACCEPT_INVERSE_OFFERS:
		m.processInverseAnswer(c.AcceptInverseOffers.InverseOfferIDs, "accepted")
	case scheduler.Call_DECLINE_INVERSE_OFFERS:
		m.processInverseAnswer(c.DeclineInverseOffers.InverseOfferIDs, "declined")
	case scheduler.Call_DECLINE:
		for _, id := range c.Decline.OfferIDs {
			for _, a := range m.agents {
				if a.offer == id.Value {
					a.offer = ""
				}
			}
		}
	}
}

// explain answers an explicit reconciliation of one task.
func (m *model) explain(id, agentID string) {
	reason := mesos.REASON_RECONCILIATION.Enum()
	switch a := m.agent(agentID); {
	case a == nil:
		m.emit(update(id, agentID, mesos.TASK_UNKNOWN, reason))
	case a.standing == isRegistered && a.running[id]:
		m.emit(m.running(id, a, *reason))
	case a.standing == isRegistered:
		m.emit(update(id, agentID, mesos.TASK_GONE, reason))
	case a.standing == isUnreachable:
		m.emit(update(id, agentID, mesos.TASK_UNREACHABLE, reason))
	}
}

func (m *model) leave(a *modelAgent) {
	a.standing, a.offer = isUnreachable, ""
	m.rescindInverse(a)
	for _, id := range slices.Sorted(maps.Keys(a.running)) {
		m.emit(update(id, a.id, mesos.TASK_UNREACHABLE, mesos.REASON_AGENT_REMOVED.Enum()))
	}
	for _, id := range slices.Sorted(maps.Keys(a.operations)) {
		m.emit(operationUpdate(id, a.id, mesos.OPERATION_UNREACHABLE, ""))
	}
	m.emit(&scheduler.Event{Type: scheduler.Event_FAILURE, Failure: &scheduler.Event_Failure{AgentID: &mesos.AgentID{Value: a.id}}})
}

func (m *model) arrive(a *modelAgent) {
	was := a.standing
	a.standing = isRegistered
	for _, id := range slices.Sorted(maps.Keys(a.running)) {
		if was == isUnreachable {
			m.emit(m.running(id, a, mesos.REASON_AGENT_REREGISTERED))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(m.unacked)) {
		if e := m.unacked[id]; e.Update.Status.AgentID.Value == a.id {
			m.emit(e)
		}
	}
	m.repeatOperations(a)
}

func (m *model) offerOf(a *modelAgent) {
	a.offer = m.id("offer")
	m.emit(&scheduler.Event{Type: scheduler.Event_OFFERS, Offers: &scheduler.Event_Offers{Offers: []mesos.Offer{{
		ID: mesos.OfferID{Value: a.offer}, AgentID: mesos.AgentID{Value: a.id}, Hostname: a.id, Unavailability: a.window}}}})
}

// processLane has the master process the first call of a lane.
func (m *model) processLane(lane string) {
	o := m.lanes[lane][0]
	m.lanes[lane] = m.lanes[lane][1:]
	m.process(o)
	m.answers[lane] = func() { m.s.answer(o, answer{outcome: accepted, status: 202}, m.now) }
}

func (m *model) answerLane(lane string) {
	f := m.answers[lane]
	delete(m.answers, lane)
	f()
}

func (m *model) readEvent() {
	e := m.events[0]
	m.events = m.events[1:]
	if u := e.Update; u != nil && Ended(u.Status.GetState()) && u.Status.GetState() != mesos.TASK_GONE {
		m.final[u.Status.TaskID.Value] = true
	}
	m.s.event(e, m.now)
}

// ready are the lanes that have a call and no answer under way.
func (m *model) ready() []string {
	var out []string
	for lane, q := range m.lanes {
		if len(q) > 0 && m.answers[lane] == nil {
			out = append(out, lane)
		}
	}
	slices.Sort(out)
	return out
}

// wait lets time pass until the state has something to do, with a heartbeat.
func (m *model) wait() {
	if next := m.s.next(); next.After(m.now) {
		m.now = next
	}
	m.s.lastEvent = m.now
	m.s.tick(m.now)
}

// move has one thing happen that was to happen: a call is processed, an answer or
// an event arrives, an agent is offered, or, when there is nothing, time passes.
func (m *model) move(t *rapid.T) {
	var moves []func()
	for _, lane := range m.ready() {
		moves = append(moves, func() { m.processLane(lane) })
	}
	for _, lane := range slices.Sorted(maps.Keys(m.answers)) {
		moves = append(moves, func() { m.answerLane(lane) })
	}
	if len(m.events) > 0 {
		moves = append(moves, m.readEvent)
	}
	if m.s.head.Connected {
		for _, a := range m.agents {
			if a.offer == "" && a.standing == isRegistered {
				moves = append(moves, func() { m.offerOf(a) })
			}
			if a.asksToLeave() {
				moves = append(moves, func() { m.inverseOfferOf(a) })
			}
		}
	}
	switch {
	case len(moves) > 0:
		moves[rapid.IntRange(0, len(moves)-1).Draw(t, "move")]()
	case m.s.head.Connected:
		m.wait()
	default:
		m.connect()
	}
	m.check(t)
}
