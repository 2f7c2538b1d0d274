package mesostest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	api "github.com/mesos/mesos-go/api/v1/lib/executor"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// executor is an executor of a framework's own, from the launch of its first task
// to its end (executor-messages).
type executor struct {
	key       executorKey
	info      mesos.ExecutorInfo
	framework mesos.FrameworkInfo
	agent     *agent
	role      string
	resources resources
	// held: they are allocated on the master's books.
	held bool

	containerID string
	pid         uint32
	process     *process          // nil when it is not ours
	simulated   SimulatedExecutor // nil when it is not
	subscribed  bool              // it was, once
	stopping    bool
	stream      *stream[*api.Event]
	tasks       map[string]*task // that have not ended
	queued      []*task          // that wait for it to subscribe
	timer       *timer           // of its registration, then of its shutdown
}

type executorKey struct{ frameworkID, executorID string }

// ExecutorStart is an executor that an agent starts.
type ExecutorStart struct {
	Host, AgentID, FrameworkID string
	Info                       mesos.ExecutorInfo
	// Task for which it is started. There may be others later.
	Task mesos.TaskInfo
	// Environment with which an agent would start it; nil for a simulated one.
	Environment map[string]string
}

const (
	// An executor has this long to subscribe, and to end when it was asked to
	// (--executor_registration_timeout and --executor_shutdown_grace_period,
	// docs/configuration/agent.md).
	registrationTimeout = time.Minute
	shutdownGracePeriod = 5 * time.Second
)

// startsExecutors: frameworks' own executors are started, and call their agents.
func (c *Cluster) startsExecutors() bool { return c.cfg.Processes != nil || c.cfg.StartExecutor != nil }

// hasExecutors: there are executors of frameworks' own beside their tasks.
func (c *Cluster) hasExecutors() bool { return c.startsExecutors() || c.cfg.SimulateExecutor != nil }

func (a *agent) sortedExecutors() []*executor {
	if len(a.executors) == 0 {
		return nil
	}
	list := make([]*executor, 0, len(a.executors))
	for _, e := range a.executors {
		list = append(list, e)
	}
	slices.SortFunc(list, func(x, y *executor) int { return cmp.Compare(x.containerID, y.containerID) })
	return list
}

func (c *Cluster) executorOf(fw *framework, agentID *mesos.AgentID, id mesos.ExecutorID) *executor {
	a := c.master.agents[agentID.GetValue()]
	if a == nil || !a.connected() {
		return nil
	}
	return a.executors[executorKey{fw.id, id.Value}]
}

// launchOnExecutor hands a task to its executor, which is started for the first.
func (c *Cluster) launchOnExecutor(t *task, own resources) {
	info := *t.info.Executor
	info.FrameworkID = &mesos.FrameworkID{Value: t.frameworkID}
	t.info.Executor = &info
	key := executorKey{t.frameworkID, info.ExecutorID.Value}
	e := t.agent.executors[key]
	if e == nil {
		e = &executor{key: key, info: info, framework: t.framework, agent: t.agent, role: t.role, resources: own, held: true,
			containerID: t.containerStatus.ContainerID.Value, pid: *t.containerStatus.ExecutorPID, tasks: map[string]*task{}}
		e.simulated = c.simulate(e, t.info)
		if e.simulated == nil && !c.startsExecutors() {
			t.resources = t.resources.plus(own) // the scripted task is its executor
			c.playScript(t)
			return
		}
		t.agent.executors[key] = e
		if e.subscribed = e.simulated != nil; !e.subscribed {
			e.timer = c.after(registrationTimeout, func() { c.destroy(e) })
			c.startExecutor(e, t.info)
		}
	}
	t.executor = e
	t.containerStatus.ContainerID = &mesos.ContainerID{Value: e.containerID}
	t.containerStatus.ExecutorPID = &e.pid
	e.tasks[t.id] = t
	if e.simulated != nil {
		c.runSimulated(t)
		return
	}
	if e.stream == nil { // not yet, or not again after the agent was away
		e.queued = append(e.queued, t)
		return
	}
	e.deliver(t)
}

func (c *Cluster) startExecutor(e *executor, first mesos.TaskInfo) {
	if c.cfg.Processes != nil {
		c.runExecutor(e)
		return
	}
	c.cfg.StartExecutor(ExecutorStart{Host: e.agent.host, AgentID: e.agent.id, FrameworkID: e.key.frameworkID,
		Info: e.info, Task: first,
		Environment: e.environment(c.sandboxOf(e.agent, e.key.frameworkID, e.key.executorID, e.containerID))})
}

func (e *executor) send(event *api.Event) {
	if e.stream != nil {
		e.stream.send(event)
	}
}

func (e *executor) deliver(t *task) {
	e.send(&api.Event{Type: api.Event_LAUNCH, Launch: &api.Event_Launch{Task: t.info}})
}

func (c *Cluster) messageExecutor(e *executor, data []byte) {
	if e.simulated != nil {
		c.simulations.later(func() { e.simulated.Message(data) })
		return
	}
	e.send(&api.Event{Type: api.Event_MESSAGE, Message: &api.Event_Message{Data: data}})
}

// disconnect happens when the agent stops: the executor has to subscribe again.
func (e *executor) disconnect() {
	if e.stream != nil {
		e.stream.cut()
		e.stream = nil
	}
}

// executorSubscribed gives an executor its stream, and the tasks that wait for it.
func (c *Cluster) executorSubscribed(e *executor, s *stream[*api.Event], unacknowledged []api.Call_Update) {
	if e.stream != nil {
		e.stream.end()
	}
	e.stream, e.subscribed = s, true
	if !e.stopping {
		c.stop(e.timer)
	}
	info := e.agent.info()
	e.send(&api.Event{Type: api.Event_SUBSCRIBED, Subscribed: &api.Event_Subscribed{
		ExecutorInfo: e.info, FrameworkInfo: e.framework, AgentInfo: info,
		ContainerID: &mesos.ContainerID{Value: e.containerID}}})
	for i := range unacknowledged {
		c.executorUpdate(e, unacknowledged[i].Status)
	}
	for _, t := range e.queued {
		e.deliver(t)
	}
	e.queued = nil
}

// executorUpdate is an executor telling its agent of a new status of a task. One
// that is told twice counts once.
func (c *Cluster) executorUpdate(e *executor, status mesos.TaskStatus) {
	t := e.agent.tasks[taskKey{e.key.frameworkID, status.TaskID.Value}]
	if t != nil && t.executor == e && !terminal(t.state) && !t.knows(status.UUID) {
		status.AgentID = &mesos.AgentID{Value: e.agent.id}
		if status.Timestamp == nil {
			now := seconds(c.now())
			status.Timestamp = &now
		}
		if status.ContainerStatus == nil {
			status.ContainerStatus = t.containerStatus
		}
		c.take(t, &status)
	}
	e.send(&api.Event{Type: api.Event_ACKNOWLEDGED,
		Acknowledged: &api.Event_Acknowledged{TaskID: status.TaskID, UUID: status.UUID}})
}

func (t *task) knows(uuid []byte) bool {
	same := func(s *mesos.TaskStatus) bool { return slices.Equal(s.UUID, uuid) }
	return slices.ContainsFunc(t.pending, same) || slices.ContainsFunc(t.statuses, same)
}

func (c *Cluster) executorMessage(e *executor, data []byte) {
	if fw := c.master.frameworks[e.key.frameworkID]; fw != nil && e.agent.connected() {
		fw.send(&scheduler.Event{Type: scheduler.Event_MESSAGE, Message: &scheduler.Event_Message{
			AgentID: mesos.AgentID{Value: e.agent.id}, ExecutorID: e.info.ExecutorID, Data: data}})
	}
}

// killOnExecutor asks the executor to end a task, or takes it back when the
// executor has not had it yet.
func (c *Cluster) killOnExecutor(t *task, policy *mesos.KillPolicy) {
	e := t.executor
	if terminal(t.state) {
		return
	}
	if e.simulated != nil {
		c.report(t, Step{State: mesos.TASK_KILLED})
		return
	}
	if i := slices.Index(e.queued, t); i >= 0 {
		e.queued = slices.Delete(e.queued, i, i+1)
		c.report(t, Step{State: mesos.TASK_KILLED, Message: "Killed before delivery to the executor",
			Reason: mesos.REASON_TASK_KILLED_DURING_LAUNCH.Enum(), Source: mesos.SOURCE_AGENT.Enum()})
		return
	}
	e.send(&api.Event{Type: api.Event_KILL, Kill: &api.Event_Kill{TaskID: t.info.TaskID, KillPolicy: policy}})
}

// shutDownExecutor asks an executor to end, and ends it when it does not.
func (c *Cluster) shutDownExecutor(e *executor) {
	if e.stopping {
		return
	}
	e.stopping = true
	c.stop(e.timer)
	if e.simulated != nil {
		e.timer = c.after(0, func() { c.executorEnded(e, 0) })
		return
	}
	e.send(&api.Event{Type: api.Event_SHUTDOWN})
	e.timer = c.after(shutdownGracePeriod, func() { c.destroy(e) })
}

// destroy ends an executor at once, with all that runs in its container.
func (c *Cluster) destroy(e *executor) {
	if e.process != nil {
		e.process.kill() // executorEnded follows
		return
	}
	const killed = 9
	c.executorEnded(e, killed)
}

// ExecutorEnded says that an executor that StartExecutor was told of has ended,
// with a status as wait(2) gives it. Its tasks have failed.
func (c *Cluster) ExecutorEnded(frameworkID, executorID string, status int) {
	c.change(func() {
		for _, host := range c.hosts {
			if e := c.agents[host].executors[executorKey{frameworkID, executorID}]; e != nil {
				c.executorEnded(e, int32(status))
			}
		}
	})
}

// executorEnded: the tasks that it had have failed (executorTerminated in
// slave/slave.cpp).
func (c *Cluster) executorEnded(e *executor, status int32) {
	a := e.agent
	if a.executors[e.key] != e {
		return
	}
	delete(a.executors, e.key)
	c.stop(e.timer)
	if e.stream != nil {
		e.stream.end()
	}
	if e.simulated != nil {
		c.simulations.later(e.simulated.Ended)
	}
	fw := c.master.frameworks[e.key.frameworkID]
	if fw != nil && e.held {
		c.recover(fw, e.role, a, e.resources)
	} else if e.held && a.standing == registered {
		a.available = a.available.plus(e.resources)
		c.allocateSoon()
	}
	e.held = false
	if fw != nil && a.connected() {
		fw.send(&scheduler.Event{Type: scheduler.Event_FAILURE, Failure: &scheduler.Event_Failure{
			AgentID: &mesos.AgentID{Value: a.id}, ExecutorID: &e.info.ExecutorID, Status: &status}})
	}
	reason, message := mesos.REASON_EXECUTOR_TERMINATED, "Executor terminated"
	if !e.subscribed && !e.stopping && status == 9 {
		reason, message = mesos.REASON_EXECUTOR_REGISTRATION_TIMEOUT, "Executor did not register within 1mins"
	}
	for _, t := range sortedTasks(e.tasks) {
		c.report(t, Step{State: mesos.TASK_FAILED, Message: message, Reason: reason.Enum(), Source: mesos.SOURCE_AGENT.Enum()})
	}
}

// environment of an executor, and of a command's (executor-messages.executor).
func (e *executor) environment(sandbox string) map[string]string {
	return executorEnvironment(e.agent, e.framework, e.key, sandbox)
}

func executorEnvironment(a *agent, framework mesos.FrameworkInfo, key executorKey, sandbox string) map[string]string {
	env := map[string]string{
		"LIBPROCESS_IP":                        a.ip,
		"LIBPROCESS_PORT":                      "0",
		"MESOS_AGENT_ENDPOINT":                 a.endpoint(),
		"MESOS_CHECKPOINT":                     "0",
		"MESOS_DIRECTORY":                      sandbox,
		"MESOS_EXECUTOR_ID":                    key.executorID,
		"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": strings.TrimSuffix(shutdownGracePeriod.String(), "s") + "secs",
		"MESOS_FRAMEWORK_ID":                   key.frameworkID,
		"MESOS_HTTP_COMMAND_EXECUTOR":          "0",
		"MESOS_SANDBOX":                        sandbox,
		"MESOS_SLAVE_ID":                       a.id,
		"MESOS_SLAVE_PID":                      a.pid(),
	}
	if framework.GetCheckpoint() {
		env["MESOS_CHECKPOINT"] = "1"
		env["MESOS_RECOVERY_TIMEOUT"] = "15mins"
		env["MESOS_SUBSCRIPTION_BACKOFF_MAX"] = "2secs"
	}
	return env
}
