package mesostest

import (
	"strings"
	"unicode"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// validateTask returns what a task needs, or what is wrong with it, in the order
// and words of the master (accept-invalid-task, duplicate-task-id; the texts
// that they do not have are from master/validation.cpp).
func (c *Cluster) validateTask(a *acceptance, info *mesos.TaskInfo) (need resources, problem string) {
	id := info.TaskID.Value
	if problem := validateID(id); problem != "" {
		return nil, problem
	}
	if a.fw.tasks[id] != nil || a.fw.unreachable[id] != nil {
		return nil, "Task has duplicate ID: " + id
	}
	if info.AgentID.Value != a.agent.id {
		return nil, "Task uses invalid agent " + info.AgentID.Value +
			" while agent " + a.agent.id + " is expected"
	}
	if info.GetKillPolicy().GetGracePeriod().GetNanoseconds() < 0 {
		return nil, "Task's 'kill_policy.grace_period' must be non-negative"
	}
	if len(info.Resources) == 0 {
		return nil, "Task uses no resources"
	}
	if (info.Command == nil) == (info.Executor == nil) {
		return nil, "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
	}
	wants := info.Resources
	if info.Executor != nil {
		wants = append(wants[:len(wants):len(wants)], info.Executor.Resources...)
	}
	need, foreign := parseResources(wants, a.role)
	if foreign != "" || !a.left.contains(need) {
		allocated := a.role
		if foreign != "" {
			allocated = foreign
		}
		return nil, "Total resources " + need.String(allocated) + " required by task and its executor " +
			"is more than available " + a.left.String(a.role)
	}
	return need, ""
}

// validateID is common/validation.cpp.
func validateID(id string) string {
	const longest = 255 // NAME_MAX
	switch {
	case id == "":
		return "ID must not be empty"
	case len(id) > longest:
		return "ID must not be greater than 255 characters"
	case id == "." || id == "..":
		return "'" + id + "' is disallowed"
	case strings.ContainsAny(id, `/\`) || strings.ContainsFunc(id, unicode.IsControl):
		return "'" + id + "' contains invalid characters"
	}
	return ""
}
