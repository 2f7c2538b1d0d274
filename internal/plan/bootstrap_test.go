package plan

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
)

// fresh is a new installation of three hosts, all probed; node2 has the mark.
func fresh(t testing.TB) *fixture {
	f := newFixture(t)
	f.probed()
	for _, host := range []string{"node1", "node2", "node3"} {
		f.node(host)
		f.device(host, v1alpha1.DeviceRegistry)
		f.reporting(host)
	}
	f.inventory = f.found().Devices
	f.inventory[1].Bootstrap = true
	return f
}

func TestBootstrap(t *testing.T) {
	f := fresh(t)
	r := f.plan()
	wantList(t, "launches", launches(r), "registry node2")
	wantText(t, waits(t, r, registry, "node1"), "waits for the registry on node2 (device.bootstrap) to run")
	if r.Bootstrapped {
		t.Error("bootstrapped before anything ran")
	}
	x := f.task(registry, "node2")
	for _, stage := range []func(){
		func() { x.State, x.Healthy, x.Launching = mesos.TASK_STAGING, nil, true },
		func() { x.State, x.Launching = mesos.TASK_RUNNING, false },
		func() { x.Healthy = no() },
	} {
		stage()
		r := f.plan()
		wantList(t, "launches", launches(r))
		if r.Bootstrapped {
			t.Errorf("bootstrapped with %+v", x)
		}
	}
	x.Healthy = yes()
	r = f.plan()
	wantList(t, "launches", launches(r), "registry node1", "registry node3")
	if !r.Bootstrapped {
		t.Error("not bootstrapped")
	}
}

// What failed before it served is tried again, and alone.
func TestBootstrapThatFails(t *testing.T) {
	f := fresh(t)
	f.ended(f.task(registry, "node2"), mesos.TASK_FAILED, noon.Add(-time.Minute))
	r := f.plan()
	wantList(t, "launches", launches(r), "registry node2")
	if r.Bootstrapped {
		t.Error("bootstrapped")
	}
}

func TestBootstrapDoesNotBegin(t *testing.T) {
	for name, test := range map[string]struct {
		change       func(f *fixture)
		reason, says string
	}{
		"no mark": {func(f *fixture) { f.inventory[1].Bootstrap = false }, v1alpha1.ReasonNoBootstrap,
			"kubectl annotate quobytecluster quobyte mesos.quobyte.com/bootstrapped=true. Registry devices are dev-002 (node1, /mnt/dev-002), "},
		"two marks": {func(f *fixture) { f.inventory[2].Bootstrap = true }, v1alpha1.ReasonManyBootstraps,
			"2 registry devices carry device.bootstrap: "},
		"a second mark that is only remembered": {func(f *fixture) {
			f.inventory[2].Bootstrap, f.inventory[2].Confirmed = true, false
		}, v1alpha1.ReasonManyBootstraps, "2 registry devices"},
		"the mark is only remembered": {func(f *fixture) { f.inventory[1].Confirmed = false }, "", "waits for the word of node2's prober: device.bootstrap was last seen there"},
		"a host is silent": {func(f *fixture) {
			f.hosts["node3"].Report = nil
			f.snap.Since = noon.Add(-time.Minute)
		}, "", "waits until all hosts have been probed"},
	} {
		t.Run(name, func(t *testing.T) {
			f := fresh(t)
			test.change(f)
			r := f.plan()
			wantList(t, "launches", launches(r))
			wantText(t, waits(t, r, registry, "node1"), test.says)
			if test.reason != "" {
				wantText(t, alert(r, test.reason), test.says)
			} else if len(r.Alerts) > 0 {
				t.Errorf("%+v", r.Alerts)
			}
		})
	}
}

func TestBootstrapWaitsForSilentHostsSoLong(t *testing.T) {
	f := fresh(t)
	f.hosts["node3"].Report = nil
	f.snap.Since = noon.Add(-2 * time.Minute)
	wantList(t, "launches", launches(f.plan()), "registry node2")
	f.snap.Since = noon
	f.cluster.Spec.Placement.Hosts = []string{"node1", "node2"} // node3 may hold none
	wantList(t, "launches", launches(f.plan()), "registry node2")
}

// Where a registry ever ran, the mark has no meaning.
func TestNoBootstrapWhereOneRan(t *testing.T) {
	for name, change := range map[string]func(f *fixture, in *Input){
		"status": func(f *fixture, _ *Input) { f.cluster.Status.Bootstrapped = true },
		"kept":   func(_ *fixture, in *Input) { in.Bootstrapped = true },
		"task":   func(f *fixture, _ *Input) { f.task(registry, "node9").State = mesos.TASK_UNREACHABLE },
		"end":    func(f *fixture, _ *Input) { f.ended(f.task(registry, "node9"), mesos.TASK_KILLED, noon) },
		"status of tasks": func(f *fixture, _ *Input) {
			f.cluster.Status.Tasks = []v1alpha1.TaskStatus{{Service: "registry", Host: "node9"}}
		},
		"status of device": func(f *fixture, _ *Input) {
			f.devices[0].Status.Services = []v1alpha1.TaskStatus{{Service: "registry", Host: "node1"}}
		},
		"nobody probes": func(_ *fixture, in *Input) { in.Probing, in.Prober = false, nil },
	} {
		t.Run(name, func(t *testing.T) {
			f := fresh(t)
			f.inventory[1].Bootstrap = false
			in := f.input()
			change(f, &in)
			r := Plan(in)
			wantList(t, "launches", launches(r), "registry node1", "registry node2", "registry node3")
			if want := name != "nobody probes"; r.Bootstrapped != want {
				t.Errorf("bootstrapped: %v", r.Bootstrapped)
			}
		})
	}
}

// A second marked device may be among what was reported and has no object yet.
func TestBootstrapWaitsForObjectsOfWhatWasFound(t *testing.T) {
	f := fresh(t)
	for what, found := range map[string]inventory.Result{
		"found":    {Devices: f.inventory, UnlistedBootstrap: true},
		"arriving": {Devices: f.inventory, Arriving: true},
	} {
		in := f.input()
		in.Inventory = found
		r := Plan(in)
		wantList(t, what, launches(r))
		wantText(t, waits(t, r, registry, "node2"), "waits until all hosts have been probed")
	}
	wantList(t, "all have objects", launches(f.plan()), "registry node2")
}

// A person says that the installation exists, when all else is lost.
func TestNoBootstrapWhereAPersonSaysSo(t *testing.T) {
	f := fresh(t)
	f.inventory[1].Bootstrap = false
	f.cluster.Annotations = map[string]string{v1alpha1.AnnotationBootstrapped: "true"}
	r := f.plan()
	wantList(t, "launches", launches(r), "registry node1", "registry node2", "registry node3")
	if !r.Bootstrapped {
		t.Error("the word of a person is not remembered")
	}
}
