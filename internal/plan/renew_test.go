package plan

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// A mount that comes and goes each second turns up anew each time: the service is
// restarted once, and again when some time has passed.
func TestFlappingMountRestartsItsServiceSeldom(t *testing.T) {
	f := threeHosts(t)
	f.cluster.Status.Bootstrapped = true
	f.cluster.Spec.Devices.RestartOnNewDevice = true
	f.probed()
	f.inventory = f.found().Devices
	f.inventory[2].Types = f.inventory[2].Types[2:] // DATA
	f.offer(f.snap.Agents["agent-node3"], "*", large()...)
	launched := f.now.Add(-time.Hour)
	restart := func() {
		if old := f.find(data, "node3"); old.Killing.IsZero() {
			old.Killing = f.now
			f.ended(old, mesos.TASK_KILLED, f.now)
		}
		launched = f.now
		f.addTask(quobyte.NewTaskID(quobyte.Data, "node3", f.hashOf(data), quobyte.NewNonce(launched, "00000001")), "node3").Since = launched
	}
	old := f.find(data, "node3")
	delete(f.snap.Tasks, old.ID)
	f.addTask(quobyte.NewTaskID(quobyte.Data, "node3", f.hashOf(data), quobyte.NewNonce(launched, "00000001")), "node3")
	restarts := 0
	for range 30 * 60 {
		f.now = f.now.Add(time.Second)
		f.inventory[2].AppearedAt = f.now
		for _, k := range f.plan().Kills {
			if k.Service == quobyte.Data && k.Host == "node3" {
				restarts++
				restart()
			}
		}
	}
	if restarts < 2 || restarts > 6 {
		t.Errorf("%d restarts in half an hour, want one each %s", restarts, renewEvery)
	}
	wantText(t, waits(t, f.plan(), data, "node3"), "waits for its restart for the new device "+f.inventory[2].Object.Name)
}
