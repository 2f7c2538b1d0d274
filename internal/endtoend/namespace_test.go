package endtoend

import (
	"testing"
	"time"
)

// deleteNamespace does what the namespace controller does, which the tests do not have:
// all goes at once, in no order.
func (w *world) deleteNamespace(kinds ...string) {
	w.t.Helper()
	w.api.Kubectl(w.t, "delete", "namespace", w.namespace, "--wait=false")
	for _, kind := range kinds {
		w.api.Kubectl(w.t, "-n", w.namespace, "delete", kind, "--all", "--wait=false")
	}
	for _, kind := range kinds {
		w.api.Kubectl(w.t, "-n", w.namespace, "wait", "--for=delete", kind, "--all", "--timeout=60s")
	}
}

// TestNamespaceThatIsDeletedLeavesAllRunning: with policy Orphan nothing stops.
func TestNamespaceThatIsDeletedLeavesAllRunning(t *testing.T) {
	for name, kinds := range map[string][]string{
		"devices first": {"configmaps", "controllerrevisions", "devices", "quobyteclusters"},
		"cluster first": {"quobyteclusters", "devices", "controllerrevisions", "configmaps"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := readyWith(t, 3, nil, "")
			w.deleteNamespace(kinds...)
			time.Sleep(3 * time.Second)
			if n := w.killed(); n != 0 {
				t.Errorf("%d tasks were stopped:\n%s", n, taskList(w.mesos.Tasks()))
			}
		})
	}
}

func TestNamespaceThatIsDeletedIsTornDown(t *testing.T) {
	t.Parallel()
	w := readyWith(t, 3, nil, `{"spec":{"deletionPolicy":"Teardown"}}`)
	w.deleteNamespace("configmaps", "controllerrevisions", "devices", "quobyteclusters")
	if n := w.alive(""); n != 0 {
		t.Errorf("%d tasks run", n)
	}
}
