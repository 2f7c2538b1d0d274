package mesosbridge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// start accepts an offer of agent a with operations alone.
func (p *player) start(offer string, ids ...string) *outgoing {
	p.Helper()
	req := Accept{AgentID: "a", OfferIDs: []string{offer}}
	for _, id := range ids {
		req.Operations = append(req.Operations, reserveOperation(id))
	}
	if err := p.s.accept(req, p.now); err != nil {
		p.Fatal(err)
	}
	return p.sent(scheduler.Call_ACCEPT)[0]
}

func (p *player) told(id, agent string, said mesos.OperationState, uuid string) {
	p.s.event(operationUpdate(id, agent, said, uuid), p.now)
}

// endedAs is how an operation ended; -1: it is not among those that ended.
func (p *player) endedAs(id string) mesos.OperationState {
	found := mesos.OperationState(-1)
	for _, o := range p.s.snapshot().EndedOperations {
		if o.ID == id {
			if found >= 0 {
				p.Errorf("%s has ended twice", id)
			}
			found = o.State
		}
	}
	return found
}

func TestOperationStates(t *testing.T) {
	for _, c := range []struct {
		said  mesos.OperationState
		agent string
		uuid  string
		ends  bool
	}{
		{mesos.OPERATION_PENDING, "a", "", false},
		{mesos.OPERATION_FINISHED, "a", "u", true},
		{mesos.OPERATION_FINISHED, "a", "", true}, // as reconciliation answers
		{mesos.OPERATION_FAILED, "a", "u", true},
		{mesos.OPERATION_ERROR, "", "", true}, // op-bad of reservation-and-volume.jsonl
		{mesos.OPERATION_DROPPED, "a", "u", true},
		{mesos.OPERATION_UNREACHABLE, "a", "", false},
		{mesos.OPERATION_RECOVERING, "a", "", false},
		{mesos.OPERATION_GONE_BY_OPERATOR, "a", "", true},
		{mesos.OPERATION_UNKNOWN, "a", "", true}, // the agent is registered
	} {
		p := play(t)
		p.ready("a", "o")
		p.tick(10 * time.Second) // no round is due for a while
		call := p.start("o", "op")
		if o := p.s.snapshot().Operations["op"]; o == nil || o.State != mesos.OPERATION_PENDING || o.AgentID != "a" ||
			o.Type != mesos.Offer_Operation_RESERVE || !o.Since.Equal(p.now) || len(p.s.agents["a"].Offers) != 0 {
			t.Fatalf("not in the snapshot before the call: %+v", o)
		}
		p.answer(call, answer{outcome: accepted})
		if next := p.s.next(); next.Sub(p.now) != DefaultTiming().ReconcileMin {
			t.Errorf("it is asked for at %v", next)
		}
		before := p.s.head.Revision
		p.now = p.now.Add(time.Second)
		p.told("op", c.agent, c.said, c.uuid)
		o, ended := p.s.snapshot().Operations["op"], p.endedAs("op")
		switch {
		case c.ends && (o != nil || ended != c.said):
			t.Errorf("%v: %+v, ended as %v", c.said, o, ended)
		case !c.ends && (ended >= 0 || o == nil || o.State != c.said):
			t.Errorf("%v: %+v, ended as %v", c.said, o, ended)
		}
		if changed := p.s.head.Revision != before; changed != (c.said != mesos.OPERATION_PENDING) {
			t.Errorf("%v: the revision changed: %v", c.said, changed)
		}
		if n := len(p.sent(scheduler.Call_ACKNOWLEDGE_OPERATION_STATUS)); (n == 1) != (c.uuid != "") {
			t.Errorf("%v: %d acknowledgements", c.said, n)
		}
	}
}

// Nothing that an agent tells may be told for ever.
func TestEveryOperationStatusWithUUIDIsAcknowledged(t *testing.T) {
	p := play(t)
	p.ready("a", "o")
	p.answer(p.start("o", "op"), answer{outcome: accepted})
	p.told("op", "a", mesos.OPERATION_FINISHED, "u1")
	p.told("op", "a", mesos.OPERATION_FINISHED, "u1")
	p.told("of another process", "b", mesos.OPERATION_FINISHED, "u2")
	p.told("", "a", mesos.OPERATION_FINISHED, "u3")
	acks := p.sent(scheduler.Call_ACKNOWLEDGE_OPERATION_STATUS)
	if len(acks) != 3 {
		t.Fatalf("%d acknowledgements", len(acks))
	}
	last := acks[2].call.AcknowledgeOperationStatus
	if acks[2].agent != "b" || last.AgentID.Value != "b" || last.OperationID.Value != "of another process" || string(last.UUID) != "u2" {
		t.Errorf("%+v", last)
	}
	if b := p.s.agents["b"]; b == nil || !b.Registered {
		t.Errorf("the agent has spoken, and is %+v", b)
	}
	if n := len(p.s.snapshot().EndedOperations); n != 1 {
		t.Errorf("%d operations have ended", n)
	}
}

func TestOperationsOfAnAcceptThatFailed(t *testing.T) {
	for _, c := range []struct {
		answer answer
		ends   bool
	}{
		{answer{outcome: refused, status: 400, text: "Failed to validate"}, true},
		{answer{outcome: unsent, text: "ended"}, true},
		{answer{outcome: unseen, text: "connection reset"}, false},
	} {
		p := play(t)
		p.ready("a", "o")
		p.answer(p.start("o", "op1", "op2"), c.answer)
		for _, id := range []string{"op1", "op2"} {
			if c.ends && p.endedAs(id) != mesos.OPERATION_DROPPED || !c.ends && p.s.operations.live[id] == nil {
				t.Errorf("%+v: %+v", c.answer, p.s.snapshot())
			}
		}
		if c.ends && !strings.Contains(p.s.snapshot().EndedOperations[0].Message, c.answer.text) {
			t.Errorf("%+v", p.s.snapshot().EndedOperations[0])
		}
	}
}

// reconciled returns the operations that were asked for.
func (p *player) asked() []string {
	var ids []string
	for _, o := range p.sent(scheduler.Call_RECONCILE_OPERATIONS) {
		for _, asked := range o.call.ReconcileOperations.Operations {
			if asked.AgentID.GetValue() != "a" {
				p.Errorf("asked for %+v", asked)
			}
			ids = append(ids, asked.OperationID.Value)
		}
	}
	return ids
}

// What became of the ACCEPT nobody knows: the operation is asked for in the next
// subscription, and not before.
func TestOperationIsAskedForAfterANewSubscription(t *testing.T) {
	p := play(t)
	p.ready("a", "o")
	call := p.start("o", "op")
	p.tick(DefaultTiming().ReconcileMax)
	p.told("op", "a", mesos.OPERATION_UNKNOWN, "")
	if ids := p.asked(); len(ids) != 0 || p.s.operations.live["op"] == nil {
		t.Fatalf("asked for %v while the ACCEPT was under way", ids)
	}
	p.answer(call, answer{outcome: unseen})
	p.s.disconnected(Problem{}, p.now)
	p.s.connected("framework", "m", 15*time.Second, p.now)
	p.tick(DefaultTiming().ReconcileMin)
	if ids := p.asked(); len(ids) != 1 || ids[0] != "op" {
		t.Fatalf("asked for %v", ids)
	}
	// The agent has not come back: the answer says nothing.
	p.told("op", "a", mesos.OPERATION_UNKNOWN, "")
	if o := p.s.snapshot().Operations["op"]; o == nil || o.State != mesos.OPERATION_UNKNOWN {
		t.Fatalf("%+v", o)
	}
	asked := 0
	for range 3600 {
		p.tick(time.Second)
		asked += len(p.asked())
		p.sent(scheduler.Call_RECONCILE)
	}
	if asked < 10 || asked > 25 {
		t.Errorf("asked %d times in an hour", asked)
	}
	// It is back: it is asked for soon, and the answer counts.
	p.offer("a", "o2")
	p.tick(DefaultTiming().ReconcileMin)
	if ids := p.asked(); len(ids) != 1 {
		t.Fatalf("asked for %v", ids)
	}
	p.told("op", "a", mesos.OPERATION_UNKNOWN, "")
	if got := p.endedAs("op"); got != mesos.OPERATION_UNKNOWN {
		t.Errorf("ended as %v", got)
	}
	// The agent knows better.
	p.told("op", "a", mesos.OPERATION_FINISHED, "u")
	if got := p.endedAs("op"); got != mesos.OPERATION_FINISHED {
		t.Errorf("ended as %v", got)
	}
	// What Mesos has said is final.
	p.told("op", "a", mesos.OPERATION_DROPPED, "")
	if got := p.endedAs("op"); got != mesos.OPERATION_FINISHED {
		t.Errorf("ended as %v", got)
	}
}

func TestOperationsOnAnAgentThatIsGone(t *testing.T) {
	p := play(t)
	p.ready("a", "o")
	p.answer(p.start("o", "op"), answer{outcome: accepted})
	p.s.event(&scheduler.Event{Type: scheduler.Event_FAILURE, Failure: &scheduler.Event_Failure{AgentID: &mesos.AgentID{Value: "a"}}}, p.now)
	p.told("op", "a", mesos.OPERATION_UNREACHABLE, "")
	if p.s.operations.live["op"] == nil {
		t.Fatal("an agent that is unreachable may come back")
	}
	p.s.declareGone([]string{"a"}, p.now)
	if got := p.endedAs("op"); got != mesos.OPERATION_GONE_BY_OPERATOR {
		t.Errorf("ended as %v", got)
	}
	shown := p.s.snapshot()
	p.told("op", "a", mesos.OPERATION_GONE_BY_OPERATOR, "")
	if p.s.snapshot() != shown {
		t.Error("what is known is news")
	}
	// Whoever has said so was wrong.
	p.told("op", "a", mesos.OPERATION_FINISHED, "u")
	if got := p.endedAs("op"); got != mesos.OPERATION_FINISHED || shown.EndedOperations[0].State != mesos.OPERATION_GONE_BY_OPERATOR {
		t.Errorf("ended as %v; the old snapshot shows %+v", got, shown.EndedOperations[0])
	}
}

func TestWrongOperations(t *testing.T) {
	p := play(t)
	p.ready("a", "o1")
	p.answer(p.start("o1", "ended", "live"), answer{outcome: accepted})
	p.told("ended", "a", mesos.OPERATION_FINISHED, "u")
	p.offer("a", "o2")
	launch, empty := reserveOperation("x"), reserveOperation("x")
	launch.Type = mesos.Offer_Operation_LAUNCH
	empty.Reserve = nil
	for want, operations := range map[string][]Operation{
		"used before":        {reserveOperation("live")},
		"was used":           {reserveOperation("ended")},
		`"x" was used`:       {reserveOperation("x"), reserveOperation("x")},
		"no id":              {reserveOperation("")},
		"must be a RESERVE":  {launch},
		"names no resources": {empty},
		"without tasks":      nil,
	} {
		err := p.s.accept(Accept{AgentID: "a", OfferIDs: []string{"o2"}, Operations: operations}, p.now)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if len(p.s.operations.live) != 1 || len(p.sent(scheduler.Call_ACCEPT)) != 0 || len(p.s.agents["a"].Offers) != 1 {
		t.Errorf("a refused decision had consequences: %+v", p.s.snapshot())
	}
}

func TestMemoryOfEndedOperationsIsBounded(t *testing.T) {
	p := play(t)
	p.ready("a", "o")
	for i := range 3 * EndedOperationsKept {
		id := fmt.Sprint(i)
		p.s.addOperation(&OperationState{ID: id, AgentID: "a"})
		p.told(id, "a", mesos.OPERATION_FINISHED, "")
	}
	ops := &p.s.operations
	last := ops.latest()
	if len(last) != EndedOperationsKept || len(ops.ids) != EndedOperationsKept || cap(ops.ended) > 4*EndedOperationsKept ||
		last[len(last)-1].ID != fmt.Sprint(3*EndedOperationsKept-1) || len(ops.live)+len(ops.accepted)+len(p.s.agentBooks["a"].operations) != 0 {
		t.Errorf("%d shown, %d ids, room for %d", len(last), len(ops.ids), cap(ops.ended))
	}
	for _, o := range last {
		if _, ok := ops.ids[o.ID]; !ok {
			t.Fatalf("the id of %s is forgotten", o.ID)
		}
	}
}
