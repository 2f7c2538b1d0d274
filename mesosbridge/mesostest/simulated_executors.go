package mesostest

import (
	"sync"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// SimulatedExecutor is an executor of a framework's own without a process and
// without HTTP: the cluster runs its tasks, which do nothing, and it answers the
// framework's messages. There may be one on each of thousands of agents. All calls
// of all simulated executors come from one goroutine, without a lock, in the order
// in which things happened; they must not wait for anything in the cluster.
//
// A task on it runs at once and is killed at once. The executor stays, with its
// resources, until it is shut down or its agent is marked gone or replaced: a
// replaced agent leaves no process of it behind.
type SimulatedExecutor interface {
	// Message is one from the framework; nobody else holds data.
	Message(data []byte)
	// Ended is the last call, at the latest by Close.
	Ended()
}

// simulations has the calls to simulated executors made, and their messages sent.
type simulations struct {
	wake   chan struct{}
	mu     sync.Mutex // taken with the cluster locked, or without, never before it
	queue  []func()
	closed bool
}

// later has f called without a lock, after all that was asked for before.
func (s *simulations) later(f func()) {
	s.mu.Lock()
	if !s.closed {
		s.queue = append(s.queue, f)
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *simulations) take(last bool) []func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue := s.queue
	s.queue, s.closed = nil, s.closed || last
	return queue
}

// simulateExecutors makes the calls until the cluster is closed.
func (c *Cluster) simulateExecutors() {
	for {
		for _, f := range c.simulations.take(false) {
			f()
		}
		select {
		case <-c.simulations.wake:
		case <-c.done:
			c.endSimulations()
			return
		}
	}
}

// endSimulations makes the last call to each that is left.
func (c *Cluster) endSimulations() {
	var last []func()
	c.change(func() {
		last = c.simulations.take(true)
		for _, host := range c.hosts {
			for _, e := range c.agents[host].sortedExecutors() {
				if e.simulated != nil {
					last = append(last, e.simulated.Ended)
				}
			}
		}
	})
	for _, f := range last {
		f()
	}
}

// simulate asks whether an executor that is to start is simulated; nil: it is not.
func (c *Cluster) simulate(e *executor, first mesos.TaskInfo) SimulatedExecutor {
	if c.cfg.SimulateExecutor == nil {
		return nil
	}
	send := func(data []byte) {
		data = append([]byte{}, data...) // never nil: the field is required
		c.simulations.later(func() {
			c.change(func() {
				if e.agent.executors[e.key] == e {
					c.executorMessage(e, data)
				}
			})
		})
	}
	return c.cfg.SimulateExecutor(ExecutorStart{Host: e.agent.host, AgentID: e.agent.id,
		FrameworkID: e.key.frameworkID, Info: e.info, Task: first}, send)
}

// runSimulated runs a task on a simulated executor.
func (c *Cluster) runSimulated(t *task) {
	t.timer = c.after(0, func() { c.report(t, Step{State: mesos.TASK_RUNNING}) })
}

// endSimulated ends the simulated executors of an agent that loses its work
// directory, with the tasks on them. The master's books follow when it notices.
func (c *Cluster) endSimulated(a *agent) (others []*executor) {
	for _, e := range a.sortedExecutors() {
		if e.simulated == nil {
			others = append(others, e)
			continue
		}
		for _, t := range sortedTasks(e.tasks) {
			c.endProcess(t)
		}
		c.stop(e.timer)
		c.simulations.later(e.simulated.Ended)
	}
	return others
}
