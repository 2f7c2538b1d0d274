package endtoend

import (
	"slices"
	"time"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// checkNoDuplicates fails the test when two tasks of one service ever ran on one
// host at once (rule 1). It trusts nothing but what Mesos saw.
func (w *world) checkNoDuplicates() {
	w.t.Helper()
	type place struct{ service, host string }
	last := map[place]mesostest.TaskRecord{}
	history := w.mesos.History()
	slices.SortStableFunc(history, func(a, b mesostest.TaskRecord) int { return a.Launched.Compare(b.Launched) })
	for _, task := range history {
		at := place{task.Info.Name, task.Host}
		before, had := last[at]
		if had && (before.Ended.IsZero() || before.Ended.After(task.Launched)) {
			w.t.Errorf("two %s ran on %s at once: %s (%s to %s) and %s (from %s)", at.service, at.host,
				before.ID, before.Launched, before.Ended, task.ID, task.Launched)
		}
		last[at] = task
	}
}

// checkNeverTwoDown fails the test when, since a time at which all was well, two
// instances of one service were down at once: every stop goes through the gate.
func (w *world) checkNeverTwoDown(since time.Time) {
	w.t.Helper()
	type moment struct {
		at   time.Time
		up   bool
		task mesostest.TaskRecord
	}
	byService := map[string][]moment{}
	up := map[string]int{}
	for _, task := range w.mesos.History() {
		service := task.Info.Name
		if !task.Running.IsZero() && !task.Running.After(since) && (task.Ended.IsZero() || task.Ended.After(since)) {
			up[service]++
		}
		if task.Running.After(since) {
			byService[service] = append(byService[service], moment{task.Running, true, task})
		}
		if task.Ended.After(since) {
			byService[service] = append(byService[service], moment{task.Ended, false, task})
		}
	}
	for service, moments := range byService {
		slices.SortStableFunc(moments, func(a, b moment) int { return a.at.Compare(b.at) })
		now, all := up[service], up[service]
		for _, m := range moments {
			if m.up {
				now++
			} else {
				now--
			}
			if now < all-1 {
				w.t.Errorf("%d of %d %s instances were up at %s, when %s ended", now, all, service, m.at, m.task.ID)
			}
		}
	}
}

// alive counts the tasks of a service whose process runs; of all services when
// the name is empty.
func (w *world) alive(service string) int {
	n := 0
	for _, task := range w.mesos.Tasks() {
		if service == "" || task.Info.Name == service {
			n++
		}
	}
	return n
}

// versions counts the running images' tags.
func (w *world) versions() map[string]int {
	versions := map[string]int{}
	for _, task := range w.mesos.Tasks() {
		for _, label := range task.Info.GetLabels().GetLabels() {
			if label.Key == "docker_image_version" {
				versions[label.GetValue()]++
			}
		}
	}
	return versions
}

// killed counts the tasks whose end the operator asked for.
func (w *world) killed() int {
	n := 0
	for _, task := range w.mesos.History() {
		if len(task.Kills) > 0 {
			n++
		}
	}
	return n
}
