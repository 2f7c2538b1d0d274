package mesostest

import (
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// reconcile answers with what is known of all tasks, or of those that are named
// (reconcile and master-failover; reconcile() in master/master.cpp).
func (c *Cluster) reconcile(fw *framework, asked []scheduler.Call_Reconcile_Task) {
	if len(asked) == 0 {
		for _, t := range sortedTasks(fw.tasks) {
			c.sendStatus(fw, c.latestState(t))
		}
		return
	}
	for i := range asked {
		c.reconcileTask(fw, asked[i].TaskID.Value, asked[i].AgentID)
	}
}

func (c *Cluster) reconcileTask(fw *framework, taskID string, agentID *mesos.AgentID) {
	if t := fw.tasks[taskID]; t != nil {
		c.sendStatus(fw, c.latestState(t))
		return
	}
	status := c.masterStatus(taskID, agentID, mesos.REASON_RECONCILIATION)
	a := c.master.agents[agentID.GetValue()]
	switch {
	case agentID == nil && c.master.recovered > 0, a != nil && a.standing == recovered:
		// The task may be on an agent that has not come back: no answer.
		return
	case a == nil:
		setState(status, fw.lost(mesos.TASK_UNKNOWN), "Reconciliation: Task is unknown")
	case a.standing == unreachable:
		setState(status, fw.lost(mesos.TASK_UNREACHABLE), "Reconciliation: Task is unreachable")
		status.UnreachableTime = &mesos.TimeInfo{Nanoseconds: a.unreachableSince.UnixNano()}
	case a.standing == gone:
		setState(status, fw.lost(mesos.TASK_GONE_BY_OPERATOR), "Reconciliation: Task is gone")
	default:
		setState(status, fw.lost(mesos.TASK_GONE), "Reconciliation: Task is unknown to the agent")
	}
	c.sendStatus(fw, status)
}

// latestState is what the master last forwarded of a task. It has neither uuid,
// executor nor labels.
func (c *Cluster) latestState(t *task) *mesos.TaskStatus {
	status := c.masterStatus(t.id, &mesos.AgentID{Value: t.agent.id}, mesos.REASON_RECONCILIATION)
	setState(status, t.forwardedState().Enum(), "Reconciliation: Latest task state")
	if t.forwarded != nil {
		status.ContainerStatus = t.forwarded.ContainerStatus
		status.Healthy = t.forwarded.Healthy
	}
	return status
}

// masterStatus begins a status that the master makes itself.
func (c *Cluster) masterStatus(taskID string, agentID *mesos.AgentID, reason mesos.TaskStatus_Reason) *mesos.TaskStatus {
	now := seconds(c.now())
	return &mesos.TaskStatus{
		TaskID:    mesos.TaskID{Value: taskID},
		AgentID:   agentID,
		Source:    mesos.SOURCE_MASTER.Enum(),
		Reason:    reason.Enum(),
		Timestamp: &now,
	}
}

func setState(status *mesos.TaskStatus, state *mesos.TaskState, message string) {
	status.State, status.Message = state, &message
}

func (c *Cluster) sendStatus(fw *framework, status *mesos.TaskStatus) {
	fw.send(&scheduler.Event{
		Type:   scheduler.Event_UPDATE,
		Update: &scheduler.Event_Update{Status: *status},
	})
}
