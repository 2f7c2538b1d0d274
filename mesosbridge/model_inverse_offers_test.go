package mesosbridge

import (
	"slices"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"pgregory.net/rapid"
)

// reschedule gives the agent's machine another window, or none. Whatever is
// outstanding is rescinded, offers first (updateUnavailability in master/master.cpp).
func (m *model) reschedule(a *modelAgent, w *mesos.Unavailability) {
	a.window = w
	if a.offer != "" {
		m.emit(&scheduler.Event{Type: scheduler.Event_RESCIND, Rescind: &scheduler.Event_Rescind{OfferID: mesos.OfferID{Value: a.offer}}})
		a.offer = ""
	}
	m.rescindInverse(a)
}

func (m *model) rescindInverse(a *modelAgent) {
	if a.inverse != "" {
		m.emit(rescindInverseEvent(a.inverse))
	}
	a.inverse, a.answer = "", ""
}

// asksToLeave says whether the master is about to make an inverse offer. Filters of
// them are over at any moment.
func (a *modelAgent) asksToLeave() bool {
	return a.window != nil && a.inverse == "" && a.standing == isRegistered && (a.offer != "" || len(a.running) > 0)
}

func (m *model) inverseOfferOf(a *modelAgent) {
	a.inverse = m.id("inverse")
	m.emit(inverseOfferEvent(a.id, a.inverse, a.window))
}

// processInverseAnswer is what a master does with the answer to inverse offers.
func (m *model) processInverseAnswer(ids []mesos.OfferID, answer string) {
	for _, id := range ids {
		for _, a := range m.agents {
			if a.inverse == id.Value {
				a.inverse, a.answer = "", answer
			}
		}
	}
}

// checkInverseOffers: the books tally, and of an agent that is not registered
// nothing is held or known.
func (m *model) checkInverseOffers(t *rapid.T) {
	held := 0
	for id, a := range m.s.agents {
		for _, i := range a.InverseOffers {
			if held++; m.s.inverse[i.ID] != id || i.AgentID != id {
				t.Fatalf("the books of inverse offers do not tally: %+v of %s, %v", i, id, m.s.inverse)
			}
		}
		if !a.Registered && (len(a.InverseOffers) > 0 || a.Unavailability != nil) {
			t.Fatalf("%s is not registered, and its window is known: %+v", id, a)
		}
		if (a.Unavailability == nil) != a.UnavailabilitySaid.IsZero() || a.UnavailabilitySaid.After(m.now) {
			t.Fatalf("%s: the window is %v, said at %v", id, a.Unavailability, a.UnavailabilitySaid)
		}
	}
	if held != len(m.s.inverse) {
		t.Fatalf("the books of inverse offers do not tally: %d held, %v", held, m.s.inverse)
	}
}

// settleInverseOffers: when the master has said all that it has to say, the state
// holds what is outstanding, and no other window is known than the one that is
// scheduled. What is answered then arrives.
func (m *model) settleInverseOffers(t *rapid.T) {
	for _, a := range m.agents {
		if a.offer == "" {
			m.offerOf(a)
		}
		if a.asksToLeave() {
			m.inverseOfferOf(a)
		}
	}
	m.settleFor(t, 0)
	var asked []string
	for _, a := range m.agents {
		shown := m.s.agents[a.id]
		if !shown.Unavailability.Equal(a.window) {
			t.Fatalf("the window of %s is %v, and counts as %v", a.id, a.window, shown.Unavailability)
		}
		var held []string
		for _, i := range shown.InverseOffers {
			held = append(held, i.ID)
		}
		var outstanding []string
		if a.inverse != "" {
			outstanding = []string{a.inverse}
		}
		if !slices.Equal(held, outstanding) {
			t.Fatalf("of %s %v are outstanding and %v are held", a.id, outstanding, held)
		}
		asked = append(asked, held...)
	}
	m.s.answerInverse(asked, true, 0, m.now)
	m.settleFor(t, 0)
	for _, a := range m.agents {
		if a.window != nil && (a.inverse != "" || a.answer != "accepted") {
			t.Fatalf("the answer for %s has not arrived: %+v", a.id, a)
		}
	}
}
