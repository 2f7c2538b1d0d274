package mesosbridge

import "slices"

// endedTasks remembers the tasks that ended: the last ones as a whole, to be
// shown, and more by their id, so that a late word does not bring them back.
type endedTasks struct {
	shown []*Task
	ids   map[string]struct{}
	order []string // of ids, oldest first
}

// endedRemembered is how many ids of ended tasks are remembered: two whole
// restarts of the largest cluster (30,000 services). What is said later about one
// that was forgotten makes it a task again, until reconciliation ends it.
const endedRemembered = 1 << 16

func (e *endedTasks) has(id string) bool {
	_, ok := e.ids[id]
	return ok
}

func (e *endedTasks) add(t *Task) {
	if len(e.order) >= endedRemembered {
		delete(e.ids, e.order[0])
		e.order = e.order[1:]
	}
	e.ids[t.ID] = struct{}{}
	e.order = append(e.order, t.ID)
	if len(e.shown) >= 2*EndedKept {
		e.shown = slices.Clone(e.shown[len(e.shown)-EndedKept:])
	}
	e.shown = append(e.shown, t)
}

// latest shares its memory with later ones: what is appended lies beyond its end.
func (e *endedTasks) latest() []*Task {
	from := max(0, len(e.shown)-EndedKept)
	return e.shown[from:len(e.shown):len(e.shown)]
}
