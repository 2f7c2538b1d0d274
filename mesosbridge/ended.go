package mesosbridge

import (
	"slices"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// finality says on whose word a task counts as ended. Mesos's own last word about a
// task is final: nothing that is said later brings it back, such as a RUNNING that
// was sent again before the end was known. What was concluded here is true until
// Mesos says that the task is alive (rule 1: what runs is seen, or it is launched
// a second time). The events of a subscription come in the order in which the
// master made them, so a word that comes after the conclusion is news: also when
// it answers a question that was asked before.
type finality int

const (
	// toldByMesos: a terminal state of the task itself.
	toldByMesos finality = iota
	// concluded: the master does not know the task on an agent that it knows
	// (rule 4), or took no launch of it.
	concluded
	// withItsAgent: the agent was declared gone.
	withItsAgent
)

// finalityOf says how final a status that ends a task is. That of a TASK_GONE is in
// its uuid: an agent has one, and has destroyed the container. The master, which
// has none, says that it does not know the task.
func finalityOf(st *mesos.TaskStatus) finality {
	if st.GetState() == mesos.TASK_GONE && len(st.UUID) == 0 {
		return concluded
	}
	return toldByMesos
}

// endedTasks remembers the tasks that ended: the last ones as a whole, to be
// shown, and more by their id, so that a late word does not bring them back.
type endedTasks struct {
	shown []*Task
	ids   map[string]endedTask
	order []string // of ids, oldest first
}

type endedTask struct {
	finality finality
	agentID  string
}

// endedRemembered is how many ids of ended tasks are remembered: two whole
// restarts of the largest cluster (30,000 services). What is said later about one
// that was forgotten makes it a task again, until reconciliation ends it.
const endedRemembered = 1 << 16

func (e *endedTasks) has(id string) bool {
	_, ok := e.ids[id]
	return ok
}

func (e *endedTasks) add(t *Task, how finality) {
	if len(e.order) >= endedRemembered {
		delete(e.ids, e.order[0])
		e.order = e.order[1:]
	}
	e.ids[t.ID] = endedTask{finality: how, agentID: t.AgentID}
	e.order = append(e.order, t.ID)
	if len(e.shown) >= 2*EndedKept {
		e.shown = slices.Clone(e.shown[len(e.shown)-EndedKept:])
	}
	e.shown = append(e.shown, t)
}

// remove forgets that tasks ended, since they did not.
func (e *endedTasks) remove(ids ...string) {
	for _, id := range ids {
		delete(e.ids, id)
	}
	e.order = slices.DeleteFunc(e.order, func(id string) bool { return !e.has(id) })
	// Snapshots share the memory of shown.
	e.shown = slices.DeleteFunc(slices.Clone(e.shown), func(t *Task) bool { return slices.Contains(ids, t.ID) })
}

// takeBack removes the tasks that ended with their agent, and returns them.
func (e *endedTasks) takeBack(agentID string) []string {
	var ids []string
	for id, t := range e.ids {
		if t.finality == withItsAgent && t.agentID == agentID {
			ids = append(ids, id)
		}
	}
	if len(ids) > 0 {
		slices.Sort(ids)
		e.remove(ids...)
	}
	return ids
}

// latest shares its memory with later ones: what is appended lies beyond its end.
func (e *endedTasks) latest() []*Task {
	from := max(0, len(e.shown)-EndedKept)
	return e.shown[from:len(e.shown):len(e.shown)]
}
