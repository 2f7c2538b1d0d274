package mesostest

import (
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// validateCall is scheduler::call::validate of master/validation.cpp, in its
// words; empty when nothing is wrong. principal is empty when nobody is authenticated.
func validateCall(call *scheduler.Call, principal string) string {
	if call.Type == scheduler.Call_UNKNOWN {
		return "Expecting 'type' to be present"
	}
	if call.Type == scheduler.Call_SUBSCRIBE {
		return validateSubscribe(call, principal)
	}
	if call.FrameworkID == nil {
		return "Expecting 'framework_id' to be present"
	}
	if name := missing(call); name != "" {
		return "Expecting '" + name + "' to be present"
	}
	switch call.Type {
	case scheduler.Call_ACKNOWLEDGE:
		if len(call.Acknowledge.UUID) != 16 {
			return "Not a valid UUID"
		}
	case scheduler.Call_ACKNOWLEDGE_OPERATION_STATUS:
		if len(call.AcknowledgeOperationStatus.UUID) != 16 {
			return "Not a valid UUID"
		}
		if call.AcknowledgeOperationStatus.AgentID == nil {
			return "Expecting 'agent_id' to be present"
		}
	case scheduler.Call_UPDATE_FRAMEWORK:
		if call.FrameworkID.Value != call.UpdateFramework.FrameworkInfo.GetID().GetValue() {
			return "'framework_id' differs from 'update_framework.framework_info.id'"
		}
	}
	return ""
}

func validateSubscribe(call *scheduler.Call, principal string) string {
	if call.Subscribe == nil || call.Subscribe.FrameworkInfo == nil {
		return "Expecting 'subscribe' to be present"
	}
	info := call.Subscribe.FrameworkInfo
	if info.GetID().GetValue() != call.GetFrameworkID().GetValue() {
		return "'framework_id' differs from 'subscribe.framework_info.id'"
	}
	if principal != "" && info.Principal != nil && *info.Principal != principal {
		return "Authenticated principal '" + principal + "' does not match principal '" +
			*info.Principal + "' set in `FrameworkInfo`"
	}
	return ""
}

// missing names the part that a call of this type must have and has not.
func missing(call *scheduler.Call) string {
	parts := map[scheduler.Call_Type]struct {
		name    string
		present bool
	}{
		scheduler.Call_ACCEPT:                       {"accept", call.Accept != nil},
		scheduler.Call_DECLINE:                      {"decline", call.Decline != nil},
		scheduler.Call_ACCEPT_INVERSE_OFFERS:        {"accept_inverse_offers", call.AcceptInverseOffers != nil},
		scheduler.Call_DECLINE_INVERSE_OFFERS:       {"decline_inverse_offers", call.DeclineInverseOffers != nil},
		scheduler.Call_KILL:                         {"kill", call.Kill != nil},
		scheduler.Call_SHUTDOWN:                     {"shutdown", call.Shutdown != nil},
		scheduler.Call_ACKNOWLEDGE:                  {"acknowledge", call.Acknowledge != nil},
		scheduler.Call_ACKNOWLEDGE_OPERATION_STATUS: {"acknowledge_operation_status", call.AcknowledgeOperationStatus != nil},
		scheduler.Call_RECONCILE:                    {"reconcile", call.Reconcile != nil},
		scheduler.Call_RECONCILE_OPERATIONS:         {"reconcile_operations", call.ReconcileOperations != nil},
		scheduler.Call_MESSAGE:                      {"message", call.Message != nil},
		scheduler.Call_REQUEST:                      {"request", call.Request != nil},
		scheduler.Call_UPDATE_FRAMEWORK:             {"update_framework", call.UpdateFramework != nil},
	}
	if part, ok := parts[call.Type]; ok && !part.present {
		return part.name
	}
	return ""
}
