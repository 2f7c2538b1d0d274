package mesostest

import (
	"strings"
	"unicode"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// validateTask returns what a task needs and, beside it, what an executor of its
// own needs that does not run yet; or what is wrong with it, in the order
// and words of the master (accept-invalid-task, duplicate-task-id; the texts
// that they do not have are from master/validation.cpp).
func (c *Cluster) validateTask(a *acceptance, info *mesos.TaskInfo) (need, own resources, problem string) {
	id := info.TaskID.Value
	if problem := validateID(id); problem != "" {
		return nil, nil, problem
	}
	if a.fw.tasks[id] != nil || a.fw.unreachable[id] != nil {
		return nil, nil, "Task has duplicate ID: " + id
	}
	if info.AgentID.Value != a.agent.id {
		return nil, nil, "Task uses invalid agent " + info.AgentID.Value +
			" while agent " + a.agent.id + " is expected"
	}
	if info.GetKillPolicy().GetGracePeriod().GetNanoseconds() < 0 {
		return nil, nil, "Task's 'kill_policy.grace_period' must be non-negative"
	}
	if len(info.Resources) == 0 {
		return nil, nil, "Task uses no resources"
	}
	if (info.Command == nil) == (info.Executor == nil) {
		return nil, nil, "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
	}
	need, foreign := parseResources(info.Resources, a.role)
	if info.Executor != nil {
		extra, other := parseResources(info.Executor.Resources, a.role)
		if other != "" {
			foreign = other
		}
		key := executorKey{a.fw.id, info.Executor.ExecutorID.Value}
		switch {
		case !c.hasExecutors():
			need = need.plus(extra) // the scripted task is its executor
		case a.agent.executors[key] == nil:
			own = extra
		}
	}
	both := need
	if len(own) > 0 {
		both = need.plus(own)
	}
	if foreign != "" || !a.left.contains(both) {
		allocated := a.role
		if foreign != "" {
			allocated = foreign
		}
		return nil, nil, "Total resources " + both.String(allocated) + " required by task and its executor " +
			"is more than available " + a.left.String(a.role)
	}
	return need, own, ""
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
