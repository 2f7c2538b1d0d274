package mesosbridge

import (
	"errors"
	"fmt"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
)

// accept launches tasks and starts operations on offers of one agent. The tasks
// and operations are in the snapshot, and the offers are not, before the call is
// sent (rule 3).
func (s *state) accept(req Accept, now time.Time) error {
	s.begin(now)
	a := s.agents[req.AgentID]
	if !s.open() || a == nil || !a.Behind || len(req.OfferIDs) == 0 {
		return ErrStale
	}
	for _, id := range req.OfferIDs {
		if s.offers[id] != req.AgentID {
			return ErrStale
		}
	}
	if len(req.Tasks) == 0 && len(req.Operations) == 0 {
		return errors.New("an Accept without tasks and operations: Decline is for offers that are not used")
	}
	if err := errors.Join(s.checkLaunches(req), s.checkOperations(req)); err != nil {
		return err
	}
	for _, id := range req.OfferIDs {
		if o := s.withdraw(id); o != nil {
			s.editAgent(o.AgentID).windowHeld(o.Unavailability, now)
		}
	}
	started := make([]string, len(req.Operations))
	for i := range req.Operations {
		o := &req.Operations[i]
		started[i] = o.ID
		s.addOperation(&OperationState{ID: o.ID, AgentID: req.AgentID, Type: o.Type, State: mesos.OPERATION_PENDING, Since: now})
	}
	launched := make([]string, len(req.Tasks))
	for i := range req.Tasks {
		launched[i] = req.Tasks[i].TaskID.Value
		s.addTask(&Task{ID: launched[i], AgentID: req.AgentID, State: mesos.TASK_STAGING, Launching: true, Since: now}, 0)
	}
	s.send(&outgoing{
		agent:    req.AgentID,
		call:     acceptCall(req),
		answered: func(s *state, an answer) { s.acceptAnswered(launched, started, req.OfferIDs, an) },
	})
	return nil
}

// acceptCall has the operations first, so that the launches can use what they make.
func acceptCall(req Accept) *scheduler.Call {
	operations := make([]mesos.Offer_Operation, 0, len(req.Operations)+1)
	for i := range req.Operations {
		o := req.Operations[i].Offer_Operation
		o.ID = &mesos.OperationID{Value: req.Operations[i].ID}
		operations = append(operations, o)
	}
	if len(req.Tasks) > 0 {
		operations = append(operations, calls.OpLaunch(slices.Clone(req.Tasks)...))
	}
	return &scheduler.Call{
		Type: scheduler.Call_ACCEPT,
		Accept: &scheduler.Call_Accept{
			OfferIDs:   offerIDs(req.OfferIDs),
			Operations: operations,
			// What is left over is wanted back at once.
			Filters: mesos.OptionalFilters(mesos.RefuseSeconds(0)),
		},
	}
}

func (s *state) checkLaunches(req Accept) error {
	ids := make(map[string]bool, len(req.Tasks))
	for i := range req.Tasks {
		id, agentID := req.Tasks[i].TaskID.Value, req.Tasks[i].AgentID.Value
		_, _, probe := parseProbe(id)
		switch {
		case id == "" || probe:
			return fmt.Errorf("%q cannot be the id of a task", id)
		case ids[id] || s.tasks[id] != nil || s.ended.has(id):
			return fmt.Errorf("the task id %q was used before (rule 7)", id)
		case agentID != req.AgentID:
			return fmt.Errorf("task %q is for agent %q, the offers are of %q", id, agentID, req.AgentID)
		}
		ids[id] = true
	}
	return nil
}

// acceptAnswered takes in what became of an ACCEPT.
func (s *state) acceptAnswered(taskIDs, operationIDs, offerIDs []string, a answer) {
	switch a.outcome {
	case accepted:
		s.operationsAccepted(operationIDs)
		for _, id := range taskIDs {
			if b := s.taskBooks[id]; b != nil && b.accepted == 0 {
				b.accepted = s.seq
				s.askFor(id)
				if !s.tasks[id].Killing.IsZero() {
					s.sendKill(id, 0)
				}
			}
		}
	case refused, unsent:
		message := "the call was not sent: " + a.text
		if a.outcome == refused {
			message = "the master refused the call: " + a.text
			if s.head.Connected && !a.endsSubscription() {
				// The master still counts the offers as ours.
				s.sendDecline(offerIDs, 0)
			}
		}
		s.operationsDropped(operationIDs, message)
		for _, id := range taskIDs {
			if b := s.taskBooks[id]; b != nil {
				b.accepted = s.seq
				if b.told == 0 {
					s.finish(id, mesos.TASK_DROPPED, "", message, concluded)
				}
			}
		}
	}
	// unseen: all of it stays in flight, and the subscription ends.
}
