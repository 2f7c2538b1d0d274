package mesostest

import (
	"cmp"
	"maps"
	"slices"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// reconcileOperations answers with what is known of all operations, or of those
// that are named. The answers have no uuid, as nobody waits for an
// acknowledgement of them (reconcileOperations in master/master.cpp).
func (c *Cluster) reconcileOperations(fw *framework, asked []scheduler.Call_ReconcileOperations_Operation) {
	if len(asked) == 0 {
		for _, o := range sortedOperations(fw.operations) {
			fw.sendOperationStatus(o.latestStatus())
		}
		return
	}
	for i := range asked {
		id := asked[i].OperationID
		if o := fw.operations[id.Value]; o != nil {
			fw.sendOperationStatus(o.latestStatus())
			continue
		}
		state, message := c.unknownOperation(asked[i].AgentID)
		fw.sendOperationStatus(mesos.OperationStatus{
			OperationID: &id, State: state, Message: &message, AgentID: asked[i].AgentID})
	}
}

func (o *operation) latestStatus() mesos.OperationStatus {
	status := o.status
	status.UUID = nil
	return status
}

func (c *Cluster) unknownOperation(agentID *mesos.AgentID) (mesos.OperationState, string) {
	if agentID == nil {
		return mesos.OPERATION_UNKNOWN, "Reconciliation: Operation is unknown and no 'agent_id' was provided"
	}
	a := c.master.agents[agentID.Value]
	if a == nil {
		return mesos.OPERATION_UNKNOWN, "Reconciliation: Both operation and agent are unknown"
	}
	switch a.standing {
	case recovered:
		return mesos.OPERATION_RECOVERING, "Reconciliation: Agent is recovered but has not re-registered"
	case unreachable:
		return mesos.OPERATION_UNREACHABLE, "Reconciliation: Agent is unreachable"
	case gone:
		return mesos.OPERATION_GONE_BY_OPERATOR, "Reconciliation: Agent marked gone by operator"
	}
	return mesos.OPERATION_UNKNOWN, "Reconciliation: Operation is unknown"
}

func sortedOperations(operations map[string]*operation) []*operation {
	return slices.SortedFunc(maps.Values(operations),
		func(a, b *operation) int { return cmp.Compare(a.number, b.number) })
}
