package mesosbridge

// agentBook is what the state keeps of an agent beside what it shows.
type agentBook struct {
	// tasks on the agent that have not ended.
	tasks map[string]struct{}
	// operations on the agent that are on their way; nil: none ever was.
	operations map[string]struct{}
	// registered is the number of the input by which the agent was first known to
	// be registered in this subscription; 0: it is not.
	registered uint64
	// copied is the generation in which the agent was copied last.
	copied uint64
}

// busy: there is something on the agent whose end has to be heard of.
func (b *agentBook) busy() bool { return len(b.tasks)+len(b.operations) > 0 }

// editAgent returns the agent for changing: a copy that no snapshot shows. Its
// Offers, InverseOffers and Declined are replaced, never changed in place.
func (s *state) editAgent(id string) *Agent {
	a, b := s.agents[id], s.agentBooks[id]
	if b.copied != s.generation+1 {
		clone := *a
		a = &clone
		s.agents[id] = a
		b.copied = s.generation + 1
	}
	s.agentsDirty = true
	s.changed()
	return a
}

// agent returns the agent's book; an agent that was not known is, afterwards.
func (s *state) agent(id string) *agentBook {
	if b := s.agentBooks[id]; b != nil {
		return b
	}
	b := &agentBook{tasks: map[string]struct{}{}, copied: s.generation + 1}
	s.agents[id] = &Agent{ID: id}
	s.agentBooks[id] = b
	s.agentsDirty = true
	s.changed()
	return b
}

// pruneAgent forgets an agent that is not registered and has nothing to hear of.
func (s *state) pruneAgent(id string) {
	b := s.agentBooks[id]
	if b == nil || b.registered != 0 || b.busy() {
		return
	}
	delete(s.agents, id)
	delete(s.agentBooks, id)
	delete(s.barrier.waiting, id)
	s.barrier.knocks.drop(id)
	s.agentsDirty = true
	s.changed()
}

// registered takes in that the master knows the agent.
func (s *state) registered(agentID string) {
	book := s.agent(agentID)
	if book.registered != 0 {
		return
	}
	book.registered = s.seq
	s.editAgent(agentID).Registered = true
	s.barrier.knocks.drop(agentID)
	s.barrier.waiting[agentID] = struct{}{}
	s.wantRound(s.timing.RoundMin)
	s.notGone(agentID)
	s.agentBack(agentID)
}

// agentLeft takes in that the master does not know the agent, or not any more.
func (s *state) agentLeft(agentID string) {
	if s.agentBooks[agentID] != nil {
		s.unregister(agentID)
	}
	if s.declared[agentID] {
		s.agentGone(agentID) // the word has waited for this
	}
}

func (s *state) unregister(agentID string) {
	book, a := s.agentBooks[agentID], s.agents[agentID]
	if a.Registered || a.Behind || len(a.Offers) > 0 || len(a.Declined) > 0 {
		for _, o := range a.Offers {
			delete(s.offers, o.ID)
		}
		for _, o := range a.InverseOffers {
			delete(s.inverse, o.ID)
		}
		a = s.editAgent(agentID)
		a.Registered, a.Behind, a.Offers, a.Declined = false, false, nil, nil
		a.forgetWindow()
	}
	if book.registered != 0 {
		book.registered = 0
		delete(s.barrier.waiting, agentID)
		if book.busy() {
			s.barrier.knocks.set(agentID, s.now, s.timing.ReconcileMin)
		}
	}
	s.pruneAgent(agentID)
}
