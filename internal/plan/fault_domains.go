package plan

// domainState is how far a rollout of one service is in one domain.
type domainState struct {
	// begun: an instance is done, or on its way, or young and to be replaced first.
	begun bool
	// open: instances are to be replaced that serve. unsettled: some are on their way, and
	// going: some are being stopped.
	open, unsettled, going bool
}

// domainTurn returns those hosts whose turn it is by spec.update.domainBy, and holds
// the others: all of one domain are done before the next one begins.
func (p *pass) domainTurn(r *rollout, k kind, serving []*host) []*host {
	by := p.in.Cluster.Spec.Update.DomainBy
	if by == "" || len(serving) == 0 {
		return serving
	}
	states := p.domainStates(r, k, serving)
	turn, found := "", false
	for domain, state := range states {
		if state.open && (!found || earlierDomain(domain, state, turn, states[turn])) {
			turn, found = domain, true
		}
	}
	// Another domain that is not done, and does not wait for its own turn.
	first := ""
	for domain, state := range states {
		if domain != turn && (state.going || state.unsettled && !state.open) && (first == "" || p.sayDomain(domain) < first) {
			first = p.sayDomain(domain)
		}
	}
	now := make([]*host, 0, len(serving))
	for _, h := range serving {
		switch domain := p.updateDomain(h); {
		case first != "":
			h.slots[k].hold(r.waits(r.one + " waits until " + k.String() + " on the hosts of " + first + " is done"))
		case domain != turn:
			h.slots[k].hold(r.waits(r.one + " waits until " + k.String() + " on the hosts of " + p.sayDomain(turn) + " is done"))
		default:
			now = append(now, h)
		}
	}
	return now
}

func (p *pass) domainStates(r *rollout, k kind, serving []*host) map[string]*domainState {
	states := map[string]*domainState{}
	serves := make(map[*host]bool, len(serving))
	for _, h := range serving {
		serves[h] = true
	}
	for _, h := range p.active {
		s := &h.slots[k]
		if !s.wanted {
			continue
		}
		domain := p.updateDomain(h)
		state := states[domain]
		if state == nil {
			state = &domainState{}
			states[domain] = state
		}
		due := s.task != nil && (s.task.outdated || r.due(p, s))
		going := s.killed || s.task != nil && s.task.status == halting
		state.going = state.going || going
		state.unsettled = state.unsettled || going || !due && p.slotUnsettled(k, h)
		state.begun = state.begun || state.unsettled || s.task != nil && !due || due && p.presenceOf(s, k) == young
		state.open = state.open || serves[h]
	}
	return states
}

// earlierDomain says which domain goes first: where something is on its way, then what
// was begun, then by name, hosts of which nobody knows the domain last.
func earlierDomain(a string, of *domainState, b string, other *domainState) bool {
	switch {
	case of.unsettled != other.unsettled:
		return of.unsettled
	case of.begun != other.begun:
		return of.begun
	case (a == "") != (b == ""):
		return b == ""
	}
	return a < b
}

// updateDomain is where the host is with regard to spec.update.domainBy; empty: nobody
// has said.
func (p *pass) updateDomain(h *host) string {
	if h.agent == nil {
		return ""
	}
	v := attributeOf(h.agent, p.in.Cluster.Spec.Update.DomainBy)
	return v.String()
}

func (p *pass) sayDomain(domain string) string {
	by := p.in.Cluster.Spec.Update.DomainBy
	if domain == "" {
		return "no known " + by
	}
	return by + " " + domain
}
