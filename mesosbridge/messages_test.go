package mesosbridge

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

func messageEvent(agent, data string) *scheduler.Event {
	return &scheduler.Event{Type: scheduler.Event_MESSAGE, Message: &scheduler.Event_Message{
		AgentID: mesos.AgentID{Value: agent}, ExecutorID: mesos.ExecutorID{Value: "e"}, Data: []byte(data)}}
}

// A message tells of its agent, and of nothing else.
func TestMessageProvesThatItsAgentIsRegistered(t *testing.T) {
	p := play(t)
	p.s.remember([]RememberedTask{{TaskID: "t", AgentID: "a"}}, p.now)
	p.s.declareGone([]string{"a"}, p.now)
	if p.s.tasks["t"] != nil {
		t.Fatal("the agent is gone, and its task is not")
	}
	p.s.event(messageEvent("a", "1"), p.now)
	if a := p.s.agents["a"]; a == nil || !a.Registered || a.Behind || p.s.tasks["t"] == nil {
		t.Errorf("%+v", a)
	}
	before := p.s.head.Revision
	p.s.event(messageEvent("a", "2"), p.now)
	if p.s.head.Revision != before {
		t.Error("a message changes the snapshot")
	}
	if len(p.s.messages) != 2 || string(p.s.messages[1].data) != "2" || p.s.messages[1].agentID != "a" || p.s.messages[1].executorID != "e" {
		t.Errorf("%+v", p.s.messages)
	}
}

// A person says that a registered agent is gone, and then it speaks.
func TestMessageUsesUpTheWordThatItsAgentIsGone(t *testing.T) {
	for _, speaks := range []bool{true, false} {
		p := play(t)
		p.ready("a", "o")
		p.answer(p.launch("a", "o", "t"), answer{outcome: accepted})
		p.s.declareGone([]string{"a"}, p.now)
		if speaks {
			p.s.event(messageEvent("a", "1"), p.now)
		}
		p.s.event(&scheduler.Event{Type: scheduler.Event_FAILURE, Failure: &scheduler.Event_Failure{AgentID: &mesos.AgentID{Value: "a"}}}, p.now)
		if left := p.s.tasks["t"] != nil; left != speaks {
			t.Errorf("it has spoken: %v; its task is left: %v", speaks, left)
		}
	}
}

func TestMessagesNeedASubscription(t *testing.T) {
	p := play(t)
	p.ready("a", "o")
	data := []byte("probe")
	p.s.messageTo("a", "e", data, p.now)
	p.s.shutdown("a", "e", p.now)
	copy(data, "xxxxx") // it is the caller's
	out := p.sent(scheduler.Call_MESSAGE)
	if len(out) != 1 || out[0].agent != "a" || string(out[0].call.Message.Data) != "probe" || out[0].call.Message.ExecutorID.Value != "e" {
		t.Fatalf("%+v", out)
	}
	if out := p.sent(scheduler.Call_SHUTDOWN); len(out) != 1 || out[0].agent != "a" || out[0].call.Shutdown.ExecutorID.Value != "e" {
		t.Fatalf("%+v", out)
	}
	// That the master refuses it has no consequence; that nobody saw the answer has.
	if p.answer(out[0], answer{outcome: refused, status: 400, text: "no"}); p.s.over != nil {
		t.Fatal(p.s.over)
	}
	p.answer(out[0], answer{outcome: unseen})
	p.s.messageTo("a", "e", data, p.now)
	p.s.disconnected(Problem{}, p.now)
	p.s.messageTo("a", "e", data, p.now)
	p.s.shutdown("a", "e", p.now)
	p.s.connected("framework", "m", 15*time.Second, p.now)
	if n := len(p.sent(scheduler.Call_MESSAGE)) + len(p.sent(scheduler.Call_SHUTDOWN)); n != 0 {
		t.Errorf("%d calls", n)
	}
}
