package plan

import (
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// TestUpdateOrder replaces everything by hand, one decision after the other.
func TestUpdateOrder(t *testing.T) {
	f := threeHosts(t)
	f.age(registry, metadata, data, api, webconsole)
	order := []string{
		"registry node1", "registry node2", "registry node3", "metadata node1", "metadata node2", "metadata node3",
		"data node1", "data node2", "data node3", "api node1", "webconsole node2",
	}
	for _, want := range order {
		r := f.plan()
		wantList(t, "kills", kills(r), want)
		if len(r.Kills) != 1 {
			t.Fatal("stuck")
		}
		if r.Phase != PhaseUpdating {
			t.Errorf("phase %s", r.Phase)
		}
		killed := f.snap.Tasks[r.Kills[0].TaskID]
		id, _ := quobyte.ParseTaskID(killed.ID)
		k, _ := kindOf(id.Service)

		killed.Killing = f.now
		wantList(t, "while "+want+" stops", kills(f.plan()))
		f.ended(killed, mesos.TASK_KILLED, f.now)
		wantList(t, "while "+want+" is away", kills(f.plan()))
		next := f.task(k, id.HostKey)
		next.Since = f.now
		for _, change := range []func(){
			func() { next.State, next.Launching, next.Healthy = mesos.TASK_STAGING, true, nil },
			func() { next.Launching = false },
			func() { next.State = mesos.TASK_RUNNING },
			func() { next.Healthy = no() },
		} {
			change()
			r := f.plan()
			wantList(t, "while "+want+" starts", kills(r))
			if r.Phase != PhaseUpdating {
				t.Errorf("%s: phase %s", want, r.Phase)
			}
		}
		next.Healthy = yes()
		f.now = f.now.Add(time.Second)
	}
	r := f.plan()
	wantList(t, "at the end", kills(r))
	if r.Phase != PhaseReady {
		t.Errorf("phase %s", r.Phase)
	}
}

// TestUpdateGate has three hosts whose data services are outdated, and wants
// which is stopped.
func TestUpdateGate(t *testing.T) {
	tests := map[string]struct {
		change func(f *fixture)
		want   []string
		waits  string // of data on node3
	}{
		"all well":                     {func(f *fixture) {}, []string{"data node1"}, "waits for data on node1"},
		"one is missing":               {func(f *fixture) { delete(f.snap.Tasks, f.find(data, "node2").ID) }, nil, "data on node2, which is"},
		"one is unreachable":           {func(f *fixture) { f.find(data, "node2").State = mesos.TASK_UNREACHABLE }, nil, "data on node2, which is"},
		"one is silent":                {func(f *fixture) { f.find(data, "node2").Heard = false }, nil, "data on node2, which is"},
		"one is stopping":              {func(f *fixture) { f.find(data, "node2").Killing = noon }, nil, "data on node2, which is"},
		"one is being killed by Mesos": {func(f *fixture) { f.find(data, "node2").State = mesos.TASK_KILLING }, nil, "data on node2"},
		"one is unhealthy":             {func(f *fixture) { f.find(data, "node2").Healthy = no() }, []string{"data node2"}, "data on node2"},
		"one has not been checked": {func(f *fixture) {
			x := f.find(data, "node2")
			x.Healthy, x.Steady = nil, noon
		}, []string{"data node2"}, "data on node2"},
		"one starts": {func(f *fixture) { f.find(data, "node2").State = mesos.TASK_STAGING }, []string{"data node2"}, "data on node2"},
		"one of the new spec starts": {func(f *fixture) {
			delete(f.snap.Tasks, f.find(data, "node2").ID)
			next := f.task(data, "node2")
			next.Healthy, next.Since = nil, noon
		}, nil, "data on node2"},
		"two are unhealthy, one at a time": {func(f *fixture) {
			f.find(data, "node2").Healthy = no()
			f.find(data, "node3").Healthy = no()
		}, []string{"data node2"}, "node3: runs, and its health check fails"},
		"unhealthy while another stops": {func(f *fixture) {
			f.find(data, "node1").Killing = noon
			f.find(data, "node2").Healthy = no()
		}, nil, ""},
		"unhealthy while another hangs": {func(f *fixture) {
			f.find(data, "node1").Killing = noon.Add(-3 * time.Minute)
			f.find(data, "node2").Healthy = no()
		}, []string{"data node2"}, ""},
		"unhealthy while another is away for long": {func(f *fixture) {
			delete(f.snap.Tasks, f.find(data, "node1").ID)
			f.find(data, "node2").Healthy = no()
		}, []string{"data node2"}, ""},
		"duplicates":     {func(f *fixture) { f.old(data, "node1") }, nil, "data on node1, which is"},
		"not reconciled": {func(f *fixture) { f.snap.Reconciled = false }, nil, "waits for its update to 1.1.5"},
		"not connected":  {func(f *fixture) { f.snap.Connected = false }, nil, "waits for its update to 1.1.5"},
		"suspended":      {func(f *fixture) { f.cluster.Spec.Suspend = true }, nil, "waits for its update to 1.1.5"},
		"a registry starts": {func(f *fixture) {
			r := f.find(registry, "node1")
			r.Healthy, r.Since = nil, noon
		}, nil, "waits until the update of registry is done"},
		"a registry is unhealthy": {func(f *fixture) {
			r := f.find(registry, "node1")
			r.Healthy, r.Steady = no(), noon
		}, nil, "waits until the update of registry is done"},
		"a registry ended": {func(f *fixture) { f.ended(f.find(registry, "node1"), mesos.TASK_KILLED, noon.Add(-time.Minute)) }, nil, "waits until the update of registry is done"},
		"a registry fails again and again": {func(f *fixture) {
			for range 6 { // 160 s
				f.ended(f.task(registry, "node1"), mesos.TASK_FAILED, noon.Add(-3*time.Minute))
			}
			delete(f.snap.Tasks, f.find(registry, "node1").ID)
		}, nil, "waits until the update of registry is done"},
		"a registry failed long ago": {func(f *fixture) {
			f.ended(f.find(registry, "node1"), mesos.TASK_FAILED, noon.Add(-3*time.Minute))
		}, []string{"data node1"}, ""},
		"a registry is unreachable": {func(f *fixture) { f.find(registry, "node1").State = mesos.TASK_UNREACHABLE }, []string{"data node1"}, ""},
		"a registry finds no room":  {func(f *fixture) { f.ended(f.find(registry, "node1"), mesos.TASK_GONE, noon.Add(-3*time.Minute)) }, []string{"data node1"}, ""},
		"no majority of registries": {func(f *fixture) {
			f.find(registry, "node1").State = mesos.TASK_UNREACHABLE
			f.find(registry, "node2").State = mesos.TASK_UNREACHABLE
		}, nil, "waits for 2 of 3 registries"},
		"just subscribed": {func(f *fixture) {
			f.snap.Since = noon
			f.find(registry, "node1").Heard = false
		}, nil, "waits until the update of registry is done"},
		"an agent without its barrier": {func(f *fixture) { f.snap.Agents["agent-node1"].Behind = false }, []string{"data node2"}, ""},
		"an agent that left":           {func(f *fixture) { delete(f.snap.Agents, "agent-node1") }, []string{"data node2"}, ""},
		"two agents of a name":         {func(f *fixture) { f.snap.Agents["x"] = f.agent("node1"); f.agent("node1").ID = "y" }, []string{"data node2"}, ""},
		"outside the placement":        {func(f *fixture) { f.cluster.Spec.Placement.Hosts = []string{"node2", "node3"} }, []string{"data node2"}, ""},
		"in maintenance": {func(f *fixture) {
			f.offer(f.snap.Agents["agent-node1"], "*", large()...).Unavailability = window(noon, time.Hour)
			f.cluster.Spec.Services.API.Instances = 2 // one is missing, so that the host is not drained
		}, []string{"data node2"}, ""},
		"unclaimed":                {func(f *fixture) { f.devices = f.devices[1:] }, []string{"data node2"}, ""},
		"outdated and unreachable": {func(f *fixture) { f.find(data, "node1").State = mesos.TASK_UNREACHABLE }, nil, "data on node1, which is"},
		"legacy": {func(f *fixture) {
			delete(f.snap.Tasks, f.find(data, "node1").ID)
			f.addTask("quobyte-data-node1", "node1").Healthy = nil
		}, []string{"data node1"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := threeHosts(t)
			f.age(data)
			test.change(f)
			r := f.plan()
			wantList(t, "kills", kills(r), test.want...)
			if test.waits != "" {
				wantText(t, waits(t, r, data, "node3"), test.waits)
			}
		})
	}
}

func TestUpdateWhatCannotComeBackHoldsUpNobody(t *testing.T) {
	f := threeHosts(t)
	f.age(data, api)
	f.cluster.Spec.Placement.Hosts = []string{"node9"}
	f.node("node9")
	wantList(t, "kills", kills(f.plan()), "api node1") // it can run on node9
	f.snap.Agents["agent-node9"].Offers = nil
	wantList(t, "kills", kills(f.plan()))
}

func TestRegistryMajority(t *testing.T) {
	build := func(n int) *fixture {
		f := newFixture(t)
		for _, host := range []string{"node1", "node2", "node3", "node4", "node5"}[:n] {
			f.agent(host)
			f.device(host, isRegistry)
			f.old(registry, host)
		}
		return f
	}
	tests := []struct {
		registries, down int
		maxUnavailable   int
		want             int // stops
		atRisk           bool
	}{
		{1, 0, 1, 1, true}, {2, 0, 1, 1, true}, {2, 1, 1, 0, false}, {2, 1, 5, 0, false},
		{3, 0, 1, 1, false}, {3, 1, 1, 0, false}, {3, 1, 5, 0, false}, {3, 0, 5, 1, false},
		{5, 0, 5, 2, false}, {5, 1, 5, 1, false}, {5, 2, 5, 0, false},
	}
	for _, test := range tests {
		f := build(test.registries)
		for i := range test.down {
			f.find(registry, []string{"node1", "node2"}[i]).State = mesos.TASK_UNREACHABLE
		}
		p := newPass(Input{Now: f.now, Cluster: f.cluster, Inventory: f.found(), Mesos: f.snap})
		p.in.Cluster.Spec.Update.MaxUnavailable = intstr.FromInt(test.maxUnavailable)
		r := p.run()
		if len(r.Kills) != test.want {
			t.Errorf("%+v: kills %v", test, kills(r))
		}
		for _, k := range r.Kills {
			if k.QuorumAtRisk != test.atRisk {
				t.Errorf("%+v: at risk %v", test, k.QuorumAtRisk)
			}
		}
	}
}

// TestMajorityCountsUnclaimed wants registries without device objects to count:
// they vote.
func TestMajorityCountsUnclaimed(t *testing.T) {
	f := threeHosts(t)
	f.age(registry)
	f.devices = f.devices[:1]
	r := f.plan()
	wantList(t, "kills", kills(r), "registry node1")
	if r.Kills[0].QuorumAtRisk {
		t.Error("three registries run")
	}
	f.find(registry, "node3").State = mesos.TASK_UNREACHABLE
	wantList(t, "kills with one away", kills(f.plan()))
}

// TestMajorityCountsMissing has a registry end because its disk has gone: the two that
// are left are the majority of three, until a person says that it is gone for good.
func TestMajorityCountsMissing(t *testing.T) {
	for _, phase := range []v1alpha1.DevicePhase{v1alpha1.PhaseMissing, v1alpha1.PhaseReplaced} {
		for name, change := range map[string]func(f *fixture){
			"update":      func(f *fixture) { f.age(registry) },
			"maintenance": func(f *fixture) { f.leave("node1", noon) },
			"leaving":     func(f *fixture) { f.inventory[0].Wanted, f.inventory[0].Leaving = false, "its device was deleted" },
		} {
			f := newFixture(t)
			for _, host := range []string{"node1", "node2", "node3"} {
				f.agent(host)
				f.device(host, isRegistry)
				f.task(registry, host)
			}
			f.inventory = f.found().Devices
			d := &f.inventory[2]
			d.Wanted, d.Claims, d.Phase = false, true, phase
			f.ended(f.find(registry, "node3"), mesos.TASK_FAILED, noon.Add(-time.Hour))
			change(f)
			r := f.plan()
			wantList(t, name+": kills", kills(r))
			if said := waits(t, r, registry, "node1") + maintenanceOf(r, "node1").Message; !strings.Contains(said, "of 3 registries 2 must stay available, and 2 are") {
				t.Errorf("%s: %s", name, said)
			}
			d.Claims, d.Leaving = false, "its device was deleted"
			if r = f.plan(); len(r.Kills) != 1 || !r.Kills[0].QuorumAtRisk {
				t.Errorf("%s, when it is deleted: kills %+v", name, r.Kills)
			}
		}
	}
}

// TestUncheckedSinceTheSubscription has an operator that starts anew, and to which Mesos
// has told of no health yet: what it did not launch may serve.
func TestUncheckedSinceTheSubscription(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Version = "1.1.6"
	l.cluster.Spec.Update.MaxUnavailable = intstr.FromString("100%")
	l.restartOperator()
	for _, x := range l.snap.Tasks {
		x.Healthy = nil
	}
	wantList(t, "kills", kills(l.plan()))
	l.find(registry, "node2").Healthy = yes()
	wantList(t, "kills with one available", kills(l.plan()))
	l.find(registry, "node1").Healthy = yes()
	wantList(t, "kills with two available", kills(l.plan()), "registry node3")
	l.now = l.now.Add(10 * time.Minute) // the check of the third does not report
	wantList(t, "kills", kills(l.plan()), "registry node3")
}

// TestUncheckedOfUnknownSpec has tasks that no health check reports on, whose specs are
// not stored any more, and a spec that asks for checks: they may serve, and are not stopped
// past the gate. When they have run for long they do.
func TestUncheckedOfUnknownSpec(t *testing.T) {
	f := threeHosts(t)
	f.age(registry, metadata, data)
	for _, host := range []string{"node1", "node2", "node3"} {
		for k := range s3 {
			x := f.find(k, host)
			x.Healthy, x.Steady = nil, noon
		}
	}
	r := f.plan()
	wantList(t, "kills", kills(r))
	wantText(t, waits(t, r, registry, "node2"), "waits for its first health check")
	f.now = noon.Add(10 * time.Minute)
	if r.Recheck.After(f.now) {
		t.Errorf("looks again at %s", r.Recheck)
	}
	wantList(t, "kills", kills(f.plan()), "registry node1")
	f.find(registry, "node2").State = mesos.TASK_LOST
	wantList(t, "kills with one away", kills(f.plan()))

	f.find(registry, "node2").State = mesos.TASK_RUNNING
	was := quobyte.SpecOf(f.cluster, quobyte.Registry)
	f.specs = map[SpecKey]quobyte.Spec{{Service: quobyte.Registry, Hash: "oldhash"}: was}
	wantText(t, waits(t, f.plan(), registry, "node2"), "waits for its first health check")
	was.Health.Off = true
	f.specs = map[SpecKey]quobyte.Spec{{Service: quobyte.Registry, Hash: "oldhash"}: was}
	wantText(t, waits(t, f.plan(), registry, "node2"), "its update waits for registry on node1, which is")
}

func TestUpdateCause(t *testing.T) {
	f := threeHosts(t)
	f.age(registry)
	if got := f.plan().Kills[0].Cause; got != "update to 1.1.5" {
		t.Error(got)
	}
	r := Plan(Input{Now: f.now, Cluster: f.cluster, Inventory: f.found(), Mesos: f.snap,
		Specs: map[SpecKey]quobyte.Spec{{Service: quobyte.Registry, Hash: "oldhash"}: {Version: "1.1.5"}}})
	if got := r.Kills[0].Cause; got != "update of its settings" {
		t.Error(got)
	}
}
