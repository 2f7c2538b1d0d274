package endtoend

import (
	"fmt"
	"testing"
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/testprobers"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// serving are the ids of the tasks of services, by service and host.
func (p *probed) serving() map[string]string {
	ids := map[string]string{}
	for _, task := range p.mesos.Tasks() {
		if task.Info.Name != "prober" {
			ids[task.Info.Name+" on "+task.Host] += task.ID
		}
	}
	return ids
}

// TestNothingStopsWithoutAWord: whatever becomes of the objects and the reports of
// disks that are in use, as long as nobody says that a service is to stop.
func TestNothingStopsWithoutAWord(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 3)
	p.mountCore()
	operator := p.startAlone()
	p.applyProbed("  devices: {restartOnNewDevice: false}")
	p.awaitReadyOf(core)
	p.awaitQuiet()
	before := p.serving()
	everyPhase := func(phase v1alpha1.DevicePhase) {
		t.Helper()
		for i := 1; i <= 3; i++ {
			for _, kind := range []string{"registry", "metadata", "data"} {
				p.awaitPhase(fmt.Sprintf("%s-%d", kind, i), phase)
			}
		}
	}
	restart := func() {
		t.Helper()
		if err := operator.Kill(); err != nil {
			t.Fatal(err)
		}
		operator = p.startAlone()
	}
	for _, step := range []struct {
		what string
		do   func()
	}{
		{"all devices are gone at once, as for probers in a wrong mount namespace", func() {
			for i := 1; i <= 3; i++ {
				p.hosts.Unmount(fmt.Sprintf("node%d", i), "/mnt/registry", "/mnt/metadata", "/mnt/data")
			}
			everyPhase(v1alpha1.PhaseMissing)
			restart()
		}},
		{"they are back", func() { p.mountCore(); everyPhase(v1alpha1.PhaseOnline) }},
		{"only what is declared is to be used", func() {
			p.patch(`{"spec":{"devices":{"policy":"Declared"}}}`)
			everyPhase(v1alpha1.PhaseUnmanaged)
			restart()
		}},
		{"one is declared by its label", func() {
			p.api.Kubectl(t, "-n", p.namespace, "label", "device", "data-1", v1alpha1.LabelDiscovered+"-")
			p.awaitPhase("data-1", v1alpha1.PhaseOnline)
		}},
		{"one is declared by a manifest, and the operator dies at once", func() {
			p.api.Apply(t, p.namespace, `
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata: {name: ours}
spec: {clusterRef: {name: quobyte}, host: node2, path: /mnt/data}
`)
			p.poll("what was found to go", func() bool {
				d := p.device("data-2")
				return d == nil || d.DeletionTimestamp != nil
			}, func() string { return "" })
			p.hosts.Silence("node2", true)
			restart()
			p.awaitDeviceIs("ours", "in use", func(d *v1alpha1.QuobyteDevice) bool { return len(d.Status.Services) == 1 })
			p.awaitQuiet()
			p.hosts.Silence("node2", false)
		}},
		{"nobody probes any more", func() {
			p.patch(`{"spec":{"devices":{"policy":"Auto"},"prober":{"artifactURL":null}}}`)
			p.awaitMesos("no prober", func() bool { return p.alive("prober") == 0 })
			restart()
		}},
		{"they are probed again", func() {
			p.patch(`{"spec":{"prober":{"artifactURL":"http://files.corp/quobyte-prober"}}}`)
			p.awaitMesos("probers", func() bool { return p.alive("prober") == 3 })
		}},
		{"a new master", func() {
			p.mesos.FailoverMaster(mesostest.FailoverOptions{AgentsReturnAfter: time.Second})
			p.awaitReady()
		}},
	} {
		step.do()
		p.awaitQuiet()
		if now := p.serving(); fmt.Sprint(now) != fmt.Sprint(before) || p.killsOf() != 0 {
			t.Fatalf("%s: now %v run, before %v; %d were stopped", step.what, now, before, p.killsOf())
		}
	}
	p.awaitReady()
}

// TestDiskIsMovedWhileTheOperatorDies: there and back, and the operator dies at each
// step: no two services have the disk at a time.
func TestDiskIsMovedWhileTheOperatorDies(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 4)
	p.mountCore()
	operator := p.startAlone()
	p.applyProbed()
	p.awaitReadyOf(core)
	disk := testprobers.Disk("/mnt/data", "data-3", "DATA")
	from, to := "node3", "node4"
	for i := range 6 {
		p.remount(from, to, disk)
		// Something is stopped, started, or written.
		time.Sleep(time.Duration(i) * 150 * time.Millisecond)
		if err := operator.Kill(); err != nil {
			t.Fatal(err)
		}
		if i%2 == 1 { // it is moved back while nobody looks
			p.remount(to, from, disk)
			from, to = to, from
		}
		operator = p.startAlone()
		from, to = to, from
		if i >= 4 {
			p.awaitReady()
		}
	}
	p.awaitDeviceIs("data-3", "served where it is", func(d *v1alpha1.QuobyteDevice) bool {
		return d.Status.Host == from && d.Status.PreviousHost == "" && len(d.Status.Services) == 1 && d.Status.Services[0].Host == from
	})
	p.awaitReady()
	p.checkNoDuplicates()
	p.checkOneAtATime("data", "node3", "node4")
}

// checkOneAtATime says whether a service has run on two hosts at once.
func (p *probed) checkOneAtATime(service, a, b string) {
	p.t.Helper()
	for _, x := range p.mesos.History() {
		for _, y := range p.mesos.History() {
			if x.Info.Name == service && y.Info.Name == service && x.Host == a && y.Host == b &&
				(x.Ended.IsZero() || x.Ended.After(y.Launched)) && (y.Ended.IsZero() || y.Ended.After(x.Launched)) {
				p.t.Errorf("%s ran from %s to %s on %s and from %s to %s on %s", service,
					x.Launched, x.Ended, a, y.Launched, y.Ended, b)
			}
		}
	}
}

// TestClusterIsDeletedWhileItIsProbed: Orphan leaves all as it is, and is taken over
// again without a bootstrap device; Teardown stops the probers, too.
func TestClusterIsDeletedWhileItIsProbed(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 3)
	p.mountCore()
	p.startAlone()
	p.applyProbed("  devices: {restartOnNewDevice: false}")
	p.awaitReadyOf(core)
	p.awaitQuiet()
	before := p.serving()
	p.deleteCluster("true")
	// What the mark said has no meaning any more.
	p.hosts.Mount("node1", testprobers.Disk("/mnt/registry", "registry-1", "REGISTRY"))
	p.applyProbed("  devices: {restartOnNewDevice: false}")
	p.awaitReadyOf(core)
	p.awaitQuiet()
	if now := p.serving(); fmt.Sprint(now) != fmt.Sprint(before) || p.killsOf() != 0 {
		t.Fatalf("now %v run, before %v", now, before)
	}
	p.patch(`{"spec":{"deletionPolicy":"Teardown"}}`)
	p.deleteCluster("true")
	if n := p.alive(""); n != 0 {
		t.Errorf("%d tasks run after the teardown", n)
	}
	// Nobody is left who could stop anything for a device.
	p.api.Kubectl(t, "-n", p.namespace, "delete", "devices", "--all", "--wait=true", "--timeout=90s")
	p.awaitQuiet()
	if n := len(p.devices()); n != 0 {
		t.Errorf("%d devices of a cluster that is gone", n)
	}
}

// TestProbedFromSomeDayOn: devices that were declared, and served without probers,
// when probers come.
func TestProbedFromSomeDayOn(t *testing.T) {
	t.Parallel()
	for _, mounted := range []bool{true, false} {
		t.Run(fmt.Sprint(mounted), func(t *testing.T) {
			t.Parallel()
			p := newProbed(t, 3)
			p.startAlone()
			p.applyCluster()
			p.applyDevices(3)
			p.awaitReadyOf(3)
			p.awaitQuiet()
			before := p.serving()
			devices := p.devices()
			for i, d := range devices {
				types := make([]string, len(d.Spec.Types))
				for j, word := range d.Spec.Types {
					types[j] = string(word)
				}
				if mounted {
					p.hosts.Mount(d.Spec.Host, testprobers.Disk(d.Spec.Path, fmt.Sprintf("serial-%d", i), types...))
				}
			}
			p.patch(`{"spec":{"prober":{"artifactURL":"http://files.corp/quobyte-prober","interval":"5s"}}}`)
			want := v1alpha1.PhaseMissing
			if mounted {
				want = v1alpha1.PhaseOnline
			}
			for _, d := range devices {
				p.awaitDeviceIs(d.Name, "probed", func(d *v1alpha1.QuobyteDevice) bool {
					return d.Status.Phase == want && (d.Status.Serial != "") == mounted
				})
			}
			p.awaitQuiet()
			if now := p.serving(); fmt.Sprint(now) != fmt.Sprint(before) || p.killsOf() != 0 {
				t.Errorf("now %v run, before %v", now, before)
			}
			if n := len(p.devices()); n != len(devices) {
				t.Errorf("%d objects stand for %d disks", n, len(devices))
			}
		})
	}
}
