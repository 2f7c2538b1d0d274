package mesostest

import (
	"encoding/json"
	"net/http"
)

// stateEndpoint is what mesos-dns and others read (operator-api; Master::Http::state
// in master/http.cpp). It has what the recording has.
func (c *Cluster) stateEndpoint(w http.ResponseWriter) {
	var (
		body []byte
		err  error
	)
	c.change(func() { body, err = json.Marshal(c.state()) })
	if err != nil {
		answer(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", mediaJSON)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body)
}

func (c *Cluster) state() map[string]any {
	m, info, version := c.master, c.masterInfo(), c.version()
	state := map[string]any{
		"id": m.id, "version": version.Version, "build_date": version.GetBuildDate(),
		"build_time": version.GetBuildTime(), "build_user": version.GetBuildUser(),
		"git_sha": version.GetGitSHA(), "git_branch": version.GetGitBranch(),
		"start_time": seconds(m.started), "elected_time": seconds(m.started),
		"pid": info.GetPID(), "leader": info.GetPID(), "hostname": info.GetHostname(),
		"leader_info":  map[string]any{"id": m.id, "pid": info.GetPID(), "port": info.GetPort(), "hostname": info.GetHostname()},
		"capabilities": []string{"AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2"},
		"orphan_tasks": []any{}, "unregistered_frameworks": []any{},
	}
	slaves, recoveredSlaves, active, away := []any{}, []any{}, 0, 0
	held := map[string]resources{} // by executors of a framework
	for _, id := range sortedKeys(m.agents) {
		switch a := m.agents[id]; a.standing {
		case registered, disconnected:
			for _, e := range a.executors {
				if e.held {
					held[e.key.frameworkID] = held[e.key.frameworkID].plus(e.resources)
				}
			}
			if a.standing == registered && !a.deactivated() {
				active++
			}
			slaves = append(slaves, a.state(m))
		case recovered:
			recoveredSlaves = append(recoveredSlaves, map[string]any{"id": a.id, "hostname": a.host, "port": a.url.Address.Port,
				"resources": a.spec.resources().state(), "attributes": a.spec.Attributes})
		case unreachable:
			away++
		}
	}
	state["slaves"], state["recovered_slaves"] = slaves, recoveredSlaves
	state["activated_slaves"], state["deactivated_slaves"] = active, len(slaves)-active
	state["unreachable_slaves"] = away
	frameworks, completed := []any{}, []any{}
	for _, fw := range c.sortedFrameworks() {
		frameworks = append(frameworks, fw.state(held[fw.id]))
	}
	for _, fw := range m.completed {
		completed = append(completed, fw.state(nil))
	}
	state["frameworks"], state["completed_frameworks"] = frameworks, completed
	return state
}

func (a *agent) state(m *master) map[string]any {
	var offered, used, unreserved resources
	reserved := map[string]any{}
	for _, o := range a.offers {
		offered = offered.plus(o.resources)
	}
	for _, t := range a.tasks {
		if !t.released && m.frameworks[t.frameworkID] != nil {
			used = used.plus(t.resources)
		}
	}
	for _, e := range a.executors {
		if e.held {
			used = used.plus(e.resources)
		}
	}
	byRole := map[string]resources{}
	for _, q := range a.total {
		if q.reserved == "" {
			unreserved = append(unreserved, q)
		} else {
			byRole[q.role()] = append(byRole[q.role()], q)
		}
	}
	for role, r := range byRole {
		reserved[role] = r.state()
	}
	attributes := a.spec.Attributes
	if attributes == nil {
		attributes = map[string]string{}
	}
	capabilities := []string{}
	for _, capability := range agentCapabilities() {
		capabilities = append(capabilities, capability.String())
	}
	state := map[string]any{
		"id": a.id, "hostname": a.host, "port": a.url.Address.Port, "pid": a.pid(), "version": mesosVersion,
		"active": a.standing == registered && !a.deactivated(), "deactivated": a.deactivated(),
		"attributes": attributes, "capabilities": capabilities, "registered_time": seconds(a.registeredAt),
		"resources": a.total.state(), "used_resources": used.state(), "offered_resources": offered.state(),
		"reserved_resources": reserved, "unreserved_resources": unreserved.state(),
	}
	if a.reregisteredAt.After(a.registeredAt) {
		state["reregistered_time"] = seconds(a.reregisteredAt)
	}
	if a.domain != nil {
		state["domain"] = a.domain
	}
	return state
}

// state of a framework; executors is what its executors use.
func (fw *framework) state(executors resources) map[string]any {
	var offered resources
	used := executors
	offers, tasks, unreachable, completed := []any{}, []any{}, []any{}, []any{}
	for _, o := range newestFirst(fw.offers) {
		offered = offered.plus(o.resources)
		offers = append(offers, map[string]any{"id": o.id, "framework_id": fw.id, "slave_id": o.agent.id,
			"allocation_info": map[string]any{"role": o.role}, "resources": o.resources.state()})
	}
	for _, t := range sortedTasks(fw.tasks) {
		if !t.released {
			used = used.plus(t.resources)
		}
		tasks = append(tasks, t.stateEntry())
	}
	for _, t := range sortedTasks(fw.unreachable) {
		unreachable = append(unreachable, t.stateEntry())
	}
	for _, t := range fw.completed {
		completed = append(completed, t.stateEntry())
	}
	capabilities := []string{}
	for _, capability := range fw.info.Capabilities {
		capabilities = append(capabilities, capability.Type.String())
	}
	state := map[string]any{
		"id": fw.id, "name": fw.info.Name, "user": fw.info.User, "hostname": fw.info.GetHostname(),
		"webui_url": fw.info.GetWebUiURL(), "failover_timeout": fw.info.GetFailoverTimeout(),
		"checkpoint": fw.info.GetCheckpoint(), "capabilities": capabilities, "offer_constraints": map[string]any{},
		"active": fw.stream != nil, "connected": fw.stream != nil, "recovered": false,
		"registered_time": seconds(fw.registeredAt), "unregistered_time": 0,
		"resources": offered.plus(used).state(), "used_resources": used.state(), "offered_resources": offered.state(),
		"offers": offers, "tasks": tasks, "unreachable_tasks": unreachable, "completed_tasks": completed, "executors": []any{},
	}
	if fw.multiRole {
		state["roles"] = fw.roles
	} else {
		state["role"] = fw.roles[0]
	}
	if fw.info.Principal != nil {
		state["principal"] = *fw.info.Principal
	}
	if fw.reregisteredAt.After(fw.registeredAt) {
		state["reregistered_time"] = seconds(fw.reregisteredAt)
	}
	if !fw.unregisteredAt.IsZero() {
		state["unregistered_time"] = seconds(fw.unregisteredAt)
	}
	return state
}

// stateEntry is a task as /state shows it. The executor of a command is not named.
func (t *task) stateEntry() map[string]any {
	named, _ := parseResources(t.info.Resources, t.role)
	entry := map[string]any{
		"id": t.id, "name": t.info.Name, "framework_id": t.frameworkID, "slave_id": t.agent.id,
		"executor_id": t.info.GetExecutor().GetExecutorID().Value, "state": t.latest().String(),
		"role": t.role, "resources": named.state(),
	}
	for name, part := range map[string]any{"discovery": t.info.Discovery, "container": t.info.Container, "health_check": t.info.HealthCheck} {
		if tree := pruned(part); tree != nil {
			entry[name] = tree
		}
	}
	if labels := t.info.Labels.GetLabels(); len(labels) > 0 {
		entry["labels"] = labels
	}
	statuses := []any{}
	for _, s := range t.statuses {
		status := map[string]any{"state": s.State.String(), "timestamp": s.GetTimestamp()}
		if s.Healthy != nil {
			status["healthy"] = *s.Healthy
		}
		if s.ContainerStatus != nil {
			public := *s.ContainerStatus
			public.ExecutorPID = nil
			status["container_status"] = pruned(&public)
		}
		statuses = append(statuses, status)
	}
	entry["statuses"] = statuses
	return entry
}

// pruned is a message as the master writes it; nil for none.
func pruned(message any) map[string]any {
	raw, err := json.Marshal(message)
	if err != nil || string(raw) == "null" {
		return nil
	}
	tree, err := masterJSON(raw)
	if err != nil {
		return nil
	}
	return tree
}

// state is how /state writes resources: sums of the scalars, all ranges in one.
func (r resources) state() map[string]any {
	sums := map[string]any{"cpus": 0, "disk": 0, "gpus": 0, "mem": 0}
	var ranges resources
	for _, q := range r {
		if q.isRanges {
			ranges = ranges.plus(resources{{kind: kind{name: q.name}, isRanges: true, ranges: q.ranges}})
		} else {
			sums[q.name] = toFloat(r.milli(q.name))
		}
	}
	for _, q := range ranges {
		sums[q.name] = q.value()
	}
	return sums
}
