package mesostest_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// echo is an executor that says hello, and everything that it is told again.
type echo struct {
	start mesostest.ExecutorStart
	send  func([]byte)

	mu    sync.Mutex
	heard []string
	ended int
}

func (e *echo) Message(data []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, string(data))
	e.send([]byte("echo " + string(data)))
}

func (e *echo) Ended() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended++
}

// state is what the executor has heard, and how often it was told to end.
func (e *echo) state() (string, int) {
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.heard, " "), e.ended
}

// withEcho has a client with an offer of node1; the executors of tasks come out of
// started. Executors whose id begins with "real" are not simulated.
func withEcho(t *testing.T, cfg mesostest.Config, f func(c *mesostest.Cluster, s *client, o mesos.Offer, started <-chan *echo)) {
	started := make(chan *echo, 10)
	cfg.SimulateExecutor = func(start mesostest.ExecutorStart, send func([]byte)) mesostest.SimulatedExecutor {
		if strings.HasPrefix(start.Info.ExecutorID.Value, "real") {
			return nil
		}
		e := &echo{start: start, send: send}
		send([]byte("hello"))
		started <- e
		return e
	}
	run(t, cfg, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		f(c, s, s.offers("node1", "node2")["node1"], started)
	})
}

func (s *client) message(o mesos.Offer, executor, data string) {
	s.t.Helper()
	s.call(&scheduler.Call{Type: scheduler.Call_MESSAGE, Message: &scheduler.Call_Message{
		AgentID: o.AgentID, ExecutorID: mesos.ExecutorID{Value: executor}, Data: []byte(data)}})
}

func (s *client) hears(want string) {
	s.t.Helper()
	if m := s.next(scheduler.Event_MESSAGE).Message; string(m.Data) != want {
		s.t.Errorf("the executor %s says %q, want %q", m.ExecutorID.Value, m.Data, want)
	}
}

// offer waits for the next one of a host.
func (s *client) offer(host string) mesos.Offer {
	s.t.Helper()
	for {
		for _, o := range s.next(scheduler.Event_OFFERS).Offers.Offers {
			if o.Hostname == host {
				return o
			}
		}
	}
}

func (s *client) offered(host string) (cpus, mem float64) {
	s.t.Helper()
	o := s.offer(host)
	return scalarOf(o, "cpus"), scalarOf(o, "mem")
}

// The hour of executor-messages, with an executor that is simulated: its own
// resources stay used until it ends.
func TestSimulatedExecutor(t *testing.T) {
	withEcho(t, mesostest.Config{}, func(c *mesostest.Cluster, s *client, o mesos.Offer, started <-chan *echo) {
		s.call(launch(0, onExecutor(o, "t1", "e"), o))
		s.status(mesos.TASK_RUNNING)
		s.hears("hello")
		e := <-started
		if st := e.start; st.Host != "node1" || st.AgentID != o.AgentID.Value || st.FrameworkID != s.id ||
			st.Task.TaskID.Value != "t1" || st.Info.ExecutorID.Value != "e" {
			t.Errorf("%+v", st)
		}
		s.message(o, "e", "a")
		s.message(o, "nobody", "x")
		s.message(o, "e", "b")
		s.hears("echo a")
		s.hears("echo b")
		o = s.offer("node1")
		if cpus := scalarOf(o, "cpus"); cpus != 7 || len(o.ExecutorIDs) != 1 {
			t.Errorf("%v cpus are left; executors %v", cpus, o.ExecutorIDs)
		}
		s.call(kill("t1"))
		if status := s.status(mesos.TASK_KILLED); status.ExecutorID != nil || status.GetSource() != mesos.SOURCE_EXECUTOR {
			t.Error(status)
		}
		if cpus, mem := s.offered("node1"); cpus != 0.5 || mem != 64 {
			t.Errorf("%v cpus, %v mem came back with the task", cpus, mem)
		}
		s.call(decline(0, o))
		s.call(&scheduler.Call{Type: scheduler.Call_SHUTDOWN, Shutdown: &scheduler.Call_Shutdown{
			ExecutorID: mesos.ExecutorID{Value: "e"}, AgentID: o.AgentID}})
		if f := s.next(scheduler.Event_FAILURE).Failure; f.ExecutorID.GetValue() != "e" || f.GetStatus() != 0 {
			t.Error(f)
		}
		s.message(o, "e", "too late")
		e.send([]byte("too late"))
		if heard, ended := e.state(); heard != "a b" || ended != 1 {
			t.Errorf("heard %q, ended %d times", heard, ended)
		}
		s.call(&scheduler.Call{Type: scheduler.Call_REVIVE})
		// What was declined, and what the executor had, come back; what the task had
		// is outstanding.
		for cpus := 0.5; cpus < 8; {
			part, _ := s.offered("node1")
			cpus += part
		}
		s.quiet(scheduler.Event_MESSAGE, time.Hour)
		for _, e := range s.kept {
			if e.Type == scheduler.Event_MESSAGE {
				t.Errorf("an executor that has ended says %q", e.Message.Data)
			}
		}
		c.Close()
		if _, ended := e.state(); ended != 1 {
			t.Errorf("ended %d times", ended)
		}
	})
}

// Two tasks on one executor, which is shut down: they have failed, and all is free.
func TestSimulatedExecutorWithTasksIsShutDown(t *testing.T) {
	withEcho(t, mesostest.Config{}, func(c *mesostest.Cluster, s *client, o mesos.Offer, started <-chan *echo) {
		call := launch(0, onExecutor(o, "t1", "e"), o)
		infos := &call.Accept.Operations[0].Launch.TaskInfos
		*infos = append(*infos, onExecutor(o, "t2", "e"))
		s.call(call)
		s.status(mesos.TASK_RUNNING)
		s.status(mesos.TASK_RUNNING)
		if cpus, mem := s.offered("node1"); cpus != 8-3*0.5 || mem != 32768-3*64 {
			t.Errorf("%v cpus, %v mem are left by two tasks and one executor", cpus, mem)
		}
		s.call(&scheduler.Call{Type: scheduler.Call_SHUTDOWN, Shutdown: &scheduler.Call_Shutdown{
			ExecutorID: mesos.ExecutorID{Value: "e"}, AgentID: o.AgentID}})
		for range 2 {
			if status := s.status(mesos.TASK_FAILED); status.GetReason() != mesos.REASON_EXECUTOR_TERMINATED {
				t.Error(status)
			}
		}
		if cpus, mem := s.offered("node1"); cpus != 3*0.5 || mem != 3*64 {
			t.Errorf("%v cpus, %v mem came back", cpus, mem)
		}
		if len(c.Running("node1")) != 0 || len(started) != 1 {
			t.Errorf("%v run on %d executors", c.Running("node1"), len(started))
		}
	})
}

// It lives on while its agent is away, unheard, and ends with the agent's work directory.
func TestSimulatedExecutorAndItsAgent(t *testing.T) {
	withEcho(t, mesostest.Config{}, func(c *mesostest.Cluster, s *client, o mesos.Offer, started <-chan *echo) {
		s.call(launch(3600, onExecutor(o, "t1", "e"), o))
		s.status(mesos.TASK_RUNNING)
		s.hears("hello")
		e := <-started
		c.StopAgent("node1")
		s.status(mesos.TASK_UNREACHABLE)
		s.message(o, "e", "lost")
		e.send([]byte("lost, too"))
		if heard, ended := e.state(); heard != "" || ended != 0 || len(c.Running("node1")) != 1 {
			t.Errorf("heard %q, ended %d times", heard, ended)
		}
		c.StartAgent("node1")
		s.status(mesos.TASK_RUNNING)
		e.send([]byte("back"))
		s.hears("back")
		if cpus, _ := s.offered("node1"); cpus != 7 {
			t.Errorf("%v cpus are left", cpus)
		}
		c.FailoverMaster(mesostest.FailoverOptions{AgentsReturnAfter: time.Second})
		s.ends()
		s.subscribe()
		if cpus, _ := s.offered("node1"); cpus != 7 {
			t.Errorf("%v cpus are left after a failover", cpus)
		}
		c.ReplaceAgent("node1")
		s.status(mesos.TASK_LOST)
		e.send([]byte("lost again"))
		if _, ended := e.state(); ended != 1 || len(c.Running("node1")) != 0 {
			t.Errorf("ended %d times, %v run", ended, c.Running("node1"))
		}
		o = s.offer("node1")
		if cpus := scalarOf(o, "cpus"); cpus != 8 {
			t.Errorf("%v cpus on the new agent", cpus)
		}
		s.call(launch(3600, onExecutor(o, "t2", "e"), o))
		s.status(mesos.TASK_RUNNING)
		c.MarkGone("node1")
		second := <-started
		if _, ended := second.state(); ended != 1 || second.start.AgentID != o.AgentID.Value {
			t.Errorf("%+v, ended %d times", second.start, ended)
		}
		c.KillOrphans("node1")
		c.Close()
		for _, e := range []*echo{e, second} {
			if _, ended := e.state(); ended != 1 {
				t.Errorf("ended %d times", ended)
			}
		}
	})
}

func TestSimulatedExecutorsEndWithTheirFrameworkAndCluster(t *testing.T) {
	withEcho(t, mesostest.Config{}, func(c *mesostest.Cluster, s *client, o mesos.Offer, started <-chan *echo) {
		s.call(launch(3600, onExecutor(o, "t1", "e"), o))
		s.status(mesos.TASK_RUNNING)
		s.call(&scheduler.Call{Type: scheduler.Call_TEARDOWN})
		s.ends()
		first := <-started
		if _, ended := first.state(); ended != 1 || len(c.Running("node1")) != 0 {
			t.Errorf("ended %d times", ended)
		}
		s.id, s.info.ID = "", nil
		s.subscribe()
		o = s.offers("node1", "node2")["node1"]
		if cpus := scalarOf(o, "cpus"); cpus != 8 {
			t.Errorf("%v cpus are left", cpus)
		}
		s.call(launch(3600, onExecutor(o, "t2", "e"), o))
		s.status(mesos.TASK_RUNNING)
		second := <-started
		c.Close()
		if _, ended := second.state(); ended != 1 {
			t.Errorf("ended %d times", ended)
		}
	})
}

// What is not simulated is run as without SimulateExecutor.
func TestExecutorThatIsNotSimulated(t *testing.T) {
	withEcho(t, mesostest.Config{}, func(c *mesostest.Cluster, s *client, o mesos.Offer, started <-chan *echo) {
		s.call(launch(0, onExecutor(o, "t1", "real"), o))
		s.status(mesos.TASK_STARTING)
		s.status(mesos.TASK_RUNNING)
		if cpus, _ := s.offered("node1"); cpus != 7 {
			t.Errorf("%v cpus are left by the scripted task, which is its executor", cpus)
		}
		s.call(kill("t1"))
		s.status(mesos.TASK_KILLED)
		if cpus, _ := s.offered("node1"); cpus != 1 {
			t.Errorf("%v cpus came back", cpus)
		}
	})
	real := make(chan mesostest.ExecutorStart, 1)
	withEcho(t, mesostest.Config{StartExecutor: func(e mesostest.ExecutorStart) { real <- e }},
		func(c *mesostest.Cluster, s *client, o mesos.Offer, started <-chan *echo) {
			s.call(launch(0, onExecutor(o, "t1", "real"), o))
			if start := <-real; start.Environment["MESOS_EXECUTOR_ID"] != "real" || start.Task.TaskID.Value != "t1" || start.AgentID != o.AgentID.Value {
				t.Errorf("%+v", start)
			}
		})
}

// discard is an executor that listens to nothing.
type discard struct{}

func (discard) Message([]byte) {}
func (discard) Ended()         {}

// BenchmarkSimulatedExecutors measures a message from one of 10,000 executors to
// the framework.
func BenchmarkSimulatedExecutors(b *testing.B) {
	const agents = 10000
	sends := make(chan func([]byte), agents)
	c := mesostest.New(mesostest.Config{Agents: mesostest.Agents(agents),
		SimulateExecutor: func(_ mesostest.ExecutorStart, send func([]byte)) mesostest.SimulatedExecutor {
			sends <- send
			return discard{}
		}})
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	s := newClient(b, c)
	s.subscribe()
	for i, o := range s.next(scheduler.Event_OFFERS).Offers.Offers {
		s.call(launch(3600, onExecutor(o, fmt.Sprint("t", i), "e"), o))
		s.status(mesos.TASK_RUNNING)
	}
	report := make([]byte, 4096)
	for b.Loop() {
		send := <-sends
		send(report)
		s.next(scheduler.Event_MESSAGE)
		sends <- send
	}
}
