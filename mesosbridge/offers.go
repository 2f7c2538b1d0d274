package mesosbridge

import (
	"maps"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/resources"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
)

// offered takes in an offer.
func (s *state) offered(o *mesos.Offer) {
	id, agentID := o.ID.Value, o.AgentID.Value
	if _, ok := s.offers[id]; ok {
		return
	}
	s.registered(agentID)
	s.offers[id] = agentID
	a := s.editAgent(agentID)
	a.Host, a.Attributes, a.Domain = o.Hostname, o.Attributes, o.Domain
	a.windowOffered(o.Unavailability, s.now)
	role := o.AllocationInfo.GetRole()
	a.Offers = append(slices.Clip(a.Offers), &Offer{
		ID:             id,
		AgentID:        agentID,
		Host:           o.Hostname,
		Role:           role,
		Resources:      o.Resources,
		Received:       s.now,
		Unavailability: o.Unavailability,
	})
	// What was declined stays in the book: its filter lives on beside this offer,
	// and hides what is left of it after an ACCEPT.
}

// withdraw takes an offer out, and returns it; nil: it was not there.
func (s *state) withdraw(offerID string) *Offer {
	agentID, ok := s.offers[offerID]
	if !ok {
		return nil
	}
	delete(s.offers, offerID)
	a := s.editAgent(agentID)
	i := slices.IndexFunc(a.Offers, func(o *Offer) bool { return o.ID == offerID })
	o := a.Offers[i]
	a.Offers = slices.Concat(a.Offers[:i], a.Offers[i+1:])
	return o
}

// longRefusal is what counts as declined for long: what comes back by itself in
// less needs no REVIVE.
const longRefusal = time.Minute

// decline gives offers back.
func (s *state) decline(ids []string, refuse time.Duration, now time.Time) {
	s.begin(now)
	if !s.head.Connected {
		return
	}
	held := make([]string, 0, len(ids))
	for _, id := range ids {
		o := s.withdraw(id)
		if o == nil {
			continue
		}
		held = append(held, id)
		s.editAgent(o.AgentID).windowHeld(o.Unavailability, now)
		if refuse >= longRefusal {
			a := s.editAgent(o.AgentID)
			declined := maps.Clone(a.Declined)
			if declined == nil {
				declined = map[string][]mesos.Resource{}
			}
			declined[o.Role] = hidden(declined[o.Role], o.Resources)
			a.Declined = declined
		}
	}
	s.sendDecline(held, refuse)
}

// hidden is what filters may hide after one more DECLINE: a filter hides all
// that is within what was declined, now and later, until REVIVE.
func hidden(before, now []mesos.Resource) []mesos.Resource {
	switch {
	case len(before) == 0: // as most often
		return now
	case resources.ContainsAll(now, before):
		return now
	case resources.ContainsAll(before, now):
		return before
	}
	return slices.Concat(before, now)
}

func (s *state) sendDecline(ids []string, refuse time.Duration) {
	for _, part := range chunks(ids, declineBatch) {
		s.send(&outgoing{call: calls.Decline(offerIDs(part)...).With(calls.RefuseSeconds(refuse))})
	}
}

// revive asks for what was declined. Outstanding offers stay as they are
// (decline-revive-suppress.jsonl). Without a subscription nothing has to be done:
// a new one starts without filters.
//
// A REVIVE brings offers of all agents that have anything left, most of which are
// declined again. So those that follow each other closely are gathered: while
// hosts are added by the thousands, each wants what it has declined.
func (s *state) revive(roles []string, now time.Time) {
	s.begin(now)
	if !s.head.Connected || len(roles) == 0 {
		return
	}
	for _, role := range roles {
		if !slices.Contains(s.reviving, role) {
			s.reviving = append(s.reviving, role)
		}
	}
	s.tickRevive()
}

// nextRevive is when a REVIVE is to be sent; zero: none is asked for.
func (s *state) nextRevive() time.Time {
	if len(s.reviving) == 0 {
		return time.Time{}
	}
	return s.head.Revived.Add(s.timing.ReviveMin)
}

// tickRevive sends the REVIVE that is asked for, unless the last one was just now.
func (s *state) tickRevive() {
	if len(s.reviving) == 0 || s.now.Before(s.nextRevive()) {
		return
	}
	roles := s.reviving
	s.head.Revived, s.reviving = s.now, nil
	for id, a := range s.agents {
		if left := withoutRoles(a.Declined, roles); len(left) != len(a.Declined) {
			s.editAgent(id).Declined = left
		}
	}
	s.send(&outgoing{call: calls.ReviveWith(roles)})
}

// withoutRoles leaves out roles; a map that is shown is not changed.
func withoutRoles(declined map[string][]mesos.Resource, roles []string) map[string][]mesos.Resource {
	if !slices.ContainsFunc(roles, func(r string) bool { _, ok := declined[r]; return ok }) {
		return declined
	}
	left := maps.Clone(declined)
	for _, r := range roles {
		delete(left, r)
	}
	if len(left) == 0 {
		return nil
	}
	return left
}
