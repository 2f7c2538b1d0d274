package mesosbridge

import (
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
)

// The master tells of the maintenance window of a machine in two ways
// (maintenance.jsonl): the offers of its agent carry it, and an inverse offer asks
// each framework that has or is offered something there to leave. When the schedule
// changes, it rescinds both and makes them anew.
//
// It rescinds only what is outstanding, so nobody tells of a window that was
// cancelled after the inverse offer was answered, while no offer comes. What is
// known of windows is therefore kept with the time at which it was said, and no
// longer than the agent is known to be registered.

// inverseOffered takes in an inverse offer.
func (s *state) inverseOffered(o *mesos.InverseOffer) {
	id, agentID := o.OfferID.Value, o.AgentID.GetValue()
	if agentID == "" {
		s.note("the master asks for everything back, on no agent in particular, which is declined", "inverseOffer", id)
		s.sendInverseAnswer([]string{id}, false, refusalOfEverything)
		return
	}
	if _, ok := s.inverse[id]; ok {
		return
	}
	// As with an offer: the master makes none of agents that it does not know
	// (Master::inverseOffer in master/master.cpp).
	s.registered(agentID)
	s.inverse[id] = agentID
	held := &InverseOffer{ID: id, AgentID: agentID, Unavailability: o.Unavailability, Received: s.now}
	a := s.editAgent(agentID)
	a.InverseOffers = append(slices.Clip(a.InverseOffers), held)
	a.windowOffered(&held.Unavailability, s.now)
}

// refusalOfEverything is for how long inverse offers that name no agent are
// declined. mesos.proto knows them, and no master makes them; one that did would be
// told so, and the log with it, once an hour.
const refusalOfEverything = time.Hour

// windowOffered takes in what an offer says of its agent's window, be it that there
// is none.
func (a *Agent) windowOffered(window *mesos.Unavailability, received time.Time) {
	a.Unavailability, a.UnavailabilitySaid = window, time.Time{}
	if window != nil {
		a.UnavailabilitySaid = received
	}
}

// windowHeld takes in that an offer which tells of a window was held until now, when it
// is used or answered: until then the master would have rescinded it.
func (a *Agent) windowHeld(window *mesos.Unavailability, now time.Time) {
	if window != nil && a.Unavailability != nil && a.Unavailability.Equal(window) {
		a.UnavailabilitySaid = now
	}
}

// forgetWindow: whoever knows of the agent next says it anew.
func (a *Agent) forgetWindow() {
	a.Unavailability, a.UnavailabilitySaid, a.InverseOffers = nil, time.Time{}, nil
}

// withdrawInverse takes an inverse offer out, and returns it; nil: it was not there.
func (s *state) withdrawInverse(id string) *InverseOffer {
	agentID, ok := s.inverse[id]
	if !ok {
		return nil
	}
	delete(s.inverse, id)
	a := s.editAgent(agentID)
	i := slices.IndexFunc(a.InverseOffers, func(o *InverseOffer) bool { return o.ID == id })
	o := a.InverseOffers[i]
	a.InverseOffers = slices.Concat(a.InverseOffers[:i], a.InverseOffers[i+1:])
	return o
}

// rescindedInverse takes in that the master has withdrawn an inverse offer, and
// with it the window, unless something that is held tells of one.
func (s *state) rescindedInverse(id string) {
	o := s.withdrawInverse(id)
	if o == nil {
		return
	}
	a := s.agents[o.AgentID] // edited by withdrawInverse
	if a.Unavailability == nil || !a.Unavailability.Equal(o.Unavailability) {
		return // somebody has said something else since
	}
	a.windowOffered(nil, s.now)
	said := func(window *mesos.Unavailability, at time.Time) {
		if window != nil && !at.Before(a.UnavailabilitySaid) {
			a.windowOffered(window, at)
		}
	}
	for _, held := range a.Offers {
		said(held.Unavailability, held.Received)
	}
	for _, held := range a.InverseOffers {
		said(&held.Unavailability, held.Received)
	}
}

// answerInverse accepts or declines inverse offers. What is known of the windows
// stays: they are scheduled whatever the answer is.
func (s *state) answerInverse(ids []string, accept bool, refuse time.Duration, now time.Time) {
	s.begin(now)
	if !s.head.Connected {
		return
	}
	held := make([]string, 0, len(ids))
	for _, id := range ids {
		if o := s.withdrawInverse(id); o != nil {
			s.editAgent(o.AgentID).windowHeld(&o.Unavailability, now)
			held = append(held, id)
		}
	}
	s.sendInverseAnswer(held, accept, refuse)
}

// sendInverseAnswer sends the answers as calls that name no agent. They are of many
// agents. And their order among themselves and with REVIVE is what matters: the
// master shows the answer that came last, and REVIVE ends the filters that came
// before it, those of inverse offers too (maintenance.jsonl). What was done on an
// agent before its inverse offer is accepted was heard of by statuses, so no call
// for the agent can be overtaken.
func (s *state) sendInverseAnswer(ids []string, accept bool, refuse time.Duration) {
	call := calls.DeclineInverseOffers
	if accept {
		call = calls.AcceptInverseOffers
	}
	for _, part := range chunks(ids, declineBatch) {
		s.send(&outgoing{call: call(offerIDs(part)...).With(calls.RefuseSeconds(refuse))})
	}
}
