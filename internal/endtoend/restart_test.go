package endtoend

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// stoppedSince are the instances that were asked to end since, as service@host,
// sorted.
func (w *world) stoppedSince(since time.Time) []string {
	var stopped []string
	for _, task := range w.mesos.History() {
		if len(task.Kills) > 0 && task.Kills[0].After(since) {
			stopped = append(stopped, task.Info.Name+"@"+task.Host)
		}
	}
	slices.Sort(stopped)
	return stopped
}

// TestRestartOnRequest: of the cluster, of one service, of one device's host.
func TestRestartOnRequest(t *testing.T) {
	t.Parallel()
	w := readyWith(t, 3, nil, "")
	all := map[string]string{}
	for _, task := range w.mesos.Tasks() {
		all[task.Info.Name+"@"+task.Host] = task.ID
	}
	ask := func(want []string, args ...string) {
		t.Helper()
		// Launches and requests are told apart by the second.
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(1100 * time.Millisecond)))
		began := time.Now()
		at := began.UTC().Format(time.RFC3339)
		for i, arg := range args {
			args[i] = strings.ReplaceAll(arg, "AT", at)
		}
		w.api.Kubectl(t, append([]string{"-n", w.namespace, "annotate", "--overwrite"}, args...)...)
		w.awaitMesos("the restarts", func() bool { return len(w.stoppedSince(began)) >= len(want) })
		w.awaitReady()
		w.awaitQuiet()
		if diff := cmp.Diff(want, w.stoppedSince(began)); diff != "" {
			t.Errorf("%v restarted (-want +got):\n%s", args, diff)
		}
		w.checkNeverTwoDown(began)
	}
	ask([]string{"data@node1", "data@node2", "data@node3"}, "quobytecluster", "quobyte", v1alpha1.AnnotationRestartedAt+"-data=AT")
	var every []string
	for instance := range all {
		every = append(every, instance)
	}
	slices.Sort(every)
	ask(every, "quobytecluster", "quobyte", v1alpha1.AnnotationRestartedAt+"=AT")
	ask([]string{"data@node2", "metadata@node2", "registry@node2"}, "device", "node2-disk1", v1alpha1.AnnotationRestartedAt+"=AT")
	w.checkNoDuplicates()

	began := time.Now()
	w.api.Kubectl(t, "-n", w.namespace, "annotate", "--overwrite", "quobytecluster", "quobyte", v1alpha1.AnnotationRestartedAt+"=yesterday")
	w.awaitEvent("BadRestartTime", "yesterday")
	w.awaitQuiet()
	if stopped := w.stoppedSince(began); len(stopped) > 0 {
		t.Errorf("a value that is no time restarted %v", stopped)
	}
}
