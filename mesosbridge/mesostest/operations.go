package mesostest

import (
	"bytes"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// operation is a RESERVE, UNRESERVE, CREATE or DESTROY that was done, and whose
// framework wants to hear of it: it has an id. It is forgotten when its end has
// been acknowledged (reservation-and-volume).
type operation struct {
	id          mesos.OperationID
	frameworkID string
	agent       *agent
	number      int
	info        mesos.Offer_Operation
	uuid        mesos.UUID
	status      mesos.OperationStatus
	retry       *timer
	wait        time.Duration
}

// perform does one operation of an ACCEPT on what is left of the offers.
func (c *Cluster) perform(a *acceptance, op *mesos.Offer_Operation) {
	switch op.Type {
	case mesos.Offer_Operation_LAUNCH:
		for _, info := range op.GetLaunch().GetTaskInfos() {
			c.launchAccepted(a, info)
		}
	case mesos.Offer_Operation_RESERVE, mesos.Offer_Operation_UNRESERVE,
		mesos.Offer_Operation_CREATE, mesos.Offer_Operation_DESTROY:
		c.convert(a, op)
	default:
		c.dropOperation(a.fw, op, op.Type.String()+" is not supported by this master")
	}
}

// convert changes what kind of resources those of an offer are: on the books of
// the master at once, as it expects the agent to agree (_apply in
// master/master.cpp).
func (c *Cluster) convert(a *acceptance, op *mesos.Offer_Operation) {
	conversions, problem := conversionsOf(a, op)
	left := a.left
	for _, v := range conversions {
		if problem == "" && !left.contains(v.consumed) {
			problem = left.String(a.role) + " does not contain " + v.consumed.String(a.role)
		}
		left = left.minus(v.consumed).plus(v.converted)
	}
	if problem != "" {
		c.dropOperation(a.fw, op, problem)
		return
	}
	a.left = left
	for _, v := range conversions {
		a.converted = a.converted.minus(v.consumed).plus(v.converted)
		a.agent.total = a.agent.total.minus(v.consumed).plus(v.converted)
	}
	if op.ID != nil {
		c.finishOperation(a, *op)
	}
}

// finishOperation has the agent report that an operation is done.
func (c *Cluster) finishOperation(a *acceptance, info mesos.Offer_Operation) {
	c.master.nextOperation++
	id, own, uuid := *info.ID, c.uuid(), c.uuid()
	o := &operation{
		id: id, frameworkID: a.fw.id, agent: a.agent, number: c.master.nextOperation, wait: firstRetry,
		info: info, uuid: mesos.UUID{Value: own[:]},
		status: mesos.OperationStatus{
			OperationID: &id,
			State:       mesos.OPERATION_FINISHED,
			UUID:        &mesos.UUID{Value: uuid[:]},
			AgentID:     &mesos.AgentID{Value: a.agent.id},
		},
	}
	a.fw.operations[id.Value] = o
	a.agent.operations = append(a.agent.operations, o)
	c.forwardOperation(o)
}

// forwardOperation sends the status of an operation, if the agent can, until it
// is acknowledged. Retries are those of task updates
// (slave/operation_status_update_manager in src/status_update_manager).
func (c *Cluster) forwardOperation(o *operation) {
	c.stop(o.retry)
	if !o.agent.connected() {
		return
	}
	o.retry = c.after(o.wait, func() {
		o.wait = min(2*o.wait, lastRetry)
		c.forwardOperation(o)
	})
	if fw := c.master.frameworks[o.frameworkID]; fw != nil {
		fw.sendOperationStatus(o.status)
	}
}

func (fw *framework) sendOperationStatus(status mesos.OperationStatus) {
	fw.send(&scheduler.Event{
		Type:                  scheduler.Event_UPDATE_OPERATION_STATUS,
		UpdateOperationStatus: &scheduler.Event_UpdateOperationStatus{Status: status},
	})
}

// dropOperation tells of an operation that the master refused: neither agent nor
// uuid, so there is nothing to acknowledge (op-bad in reservation-and-volume).
func (c *Cluster) dropOperation(fw *framework, op *mesos.Offer_Operation, problem string) {
	if op.ID != nil {
		fw.sendOperationStatus(mesos.OperationStatus{
			OperationID: op.ID, State: mesos.OPERATION_ERROR, Message: &problem})
	}
}

// acknowledgeOperation handles ACKNOWLEDGE_OPERATION_STATUS; what does not fit is
// passed over (acknowledgeOperationStatus in master/master.cpp).
func (c *Cluster) acknowledgeOperation(fw *framework, call *scheduler.Call_AcknowledgeOperationStatus) {
	o := fw.operations[call.OperationID.Value]
	if o == nil || o.agent.id != call.AgentID.GetValue() || !o.agent.connected() ||
		!bytes.Equal(o.status.UUID.Value, call.UUID) {
		return
	}
	delete(fw.operations, o.id.Value)
	c.forgetOperation(o)
	c.finishDrain(o.agent)
}

// forgetOperation takes an operation from its agent's books.
func (c *Cluster) forgetOperation(o *operation) {
	c.stop(o.retry)
	o.agent.operations = slices.DeleteFunc(o.agent.operations, func(x *operation) bool { return x == o })
}

// pauseOperations: the agent cannot send.
func (c *Cluster) pauseOperations(a *agent) {
	for _, o := range a.operations {
		c.stop(o.retry)
	}
}

// adoptOperations takes the operations of an agent that is back into the
// master's books, those of frameworks that it has removed aside.
func (c *Cluster) adoptOperations(a *agent) {
	for _, o := range slices.Clone(a.operations) {
		if fw := c.master.frameworks[o.frameworkID]; fw != nil {
			fw.operations[o.id.Value] = o
		} else if c.master.removed[o.frameworkID] {
			c.forgetOperation(o)
			continue
		}
		o.wait = firstRetry
		c.forwardOperation(o)
	}
}

// loseOperations takes the operations of an agent out of the master's books, and
// tells their frameworks, when there is something to tell
// (sendBulkOperationFeedback in master/master.cpp).
func (c *Cluster) loseOperations(a *agent, state mesos.OperationState, message string) {
	c.pauseOperations(a)
	for _, o := range a.operations {
		fw := c.master.frameworks[o.frameworkID]
		if fw == nil || fw.operations[o.id.Value] != o {
			continue
		}
		delete(fw.operations, o.id.Value)
		if message != "" {
			fw.sendOperationStatus(mesos.OperationStatus{OperationID: &o.id, State: state,
				Message: &message, AgentID: &mesos.AgentID{Value: a.id}})
		}
	}
}
