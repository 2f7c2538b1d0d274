package mesostest

import (
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	operator "github.com/mesos/mesos-go/api/v1/lib/master"
)

func timeInfo(t time.Time) *mesos.TimeInfo { return &mesos.TimeInfo{Nanoseconds: t.UnixNano()} }

func (c *Cluster) agentsView() *operator.Response_GetAgents {
	view := &operator.Response_GetAgents{}
	for _, id := range sortedKeys(c.master.agents) {
		switch a := c.master.agents[id]; a.standing {
		case registered, disconnected:
			view.Agents = append(view.Agents, a.view(c.master))
		case recovered:
			view.RecoveredAgents = append(view.RecoveredAgents, a.info())
		}
	}
	return view
}

// info is what the agent said of itself.
func (a *agent) info() mesos.AgentInfo {
	return mesos.AgentInfo{
		ID: &mesos.AgentID{Value: a.id}, Hostname: a.host, Port: &a.url.Address.Port,
		Resources: a.spec.resources().portsLast().proto(understandsAll(), ""), Attributes: a.attributes, Domain: a.domain,
	}
}

func (a *agent) view(m *master) operator.Response_GetAgents_Agent {
	pid, deactivated := a.pid(), a.deactivated()
	view := operator.Response_GetAgents_Agent{
		AgentInfo: a.info(), Version: mesosVersion, PID: &pid,
		Active: a.standing == registered && !deactivated, Deactivated: &deactivated,
		RegisteredTime: timeInfo(a.registeredAt),
		TotalResources: a.total.portsLast().endpoint(""),
	}
	if a.reregisteredAt.After(a.registeredAt) {
		view.ReregisteredTime = timeInfo(a.reregisteredAt)
	}
	view.AllocatedResources = a.used(m)
	for _, o := range newestFirst(a.offers) {
		view.OfferedResources = append(view.OfferedResources, o.resources.endpoint(o.role)...)
	}
	for _, capability := range agentCapabilities() {
		view.Capabilities = append(view.Capabilities, mesos.AgentInfo_Capability{Type: capability})
	}
	if a.drain != nil && a.drain.info != nil {
		view.DrainInfo = a.drain.info
		view.EstimatedDrainStartTime = timeInfo(a.drain.start.Truncate(time.Second)) // so it is written (agent-gone)
	}
	return view
}

// used are the resources of the agent's tasks, by role.
func (a *agent) used(m *master) (list []mesos.Resource) {
	byRole := map[string]resources{}
	for _, t := range sortedTasks(a.tasks) {
		if !t.released && m.frameworks[t.frameworkID] != nil {
			byRole[t.role] = byRole[t.role].plus(t.resources)
		}
	}
	for _, e := range a.sortedExecutors() {
		if e.held {
			byRole[e.role] = byRole[e.role].plus(e.resources)
		}
	}
	for _, role := range sortedKeys(byRole) {
		list = append(list, byRole[role].portsLast().endpoint(role)...)
	}
	return list
}

// agentCapabilities are those of an agent of the recordings.
func agentCapabilities() []mesos.AgentInfo_Capability_Type {
	return []mesos.AgentInfo_Capability_Type{
		mesos.AgentInfo_Capability_MULTI_ROLE, mesos.AgentInfo_Capability_HIERARCHICAL_ROLE,
		mesos.AgentInfo_Capability_RESERVATION_REFINEMENT, mesos.AgentInfo_Capability_RESOURCE_PROVIDER,
		mesos.AgentInfo_Capability_RESIZE_VOLUME, mesos.AgentInfo_Capability_AGENT_OPERATION_FEEDBACK,
		mesos.AgentInfo_Capability_AGENT_DRAINING, mesos.AgentInfo_Capability_TASK_RESOURCE_LIMITS,
	}
}

func (c *Cluster) frameworksView() *operator.Response_GetFrameworks {
	view := &operator.Response_GetFrameworks{}
	for _, fw := range c.sortedFrameworks() {
		view.Frameworks = append(view.Frameworks, fw.view(c.master))
	}
	for _, fw := range c.master.completed {
		view.CompletedFrameworks = append(view.CompletedFrameworks, fw.view(c.master))
	}
	return view
}

func (fw *framework) view(m *master) operator.Response_GetFrameworks_Framework {
	view := operator.Response_GetFrameworks_Framework{
		FrameworkInfo: fw.info, Active: fw.stream != nil, Connected: fw.stream != nil,
		RegisteredTime: timeInfo(fw.registeredAt), ReregisteredTime: timeInfo(fw.reregisteredAt),
	}
	if !fw.unregisteredAt.IsZero() {
		view.UnregisteredTime = timeInfo(fw.unregisteredAt)
	}
	for _, o := range newestFirst(fw.offers) {
		view.Offers = append(view.Offers, o.proto(m))
		view.OfferedResources = append(view.OfferedResources, o.resources.endpoint(o.role)...)
	}
	for _, t := range sortedTasks(fw.tasks) {
		if !t.released {
			view.AllocatedResources = append(view.AllocatedResources, t.resources.endpoint(t.role)...)
		}
	}
	return view
}

func (c *Cluster) tasksView() *operator.Response_GetTasks {
	view := &operator.Response_GetTasks{}
	for _, fw := range slices.Concat(c.master.completed, c.sortedFrameworks()) {
		for _, t := range sortedTasks(fw.tasks) {
			view.Tasks = append(view.Tasks, t.view())
		}
		for _, t := range sortedTasks(fw.unreachable) {
			view.UnreachableTasks = append(view.UnreachableTasks, t.view())
		}
		for _, t := range fw.completed {
			view.CompletedTasks = append(view.CompletedTasks, t.view())
		}
	}
	return view
}

func (t *task) view() mesos.Task {
	named, _ := parseResources(t.info.Resources, t.role)
	view := mesos.Task{
		Name: t.info.Name, TaskID: t.info.TaskID, AgentID: t.info.AgentID,
		FrameworkID: mesos.FrameworkID{Value: t.frameworkID},
		State:       t.latest().Enum(), Resources: named.proto(understandsAll(), t.role),
		Labels: t.info.Labels, Discovery: t.info.Discovery, Container: t.info.Container,
		HealthCheck: t.info.HealthCheck, KillPolicy: t.info.KillPolicy,
	}
	if t.info.Executor != nil {
		view.ExecutorID = &t.info.Executor.ExecutorID
	}
	if t.info.Command != nil {
		view.User = t.info.Command.User
	}
	for _, status := range t.statuses {
		view.Statuses = append(view.Statuses, *status)
		if status.UUID != nil {
			view.StatusUpdateState, view.StatusUpdateUUID = status.State, status.UUID
		}
	}
	return view
}

func (c *Cluster) operationsView() *operator.Response_GetOperations {
	view := &operator.Response_GetOperations{}
	for _, fw := range c.sortedFrameworks() {
		for _, o := range sortedOperations(fw.operations) {
			view.Operations = append(view.Operations, mesos.Operation{
				FrameworkID: &mesos.FrameworkID{Value: fw.id}, AgentID: o.status.AgentID, Info: o.info,
				LatestStatus: o.status, Statuses: []mesos.OperationStatus{o.status}, UUID: o.uuid,
			})
		}
	}
	return view
}

// rolesView: resources are quantities, ports are none (operator-api).
func (c *Cluster) rolesView() *operator.Response_GetRoles {
	frameworks := map[string][]mesos.FrameworkID{}
	for _, fw := range c.sortedFrameworks() {
		for _, role := range fw.roles {
			frameworks[role] = append(frameworks[role], mesos.FrameworkID{Value: fw.id})
		}
	}
	view := &operator.Response_GetRoles{}
	for _, role := range sortedKeys(frameworks) {
		has := shareOf(c.master.allocator.roles, role)
		r := resources{{kind: kind{name: "cpus"}, milli: has.cpus}, {kind: kind{name: "disk"}, milli: has.disk},
			{kind: kind{name: "mem"}, milli: has.mem}}
		view.Roles = append(view.Roles, mesos.Role{Name: role, Weight: 1, Frameworks: frameworks[role],
			Resources: r.minus(nil).proto(understandsAll(), "")})
	}
	return view
}

func (c *Cluster) executorsView() *operator.Response_GetExecutors {
	view := &operator.Response_GetExecutors{}
	for _, a := range c.registeredAgents() {
		for _, e := range a.sortedExecutors() {
			view.Executors = append(view.Executors, operator.Response_GetExecutors_Executor{
				ExecutorInfo: e.info, AgentID: mesos.AgentID{Value: a.id}})
		}
	}
	return view
}
