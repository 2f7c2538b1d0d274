package mesostest

import (
	"cmp"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// task is a task on its agent, with its executor, and what the master knows of it.
type task struct {
	id          string
	info        mesos.TaskInfo
	frameworkID string
	framework   mesos.FrameworkInfo // agents keep it, for a new master
	agent       *agent
	role        string
	resources   resources
	record      *TaskRecord

	// The executor's side.
	play            Play
	step            int
	timer           *timer // of the next step, or of dying
	check           *timer // of the next health check
	failures        int    // of the health check, in a row
	command         bool   // it is run, not scripted
	process         *process
	ended           bool          // the process has, which its executor will notice
	grace           time.Duration // that it has when it is killed
	executor        *executor     // of the framework's own; nil for all others
	killing         bool
	state           mesos.TaskState
	healthy         *bool
	containerStatus *mesos.ContainerStatus

	// The agent's side: updates not acknowledged, oldest first.
	pending []*mesos.TaskStatus
	retry   *timer
	wait    time.Duration

	// The master's side: the last update it forwarded, nil before the first, and
	// whether it has the task's resources back.
	forwarded *mesos.TaskStatus
	released  bool
	statuses  []*mesos.TaskStatus // all that an operator is told of
}

func (t *task) forwardedState() mesos.TaskState {
	if t.forwarded == nil {
		return mesos.TASK_STAGING
	}
	return *t.forwarded.State
}

// key of a task on its agent: ids are unique in a framework only.
func (t *task) key() taskKey { return taskKey{t.frameworkID, t.id} }

type taskKey struct{ frameworkID, taskID string }

// terminal says that a task in this state has ended.
func terminal(s mesos.TaskState) bool {
	switch s {
	case mesos.TASK_FINISHED, mesos.TASK_FAILED, mesos.TASK_KILLED, mesos.TASK_ERROR, mesos.TASK_LOST,
		mesos.TASK_DROPPED, mesos.TASK_GONE, mesos.TASK_GONE_BY_OPERATOR:
		return true
	}
	return false
}

// launch starts a task that has been validated on an agent. What its executor
// needs is own, when that is an executor of the framework's own and a new one.
func (c *Cluster) launch(fw *framework, a *agent, info mesos.TaskInfo, role string, r, own resources) {
	t := &task{
		id:          info.TaskID.Value,
		info:        info,
		frameworkID: fw.id,
		framework:   fw.info,
		agent:       a,
		role:        role,
		resources:   r,
		state:       mesos.TASK_STAGING,
	}
	pid := uint32(2000 + c.history.len())
	t.containerStatus = &mesos.ContainerStatus{
		ContainerID: &mesos.ContainerID{Value: c.uuid().String()},
		ExecutorPID: &pid,
		NetworkInfos: []mesos.NetworkInfo{{IPAddresses: []mesos.NetworkInfo_IPAddress{
			{Protocol: mesos.IPv4.Enum(), IPAddress: &a.ip},
		}}},
	}
	fw.tasks[t.id] = t
	a.tasks[t.key()] = t
	c.history.launched(t, c.now())
	switch {
	case info.Executor != nil && c.hasExecutors():
		c.launchOnExecutor(t, own)
	case c.cfg.Processes.runs(info):
		t.command = true
		c.runCommand(t)
	default:
		c.playScript(t)
	}
}

// playScript has a task do what the script says.
func (c *Cluster) playScript(t *task) {
	t.play = c.cfg.Script(t.info)
	c.nextStep(t)
}

// nextStep waits for the next step of the script.
func (c *Cluster) nextStep(t *task) {
	if t.step >= len(t.play.Steps) {
		return
	}
	step := t.play.Steps[t.step]
	t.timer = c.after(step.After, func() {
		t.step++
		c.report(t, step)
		if !terminal(t.state) {
			c.nextStep(t)
		}
	})
}

// report is the executor telling its agent of a new status.
func (c *Cluster) report(t *task, step Step) {
	if terminal(t.state) {
		return
	}
	timestamp := seconds(c.now())
	uuid := c.uuid()
	status := &mesos.TaskStatus{
		TaskID:          mesos.TaskID{Value: t.id},
		State:           step.State.Enum(),
		Source:          mesos.SOURCE_EXECUTOR.Enum(),
		Reason:          step.Reason,
		AgentID:         &mesos.AgentID{Value: t.agent.id},
		Timestamp:       &timestamp,
		UUID:            uuid[:],
		Healthy:         step.Healthy,
		ContainerStatus: t.containerStatus,
	}
	// An executor of the framework's own is not named (executor-messages).
	if t.info.Executor == nil {
		status.ExecutorID = &mesos.ExecutorID{Value: t.id}
	} else if step.Source != nil {
		status.ExecutorID = &t.info.Executor.ExecutorID
	}
	if step.Message != "" {
		status.Message = &step.Message
	}
	if step.Source != nil {
		status.Source = step.Source
		status.ContainerStatus = nil // the agent knows of none (docker-task-without-docker)
	}
	if terminal(step.State) && status.Healthy == nil {
		// The last word repeats what was known of health (health-check).
		status.Healthy = t.healthy
		if step.Healthy != nil {
			status.Healthy = step.Healthy
		}
	}
	c.take(t, status)
}

// take is an agent noting what it was told of a task, and telling the master.
func (c *Cluster) take(t *task, status *mesos.TaskStatus) {
	t.state = *status.State
	if status.Healthy != nil {
		t.healthy = status.Healthy
	}
	t.agent.drainReason(status)
	if terminal(t.state) {
		c.stop(t.timer)
		c.stop(t.check)
		c.history.ended(t, c.now())
		if t.executor != nil {
			delete(t.executor.tasks, t.id)
		}
	}
	c.history.reported(t, status, c.now())
	c.queueUpdate(t, status)
}

// kill handles KILL. A task that is not known is reconciled instead (reconcile).
func (c *Cluster) kill(fw *framework, call *scheduler.Call_Kill) {
	t := fw.tasks[call.TaskID.Value]
	if t == nil {
		c.reconcileTask(fw, call.TaskID.Value, call.AgentID)
		return
	}
	if call.AgentID != nil && call.AgentID.Value != t.agent.id {
		return
	}
	t.record.Kills = append(t.record.Kills, c.now())
	if t.agent.standing != registered {
		// The agent is told when it is back (killedTasks in master/master.cpp),
		// of the kill, not of its policy.
		t.agent.kills[t.key()] = true
		return
	}
	c.killOnAgent(t, call.KillPolicy)
}

// killOnAgent has the executor end its task. A second kill changes nothing.
func (c *Cluster) killOnAgent(t *task, policy *mesos.KillPolicy) {
	if t.executor != nil {
		c.killOnExecutor(t, policy)
		return
	}
	if t.killing || t.ended || terminal(t.state) {
		return
	}
	t.killing = true
	c.stop(t.check)
	c.stop(t.timer)
	if t.state == mesos.TASK_STAGING {
		// killTask in slave/slave.cpp.
		c.report(t, Step{
			State:   mesos.TASK_KILLED,
			Message: "Killed before delivery to the executor",
			Reason:  mesos.REASON_TASK_KILLED_DURING_LAUNCH.Enum(),
			Source:  mesos.SOURCE_AGENT.Enum(),
		})
		return
	}
	if fw := newFramework(t.frameworkID, t.framework); fw.killingState {
		c.report(t, Step{State: mesos.TASK_KILLING})
	}
	if t.command {
		if t.grace = gracePeriod(policy, t.info.KillPolicy); t.process != nil {
			c.terminate(t)
		}
		return // or commandStarted does it
	}
	dies, signal := t.play.DiesAfter, "Terminated"
	// A process that ends at once ends of the first signal, even when there is no
	// grace at all: its executor just notices a bit later (agent-gone).
	if grace := gracePeriod(policy, t.info.KillPolicy); dies > grace && dies > diesAfter {
		dies, signal = grace, "Killed"
	}
	t.timer = c.after(dies, func() {
		c.report(t, Step{State: mesos.TASK_KILLED, Message: "Command terminated with signal " + signal})
	})
}

// gracePeriod of the first policy that has one; 3s without (launcher/executor.cpp).
func gracePeriod(policies ...*mesos.KillPolicy) time.Duration {
	for _, p := range policies {
		if p != nil && p.GracePeriod != nil {
			return time.Duration(p.GracePeriod.Nanoseconds)
		}
	}
	return 3 * time.Second
}

// shutDown ends a task without any update, as its framework is no more. When its
// agent is away, the process lives on until it is back.
func (c *Cluster) shutDown(t *task) {
	a := t.agent
	c.release(t)
	status := c.masterStatus(t.id, &mesos.AgentID{Value: a.id}, mesos.REASON_FRAMEWORK_REMOVED)
	setState(status, mesos.TASK_KILLED.Enum(), "Framework "+t.frameworkID+" removed")
	t.remember(status)
	if !a.connected() {
		return
	}
	c.forgetTask(t)
	c.endProcess(t)
}

// endProcess ends a task that nobody is told of.
func (c *Cluster) endProcess(t *task) {
	if !terminal(t.state) {
		t.state = mesos.TASK_KILLED
		c.stop(t.timer)
		c.stop(t.check)
		t.process.kill()
		if t.executor != nil {
			delete(t.executor.tasks, t.id)
		}
		c.history.ended(t, c.now())
	}
}

// forgetTask takes a task from its agent's books.
func (c *Cluster) forgetTask(t *task) {
	delete(t.agent.tasks, t.key())
	c.stop(t.retry)
	t.pending = nil
}

// release gives a task's resources back.
func (c *Cluster) release(t *task) {
	if t.released {
		return
	}
	t.released = true
	if fw := c.master.frameworks[t.frameworkID]; fw != nil {
		c.recover(fw, t.role, t.agent, t.resources)
	}
}

func sortedTasks[K comparable](tasks map[K]*task) []*task {
	list := make([]*task, 0, len(tasks))
	for _, t := range tasks {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b *task) int { return cmp.Compare(a.record.number, b.record.number) })
	return list
}
