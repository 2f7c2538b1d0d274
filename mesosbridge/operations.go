package mesosbridge

import (
	"fmt"
	"maps"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
)

// operations are what the state knows of RESERVE, UNRESERVE, CREATE and DESTROY.
//
// The agent tells the end of an operation again and again until it is
// acknowledged, also to a later subscription. The master's own words (a refusal,
// an answer to a reconciliation, a lost agent) have no uuid, come once and are not
// acknowledged (reservation-and-volume.jsonl). So operations whose end was not
// heard are asked for by name.
type operations struct {
	// live are on their way; an entry is replaced, never changed, as snapshots
	// show it.
	live map[string]*OperationState
	// accepted is the input that answered the ACCEPT of a live operation, or that
	// made sure that the master will not take it any more; 0: it is under way. As
	// taskBook.accepted.
	accepted map[string]uint64
	asks     *agenda // those to ask for
	dirty    bool    // since the last snapshot

	ended []*OperationState
	// ids of those in ended, with whose word they rest on.
	ids map[string]finality
}

func newOperations() operations {
	return operations{
		live:     map[string]*OperationState{},
		accepted: map[string]uint64{},
		asks:     newAgenda(),
		ids:      map[string]finality{},
	}
}

// OperationEnded says that Mesos has promised the operation neither is nor will be
// under way. OPERATION_UNKNOWN is not such a state: it ends an operation only when
// it is said of an agent that is registered.
func OperationEnded(s mesos.OperationState) bool {
	switch s {
	case mesos.OPERATION_FINISHED, mesos.OPERATION_FAILED, mesos.OPERATION_ERROR,
		mesos.OPERATION_DROPPED, mesos.OPERATION_GONE_BY_OPERATOR:
		return true
	}
	return false
}

// operationFinality: that an agent is gone is an operator's word, who may err.
func operationFinality(end mesos.OperationState) finality {
	if end == mesos.OPERATION_GONE_BY_OPERATOR {
		return withItsAgent
	}
	return toldByMesos
}

// check says what is wrong with an operation; its id is checked by others.
func (o *Operation) check() error {
	var named []mesos.Resource
	switch o.Type {
	case mesos.Offer_Operation_RESERVE:
		named = o.GetReserve().GetResources()
	case mesos.Offer_Operation_UNRESERVE:
		named = o.GetUnreserve().GetResources()
	case mesos.Offer_Operation_CREATE:
		named = o.GetCreate().GetVolumes()
	case mesos.Offer_Operation_DESTROY:
		named = o.GetDestroy().GetVolumes()
	default:
		return fmt.Errorf("operation %q is a %s: it must be a RESERVE, UNRESERVE, CREATE or DESTROY", o.ID, o.Type)
	}
	if len(named) == 0 {
		return fmt.Errorf("operation %q is a %s that names no resources", o.ID, o.Type)
	}
	return nil
}

func (s *state) checkOperations(req Accept) error {
	ids := make(map[string]bool, len(req.Operations))
	for i := range req.Operations {
		o := &req.Operations[i]
		_, ended := s.operations.ids[o.ID]
		switch {
		case o.ID == "":
			return fmt.Errorf("operation %d of the ACCEPT has no id: nobody would hear of its end", i+1)
		case ids[o.ID] || ended || s.operations.live[o.ID] != nil:
			return fmt.Errorf("the operation id %q was used before", o.ID)
		}
		if err := o.check(); err != nil {
			return err
		}
		ids[o.ID] = true
	}
	return nil
}

// addOperation notes an operation whose ACCEPT is about to be sent.
func (s *state) addOperation(o *OperationState) {
	ops := &s.operations
	ops.live[o.ID], ops.accepted[o.ID] = o, 0
	book := s.agent(o.AgentID)
	if book.operations == nil {
		book.operations = map[string]struct{}{}
	}
	book.operations[o.ID] = struct{}{}
	ops.dirty = true
	s.changed()
}

// operationsAccepted takes in that the master has the operations, or has not got
// them and never will: from now on they can be asked for.
func (s *state) operationsAccepted(ids []string) {
	for _, id := range ids {
		if at, ok := s.operations.accepted[id]; ok && at == 0 {
			s.operations.accepted[id] = s.seq
			s.askForOperation(id)
		}
	}
}

// operationsDropped ends operations of an ACCEPT that the master did not take.
func (s *state) operationsDropped(ids []string, message string) {
	for _, id := range ids {
		s.finishOperation(id, mesos.OPERATION_DROPPED, message, concluded)
	}
}

// operationsBegin is a new subscription: what is on its way is asked for.
func (s *state) operationsBegin() {
	ids := slices.Sorted(maps.Keys(s.operations.live))
	// An ACCEPT whose answer was not seen was processed, or will be refused: its
	// stream id is not the framework's any more (resubscribe.jsonl).
	s.operationsAccepted(ids)
	for _, id := range ids {
		s.askForOperation(id)
	}
}

// agentBack has the operations of an agent asked for that has just turned up,
// after it had the time to tell its master of them.
func (s *state) agentBack(agentID string) {
	for id := range s.agentBooks[agentID].operations {
		if s.operations.accepted[id] != 0 {
			s.operations.asks.set(id, s.now, s.timing.ReconcileMin)
		}
	}
}

// operationsGone ends all operations on an agent that was declared gone. Should it
// turn up in spite of that, its own word about an operation corrects what Ended says.
func (s *state) operationsGone(agentID string) {
	book := s.agentBooks[agentID]
	if book == nil {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(book.operations)) {
		s.finishOperation(id, mesos.OPERATION_GONE_BY_OPERATOR, "agent "+agentID+" was declared gone", withItsAgent)
	}
}

// operationStatus takes in an UPDATE_OPERATION_STATUS, be it news or the answer to
// a reconciliation.
func (s *state) operationStatus(st *mesos.OperationStatus) {
	id, agentID, uuid := st.GetOperationID().GetValue(), st.GetAgentID().GetValue(), st.GetUUID().GetValue()
	if id == "" {
		return
	}
	if agentID != "" && len(uuid) > 0 {
		// The agent's own word, which the master passes on only of registered ones.
		s.registered(agentID)
		s.notGone(agentID)
	}
	s.operationTold(id, st)
	// Rule 18: acknowledged after it is applied. Also one that nobody knows: another
	// process of ours has started it, and it would be told for ever.
	if agentID != "" && len(uuid) > 0 {
		s.send(&outgoing{agent: agentID, call: calls.AcknowledgeOperationStatus(
			agentID, st.GetResourceProviderID().GetValue(), uuid, id)})
	}
}

// operationTold applies what a status says of the operation.
func (s *state) operationTold(id string, st *mesos.OperationStatus) {
	o := s.operations.live[id]
	if o == nil {
		s.operationCorrected(id, st)
		return
	}
	if OperationEnded(st.State) {
		s.finishOperation(id, st.State, st.GetMessage(), operationFinality(st.State))
		return
	}
	if st.State == mesos.OPERATION_UNKNOWN {
		if s.operations.accepted[id] == 0 {
			return // the question may have overtaken the ACCEPT
		}
		if s.agentBooks[o.AgentID].registered != 0 {
			// Its agent has told the master of all that it has under way.
			s.finishOperation(id, st.State, st.GetMessage(), concluded)
			return
		}
	}
	s.askForOperation(id)
	if o.State == st.State && o.Message == st.GetMessage() {
		return
	}
	now := *o
	if now.Message = st.GetMessage(); o.State != st.State {
		now.State, now.Since = st.State, s.now
	}
	s.operations.live[id] = &now
	s.operations.dirty = true
	s.changed()
}

// finishOperation ends an operation, if it is live.
func (s *state) finishOperation(id string, end mesos.OperationState, message string, how finality) {
	ops := &s.operations
	o := ops.live[id]
	if o == nil {
		return
	}
	delete(ops.live, id)
	delete(ops.accepted, id)
	ops.asks.drop(id)
	ops.dirty = true
	s.operationEnded(*o, end, message, how)
	delete(s.agentBooks[o.AgentID].operations, id)
	s.pruneAgent(o.AgentID)
}

// operationEnded puts an operation among those that ended.
func (s *state) operationEnded(o OperationState, end mesos.OperationState, message string, how finality) {
	ops := &s.operations
	o.State, o.Message, o.Since = end, message, s.now
	if len(ops.ended) >= 2*EndedOperationsKept {
		ops.ended = slices.Clone(ops.ended[len(ops.ended)-EndedOperationsKept:])
	}
	if n := len(ops.ended); n >= EndedOperationsKept {
		delete(ops.ids, ops.ended[n-EndedOperationsKept].ID)
	}
	ops.ended = append(ops.ended, &o)
	ops.ids[o.ID] = how
	s.changed()
}

// operationCorrected takes in Mesos's own last word about an operation that
// counts as ended because of a conclusion.
func (s *state) operationCorrected(id string, st *mesos.OperationStatus) {
	ops := &s.operations
	how, ok := ops.ids[id]
	if !ok || how == toldByMesos || !OperationEnded(st.State) {
		return
	}
	if how == withItsAgent && st.State == mesos.OPERATION_GONE_BY_OPERATOR {
		return // as is known
	}
	i := slices.IndexFunc(ops.ended, func(o *OperationState) bool { return o.ID == id })
	o := *ops.ended[i]
	ops.ended = slices.Concat(ops.ended[:i], ops.ended[i+1:]) // snapshots share the memory
	s.operationEnded(o, st.State, st.GetMessage(), operationFinality(st.State))
}

// askForOperation puts an operation on the agenda, unless it is on it.
func (s *state) askForOperation(id string) {
	if s.head.Connected && !s.operations.asks.has(id) {
		s.operations.asks.set(id, s.now, s.timing.ReconcileMin)
	}
}

// tickOperations asks for the operations that are due, many with one call. The
// agent is named: without one, the master says OPERATION_UNKNOWN of all that it
// does not know, whatever agents are away.
func (s *state) tickOperations() {
	var asked []calls.ReconcileOperationRequest
	s.operations.asks.due(s.now, func(id string, delay time.Duration) {
		o := s.operations.live[id]
		if o == nil || s.operations.accepted[id] == 0 {
			return // the latter is put on the agenda when its ACCEPT is answered
		}
		asked = append(asked, calls.ReconcileOperationRequest{OperationID: id, AgentID: o.AgentID})
		s.operations.asks.again(id, s.now, delay, s.timing.ReconcileMin, s.timing.ReconcileMax)
	})
	for _, part := range chunks(asked, reconcileBatch) {
		s.send(&outgoing{call: calls.ReconcileOperations(part)})
	}
}

// latest shares its memory with later ones, as endedTasks.latest.
func (ops *operations) latest() []*OperationState {
	from := max(0, len(ops.ended)-EndedOperationsKept)
	return ops.ended[from:len(ops.ended):len(ops.ended)]
}
