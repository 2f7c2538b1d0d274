package endtoend

import (
	"testing"
	"time"

	"github.com/quobyte/mesos-operator/internal/testapi"
	"github.com/quobyte/mesos-operator/internal/testapi/controlplane"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// TestAPIServerIsAwayForHalfAMinute: the operator goes on. What fails meanwhile is
// replaced when the API server is back, as nothing is launched that is not written down,
// and the status says so.
func TestAPIServerIsAwayForHalfAMinute(t *testing.T) {
	t.Parallel()
	api := testapi.Start(t, controlplane.Options{})
	w := newWorldOn(t, api, mesostest.Config{Agents: mesostest.Agents(3)})
	// Its server takes as long to come up again as the machine is slow.
	operator := w.startOperator("--lease-duration=3m")
	w.applyCluster()
	w.applyDevices(3)
	framework := w.awaitReadyOf(3).Status.FrameworkID
	w.awaitQuiet()
	launched := len(w.mesos.History())

	away := time.Now()
	api.StopServer(t)
	for _, task := range w.mesos.Running("node2") {
		if task.Info.Name == "data" {
			if err := w.mesos.FailTask(task.ID, "Container exited with status 1"); err != nil {
				t.Fatal(err)
			}
		}
	}
	time.Sleep(time.Until(away.Add(30 * time.Second))) // The fault itself takes time.
	if !operator.Running() {
		t.Fatal("the operator ended while the API server was away")
	}
	if n := len(w.mesos.History()); n > launched {
		t.Errorf("%d tasks were launched that nobody would remember", n-launched)
	}
	api.StartServer(t)
	w.awaitMesos("a successor", func() bool { return len(w.mesos.History()) == launched+1 })

	w.patch(`{"spec":{"version":"1.1.6"}}`)
	if got := w.awaitReady().Status.FrameworkID; got != framework {
		t.Errorf("framework %s, want %s", got, framework)
	}
	w.checkNoDuplicates()
}
