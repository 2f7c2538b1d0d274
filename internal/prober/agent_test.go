package prober

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	api "github.com/mesos/mesos-go/api/v1/lib/executor"
	"k8s.io/utils/clock"

	"github.com/quobyte/mesos-operator/internal/probe"
)

// playedAgent answers the calls of an executor as the test says: for what a whole
// agent does at moments of its own.
type playedAgent struct {
	t     *testing.T
	calls chan *api.Call
	// streams has what each subscription is sent before it is cut.
	streams chan []*api.Event
	header  http.Header // of the last call
}

func (a *playedAgent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	call := &api.Call{}
	if err != nil || call.Unmarshal(body) != nil {
		a.t.Error("a call cannot be read", err)
	}
	if call.Type != api.Call_SUBSCRIBE {
		a.calls <- call
		w.WriteHeader(http.StatusAccepted)
		return
	}
	events, ok := <-a.streams
	if !ok {
		http.Error(w, "Agent has not finished recovery", http.StatusServiceUnavailable)
		return
	}
	a.header = r.Header
	a.calls <- call
	for _, event := range events {
		data, err := event.Marshal()
		if err != nil {
			a.t.Error(err)
		}
		fmt.Fprintf(w, "%d\n%s", len(data), data)
	}
	w.(http.Flusher).Flush()
}

// play runs an executor against subscriptions with these events. The agent is gone
// after the last one.
func play(t *testing.T, streams ...[]*api.Event) (calls []*api.Call, header http.Header, err error) {
	t.Helper()
	a := &playedAgent{t: t, calls: make(chan *api.Call, 100), streams: make(chan []*api.Event, len(streams))}
	for _, s := range streams {
		a.streams <- s
	}
	close(a.streams)
	server := httptest.NewServer(a)
	defer server.Close()
	env := Environment{AgentEndpoint: strings.TrimPrefix(server.URL, "http://"), FrameworkID: "f", ExecutorID: "e", Token: "secret",
		Checkpoint: true, RecoveryTimeout: 50 * time.Millisecond, SubscriptionBackoffMax: time.Millisecond}
	e := &executor{agent: newAgent(env), clock: clock.RealClock{}, rand: func() float64 { return 0.5 },
		log: slog.New(slog.DiscardHandler), ask: func(*probe.Request) {}}
	err = e.run(context.Background())
	e.agent.http.CloseIdleConnections()
	close(a.calls)
	for call := range a.calls {
		calls = append(calls, call)
	}
	return calls, a.header, err
}

func launchEvent(id string) *api.Event {
	return &api.Event{Type: api.Event_LAUNCH, Launch: &api.Event_Launch{Task: mesos.TaskInfo{Name: id, TaskID: mesos.TaskID{Value: id}}}}
}

func ofType(calls []*api.Call, want api.Call_Type) (list []*api.Call) {
	for _, c := range calls {
		if c.Type == want {
			list = append(list, c)
		}
	}
	return list
}

// What an agent did not acknowledge it is told again, when it is back.
func TestUnacknowledgedIsToldAgain(t *testing.T) {
	// Launched twice: the agent had lost its memory of having done so.
	calls, header, err := play(t, []*api.Event{launchEvent("t")}, []*api.Event{launchEvent("t")})
	if err == nil || !strings.Contains(err.Error(), "no agent for") || !strings.Contains(err.Error(), "has not finished recovery") {
		t.Errorf("it ended with %v", err)
	}
	if header.Get("Authorization") != "Bearer secret" {
		t.Errorf("%v", header)
	}
	subscribed, updates := ofType(calls, api.Call_SUBSCRIBE), ofType(calls, api.Call_UPDATE)
	if len(subscribed) != 2 || len(updates) != 2 {
		t.Fatalf("%v", calls)
	}
	if first := subscribed[0].Subscribe; len(first.UnacknowledgedTasks) != 0 || len(first.UnacknowledgedUpdates) != 0 {
		t.Errorf("%v", first)
	}
	again := subscribed[1].Subscribe
	if len(again.UnacknowledgedTasks) != 1 || len(again.UnacknowledgedUpdates) != 2 {
		t.Fatalf("%v", again)
	}
	for i := range updates {
		if !again.UnacknowledgedUpdates[i].Equal(updates[i].Update) {
			t.Errorf("told %v, then %v", updates[i].Update, again.UnacknowledgedUpdates[i])
		}
	}
}

func TestWhatEndsTheExecutor(t *testing.T) {
	failed := &api.Event{Type: api.Event_ERROR, Error: &api.Event_Error{Message: "go away"}}
	calls, _, err := play(t, []*api.Event{failed}, nil)
	if err == nil || !strings.Contains(err.Error(), "go away") || len(calls) != 1 {
		t.Errorf("ERROR: %v, %v", err, calls)
	}
	calls, _, err = play(t, []*api.Event{launchEvent("t"), {Type: api.Event_SHUTDOWN}}, nil)
	updates := ofType(calls, api.Call_UPDATE)
	if err != nil || len(updates) != 3 || *updates[2].Update.Status.State != mesos.TASK_KILLED {
		t.Errorf("SHUTDOWN: %v, %v", err, calls)
	}
	// Nobody waits for an agent to tell it of the end.
	kill := &api.Event{Type: api.Event_KILL, Kill: &api.Event_Kill{TaskID: mesos.TaskID{Value: "t"}}}
	calls, _, err = play(t, []*api.Event{launchEvent("t"), kill}, nil)
	if len(ofType(calls, api.Call_SUBSCRIBE)) != 1 || len(ofType(calls, api.Call_UPDATE)) != 3 {
		t.Errorf("KILL: %v, %v", err, calls)
	}
	other := &api.Event{Type: api.Event_KILL, Kill: &api.Event_Kill{TaskID: mesos.TaskID{Value: "other"}}}
	if calls, _, _ = play(t, []*api.Event{launchEvent("t"), other, {Type: 99}, {Type: api.Event_HEARTBEAT}}, nil); len(ofType(calls, api.Call_SUBSCRIBE)) != 2 {
		t.Errorf("KILL of another task: %v", calls)
	}
}
