package plan

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// renewing is a cluster whose data services were launched an hour ago, and on whose
// hosts node1 and node2 a device turned up since.
func renewing(t testing.TB) *fixture {
	f := threeHosts(t)
	f.probed()
	f.cluster.Status.Bootstrapped = true
	f.cluster.Spec.Devices.RestartOnNewDevice = true
	f.launchedAt(data, noon.Add(-time.Hour))
	for _, host := range []string{"node1", "node2"} {
		f.device(host, v1alpha1.DeviceData)
	}
	f.inventory = f.found().Devices
	for i := range f.inventory[3:] {
		f.inventory[3+i].AppearedAt = noon.Add(-time.Minute)
	}
	for _, host := range []string{"node1", "node2", "node3"} {
		f.reporting(host)
	}
	return f
}

// launchedAt gives all tasks of the kind ids that tell when they were launched.
func (f *fixture) launchedAt(k kind, at time.Time) {
	for _, host := range []string{"node1", "node2", "node3"} {
		x := f.find(k, host)
		delete(f.snap.Tasks, x.ID)
		x.ID = quobyte.NewTaskID(services[k], host, f.hashOf(k), quobyte.NewNonce(at, "0123456"+host[4:]))
		f.snap.Tasks[x.ID] = x
	}
}

func TestRestartForANewDevice(t *testing.T) {
	f := renewing(t)
	r := f.plan()
	wantList(t, "kills", kills(r), "data node1")
	wantText(t, r.Kills[0].Cause, "restart for the new device "+f.inventory[3].Object.Name)
	wantText(t, waits(t, r, data, "node2"), "its restart for a new device waits for data on node1, which is")
	if r.Phase != PhaseReady {
		t.Errorf("phase %s: all runs as wanted", r.Phase)
	}
}

func TestNoRestartForANewDevice(t *testing.T) {
	for name, change := range map[string]func(f *fixture){
		"switched off":   func(f *fixture) { f.cluster.Spec.Devices.RestartOnNewDevice = false },
		"nobody probes":  func(f *fixture) { f.prober = nil },
		"launched since": func(f *fixture) { f.launchedAt(data, noon.Add(-time.Minute)) },
		"of the future": func(f *fixture) {
			f.inventory[3].AppearedAt, f.inventory[4].AppearedAt = noon.Add(time.Second), noon.Add(time.Hour)
		},
		"not confirmed":   func(f *fixture) { f.inventory[3].Confirmed, f.inventory[4].Confirmed = false, false },
		"not wanted":      func(f *fixture) { f.inventory[3].Wanted, f.inventory[4].Wanted = false, false },
		"of another type": func(f *fixture) { f.inventory[3].Types, f.inventory[4].Types = allTypes[:2], allTypes[:2] },
		"suspended":       func(f *fixture) { f.cluster.Spec.Suspend = true },
		"another is away": func(f *fixture) { f.find(data, "node3").State = mesos.TASK_UNREACHABLE },
		"unknown when":    func(f *fixture) { f.age(data); f.unage(data) },
	} {
		t.Run(name, func(t *testing.T) {
			f := renewing(t)
			change(f)
			for _, k := range f.plan().Kills {
				if k.Service != quobyte.ProberService {
					t.Errorf("kills %+v", k)
				}
			}
		})
	}
}

// unage gives tasks the wanted spec, and nonces without a time.
func (f *fixture) unage(k kind) {
	for _, t := range f.snap.Tasks {
		if id, _ := quobyte.ParseTaskID(t.ID); id.Service == services[k] {
			delete(f.snap.Tasks, t.ID)
			t.ID = quobyte.NewTaskID(id.Service, id.HostKey, f.hashOf(k), "6f6e0b0e-3d1c")
			f.snap.Tasks[t.ID] = t
		}
	}
}

// An update comes first, and does the same.
func TestUpdatesGoBeforeNewDevices(t *testing.T) {
	f := renewing(t)
	f.age(webconsole)
	f.offer(f.snap.Agents["agent-node2"], "*", large()...)
	wantList(t, "kills", kills(f.plan()), "webconsole node2")
	f = renewing(t)
	f.age(data)
	r := f.plan()
	wantList(t, "kills", kills(r), "data node1")
	wantText(t, r.Kills[0].Cause, "update to")
	wantText(t, waits(t, r, data, "node2"), "its update waits")
}

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

// A disk that turns up just after its service was launched, within the same second, is
// not known to it; one that was there just before is.
func TestNewDeviceInTheSecondOfTheLaunch(t *testing.T) {
	f := renewing(t)
	f.inventory = f.inventory[:4]
	f.inventory[3].AppearedAt = noon.Add(-time.Minute)
	f.launchedAt(data, noon.Add(-time.Minute-20*time.Millisecond))
	wantList(t, "launched before", kills(f.plan()), "data node1")
	f.launchedAt(data, noon.Add(-time.Minute+20*time.Millisecond))
	wantList(t, "launched since", kills(f.plan()))
}
