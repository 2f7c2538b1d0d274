package mesostest_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	operator "github.com/mesos/mesos-go/api/v1/lib/master"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// operate calls the operator API with JSON.
func (s *client) operate(body string) (int, string) {
	s.t.Helper()
	resp, err := s.http.Post(s.url+"/api/v1", "application/json", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (s *client) mustOperate(body string) string {
	s.t.Helper()
	status, text := s.operate(body)
	if status != http.StatusOK {
		s.t.Fatalf("%s: %d %s", body, status, text)
	}
	return text
}

func drainCall(id mesos.AgentID, more string) string {
	return `{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"` + id.Value + `"}` + more + `}}`
}

func TestDrainOutlivesTheMaster(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		o := s.runs("t")
		s.mustOperate(drainCall(o.AgentID, ""))
		if status := s.status(mesos.TASK_KILLED); status.GetReason() != mesos.REASON_AGENT_DRAINING {
			t.Error(status)
		}
		c.FailoverMaster(mesostest.FailoverOptions{AgentsReturnAfter: time.Second})
		s.ends()
		s.subscribe()
		s.offers("node2")
		s.quiet(scheduler.Event_OFFERS, time.Minute)
		s.mustOperate(`{"type":"REACTIVATE_AGENT","reactivate_agent":{"agent_id":{"value":"` + o.AgentID.Value + `"}}}`)
		s.offers("node1")
	})
}

// What is killed late is gone late: the agent is marked gone when all is acknowledged.
func TestDrainThenMarkGone(t *testing.T) {
	run(t, mesostest.Config{Script: mesostest.IgnoresKill}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		o := s.runs("t")
		start := time.Now()
		s.mustOperate(drainCall(o.AgentID, `,"mark_gone":true,"max_grace_period":{"seconds":2}`))
		if status := s.status(mesos.TASK_KILLED); status.GetMessage() != "Command terminated with signal Killed" {
			t.Error(status)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("killed after %v", took)
		}
		if failure := s.next(scheduler.Event_FAILURE).Failure; failure.AgentID.Value != o.AgentID.Value {
			t.Error(failure)
		}
	})
}

func TestOperatorCallsThatAreRefused(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		for call, want := range map[string]int{
			`{"type":"GET_METRICS","get_metrics":{}}`:                                        http.StatusNotImplemented,
			`{"type":"DRAIN_AGENT"}`:                                                         http.StatusBadRequest,
			drainCall(mesos.AgentID{Value: "nobody"}, ""):                                    http.StatusBadRequest,
			`{"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"nobody"}}}`:   http.StatusNotFound,
			`{"type":"TEARDOWN","teardown":{"framework_id":{"value":"nobody"}}}`:             http.StatusBadRequest,
			`{"type":"REACTIVATE_AGENT","reactivate_agent":{"agent_id":{"value":"nobody"}}}`: http.StatusBadRequest,
			`not json`: http.StatusBadRequest,
		} {
			if status, text := s.operate(call); status != want {
				t.Errorf("%s: %d %s", call, status, text)
			}
		}
	})
}

func TestOperatorAPIInProtobuf(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.runs("t")
		body, err := (&operator.Call{Type: operator.Call_GET_STATE}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(http.MethodPost, s.url+"/api/v1", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-protobuf")
		req.Header.Set("Accept", "application/x-protobuf")
		resp, err := s.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		var state operator.Response
		if err := state.Unmarshal(raw); err != nil {
			t.Fatal(err)
		}
		if got := state.GetState; len(got.GetAgents.Agents) != 2 || len(got.GetTasks.Tasks) != 1 ||
			got.GetTasks.Tasks[0].GetState() != mesos.TASK_RUNNING || len(got.GetFrameworks.Frameworks) != 1 {
			t.Error(got)
		}
	})
}
