package mesosbridge

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// player drives a state by hand.
type player struct {
	*testing.T
	s   *state
	now time.Time
}

func play(t *testing.T) *player {
	p := &player{T: t, s: newState(DefaultTiming(), func() float64 { return 0.5 }), now: time.Unix(1e9, 0)}
	p.s.connected("framework", "http://master:5050", 15*time.Second, p.now)
	return p
}

// sent takes the calls of a type that the state wants sent.
func (p *player) sent(kind scheduler.Call_Type) []*outgoing {
	var out, rest []*outgoing
	for _, o := range p.s.out {
		if o.call.Type == kind {
			out = append(out, o)
		} else {
			rest = append(rest, o)
		}
	}
	p.s.out = rest
	return out
}

func (p *player) answer(o *outgoing, a answer) { p.s.answer(o, a, p.now) }

func (p *player) tick(d time.Duration) {
	p.now = p.now.Add(d)
	p.s.lastEvent = p.now
	p.s.tick(p.now)
}

func (p *player) offer(agent, id string) {
	p.s.event(&scheduler.Event{Type: scheduler.Event_OFFERS, Offers: &scheduler.Event_Offers{Offers: []mesos.Offer{{
		ID: mesos.OfferID{Value: id}, AgentID: mesos.AgentID{Value: agent}, Hostname: agent}}}}, p.now)
}

// round answers reconciliations as a master does to which the agents are
// registered, and tells of no task.
func (p *player) round(agents ...string) {
	p.Helper()
	for range 3 {
		for _, o := range p.sent(scheduler.Call_RECONCILE) {
			p.answer(o, answer{outcome: accepted})
			for _, t := range o.call.Reconcile.Tasks {
				said := mesos.TASK_UNKNOWN
				for _, a := range agents {
					if t.AgentID.GetValue() == a {
						said = mesos.TASK_GONE
					}
				}
				p.s.event(update(t.TaskID.Value, t.AgentID.GetValue(), said, mesos.REASON_RECONCILIATION.Enum()), p.now)
			}
		}
	}
}

// ready brings an agent behind its barrier, with an offer.
func (p *player) ready(agent, offer string) {
	p.Helper()
	p.round()
	p.offer(agent, offer)
	p.tick(time.Second)
	p.round(agent)
	if a := p.s.agents[agent]; a == nil || !a.Behind {
		p.Fatalf("%+v", a)
	}
}

func (p *player) launch(agent, offer, task string) *outgoing {
	p.Helper()
	if err := p.s.accept(Accept{AgentID: agent, OfferIDs: []string{offer}, Tasks: []mesos.TaskInfo{{
		TaskID: mesos.TaskID{Value: task}, AgentID: mesos.AgentID{Value: agent}}}}, p.now); err != nil {
		p.Fatal(err)
	}
	return p.sent(scheduler.Call_ACCEPT)[0]
}

// A probe that was sent before anybody knew that the agent is registered opens
// nothing.
func TestBarrierNeedsARoundAfterRegistration(t *testing.T) {
	p := play(t)
	p.s.remember([]RememberedTask{{TaskID: "t", AgentID: "a"}}, p.now)
	p.round("a") // the implicit call, its probes, their answers
	if a := p.s.agents["a"]; !a.Registered || a.Behind {
		t.Fatalf("%+v", a)
	}
	if p.s.tasks["t"] == nil {
		t.Fatal("the task was given up by a knock")
	}
	p.tick(time.Second)
	p.round("a")
	if a := p.s.agents["a"]; a != nil {
		// Its only task is gone, and it has no offer; it is still registered.
		if !a.Behind {
			t.Fatalf("%+v", a)
		}
	}
	if p.s.tasks["t"] != nil || !p.s.ended.has("t") {
		t.Fatal("the task is not given up")
	}
}

func TestStrayProbesOpenNothing(t *testing.T) {
	p := play(t)
	p.round()
	p.offer("a", "o")
	old := p.s.barrier.probeID(1 << 40)
	for _, id := range []string{probePrefix + "0123456789abcdef.99999", p.s.barrier.probeID(0)} {
		p.s.event(update(id, "a", mesos.TASK_GONE, mesos.REASON_RECONCILIATION.Enum()), p.now)
	}
	p.s.disconnected(Problem{}, p.now)
	p.s.rand = func() float64 { return 0.25 }
	p.s.connected("framework", "m", 15*time.Second, p.now)
	p.offer("a", "o2")
	p.s.event(update(old, "a", mesos.TASK_GONE, mesos.REASON_RECONCILIATION.Enum()), p.now)
	if a := p.s.agents["a"]; a.Behind || len(p.s.tasks) != 0 || len(p.s.ended.ids) != 0 {
		t.Errorf("%+v", a)
	}
}

func TestRefusedAccept(t *testing.T) {
	for _, c := range []struct {
		answer answer
		state  mesos.TaskState // -1: in flight
		ends   bool
	}{
		{answer{outcome: refused, status: 400, text: "Failed to validate scheduler::Call: ..."}, mesos.TASK_DROPPED, false},
		{answer{outcome: refused, status: 400, text: "The stream ID 'x' included in this request didn't match"}, mesos.TASK_DROPPED, true},
		{answer{outcome: refused, status: 400, text: "Framework cannot be found"}, mesos.TASK_DROPPED, true},
		{answer{outcome: refused, status: 403, text: "Framework is not subscribed"}, mesos.TASK_DROPPED, true},
		{answer{outcome: refused, status: 401, text: "401 Unauthorized."}, mesos.TASK_DROPPED, true},
		{answer{outcome: refused, status: 307, text: "call sent to a non-leading master"}, mesos.TASK_DROPPED, true},
		{answer{outcome: unseen, status: 503, text: "bad gateway"}, -1, true},
		{answer{outcome: unseen, text: "connection reset"}, -1, true},
		{answer{outcome: unsent, text: "ended"}, mesos.TASK_DROPPED, false},
	} {
		p := play(t)
		p.ready("a", "o")
		p.answer(p.launch("a", "o", "t"), c.answer)
		if c.state < 0 {
			if task := p.s.tasks["t"]; task == nil || !task.Launching {
				t.Errorf("%+v: %+v", c.answer, task)
			}
		} else if l := p.s.ended.latest(); p.s.tasks["t"] != nil || len(l) != 1 || l[0].State != c.state || l[0].Launching {
			t.Errorf("%+v: %+v", c.answer, l)
		}
		if ends := p.s.over != nil; ends != c.ends {
			t.Errorf("%+v: ends %v", c.answer, p.s.over)
		}
		if declined := len(p.sent(scheduler.Call_DECLINE)) == 1; declined != (c.answer.outcome == refused && !c.ends) {
			t.Errorf("%+v: declined %v", c.answer, declined)
		}
	}
}

// Rule 3: a round that began before the ACCEPT was answered says nothing of it.
func TestRoundDoesNotOvertakeALaunch(t *testing.T) {
	p := play(t)
	p.ready("a", "o")
	call := p.launch("a", "o", "t")
	p.tick(DefaultTiming().ImplicitEvery)
	p.round("a")
	if p.s.tasks["t"] == nil {
		t.Fatal("given up while the ACCEPT was under way")
	}
	p.s.kill("t", p.now)
	p.tick(time.Minute)
	if len(p.sent(scheduler.Call_KILL))+len(p.sent(scheduler.Call_RECONCILE)) != 0 {
		t.Fatal("asked for by name while the ACCEPT was under way")
	}
	p.s.event(update("t", "a", mesos.TASK_GONE, mesos.REASON_RECONCILIATION.Enum()), p.now)
	if p.s.tasks["t"] == nil {
		t.Fatal("given up by an answer that nobody asked for")
	}
	p.answer(call, answer{outcome: accepted})
	if len(p.sent(scheduler.Call_KILL)) != 1 {
		t.Fatal("the KILL does not follow the ACCEPT")
	}
	p.tick(DefaultTiming().ReconcileMin)
	for _, o := range p.sent(scheduler.Call_RECONCILE) {
		for _, task := range o.call.Reconcile.Tasks {
			p.s.event(update(task.TaskID.Value, "a", mesos.TASK_GONE, mesos.REASON_RECONCILIATION.Enum()), p.now)
		}
	}
	if p.s.tasks["t"] != nil {
		t.Fatal("the master does not know it, and it stays")
	}
}

func TestLateWordsDoNotBringBackTheEnded(t *testing.T) {
	p := play(t)
	p.s.event(executorUpdate(1, mesos.TASK_RUNNING, 1), p.now)
	p.s.event(executorUpdate(1, mesos.TASK_FINISHED, 2), p.now)
	for v, said := range []mesos.TaskState{mesos.TASK_RUNNING, mesos.TASK_LOST, mesos.TASK_UNREACHABLE, mesos.TASK_FAILED} {
		p.s.event(executorUpdate(1, said, 3+v), p.now)
	}
	if len(p.s.tasks) != 0 || len(p.s.ended.latest()) != 1 || p.s.ended.latest()[0].State != mesos.TASK_FINISHED {
		t.Errorf("%v %v", p.s.tasks, p.s.ended.latest())
	}
	if n := len(p.sent(scheduler.Call_ACKNOWLEDGE)); n != 6 {
		t.Errorf("%d acknowledgements", n)
	}
	// In doubt is not ended.
	for v, said := range []mesos.TaskState{mesos.TASK_LOST, mesos.TASK_UNREACHABLE, mesos.TASK_UNKNOWN} {
		id := fmt.Sprintf("doubtful%d", v)
		p.s.event(update(id, "a", mesos.TASK_RUNNING, nil), p.now)
		p.s.event(update(id, "a", said, nil), p.now)
		if task := p.s.tasks[id]; task == nil || task.State != said {
			t.Errorf("%v: %+v", said, task)
		}
		p.s.event(update(id, "a", mesos.TASK_RUNNING, nil), p.now)
		if task := p.s.tasks[id]; task.State != mesos.TASK_RUNNING {
			t.Errorf("%v: %+v", said, task)
		}
	}
	// An update that was repeated after a later state.
	p.s.event(update("doubtful0", "a", mesos.TASK_STARTING, nil), p.now)
	if task := p.s.tasks["doubtful0"]; task.State != mesos.TASK_RUNNING {
		t.Errorf("%+v", task)
	}
}

func TestMemoryOfEndedTasksIsBounded(t *testing.T) {
	p := play(t)
	for i := range 3 * endedRemembered {
		p.s.event(executorUpdate(i, mesos.TASK_FAILED, 0), p.now)
		p.s.out = p.s.out[:0]
	}
	e := &p.s.ended
	if len(e.ids) != endedRemembered || len(e.latest()) != EndedKept || cap(e.shown) > 4*EndedKept || len(p.s.tasks)+len(p.s.taskBooks) != 0 {
		t.Errorf("%d ids, %d shown, room for %d", len(e.ids), len(e.latest()), cap(e.shown))
	}
}

// A task was remembered with an agent that is not its own.
func TestTaskMovesToTheAgentThatTellsOfIt(t *testing.T) {
	p := play(t)
	p.s.remember([]RememberedTask{{TaskID: "t", AgentID: "wrong"}, {TaskID: "t2"}}, p.now)
	p.s.event(update("t", "right", mesos.TASK_RUNNING, mesos.REASON_RECONCILIATION.Enum()), p.now)
	p.s.event(update("t2", "right", mesos.TASK_RUNNING, mesos.REASON_RECONCILIATION.Enum()), p.now)
	for _, id := range []string{"t", "t2"} {
		if task := p.s.tasks[id]; task.AgentID != "right" || !task.Heard {
			t.Errorf("%+v", task)
		}
	}
	if p.s.agents["wrong"] != nil || len(p.s.agentBooks["right"].tasks) != 2 {
		t.Errorf("%v", p.s.agents)
	}
}

func TestUnansweredProbesAreAskedAgainLessAndLess(t *testing.T) {
	p := play(t)
	p.round()
	p.offer("a", "o")
	implicit := 0
	for range 3600 {
		p.tick(time.Second)
		for range 3 {
			for _, o := range p.sent(scheduler.Call_RECONCILE) {
				if len(o.call.Reconcile.Tasks) == 0 {
					implicit++
				}
				p.answer(o, answer{outcome: accepted})
			}
		}
	}
	if p.s.agents["a"].Behind || implicit < 10 || implicit > 25 {
		t.Errorf("%d rounds in an hour, %+v", implicit, p.s.agents["a"])
	}
}

func TestSilentStreamEndsTheSubscription(t *testing.T) {
	p := play(t)
	p.now = p.now.Add(75*time.Second - 1)
	if p.s.tick(p.now); p.s.over != nil {
		t.Fatal(p.s.over)
	}
	p.now = p.now.Add(1)
	if p.s.tick(p.now); p.s.over == nil {
		t.Fatal("nobody notices")
	}
}

func TestRedirected(t *testing.T) {
	for _, c := range []struct{ from, location, want string }{
		{"http://a:5050/api/v1/scheduler", "//127.0.0.1:5050/master/api/v1/scheduler", "http://127.0.0.1:5050/master/api/v1/scheduler"},
		{"https://a:5050/api/v1/scheduler", "//b:5050/master/api/v1/scheduler", "https://b:5050/master/api/v1/scheduler"},
		{"http://a:5050/api/v1/scheduler", "//b:5050", "http://b:5050/api/v1/scheduler"},
		{"http://a:5050/api/v1/scheduler", "https://b/x/api/v1/scheduler", "https://b/x/api/v1/scheduler"},
		{"http://a:5050/api/v1/scheduler", "ftp://b/", ""},
		{"http://a:5050/api/v1/scheduler", "http://%zz", ""},
	} {
		from, err := url.Parse(c.from)
		if err != nil {
			t.Fatal(err)
		}
		to, err := redirected(from, c.location)
		if got := fmt.Sprint(to); (err == nil) != (c.want != "") || err == nil && got != c.want {
			t.Errorf("%s -> %s: %v, %v", c.from, c.location, to, err)
		}
	}
}

func TestErrorEvents(t *testing.T) {
	if err := errorEvent("Framework failed over"); !errors.Is(err, ErrFailedOver) {
		t.Error(err)
	}
	for message, reason := range map[string]string{
		"Framework has been removed":                     reasonFrameworkRemoved,
		"Completed framework attempted to re-register":   reasonFrameworkRemoved,
		"Framework user 'root' is not authorized to run": reasonRefused,
	} {
		if p := problemOf(errorEvent(message)); p.Reason != reason || !strings.Contains(p.Message, message) {
			t.Errorf("%+v", p)
		}
	}
}

func TestIncompleteConfig(t *testing.T) {
	for _, c := range []Config{
		{},
		{Identity: anyIdentity{}},
		{Identity: anyIdentity{}, Masters: []string{"zk://a:2181/mesos"}},
		{Identity: anyIdentity{}, Masters: []string{"http://user:secret@a:5050"}},
		{Identity: anyIdentity{}, Masters: []string{"a:5050"}},
		{Masters: []string{"http://a:5050"}},
	} {
		if _, err := New(c); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", c.Masters, err)
		}
	}
}
