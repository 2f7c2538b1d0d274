package prober

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/recordio"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/internal/probe"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// patience with what happens in other processes.
const patience = 30 * time.Second

// testScheduler is a framework as plain as can be, with one prober on node1.
type testScheduler struct {
	t        *testing.T
	cluster  *mesostest.Cluster
	id       string
	streamID string
	events   chan *scheduler.Event
	offer    mesos.Offer
	sandbox  string // of all
	// kept are messages and offers that came while another event was waited for.
	kept []*scheduler.Event
}

func newScheduler(t *testing.T, checkpoint bool) *testScheduler {
	t.Helper()
	s := &testScheduler{t: t, events: make(chan *scheduler.Event, 1000), sandbox: t.TempDir()}
	s.cluster = mesostest.New(mesostest.Config{Agents: mesostest.Agents(1), AllocationInterval: 50 * time.Millisecond,
		Processes: &mesostest.Processes{Dir: s.sandbox}})
	if err := s.cluster.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.cluster.Close)
	t.Cleanup(func() {
		if t.Failed() {
			files, _ := filepath.Glob(filepath.Join(s.sandbox, "*/slaves/*/frameworks/*/executors/*/runs/*/stderr"))
			for _, file := range files {
				text, err := os.ReadFile(file)
				t.Logf("%s: %v\n%s", file, err, text)
			}
		}
	})
	timeout := 3600.0
	info := &mesos.FrameworkInfo{User: "root", Name: "test", Roles: []string{"quobyte"}, FailoverTimeout: &timeout, Checkpoint: &checkpoint,
		Capabilities: []mesos.FrameworkInfo_Capability{{Type: mesos.FrameworkInfo_Capability_MULTI_ROLE},
			{Type: mesos.FrameworkInfo_Capability_PARTITION_AWARE}}}
	resp := s.post(&scheduler.Call{Type: scheduler.Call_SUBSCRIBE, Subscribe: &scheduler.Call_Subscribe{FrameworkInfo: info}})
	s.streamID = resp.Header.Get("Mesos-Stream-Id")
	read := make(chan struct{})
	go func() {
		defer close(read)
		frames := recordio.NewReader(resp.Body)
		for {
			frame, err := frames.ReadFrame()
			event := &scheduler.Event{}
			if err != nil || event.Unmarshal(frame) != nil {
				close(s.events)
				return
			}
			s.events <- event
		}
	}()
	t.Cleanup(func() { _ = resp.Body.Close(); <-read })
	s.id = s.next(scheduler.Event_SUBSCRIBED).Subscribed.FrameworkID.Value
	s.offer = s.next(scheduler.Event_OFFERS).Offers.Offers[0]
	return s
}

func (s *testScheduler) post(call *scheduler.Call) *http.Response {
	s.t.Helper()
	if s.id != "" {
		call.FrameworkID = &mesos.FrameworkID{Value: s.id}
	}
	body, err := call.Marshal()
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, s.cluster.URL()+"/api/v1/scheduler", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaProtobuf)
	req.Header.Set("Accept", mediaProtobuf)
	if s.streamID != "" {
		req.Header.Set("Mesos-Stream-Id", s.streamID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(resp.Body)
		s.t.Fatalf("%v: %s %s", call.Type, resp.Status, text)
	}
	return resp
}

func (s *testScheduler) call(call *scheduler.Call) {
	s.t.Helper()
	if err := s.post(call).Body.Close(); err != nil {
		s.t.Fatal(err)
	}
}

// next event of a type; messages and offers are kept for later, others dropped, and
// updates acknowledged.
func (s *testScheduler) next(want scheduler.Event_Type) *scheduler.Event {
	s.t.Helper()
	if i := slices.IndexFunc(s.kept, func(e *scheduler.Event) bool { return e.Type == want }); i >= 0 {
		e := s.kept[i]
		s.kept = slices.Delete(s.kept, i, i+1)
		return e
	}
	timeout := time.After(patience)
	for {
		select {
		case e, ok := <-s.events:
			if !ok {
				s.t.Fatalf("the stream ended while waiting for %v", want)
			}
			if e.Type == scheduler.Event_UPDATE && e.Update.Status.UUID != nil {
				status := e.Update.Status
				s.call(&scheduler.Call{Type: scheduler.Call_ACKNOWLEDGE, Acknowledge: &scheduler.Call_Acknowledge{
					AgentID: *status.AgentID, TaskID: status.TaskID, UUID: status.UUID}})
			}
			if e.Type == want {
				return e
			}
			if e.Type == scheduler.Event_MESSAGE || e.Type == scheduler.Event_OFFERS {
				s.kept = append(s.kept, e)
			}
		case <-timeout:
			s.t.Fatalf("no %v", want)
		}
	}
}

// status waits for a state of a task.
func (s *testScheduler) status(task string, want mesos.TaskState) *mesos.TaskStatus {
	s.t.Helper()
	for {
		if status := &s.next(scheduler.Event_UPDATE).Update.Status; status.TaskID.Value == task && *status.State == want {
			return status
		}
	}
}

// report waits for a report that is as wanted.
func (s *testScheduler) report(want func(*probe.Report) bool) *probe.Report {
	s.t.Helper()
	for {
		r, err := probe.DecodeReport(s.next(scheduler.Event_MESSAGE).Message.Data)
		if err != nil {
			s.t.Fatal(err)
		}
		if want(r) {
			return r
		}
	}
}

// launch starts a prober process, as argv with an environment, and one task of it.
func (s *testScheduler) launch(task string, env map[string]string, argv ...string) {
	s.t.Helper()
	amounts := func(cpus, mem float64) []mesos.Resource {
		return []mesos.Resource{
			{Name: "cpus", Type: mesos.SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: cpus}},
			{Name: "mem", Type: mesos.SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: mem}},
		}
	}
	shell, environment := false, &mesos.Environment{}
	for name, value := range env {
		environment.Variables = append(environment.Variables, mesos.Environment_Variable{Name: name, Value: &value})
	}
	info := mesos.TaskInfo{
		Name: task, TaskID: mesos.TaskID{Value: task}, AgentID: s.offer.AgentID, Resources: amounts(0.1, 32),
		Executor: &mesos.ExecutorInfo{
			ExecutorID: mesos.ExecutorID{Value: "prober"}, Type: mesos.ExecutorInfo_CUSTOM, Resources: amounts(0.1, 32),
			FrameworkID: &mesos.FrameworkID{Value: s.id},
			Command:     &mesos.CommandInfo{Shell: &shell, Value: &argv[0], Arguments: argv, Environment: environment},
		},
	}
	none := 0.0
	s.call(&scheduler.Call{Type: scheduler.Call_ACCEPT, Accept: &scheduler.Call_Accept{
		OfferIDs: []mesos.OfferID{s.offer.ID}, Filters: &mesos.Filters{RefuseSeconds: &none},
		Operations: []mesos.Offer_Operation{{Type: mesos.Offer_Operation_LAUNCH,
			Launch: &mesos.Offer_Operation_Launch{TaskInfos: []mesos.TaskInfo{info}}}}}})
}

func (s *testScheduler) message(data []byte) {
	s.t.Helper()
	s.call(&scheduler.Call{Type: scheduler.Call_MESSAGE, Message: &scheduler.Call_Message{
		AgentID: s.offer.AgentID, ExecutorID: mesos.ExecutorID{Value: "prober"}, Data: data}})
}

func (s *testScheduler) kill(task string) {
	s.t.Helper()
	s.call(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: mesos.TaskID{Value: task}}})
}
