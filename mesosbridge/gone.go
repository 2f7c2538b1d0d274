package mesosbridge

import (
	"maps"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// An agent is gone when Mesos's operator has said so to Mesos, or a person says
// so here (rule 5): its tasks end, those that are heard of later too. It is the
// one end that rests on nobody having looked. So the word counts only while the
// master does not say that the agent is registered, and no longer than until it
// does: an agent that turns up, or one of whose tasks is told to be alive, was not
// gone. Its tasks are back in that moment, in doubt, and are asked for by name.
// About an agent that is registered the word waits, until the master has lost the
// agent or the agent itself has spoken.
//
// Such an agent is then like any other that registers: behind its barrier after a
// round of its own, which shows what runs there, so that launching on it is as
// safe as anywhere. The word is used up. It counts anew when it is taken back and
// said again, since nobody can know whether it was meant for the next absence too.

// declareGone takes in which agents a person says are gone, all of them.
func (s *state) declareGone(agentIDs []string, now time.Time) {
	s.begin(now)
	said := make(map[string]bool, len(agentIDs))
	for _, id := range agentIDs {
		waits, before := s.declared[id]
		said[id] = waits
		if before {
			continue
		}
		if book := s.agentBooks[id]; book != nil && book.registered != 0 {
			// It may have died a moment ago, and the master has yet to notice.
			said[id] = true
			continue
		}
		s.agentGone(id)
	}
	s.declared = said
}

// agentGone ends all tasks of an agent that is not registered.
func (s *state) agentGone(agentID string) {
	s.gone[agentID] = true
	if _, ok := s.declared[agentID]; ok {
		s.declared[agentID] = false
	}
	s.barrier.knocks.drop(agentID)
	s.operationsGone(agentID)
	if book := s.agentBooks[agentID]; book != nil {
		for _, id := range slices.Sorted(maps.Keys(book.tasks)) {
			s.endIfGone(id)
		}
	}
}

// endIfGone ends a task whose agent was declared gone.
func (s *state) endIfGone(taskID string) bool {
	t := s.tasks[taskID]
	if t == nil || !s.gone[t.AgentID] {
		return false
	}
	s.finish(taskID, mesos.TASK_GONE_BY_OPERATOR, "", "agent "+t.AgentID+" was declared gone", withItsAgent)
	return true
}

// notGone takes in that an agent is there, whoever has said that it is gone.
func (s *state) notGone(agentID string) {
	if s.declared[agentID] {
		s.declared[agentID] = false
	}
	if !s.gone[agentID] {
		return
	}
	delete(s.gone, agentID)
	back := s.ended.takeBack(agentID)
	s.note("an agent that was declared gone is there", "agent", agentID, "tasks", back)
	for _, id := range back {
		s.addTask(&Task{ID: id, AgentID: agentID, State: mesos.TASK_UNKNOWN, Since: s.now}, 1)
		s.askFor(id)
	}
}
