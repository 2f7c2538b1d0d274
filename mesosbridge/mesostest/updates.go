package mesostest

import (
	"bytes"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// An update is sent again until it is acknowledged, after 10s, then 20s more and
// so on (unacknowledged-update), with at most 10 minutes between
// (STATUS_UPDATE_RETRY_INTERVAL_MAX in slave/constants.hpp).
const (
	firstRetry = 10 * time.Second
	lastRetry  = 10 * time.Minute
)

// queueUpdate puts an update behind those of its task that nobody has
// acknowledged yet.
func (c *Cluster) queueUpdate(t *task, status *mesos.TaskStatus) {
	if t.agent.tasks[t.key()] != t {
		return // the agent has lost sight of it, see ReplaceAgent
	}
	t.pending = append(t.pending, status)
	if len(t.pending) == 1 {
		c.resume(t)
	}
}

// resume sends the oldest update now and starts its retries anew.
func (c *Cluster) resume(t *task) {
	t.wait = firstRetry
	c.forward(t)
}

// forward sends the oldest update, if the agent can, and waits for the next try.
func (c *Cluster) forward(t *task) {
	c.stop(t.retry)
	if len(t.pending) == 0 || !t.agent.connected() {
		return
	}
	t.retry = c.after(t.wait, func() {
		t.wait = min(2*t.wait, lastRetry)
		c.forward(t)
	})
	c.deliver(t, t.pending[0])
}

// acknowledge handles ACKNOWLEDGE of the oldest update; all others are passed over.
func (c *Cluster) acknowledge(fw *framework, call *scheduler.Call_Acknowledge) {
	t := fw.tasks[call.TaskID.Value]
	if t == nil || t.agent.id != call.AgentID.Value || !t.agent.connected() ||
		len(t.pending) == 0 || !bytes.Equal(t.pending[0].UUID, call.UUID) {
		return
	}
	done := t.pending[0]
	t.pending = t.pending[1:]
	c.stop(t.retry)
	if terminal(*done.State) {
		delete(fw.tasks, t.id)
		fw.complete(t)
		c.forgetTask(t)
		c.finishDrain(t.agent)
		return
	}
	c.resume(t)
}
