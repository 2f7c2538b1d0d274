package endtoend

import (
	"strings"
	"testing"
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/testprobers"
)

// endedBefore says when the last task of a service on a host ended; zero: it runs,
// or never did.
func (p *probed) endedBefore(service, host string) time.Time {
	var at time.Time
	for _, task := range p.mesos.History() {
		if task.Info.Name == service && task.Host == host {
			at = task.Ended
		}
	}
	return at
}

func (p *probed) launchedOn(service, host string) time.Time {
	for _, task := range p.mesos.Tasks() {
		if task.Info.Name == service && task.Host == host {
			return task.Launched
		}
	}
	return time.Time{}
}

// TestObjectFollowsItsDisk: a disk is moved. The last one of its type on the old
// host: the service there stops before the new host's starts.
func TestObjectFollowsItsDisk(t *testing.T) {
	t.Parallel()
	p := readyProbed(t, 4)
	uid := p.device("data-3").UID
	p.remount("node3", "node4", testprobers.Disk("/mnt/data", "data-3", "DATA"))
	d := p.awaitDeviceIs("data-3", "on node4", func(d *v1alpha1.QuobyteDevice) bool {
		return d.Status.Host == "node4" && d.Status.PreviousHost == "" && len(d.Status.Services) == 1 && d.Status.Services[0].Host == "node4"
	})
	if d.UID != uid {
		t.Error("another object stands for the disk")
	}
	p.awaitReady()
	ended, launched := p.endedBefore("data", "node3"), p.launchedOn("data", "node4")
	if ended.IsZero() || launched.Before(ended) {
		t.Errorf("the service on the old host ended at %s, the one on the new host was launched at %s", ended, launched)
	}
	if n := len(p.devices()); n != 9 {
		t.Errorf("%d objects stand for 9 disks: %s", n, names(p.devices()))
	}
}

// TestOldHostGoesOnForItsOtherDisks: one of two disks is moved.
func TestOldHostGoesOnForItsOtherDisks(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 4)
	p.mountCore()
	p.hosts.Mount("node3", testprobers.Disk("/mnt/second", "second-3", "DATA"))
	p.startAlone()
	p.applyProbed("  devices: {restartOnNewDevice: false}")
	p.awaitReadyOf(10)
	p.awaitPhase("second-3", v1alpha1.PhaseOnline)
	task := p.taskOf("data", "node3")
	p.remount("node3", "node4", testprobers.Disk("/mnt/second", "second-3", "DATA"))
	p.awaitDeviceIs("second-3", "used on node4", func(d *v1alpha1.QuobyteDevice) bool {
		return d.Status.Host == "node4" && len(d.Status.Services) == 1 && d.Status.Services[0].Host == "node4"
	})
	p.awaitReady()
	p.awaitQuiet()
	if p.taskOf("data", "node3") != task || p.killsOf() != 0 {
		t.Error("the old host's service was stopped, though it has another device")
	}
}

// TestSilentOldHostKeepsItsDisk: nobody says that the disk has left it.
func TestSilentOldHostKeepsItsDisk(t *testing.T) {
	t.Parallel()
	p := readyProbed(t, 4)
	p.mesos.StopAgent("node3")
	p.hosts.Mount("node4", testprobers.Disk("/mnt/data", "data-3", "DATA"))
	p.awaitDeviceIs("data-3", "seen on node4 as well", func(d *v1alpha1.QuobyteDevice) bool {
		_, message := why(d)
		return d.Status.Host == "node3" && strings.Contains(message, "node4")
	})
	p.awaitQuiet()
	if p.taskOf("data", "node4") != "" {
		t.Error("a service runs on a disk that the old host may still use")
	}
	// The machine is gone for good: a person, or Mesos, says so.
	p.mesos.MarkGone("node3")
	p.awaitDeviceIs("data-3", "on node4", func(d *v1alpha1.QuobyteDevice) bool {
		return d.Status.Host == "node4" && len(d.Status.Services) == 1 && d.Status.Services[0].Host == "node4"
	})
	p.checkNoDuplicates()
}

// TestSameSerialTwice: the place that was used before stays in use, and both say
// why.
func TestSameSerialAtTwoPlacesIsUsedAtOne(t *testing.T) {
	t.Parallel()
	p := readyProbed(t, 4)
	task := p.taskOf("data", "node3")
	p.hosts.Mount("node4", testprobers.Disk("/mnt/copy", "data-3", "DATA"))
	p.awaitDeviceIs("data-3", "told of the copy", func(d *v1alpha1.QuobyteDevice) bool {
		_, message := why(d)
		return d.Status.Phase == v1alpha1.PhaseOnline && strings.Contains(message, "node4") && strings.Contains(message, "/mnt/copy")
	})
	var copied string
	p.poll("an object for the copy", func() bool {
		for _, d := range p.devices() {
			if d.Status.Phase == v1alpha1.PhaseConflict {
				copied = d.Name
				_, message := why(&d)
				return strings.Contains(message, "node3")
			}
		}
		return false
	}, func() string { return strings.Join(names(p.devices()), " ") })
	p.awaitQuiet()
	if p.taskOf("data", "node4") != "" || p.taskOf("data", "node3") != task || p.killsOf() != 0 {
		t.Errorf("tasks:\n%s", taskList(p.mesos.Tasks()))
	}
	// The copy is unmounted: nothing is left of it.
	p.hosts.Unmount("node4", "/mnt/copy")
	p.poll("the copy's object to go", func() bool { return p.device(copied) == nil }, func() string { return copied })
	p.awaitReady()
}
