package mesostest

import (
	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// The master keeps the tasks that have ended of a framework up to a number
// (--max_completed_tasks_per_framework, docs/configuration/master.md).
const maxCompletedTasks = 1000

// remember is the master noting a status of a task for those who ask: the last
// one of several with the same state (updateTask in master/master.cpp).
func (t *task) remember(status *mesos.TaskStatus) {
	if n := len(t.statuses); n > 0 && *t.statuses[n-1].State == *status.State {
		t.statuses = t.statuses[:n-1]
	}
	t.statuses = append(t.statuses, status)
}

// latest is the state of a task as an operator is told: what its agent said last,
// or the master's own word.
func (t *task) latest() mesos.TaskState {
	if n := len(t.statuses); n > 0 && t.statuses[n-1].UUID == nil {
		return *t.statuses[n-1].State
	}
	return t.state
}

// complete files a task that has ended.
func (fw *framework) complete(t *task) {
	fw.completed = append(fw.completed, t)
	if len(fw.completed) > maxCompletedTasks {
		fw.completed = fw.completed[1:]
	}
}
