package endtoend

import (
	"slices"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// hostOf is where the one instance of a service runs, as far as Mesos' agents know.
func (w *world) hostsOf(service string) []string {
	var hosts []string
	for _, task := range w.mesos.Tasks() {
		if task.Info.Name == service {
			hosts = append(hosts, task.Host)
		}
	}
	slices.Sort(hosts)
	return hosts
}

// TestFloatingServiceLeavesALostAgent: what is bound to devices waits for its agent and
// says so; what is not moves after a time-out, and the one that comes back is told to
// stop.
func TestFloatingServiceLeavesALostAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(5), PingTimeout: time.Second})
	// node5 has no devices, so that a service without can be lost alone, too.
	w.readyAs(4, `{"spec":{"placement":{"unreachableTimeout":"3s"}}}`)
	lost := w.hostsOf("api")[0]
	began := time.Now()
	w.mesos.StopAgent(lost)
	w.awaitMesos("another api service", func() bool { return len(w.hostsOf("api")) == 2 })
	if moved := time.Since(began); moved < 4*time.Second {
		t.Errorf("api was moved %v after its agent was lost, want the agent's second and 3s at least", moved)
	}
	seen := w.await("word of the device-bound services", func(c *v1alpha1.QuobyteCluster) bool {
		api := slices.IndexFunc(c.Status.Services, func(s v1alpha1.ServiceStatus) bool { return s.Name == "api" })
		return api >= 0 && c.Status.Services[api].Ready == 1 && slices.ContainsFunc(c.Status.Reasons, func(r v1alpha1.Reason) bool {
			return strings.Contains(r.Message, lost) && strings.Contains(r.Message, "cannot be reached")
		})
	})
	if bound := slices.ContainsFunc(w.mesos.Running(lost), func(task mesostest.TaskRecord) bool { return task.Info.Name == "data" }); bound &&
		!has(seen, v1alpha1.ConditionReady, metav1.ConditionFalse, "") {
		t.Errorf("a host with data is away:\n%s", describe(seen))
	}
	for _, task := range w.mesos.History() {
		if task.Launched.After(began) && task.Info.Name != "api" && task.Info.Name != "webconsole" {
			t.Errorf("%s was launched while %s is away", task.ID, lost)
		}
	}
	moved := slices.DeleteFunc(w.hostsOf("api"), func(host string) bool { return host == lost })
	w.mesos.StartAgent(lost)
	w.awaitMesos("the old api service to be stopped", func() bool { return len(w.hostsOf("api")) == 1 })
	w.awaitReady()
	if got := w.hostsOf("api"); !slices.Equal(got, moved) {
		t.Errorf("api runs on %v, want %v: the one that served goes on", got, moved)
	}
	w.checkNoDuplicates()
}

// TestCordonedHostKeepsWhatItHas: and gets nothing.
func TestCordonedHostKeepsWhatItHas(t *testing.T) {
	t.Parallel()
	w := readyWith(t, 4, nil, "")
	w.patch(`{"spec":{"placement":{"cordonedHosts":["node4"]}}}`)
	w.awaitReady()
	if n := w.killed(); n != 0 {
		t.Errorf("%d tasks were stopped by the cordon", n)
	}
	kept := w.taskOn("data", "node4")
	w.patch(`{"spec":{"version":"1.1.6"}}`)
	w.await("all other hosts to be updated", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionReady, metav1.ConditionFalse, "") && w.versions()["1.1.6"] >= services(3)
	})
	w.awaitQuiet()
	if now := w.taskOn("data", "node4"); now != kept {
		t.Errorf("data on node4 was restarted as %s", now)
	}
	if err := w.mesos.FailTask(kept, "Container exited with status 1"); err != nil {
		t.Fatal(err)
	}
	w.await("a reason for node4", func(c *v1alpha1.QuobyteCluster) bool {
		return slices.ContainsFunc(c.Status.Reasons, func(r v1alpha1.Reason) bool {
			return strings.Contains(r.Message, "node4") && strings.Contains(r.Message, "cordoned")
		})
	})
	w.awaitQuiet()
	if running := w.mesos.Running("node4"); slices.ContainsFunc(running, func(task mesostest.TaskRecord) bool { return task.Info.Name == "data" }) {
		t.Error("data was started on a cordoned host")
	}
	w.patch(`{"spec":{"placement":{"cordonedHosts":null}}}`)
	w.awaitReady()
	w.checkNoDuplicates()
}

// TestFailedFloatingServiceBacksOff: the first time it is started again at once.
func TestFailedFloatingServiceBacksOff(t *testing.T) {
	t.Parallel()
	script := func(task mesos.TaskInfo) mesostest.Play {
		if task.Name == "webconsole" {
			return mesostest.FailsAfter(50*time.Millisecond, "Container exited with status 7")(task)
		}
		return mesostest.Healthy(task)
	}
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3), Script: script})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.await("two failures", func(c *v1alpha1.QuobyteCluster) bool {
		return slices.ContainsFunc(c.Status.Failures, func(f v1alpha1.Failure) bool {
			return f.Service == "webconsole" && f.Count == 2 && strings.Contains(f.Message, "status 7")
		})
	})
	var launches []time.Time
	for _, task := range w.mesos.History() {
		if task.Info.Name == "webconsole" {
			launches = append(launches, task.Launched)
		}
	}
	if len(launches) != 2 || launches[1].Sub(launches[0]) > 5*time.Second {
		t.Errorf("webconsole was launched at %v, want twice at once", launches)
	}
}
