package mesostest

import (
	"os/exec"
	"syscall"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// A recorded agent needed this long to start a container, started them one after
// the other, and its executors noticed the end of their commands so much later
// (task-exits).
const (
	containerStarts = 160 * time.Millisecond
	containerApart  = 50 * time.Millisecond
	endNoticed      = 100 * time.Millisecond
)

// nextContainer is how long the next container of the agent takes to start.
func (c *Cluster) nextContainer(a *agent) time.Duration {
	earliest := c.now().Add(containerStarts)
	if next := a.lastContainer.Add(containerApart); next.After(earliest) {
		earliest = next
	}
	a.lastContainer = earliest
	return earliest.Sub(c.now())
}

// runCommand runs a task's command, as the command executor of an agent does
// (launcher/executor.cpp).
func (c *Cluster) runCommand(t *task) {
	if problem := unsupportedContainer(t.info.Container); problem != "" {
		t.timer = c.after(c.nextContainer(t.agent), func() {
			c.report(t, Step{State: mesos.TASK_FAILED, Message: problem,
				Reason: mesos.REASON_EXECUTOR_TERMINATED.Enum(), Source: mesos.SOURCE_AGENT.Enum()})
		})
		return
	}
	t.timer = c.after(c.nextContainer(t.agent), func() {
		c.report(t, Step{State: mesos.TASK_STARTING})
		c.start(t.agent.host, func() (*exec.Cmd, error) { return c.command(t) },
			func(p *process) { c.commandStarted(t, p) },
			func(status syscall.WaitStatus, err error) { c.commandEnded(t, status, err) })
	})
}

// unsupportedContainer: the recorded agent could start no containers
// (docker-task-without-docker), and neither can this one.
func unsupportedContainer(container *mesos.ContainerInfo) string {
	if container == nil || (container.GetType() == mesos.ContainerInfo_MESOS && container.Mesos.GetImage() == nil) {
		return ""
	}
	return "Abnormal executor termination: unknown container"
}

func (c *Cluster) commandStarted(t *task, p *process) {
	t.process = p
	if terminal(t.state) {
		p.kill() // nobody wants it any more
		return
	}
	if t.killing {
		c.terminate(t)
		return
	}
	c.report(t, Step{State: mesos.TASK_RUNNING})
	c.startHealthChecks(t)
}

// terminate asks a command to end, and ends it when its time is over.
func (c *Cluster) terminate(t *task) {
	t.process.signal(syscall.SIGTERM)
	t.timer = c.after(max(t.grace, diesAfter), t.process.kill)
}

func (c *Cluster) commandEnded(t *task, status syscall.WaitStatus, err error) {
	if terminal(t.state) {
		return
	}
	c.stop(t.timer)
	step := Step{State: mesos.TASK_FAILED, Message: "Command " + howItEnded(status)}
	switch {
	case err != nil:
		step.Message = "Failed to launch command: " + err.Error()
	case t.killing:
		step.State = mesos.TASK_KILLED
	case status.Exited() && status.ExitStatus() == 0:
		step.State = mesos.TASK_FINISHED
	}
	t.process, t.ended = nil, true
	t.timer = c.after(endNoticed, func() { c.report(t, step) })
}

// runExecutor runs an executor of a framework's own.
func (c *Cluster) runExecutor(e *executor) {
	c.start(e.agent.host, func() (*exec.Cmd, error) { return c.executorCommand(e) },
		func(p *process) {
			e.process = p
			e.pid = uint32(p.cmd.Process.Pid)
		},
		func(status syscall.WaitStatus, err error) {
			e.process = nil
			if err != nil {
				status = 1 << 8 // exit status 1
			}
			c.executorEnded(e, int32(status))
		})
}
