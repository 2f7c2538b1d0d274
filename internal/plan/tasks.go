package plan

import "github.com/quobyte/mesos-operator/api/v1alpha1"

// unreadableService stands for the service in the status of a task whose id this
// version cannot read.
const unreadableService = "unknown"

// reportTasks lists the tasks that no device's view tells of. A restarted
// operator has to remember them, too: a task that runs on an agent that Mesos has
// forgotten is known from the status alone. Probers are not: two of them on a host
// do no harm.
func (p *pass) reportTasks() {
	add := func(status v1alpha1.TaskStatus) {
		if len(p.result.Tasks) < v1alpha1.MaxTasks {
			p.result.Tasks = append(p.result.Tasks, status)
		}
	}
	list := func(k kind) {
		for _, h := range p.active {
			s := &h.slots[k]
			if s.task == nil || s.told {
				continue
			}
			add(p.taskStatus(s.task))
			for _, t := range s.sortedMore() {
				add(p.taskStatus(t))
			}
		}
	}
	for k := range client {
		list(k)
	}
	for _, t := range p.unreadable {
		add(v1alpha1.TaskStatus{Service: unreadableService, TaskID: t.ID, AgentID: t.AgentID, State: stateName(t.State)})
	}
	list(client) // many, and the least missed when the list is full
}
