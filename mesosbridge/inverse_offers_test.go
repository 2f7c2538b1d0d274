package mesosbridge

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// window is a maintenance window that begins on the hour.
func window(hour int64) *mesos.Unavailability {
	return &mesos.Unavailability{
		Start:    mesos.TimeInfo{Nanoseconds: hour * int64(time.Hour)},
		Duration: &mesos.DurationInfo{Nanoseconds: int64(time.Minute)},
	}
}

func inverseOfferEvent(agent, id string, w *mesos.Unavailability) *scheduler.Event {
	o := mesos.InverseOffer{OfferID: mesos.OfferID{Value: id}, Unavailability: *w}
	if agent != "" {
		o.AgentID = &mesos.AgentID{Value: agent}
	}
	return &scheduler.Event{Type: scheduler.Event_INVERSE_OFFERS,
		InverseOffers: &scheduler.Event_InverseOffers{InverseOffers: []mesos.InverseOffer{o}}}
}

func rescindInverseEvent(id string) *scheduler.Event {
	return &scheduler.Event{Type: scheduler.Event_RESCIND_INVERSE_OFFER,
		RescindInverseOffer: &scheduler.Event_RescindInverseOffer{InverseOfferID: mesos.OfferID{Value: id}}}
}

func (p *player) inverse(agent, id string, w *mesos.Unavailability) {
	p.s.event(inverseOfferEvent(agent, id, w), p.now)
}

func (p *player) rescindInverse(id string) { p.s.event(rescindInverseEvent(id), p.now) }

// offerIn is an offer of a machine with a window, or without.
func (p *player) offerIn(agent, id string, w *mesos.Unavailability) {
	p.s.event(&scheduler.Event{Type: scheduler.Event_OFFERS, Offers: &scheduler.Event_Offers{Offers: []mesos.Offer{{
		ID: mesos.OfferID{Value: id}, AgentID: mesos.AgentID{Value: agent}, Hostname: agent, Unavailability: w}}}}, p.now)
}

// inverseAnswers are the answers that the state wants sent, a line for each call.
func (p *player) inverseAnswers() []string {
	var said []string
	line := func(word string, ids []mesos.OfferID, filters *mesos.Filters) {
		said = append(said, fmt.Sprint(word, " ", strings.Join(offerNames(ids), ","), " for ", filters.GetRefuseSeconds()))
	}
	for _, o := range p.sent(scheduler.Call_ACCEPT_INVERSE_OFFERS) {
		line("accept", o.call.AcceptInverseOffers.InverseOfferIDs, o.call.AcceptInverseOffers.Filters)
	}
	for _, o := range p.sent(scheduler.Call_DECLINE_INVERSE_OFFERS) {
		line("decline", o.call.DeclineInverseOffers.InverseOfferIDs, o.call.DeclineInverseOffers.Filters)
	}
	return said
}

// What is known of a window is what was said of it last.
func TestWindowOfAnAgent(t *testing.T) {
	type step = func(p *player)
	offer := func(id string, w *mesos.Unavailability) step { return func(p *player) { p.offerIn("a", id, w) } }
	inverse := func(id string, w *mesos.Unavailability) step { return func(p *player) { p.inverse("a", id, w) } }
	rescind := func(id string) step { return func(p *player) { p.rescindInverse(id) } }
	withdrawn := func(id string) step { return func(p *player) { p.s.decline([]string{id}, time.Hour, p.now) } }
	answered := func(id string) step {
		return func(p *player) { p.s.answerInverse([]string{id}, true, time.Hour, p.now) }
	}
	for name, c := range map[string]struct {
		steps []step
		want  *mesos.Unavailability
		said  int // the step, counted from 1; 0: nothing is known
		held  int
	}{
		"nothing":                     {nil, nil, 0, 0},
		"an offer without":            {[]step{offer("o", nil)}, nil, 0, 0},
		"an offer with":               {[]step{offer("o", window(1))}, window(1), 1, 0},
		"the offer is used":           {[]step{offer("o", window(1)), withdrawn("o")}, window(1), 2, 0}, // held until then, it told
		"a later offer with another":  {[]step{offer("o", window(1)), offer("o2", window(2))}, window(2), 2, 0},
		"a later offer without":       {[]step{offer("o", window(1)), offer("o2", nil)}, nil, 0, 0},
		"an inverse offer":            {[]step{inverse("i", window(1))}, window(1), 1, 1},
		"the same again":              {[]step{inverse("i", window(1)), inverse("i", window(1))}, window(1), 1, 1},
		"it is answered":              {[]step{inverse("i", window(1)), answered("i")}, window(1), 2, 0},
		"it is asked again":           {[]step{inverse("i", window(1)), answered("i"), inverse("i2", window(1))}, window(1), 3, 1},
		"it is rescinded":             {[]step{inverse("i", window(1)), rescind("i")}, nil, 0, 0},
		"another is rescinded":        {[]step{inverse("i", window(1)), rescind("i0")}, window(1), 1, 1},
		"rescinded, and offered with": {[]step{inverse("i", window(1)), rescind("i"), offer("o", window(2))}, window(2), 3, 0},
		// It crosses the answer: who waits for the next inverse offer learns it.
		"rescinded when it was answered":        {[]step{inverse("i", window(1)), answered("i"), rescind("i")}, window(1), 2, 0},
		"an offer without clears":               {[]step{inverse("i", window(1)), offer("o", nil)}, nil, 0, 1},
		"which a rescission does not undo":      {[]step{offer("o", window(1)), inverse("i", window(1)), offer("o2", nil), rescind("i")}, nil, 0, 0},
		"a held offer keeps it":                 {[]step{offer("o", window(1)), inverse("i", window(1)), rescind("i")}, window(1), 1, 0},
		"an offer that came later keeps it":     {[]step{inverse("i", window(1)), offer("o", window(1)), rescind("i")}, window(1), 2, 0},
		"of several held offers the last":       {[]step{offer("o", window(1)), offer("o2", window(2)), inverse("i", window(3)), rescind("i")}, window(2), 2, 0},
		"an offer that is used does not":        {[]step{offer("o", window(1)), inverse("i", window(1)), withdrawn("o"), rescind("i")}, nil, 0, 0},
		"another inverse offer keeps it":        {[]step{inverse("i", window(1)), inverse("i2", window(1)), rescind("i")}, window(1), 2, 1},
		"what an offer has said since it keeps": {[]step{inverse("i", window(1)), offer("o", window(2)), withdrawn("o"), rescind("i")}, window(2), 3, 0},
	} {
		p := play(t)
		p.offerIn("a", "first", nil)
		began := p.now
		for _, step := range c.steps {
			p.now = p.now.Add(time.Second)
			step(p)
		}
		want := time.Time{}
		if c.said > 0 {
			want = began.Add(time.Duration(c.said) * time.Second)
		}
		a := p.s.snapshot().Agents["a"]
		if !a.Unavailability.Equal(c.want) || !a.UnavailabilitySaid.Equal(want) || len(a.InverseOffers) != c.held || len(p.s.inverse) != c.held {
			t.Errorf("%s: %v, said at %v, want %v, %v; held are %v", name, a.Unavailability, a.UnavailabilitySaid.Sub(began), c.want, want.Sub(began), a.InverseOffers)
		}
	}
}

// An inverse offer may be the first word of an agent, as of one that is full.
func TestInverseOfferProvesThatItsAgentIsRegistered(t *testing.T) {
	p := play(t)
	p.round()
	p.s.remember([]RememberedTask{{TaskID: "t", AgentID: "a"}}, p.now)
	p.s.declareGone([]string{"a"}, p.now)
	if p.s.tasks["t"] != nil {
		t.Fatal("the word does not count")
	}
	p.inverse("a", "i", window(1))
	if a := p.s.agents["a"]; !a.Registered || a.Behind || a.Host != "" || p.s.tasks["t"] == nil {
		t.Fatalf("%+v, task %+v", a, p.s.tasks["t"])
	}
	p.tick(time.Second)
	p.round("a")
	if a := p.s.agents["a"]; !a.Behind {
		t.Errorf("%+v", a)
	}
}

func TestAnswersToInverseOffers(t *testing.T) {
	p := play(t)
	for _, agent := range []string{"a", "b", "c"} {
		p.inverse(agent, "i"+agent, window(1))
	}
	before := p.s.snapshot()
	p.s.answerInverse([]string{"ia", "nobody's", "ic", "ia"}, true, 10*time.Minute, p.now)
	if len(before.Agents["a"].InverseOffers) != 1 {
		t.Error("a snapshot has changed")
	}
	if p.s.snapshot().Revision == before.Revision {
		t.Error("nobody is woken")
	}
	p.s.answerInverse([]string{"ib"}, false, 30*time.Second, p.now)
	for _, again := range []bool{true, false} {
		p.s.answerInverse([]string{"ia", "ib"}, again, time.Minute, p.now)
	}
	for _, o := range p.s.out {
		if strings.Contains(o.call.Type.String(), "INVERSE") && o.agent != "" {
			t.Errorf("%v is not ordered with REVIVE", o.call)
		}
	}
	if got, want := p.inverseAnswers(), []string{"accept ia,ic for 600", "decline ib for 30"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if len(p.s.inverse) != 0 {
		t.Errorf("%v", p.s.inverse)
	}
	// Answers grow with the cluster, calls do not.
	var ids []string
	for i := range declineBatch + 1 {
		ids = append(ids, fmt.Sprint("i", i))
		p.inverse(agentName(i), ids[i], window(1))
	}
	p.s.answerInverse(ids, true, time.Minute, p.now)
	if n := len(p.inverseAnswers()); n != 2 {
		t.Errorf("%d calls", n)
	}
}

// Mesos's protocol knows inverse offers of no agent in particular.
func TestInverseOfferOfNoAgent(t *testing.T) {
	p := play(t)
	before := p.s.snapshot().Revision
	p.inverse("", "i", window(1))
	if got := p.inverseAnswers(); !slices.Equal(got, []string{"decline i for 3600"}) {
		t.Errorf("%q", got)
	}
	if len(p.s.notes) != 1 || len(p.s.inverse)+len(p.s.agents) != 0 || p.s.snapshot().Revision != before {
		t.Errorf("%v, %v, %v", p.s.notes, p.s.inverse, p.s.agents)
	}
}

// Ids are void when the subscription or the agent is, and so is what they told.
func TestInverseOffersEnd(t *testing.T) {
	disconnect := func(p *player) { p.s.disconnected(Problem{Reason: reasonConnecting}, p.now) }
	for name, end := range map[string]func(p *player){
		"the stream breaks": disconnect,
		"it is replaced": func(p *player) {
			disconnect(p)
			p.s.connected("framework", "m", 15*time.Second, p.now)
		},
		"the agent leaves": func(p *player) {
			p.s.event(&scheduler.Event{Type: scheduler.Event_FAILURE, Failure: &scheduler.Event_Failure{AgentID: &mesos.AgentID{Value: "a"}}}, p.now)
		},
		"its task is unreachable": func(p *player) { p.s.event(update("t", "a", mesos.TASK_UNREACHABLE, nil), p.now) },
	} {
		p := play(t)
		p.s.event(update("t", "a", mesos.TASK_RUNNING, nil), p.now)
		p.inverse("a", "i", window(1))
		before := p.s.snapshot()
		end(p)
		a := p.s.snapshot().Agents["a"]
		if a == nil || a.Unavailability != nil || !a.UnavailabilitySaid.IsZero() || len(a.InverseOffers) != 0 || len(p.s.inverse) != 0 {
			t.Errorf("%s: %+v, %v", name, a, p.s.inverse)
		}
		if b := before.Agents["a"]; len(b.InverseOffers) != 1 || !b.Unavailability.Equal(window(1)) {
			t.Errorf("%s: a snapshot has changed: %+v", name, b)
		}
		p.s.answerInverse([]string{"i"}, true, time.Minute, p.now)
		p.rescindInverse("i")
		if got := p.inverseAnswers(); len(got) != 0 {
			t.Errorf("%s: %q", name, got)
		}
		if p.s.head.Connected {
			p.inverse("a", "i2", window(2))
			if a := p.s.agents["a"]; !a.Unavailability.Equal(window(2)) || len(a.InverseOffers) != 1 {
				t.Errorf("%s: it is not learned anew: %+v", name, a)
			}
		}
	}
}

// A cluster whose agents come and go, each with its window, leaves nothing behind.
func TestWindowsAreForgottenWithTheirAgents(t *testing.T) {
	p := play(t)
	for i := range 1000 {
		id := fmt.Sprint("agent", i)
		p.offerIn(id, fmt.Sprint("o", i), window(1))
		p.inverse(id, fmt.Sprint("i", i), window(1))
		p.s.event(&scheduler.Event{Type: scheduler.Event_FAILURE, Failure: &scheduler.Event_Failure{AgentID: &mesos.AgentID{Value: id}}}, p.now)
	}
	if n := len(p.s.inverse) + len(p.s.offers) + len(p.s.agents) + len(p.s.agentBooks); n != 0 {
		t.Errorf("%d entries are left", n)
	}
}
