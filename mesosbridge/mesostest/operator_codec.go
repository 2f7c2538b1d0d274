package mesostest

import (
	"encoding/json"
	"fmt"

	operator "github.com/mesos/mesos-go/api/v1/lib/master"
)

// validateOperatorCall is validation::master::call::validate of
// master/validation.cpp.
func validateOperatorCall(call *operator.Call) string {
	parts := map[operator.Call_Type]struct {
		name    string
		present bool
	}{
		operator.Call_UPDATE_MAINTENANCE_SCHEDULE: {"update_maintenance_schedule", call.UpdateMaintenanceSchedule != nil},
		operator.Call_DRAIN_AGENT:                 {"drain_agent", call.DrainAgent != nil},
		operator.Call_DEACTIVATE_AGENT:            {"deactivate_agent", call.DeactivateAgent != nil},
		operator.Call_REACTIVATE_AGENT:            {"reactivate_agent", call.ReactivateAgent != nil},
		operator.Call_MARK_AGENT_GONE:             {"mark_agent_gone", call.MarkAgentGone != nil},
		operator.Call_TEARDOWN:                    {"teardown", call.Teardown != nil},
	}
	if part, ok := parts[call.Type]; ok && !part.present {
		return "Expecting '" + part.name + "' to be present"
	}
	return ""
}

func operatorEncoding(accept string) (media string, encode func(*operator.Response) ([]byte, error)) {
	if accepts(accept, mediaJSON) {
		return mediaJSON, operatorJSON
	}
	if accepts(accept, mediaProtobuf) {
		return mediaProtobuf, func(r *operator.Response) ([]byte, error) { return r.Marshal() }
	}
	return "", nil
}

// operatorJSON writes a response as the master does: with lists that are always
// there, and with fields that mesos-go does not know (operator-api).
func operatorJSON(r *operator.Response) ([]byte, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding %v: %w", r.Type, err)
	}
	tree, err := masterJSON(raw)
	if err != nil {
		return nil, fmt.Errorf("encoding %v: %w", r.Type, err)
	}
	complete(tree)
	if state, ok := tree["get_state"].(map[string]any); ok {
		complete(state)
	}
	return json.Marshal(tree)
}

func complete(tree map[string]any) {
	always := map[string][]string{
		"get_agents":     {"agents", "recovered_agents"},
		"get_executors":  {"executors"},
		"get_frameworks": {"completed_frameworks", "frameworks"},
		"get_tasks":      {"completed_tasks", "tasks", "unreachable_tasks"},
	}
	for view, lists := range always {
		part, ok := tree[view].(map[string]any)
		if !ok {
			continue
		}
		for _, name := range lists {
			if part[name] == nil {
				part[name] = []any{}
			}
			for _, item := range part[name].([]any) {
				addUnknownFields(view, item.(map[string]any))
			}
		}
	}
}

func addUnknownFields(view string, item map[string]any) {
	switch view {
	case "get_agents":
		if info, ok := item["agent_info"].(map[string]any); ok {
			info["checkpoint"] = true
		}
	case "get_frameworks":
		item["offer_constraints"] = map[string]any{}
	}
}
