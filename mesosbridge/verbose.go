package mesosbridge

import (
	"fmt"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// describeCall says in a few words what a call does, for the debug log. Nothing
// of a TaskInfo but its id: environments may hold what is nobody's business.
func describeCall(c *scheduler.Call) []any {
	about := []any{"call", c.Type.String()}
	switch c.Type {
	case scheduler.Call_ACCEPT:
		var tasks, operations []string
		for _, op := range c.GetAccept().GetOperations() {
			if op.ID != nil {
				operations = append(operations, op.Type.String()+" "+op.ID.Value)
			}
			for i := range op.GetLaunch().GetTaskInfos() {
				tasks = append(tasks, op.Launch.TaskInfos[i].TaskID.Value)
			}
		}
		return append(about, "offers", offerNames(c.GetAccept().GetOfferIDs()), "operations", operations, "tasks", tasks)
	case scheduler.Call_DECLINE:
		return append(about, "offers", offerNames(c.GetDecline().GetOfferIDs()), "refuse", c.Decline.GetFilters().GetRefuseSeconds())
	case scheduler.Call_ACCEPT_INVERSE_OFFERS:
		return append(about, "inverseOffers", offerNames(c.GetAcceptInverseOffers().GetInverseOfferIDs()), "refuse", c.AcceptInverseOffers.GetFilters().GetRefuseSeconds())
	case scheduler.Call_DECLINE_INVERSE_OFFERS:
		return append(about, "inverseOffers", offerNames(c.GetDeclineInverseOffers().GetInverseOfferIDs()), "refuse", c.DeclineInverseOffers.GetFilters().GetRefuseSeconds())
	case scheduler.Call_REVIVE:
		return append(about, "roles", c.GetRevive().GetRoles())
	case scheduler.Call_KILL:
		return append(about, "task", c.GetKill().GetTaskID().Value)
	case scheduler.Call_ACKNOWLEDGE:
		return append(about, "task", c.GetAcknowledge().GetTaskID().Value)
	case scheduler.Call_RECONCILE:
		return append(about, "tasks", len(c.GetReconcile().GetTasks()))
	case scheduler.Call_ACKNOWLEDGE_OPERATION_STATUS:
		return append(about, "operation", c.AcknowledgeOperationStatus.OperationID.Value)
	case scheduler.Call_RECONCILE_OPERATIONS:
		return append(about, "operations", len(c.ReconcileOperations.Operations))
	case scheduler.Call_MESSAGE:
		return append(about, "agent", c.Message.AgentID.Value, "executor", c.Message.ExecutorID.Value, "bytes", len(c.Message.Data))
	case scheduler.Call_SHUTDOWN:
		return append(about, "agent", c.Shutdown.AgentID.Value, "executor", c.Shutdown.ExecutorID.Value)
	}
	return about
}

func describeEvent(e *scheduler.Event) []any {
	about := []any{"event", e.Type.String()}
	switch e.Type {
	case scheduler.Event_OFFERS:
		var offers []string
		for i := range e.Offers.Offers {
			o := &e.Offers.Offers[i]
			offers = append(offers, fmt.Sprintf("%s on %s: %v", o.ID.Value, o.Hostname, mesos.Resources(o.Resources)))
		}
		return append(about, "offers", offers)
	case scheduler.Event_RESCIND:
		return append(about, "offer", e.Rescind.OfferID.Value)
	case scheduler.Event_INVERSE_OFFERS:
		var offers []string
		for i := range e.InverseOffers.InverseOffers {
			o := &e.InverseOffers.InverseOffers[i]
			offers = append(offers, fmt.Sprintf("%s on agent %s from %s", o.OfferID.Value, o.AgentID.GetValue(), time.Unix(0, o.Unavailability.Start.Nanoseconds).UTC().Format(time.RFC3339)))
		}
		return append(about, "inverseOffers", offers)
	case scheduler.Event_RESCIND_INVERSE_OFFER:
		return append(about, "inverseOffer", e.RescindInverseOffer.InverseOfferID.Value)
	case scheduler.Event_UPDATE_OPERATION_STATUS:
		s := &e.UpdateOperationStatus.Status
		return append(about, "operation", s.GetOperationID().GetValue(), "state", s.State.String(), "message", s.GetMessage())
	case scheduler.Event_MESSAGE:
		return append(about, "agent", e.Message.AgentID.Value, "executor", e.Message.ExecutorID.Value, "bytes", len(e.Message.Data))
	case scheduler.Event_UPDATE:
		s := &e.Update.Status
		return append(about, "task", s.TaskID.Value, "state", s.GetState().String(), "reason", s.GetReason().String(), "message", s.GetMessage())
	}
	return about
}

func offerNames(ids []mesos.OfferID) []string {
	names := make([]string, len(ids))
	for i := range ids {
		names[i] = ids[i].Value
	}
	return names
}
