package mesostest_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/framing"
	"github.com/mesos/mesos-go/api/v1/lib/executor"
	"github.com/mesos/mesos-go/api/v1/lib/recordio"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// testExecutor is an executor on its agent's API, in protobuf.
type testExecutor struct {
	t     *testing.T
	http  *http.Client
	start mesostest.ExecutorStart
	body  io.Closer
	read  framing.Reader
}

func (e *testExecutor) call(call *executor.Call) *http.Response {
	e.t.Helper()
	call.FrameworkID = mesos.FrameworkID{Value: e.start.FrameworkID}
	call.ExecutorID = e.start.Info.ExecutorID
	body, err := call.Marshal()
	if err != nil {
		e.t.Fatal(err)
	}
	url := "http://" + e.start.Environment["MESOS_AGENT_ENDPOINT"] + "/api/v1/executor"
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Accept", "application/x-protobuf")
	resp, err := e.http.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	return resp
}

func (e *testExecutor) subscribe() {
	e.t.Helper()
	resp := e.call(&executor.Call{Type: executor.Call_SUBSCRIBE, Subscribe: &executor.Call_Subscribe{}})
	if resp.StatusCode != http.StatusOK {
		e.t.Fatal(resp.Status)
	}
	e.body, e.read = resp.Body, recordio.NewReader(resp.Body)
	e.t.Cleanup(func() { _ = resp.Body.Close() })
	e.next(executor.Event_SUBSCRIBED)
}

func (e *testExecutor) next(want executor.Event_Type) *executor.Event {
	e.t.Helper()
	frame, err := e.read.ReadFrame()
	if err != nil {
		e.t.Fatal(err)
	}
	event := &executor.Event{}
	if err := event.Unmarshal(frame); err != nil || event.Type != want {
		e.t.Fatalf("want %v, got %v, %v", want, event, err)
	}
	return event
}

func (e *testExecutor) update(id string, state mesos.TaskState, uuid byte) int {
	e.t.Helper()
	resp := e.call(&executor.Call{Type: executor.Call_UPDATE, Update: &executor.Call_Update{Status: mesos.TaskStatus{
		TaskID: mesos.TaskID{Value: id}, State: state.Enum(), Source: mesos.SOURCE_EXECUTOR.Enum(),
		UUID: bytes.Repeat([]byte{uuid}, 16)}}})
	if err := resp.Body.Close(); err != nil {
		e.t.Fatal(err)
	}
	return resp.StatusCode
}

func onExecutor(o mesos.Offer, task, id string) mesos.TaskInfo {
	info := taskInfo(o, task)
	info.Executor = &mesos.ExecutorInfo{ExecutorID: mesos.ExecutorID{Value: id}, Type: mesos.ExecutorInfo_CUSTOM,
		Command: info.Command, Resources: info.Resources}
	info.Command = nil
	return info
}

// withExecutors has a client with an offer of node1, and the executors that its
// tasks start.
func withExecutors(t *testing.T, f func(c *mesostest.Cluster, s *client, o mesos.Offer, started <-chan *testExecutor)) {
	started := make(chan mesostest.ExecutorStart, 1)
	cfg := mesostest.Config{StartExecutor: func(e mesostest.ExecutorStart) { started <- e }}
	run(t, cfg, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		executors := make(chan *testExecutor, 1)
		go func() { executors <- &testExecutor{t: t, http: s.http, start: <-started} }()
		f(c, s, s.offers("node1", "node2")["node1"], executors)
	})
}

func TestExecutorThatDoesNotSubscribe(t *testing.T) {
	withExecutors(t, func(c *mesostest.Cluster, s *client, o mesos.Offer, started <-chan *testExecutor) {
		start := time.Now()
		s.call(launch(0, onExecutor(o, "t", "e"), o))
		if code := (<-started).update("t", mesos.TASK_RUNNING, 1); code != http.StatusForbidden {
			t.Error(code)
		}
		if status := s.status(mesos.TASK_FAILED); status.GetReason() != mesos.REASON_EXECUTOR_REGISTRATION_TIMEOUT ||
			time.Since(start) != time.Minute {
			t.Errorf("%v after %v", status, time.Since(start))
		}
	})
}

func TestExecutorSubscribesAgain(t *testing.T) {
	withExecutors(t, func(c *mesostest.Cluster, s *client, o mesos.Offer, started <-chan *testExecutor) {
		s.call(launch(0, onExecutor(o, "t1", "e"), o))
		e := <-started
		e.subscribe()
		e.next(executor.Event_LAUNCH)
		e.update("t1", mesos.TASK_RUNNING, 1)
		e.next(executor.Event_ACKNOWLEDGED)
		s.status(mesos.TASK_RUNNING)
		c.StopAgent("node1")
		if _, err := e.read.ReadFrame(); err == nil {
			t.Error("the stream outlived the agent")
		}
		c.StartAgent("node1")
		o = s.offers("node1")["node1"]
		// The executor's resources are its own, and are not counted twice.
		for scalarOf(o, "cpus") != 7 {
			o = s.offers("node1")["node1"]
		}
		s.call(launch(0, onExecutor(o, "t2", "e"), o))
		e.subscribe()
		if task := e.next(executor.Event_LAUNCH).Launch.Task; task.TaskID.Value != "t2" {
			t.Error(task)
		}
		e.update("t1", mesos.TASK_RUNNING, 1) // told twice, counts once
		e.next(executor.Event_ACKNOWLEDGED)
		s.quiet(scheduler.Event_UPDATE, time.Minute)
	})
}

func TestExecutorIsShutDown(t *testing.T) {
	withExecutors(t, func(c *mesostest.Cluster, s *client, o mesos.Offer, started <-chan *testExecutor) {
		s.call(launch(0, onExecutor(o, "t", "e"), o))
		e := <-started
		e.subscribe()
		e.next(executor.Event_LAUNCH)
		start := time.Now()
		s.call(&scheduler.Call{Type: scheduler.Call_SHUTDOWN, Shutdown: &scheduler.Call_Shutdown{
			ExecutorID: mesos.ExecutorID{Value: "e"}, AgentID: o.AgentID}})
		e.next(executor.Event_SHUTDOWN) // which it does not follow
		if failure := s.next(scheduler.Event_FAILURE).Failure; failure.GetStatus() != 9 || time.Since(start) != 5*time.Second {
			t.Errorf("%v after %v", failure, time.Since(start))
		}
		if status := s.status(mesos.TASK_FAILED); status.GetReason() != mesos.REASON_EXECUTOR_TERMINATED {
			t.Error(status)
		}
	})
}
