package mesosbridge

// agentGone ends all tasks of an agent that is gone for good (rule 5): Mesos's
// operator said so, or a person said so here. It is never launched on again.
func (s *state) agentGone(agentID string) {
	s.gone[agentID] = true
	delete(s.barrier.waiting, agentID)
	s.barrier.knocks.drop(agentID)
	book := s.agentBooks[agentID]
	if book == nil {
		return
	}
	if s.agents[agentID].Behind {
		s.editAgent(agentID).Behind = false
	}
	for _, id := range slices.Sorted(maps.Keys(book.tasks)) {
		s.endIfGone(id)
	}
}

// declareGone is a person's word that agents are gone.
func (s *state) declareGone(agentIDs []string, now time.Time) {
	s.begin(now)
	for _, id := range agentIDs {
		if !s.gone[id] {
			s.agentGone(id)
		}
	}
}

// endIfGone ends a task whose agent was declared gone.
func (s *state) endIfGone(taskID string) bool {
	t := s.tasks[taskID]
	if t == nil || !s.gone[t.AgentID] {
		return false
	}
	s.finish(taskID, mesos.TASK_GONE_BY_OPERATOR, "", "agent "+t.AgentID+" was declared gone")
	return true
}
