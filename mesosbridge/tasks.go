package mesosbridge

import (
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
)

// taskBook is what the state keeps of a task beside what it shows.
type taskBook struct {
	known  uint64 // the input by which the task became known
	told   uint64 // the input that last said something of it; 0: none has
	copied uint64 // as in agentBook
	// accepted is the input that answered the task's ACCEPT, or that made sure
	// that the master will not take it any more; 0: it is under way (rule 3).
	// Tasks that were not launched here have 1.
	accepted uint64
}

// editTask is what editAgent is for agents.
func (s *state) editTask(id string) *Task {
	t, b := s.tasks[id], s.taskBooks[id]
	if b.copied != s.generation+1 {
		clone := *t
		t = &clone
		s.tasks[id] = t
		b.copied = s.generation + 1
	}
	s.tasksDirty = true
	s.changed()
	return t
}

// addTask makes a task known. accepted is as in taskBook.
func (s *state) addTask(t *Task, accepted uint64) {
	t.Steady = t.Since
	s.tasks[t.ID] = t
	s.taskBooks[t.ID] = &taskBook{known: s.seq, accepted: accepted, copied: s.generation + 1}
	s.taskStates[t.State]++
	s.tasksDirty = true
	s.changed()
	if t.AgentID != "" {
		s.agent(t.AgentID).tasks[t.ID] = struct{}{}
		s.expect(t.AgentID)
	}
}

// finish ends a task. how says who may bring it back.
func (s *state) finish(id string, end mesos.TaskState, reason, message string, how finality) {
	t := s.editTask(id)
	s.taskStates[t.State]--
	t.State, t.Reason, t.Message, t.Launching = end, reason, message, false
	t.Since, t.Steady = s.now, s.now // Healthy stays: how it was before the end
	delete(s.tasks, id)
	delete(s.taskBooks, id)
	s.reconcile.drop(id)
	s.kills.drop(id)
	s.ended.add(t, how)
	if b := s.agentBooks[t.AgentID]; b != nil {
		delete(b.tasks, id)
		s.pruneAgent(t.AgentID)
	}
}

// status takes in an UPDATE, be it news or the answer to a reconciliation or to a
// KILL (which answers for unknown tasks like one, reconcile.jsonl).
func (s *state) status(st *mesos.TaskStatus) {
	id, agentID, said := st.TaskID.Value, st.GetAgentID().GetValue(), st.GetState()
	if nonce, round, ok := parseProbe(id); ok {
		s.probed(nonce, round, agentID, said)
		return
	}
	if said == mesos.TASK_GONE_BY_OPERATOR && len(st.UUID) > 0 {
		// The master says it of agents that are gone. An agent says it while it
		// drains and shall be gone afterwards, in place of KILLED and of KILLING
		// too (slave/slave.cpp): of a process that may live, on an agent that does.
		st.State = mesos.TASK_KILLING.Enum()
	}
	if agentID != "" {
		s.evidence(st, agentID)
	}
	s.told(st)
	// Rule 18: acknowledged after it is applied. Also when it was late and
	// changed nothing, or it would come again for ever. Answers of the master
	// have no uuid and want no acknowledgement.
	if len(st.UUID) > 0 && agentID != "" {
		s.send(&outgoing{call: calls.Acknowledge(agentID, id, st.UUID), agent: agentID})
	}
}

// evidence is what a status says of the agent.
func (s *state) evidence(st *mesos.TaskStatus, agentID string) {
	if len(st.UUID) > 0 && st.Source != nil && *st.Source != mesos.SOURCE_MASTER {
		s.registered(agentID)
		s.notGone(agentID)
		return
	}
	switch st.GetState() {
	case mesos.TASK_UNREACHABLE:
		s.agentLeft(agentID)
	case mesos.TASK_UNKNOWN:
		// With the agent named: were it registered, the answer would be TASK_GONE.
		s.agentLeft(agentID)
	case mesos.TASK_LOST:
		if st.Reason != nil && *st.Reason == mesos.REASON_AGENT_REMOVED {
			s.agentLeft(agentID)
		}
	case mesos.TASK_GONE_BY_OPERATOR:
		s.agentLeft(agentID)
		s.agentGone(agentID)
	case mesos.TASK_GONE:
		if reconciled(st) {
			s.registered(agentID)
		}
	}
}

// told applies what a status says of the task.
func (s *state) told(st *mesos.TaskStatus) {
	id, agentID, said := st.TaskID.Value, st.GetAgentID().GetValue(), st.GetState()
	if alive(said) && s.gone[agentID] {
		s.notGone(agentID)
	}
	if s.ended.has(id) && !s.returns(st) {
		return
	}
	t := s.tasks[id]
	if t == nil {
		if said == mesos.TASK_UNKNOWN {
			return // nobody says that there is such a task
		}
		t = &Task{ID: id, AgentID: agentID, State: said, Since: s.now}
		s.addTask(t, 1)
	}
	b := s.taskBooks[id]
	if b.accepted == 0 && reconciled(st) && (said == mesos.TASK_GONE || said == mesos.TASK_UNKNOWN) {
		return // rule 3: the question may have overtaken the ACCEPT
	}
	b.told = s.seq
	s.moved(id, agentID)
	if Ended(said) {
		if st.Healthy != nil { // of one that the failing check has ended (health-check.jsonl)
			s.editTask(id).Healthy = ptr(*st.Healthy)
		}
		s.finish(id, said, reasonOf(st), st.GetMessage(), finalityOf(st))
		return
	}
	if s.endIfGone(id) {
		return
	}
	s.apply(id, st)
}

// returns says whether a status brings back a task that counts as ended.
func (s *state) returns(st *mesos.TaskStatus) bool {
	id, said := st.TaskID.Value, st.GetState()
	e := s.ended.ids[id]
	switch {
	case Ended(said):
		if finalityOf(st) == toldByMesos {
			e.finality = toldByMesos
			s.ended.ids[id] = e
		}
		return false
	case e.finality == toldByMesos:
		if alive(said) {
			s.note("a task that has ended is said to run", "task", id, "agent", st.GetAgentID().GetValue(), "state", said.String())
		}
		return false
	case Doubtful(said) && (e.finality == withItsAgent || reconciled(st)):
		// Who declares an agent gone answers that doubt. And whoever asks for a
		// task that the master does not know is told of the agent alone; only
		// what it says unasked, as the agent leaves, is about a task in its books.
		return false
	}
	s.ended.remove(id)
	s.note("a task that counted as ended is there", "task", id, "agent", st.GetAgentID().GetValue(), "state", said.String())
	return true
}

// alive says that a task in this state runs or will.
func alive(said mesos.TaskState) bool { return !Ended(said) && !Doubtful(said) }

// reconciled says that a status is the answer to a reconciliation.
func reconciled(st *mesos.TaskStatus) bool {
	return st.Reason != nil && *st.Reason == mesos.REASON_RECONCILIATION
}

// apply changes a task that goes on.
func (s *state) apply(id string, st *mesos.TaskStatus) {
	t, said := s.tasks[id], st.GetState()
	if backwards(t, said) {
		// An update that nobody acknowledged comes again (unacknowledged-update.jsonl),
		// after a reconciliation may have told of a later state.
		said = t.State
	}
	changes := said != t.State
	healthChanges := st.Healthy != nil && (t.Healthy == nil || *t.Healthy != *st.Healthy)
	wordsChange := !reconciled(st) && (reasonOf(st) != t.Reason || st.GetMessage() != t.Message)
	if !changes && !healthChanges && !wordsChange && t.Heard && !t.Launching {
		return
	}
	t = s.editTask(id)
	t.Heard, t.Launching = true, false
	if (changes || healthChanges) && t.State == mesos.TASK_RUNNING && t.Healthy != nil && *t.Healthy {
		t.Well = max(t.Well, s.now.Sub(t.Steady))
		if healthChanges {
			t.Relapses++
		}
	}
	if changes {
		s.taskStates[t.State]--
		s.taskStates[said]++
		t.State, t.Since = said, s.now
	}
	if changes || wordsChange {
		t.Reason, t.Message = reasonOf(st), st.GetMessage()
	}
	if healthChanges {
		t.Healthy = ptr(*st.Healthy)
	}
	if changes || healthChanges {
		t.Steady = s.now
	}
	if Doubtful(said) {
		s.askFor(id)
	} else if t.AgentID != "" {
		// Somebody who knows of a task that runs knows the agent.
		s.expect(t.AgentID)
	}
}

// backwards says whether a state comes before the one that the task has.
func backwards(t *Task, said mesos.TaskState) bool {
	rank := func(state mesos.TaskState) int {
		switch state {
		case mesos.TASK_STAGING:
			return 1
		case mesos.TASK_STARTING:
			return 2
		case mesos.TASK_RUNNING:
			return 3
		case mesos.TASK_KILLING:
			return 4
		}
		return 0
	}
	return rank(said) > 0 && rank(said) < rank(t.State)
}

// moved corrects the agent of a task that was not known or remembered wrongly.
func (s *state) moved(id, agentID string) {
	t := s.tasks[id]
	if agentID == "" || t.AgentID == agentID {
		return
	}
	if old := s.agentBooks[t.AgentID]; old != nil {
		delete(old.tasks, id)
		s.pruneAgent(t.AgentID)
	}
	s.editTask(id).AgentID = agentID
	s.agent(agentID).tasks[id] = struct{}{}
}

// reasonOf is the name of the reason, empty when there is none.
func reasonOf(st *mesos.TaskStatus) string {
	if st.Reason == nil {
		return ""
	}
	return st.Reason.String()
}
