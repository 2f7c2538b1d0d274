package mesostest

import (
	"context"
	"errors"
	"fmt"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// ErrClosed is returned by Wait when the cluster is closed.
var ErrClosed = errors.New("mesostest: the cluster is closed")

// Wait returns when done says so. It asks after every change in the cluster, and
// does not sleep. done may call the queries of the cluster.
func (c *Cluster) Wait(ctx context.Context, done func() bool) error {
	for {
		c.mu.Lock()
		if c.watchers == nil {
			c.watchers = make(chan struct{})
		}
		changed := c.watchers
		c.mu.Unlock()
		if done() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.done:
			return ErrClosed
		}
	}
}

// Report has a task report a status now, beside its script. A terminal state
// ends it. It is an error when there is no such task, or it has ended.
func (c *Cluster) Report(taskID string, step Step) (err error) {
	c.change(func() {
		t := c.history.byID[taskID]
		if t == nil || terminal(t.state) {
			err = fmt.Errorf("mesostest: no task %q runs", taskID)
			return
		}
		c.report(t, step)
	})
	return err
}

// FailTask has a task fail now.
func (c *Cluster) FailTask(taskID, message string) error {
	return c.Report(taskID, Step{State: mesos.TASK_FAILED, Message: message})
}

// FinishTask has a task finish now.
func (c *Cluster) FinishTask(taskID string) error {
	return c.Report(taskID, Step{State: mesos.TASK_FINISHED, Message: "Command exited with status 0"})
}

// SetHealth has the health check of a task report now.
func (c *Cluster) SetHealth(taskID string, healthy bool) error {
	return c.Report(taskID, health(0, healthy))
}

// RemoveFramework removes a framework, as an operator's TEARDOWN or the end of
// its fail-over time-out does. It is an error when the master does not know it.
func (c *Cluster) RemoveFramework(id string) (err error) {
	c.change(func() {
		fw := c.master.frameworks[id]
		if fw == nil {
			err = fmt.Errorf("mesostest: there is no framework %q", id)
			return
		}
		c.removeFramework(fw)
	})
	return err
}
