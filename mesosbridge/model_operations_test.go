package mesosbridge

import (
	"maps"
	"slices"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"pgregory.net/rapid"
)

func reserveOperation(id string) Operation {
	return Operation{ID: id, Offer_Operation: mesos.Offer_Operation{Type: mesos.Offer_Operation_RESERVE,
		Reserve: &mesos.Offer_Operation_Reserve{Resources: []mesos.Resource{{Name: "cpus"}}}}}
}

func operationUpdate(id, agent string, said mesos.OperationState, uuid string) *scheduler.Event {
	st := mesos.OperationStatus{OperationID: &mesos.OperationID{Value: id}, State: said}
	if agent != "" {
		st.AgentID = &mesos.AgentID{Value: agent}
	}
	if uuid != "" {
		st.UUID = &mesos.UUID{Value: []byte(uuid)}
	}
	return &scheduler.Event{Type: scheduler.Event_UPDATE_OPERATION_STATUS,
		UpdateOperationStatus: &scheduler.Event_UpdateOperationStatus{Status: st}}
}

// perform does one operation of an ACCEPT, whose offers were valid or not.
func (m *model) perform(a *modelAgent, op *mesos.Offer_Operation, valid bool) {
	if op.Type == mesos.Offer_Operation_LAUNCH {
		id := op.Launch.TaskInfos[0].TaskID.Value
		if !valid {
			m.emit(update(id, a.id, mesos.TASK_DROPPED, mesos.REASON_INVALID_OFFERS.Enum()))
			return
		}
		a.running[id] = true
		m.own(id, a, mesos.TASK_STARTING)
		return
	}
	id := op.ID.Value
	if !valid {
		m.emit(operationUpdate(id, "", mesos.OPERATION_ERROR, ""))
		return
	}
	a.done[id] = true
	a.operations[id] = operationUpdate(id, a.id, mesos.OPERATION_FINISHED, m.id("uuid"))
	m.emit(a.operations[id])
}

// repeatOperations is an agent telling again what nobody has acknowledged.
func (m *model) repeatOperations(a *modelAgent) {
	if a.standing != isRegistered {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(a.operations)) {
		m.emit(a.operations[id])
	}
}

func (m *model) explainOperation(id, agentID string) {
	said := mesos.OPERATION_UNKNOWN
	switch a := m.agent(agentID); {
	case a.standing == isRecovered:
		said = mesos.OPERATION_RECOVERING
	case a.standing == isUnreachable:
		said = mesos.OPERATION_UNREACHABLE
	case a.operations[id] != nil:
		said = mesos.OPERATION_FINISHED
	}
	m.emit(operationUpdate(id, agentID, said, ""))
}

// checkOperations: an operation is either on its way or has ended, and what was
// done is not said to have come to nothing.
func (m *model) checkOperations(t *rapid.T) {
	ops := &m.s.operations
	if len(ops.live) != len(ops.accepted) {
		t.Fatalf("the books of operations do not tally: %v, %v", ops.live, ops.accepted)
	}
	indexed := 0
	for _, b := range m.s.agentBooks {
		indexed += len(b.operations)
	}
	if indexed != len(ops.live) {
		t.Fatalf("the agents' books do not tally with the operations: %v", ops.live)
	}
	for id, o := range ops.live {
		if _, ended := ops.ids[id]; ended || OperationEnded(o.State) {
			t.Fatalf("%s has ended and is on its way: %+v", id, o)
		}
	}
	for _, o := range ops.latest() {
		if done := m.agent(o.AgentID).done[o.ID]; done != (o.State == mesos.OPERATION_FINISHED) && o.State != mesos.OPERATION_GONE_BY_OPERATOR {
			t.Fatalf("%+v; done: %v", o, done)
		}
	}
}
