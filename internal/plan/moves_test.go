package plan

import (
	"slices"
	"strings"
	"testing"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// movedData is a cluster whose device on node3 was carried to node4.
func movedData(t testing.TB) (*fixture, *inventory.Device) {
	f := threeHosts(t)
	f.node("node4")
	f.cluster.Status.Bootstrapped = true
	f.inventory = f.found().Devices
	d := &f.inventory[2]
	d.Host, d.PreviousHost = "node4", "node3"
	return f, d
}

func TestMoveStopsBeforeItStarts(t *testing.T) {
	f, d := movedData(t)
	name := d.Object.Name
	left := []string{"its services have", "metadata and data have", "data has"}
	for i, stage := range []kind{registry, metadata, data} {
		r := f.plan()
		v := r.Devices[name]
		if v.PreviousHost != "node3" || v.Host != "node4" || r.Phase == PhaseReady {
			t.Errorf("phase %s, view %+v", r.Phase, v)
		}
		wantText(t, v.Summary, "moved from node3: waits until "+left[i]+" stopped there")
		wantText(t, waits(t, r, data, "node4"), "device "+name+" was moved here from node3, and data may still run for it there")
		f.ended(f.find(stage, "node3"), mesos.TASK_KILLED, f.now)
		r = f.plan()
		wantList(t, "launches", launches(r), stage.String()+" node4")
		started := f.task(stage, "node4")
		if v := r.Devices[name]; stage == data && v.PreviousHost != "" {
			t.Errorf("view %+v", v)
		}
		if v := f.plan().Devices[name]; stage == metadata && !slices.ContainsFunc(v.Tasks, func(t v1alpha1.TaskStatus) bool { return t.TaskID == started.ID }) {
			t.Errorf("nothing remembers %s: %+v", started.ID, v.Tasks)
		}
	}
}

// Of two registries one is carried away with the services beside it, and others of those
// are down that wait for a registry majority: nothing may wait for all of the disk.
func TestMovedRegistryDoesNotWaitForOtherServices(t *testing.T) {
	f := newFixture(t)
	f.node("node1")
	f.node("node2")
	f.node("node3")
	f.device("node1", allTypes...)
	f.device("node2", allTypes...)
	for k := range s3 {
		f.task(k, "node2")
	}
	f.cluster.Status.Bootstrapped = true
	f.inventory = f.found().Devices
	f.inventory[1].Host, f.inventory[1].PreviousHost = "node3", "node2"
	f.ended(f.find(registry, "node2"), mesos.TASK_KILLED, f.now)
	r := f.plan()
	wantList(t, "kills", kills(r))
	if !slices.Contains(launches(r), "registry node3") {
		t.Errorf("launches %v; the registry waits: %s", launches(r), waits(t, r, registry, "node3"))
	}
}

// The process may end as soon as it has started a service: the next one has to know
// where.
func TestMoveWaitsForItsStatus(t *testing.T) {
	f, d := movedData(t)
	for _, k := range []kind{registry, metadata, data} {
		f.ended(f.find(k, "node3"), mesos.TASK_KILLED, f.now)
	}
	d.Object.Status.Host = "node3"
	r := f.plan()
	if v := r.Devices[d.Object.Name]; len(r.Launches) > 0 || v.Host != "node4" || v.PreviousHost != "node3" {
		t.Errorf("launches %v, view %+v", launches(r), v)
	}
	d.Object.Status.Host, d.Object.Annotations = "", map[string]string{v1alpha1.AnnotationFound: "node3/mnt/a 2026-11-21T12:00:00Z"}
	wantList(t, "launches before anything is written", launches(f.plan()))
	d.Object.Status.Host = "node4"
	wantList(t, "launches", launches(f.plan()), "registry node4", "metadata node4", "data node4")
}

// Types are taken off a device that is on its way, and put back.
func TestTypesChangeDuringAMove(t *testing.T) {
	f, d := movedData(t)
	d.Object.Status.Host, d.Object.Status.PreviousHost = "node4", "node3"
	f.ended(f.find(registry, "node3"), mesos.TASK_KILLED, f.now)
	f.task(registry, "node4")
	d.Object.Status.Services = f.plan().Devices[d.Object.Name].Tasks
	d.Types = []v1alpha1.DeviceType{v1alpha1.DeviceRegistry}
	for range 3 {
		v := f.plan().Devices[d.Object.Name]
		d.Object.Status.Services, d.PreviousHost, d.Object.Status.PreviousHost = v.Tasks, v.PreviousHost, v.PreviousHost
	}
	d.Types = allTypes
	r := f.plan()
	wantList(t, "launches", launches(r))
	wantList(t, "kills", kills(r), "metadata node3", "data node3")
}

func TestMoveStopsThroughTheGate(t *testing.T) {
	f, _ := movedData(t)
	r := f.plan()
	wantList(t, "kills", kills(r), "registry node3", "metadata node3", "data node3")
	wantText(t, r.Kills[0].Cause, "its device was moved to node4")
	f.find(data, "node1").Healthy = no()
	r = f.plan()
	wantList(t, "kills", kills(r), "registry node3", "metadata node3")
	wantText(t, waits(t, r, data, "node3"), "its device was moved to node4, and stopping it waits for data on node1, which is not available")
}

// A registry that has stopped where its disk was is down until it runs where it is,
// also while another service of the disk is still to stop.
func TestMoveIsDownInBetween(t *testing.T) {
	f, _ := movedData(t)
	f.ended(f.find(registry, "node3"), mesos.TASK_KILLED, f.now)
	f.cluster.Spec.Version = "1.1.6"
	r := f.plan()
	for _, kill := range r.Kills {
		if kill.Service == "registry" {
			t.Errorf("registry on %s is stopped (%s), and another is between two hosts", kill.Host, kill.Cause)
		}
	}
	wantText(t, waits(t, r, registry, "node1"), "registry on node4, which is not available")
}

// TestDisksThatChangePlacesWhileARegistryIsDown: before the statuses tell of the new places
// the disk of the one that is down counts, though the other one's registry runs where it is
// now.
func TestDisksThatChangePlacesWhileARegistryIsDown(t *testing.T) {
	for state, waited := range map[mesos.TaskState]string{
		mesos.TASK_FAILED:      "registry of a device on its way to node3, which is not available",
		mesos.TASK_UNREACHABLE: "registry of a device on its way to node3, which is not available",
	} {
		l := liveCluster(t)
		if old := l.find(registry, "node1"); state == mesos.TASK_FAILED {
			l.ended(old, state, l.now)
		} else {
			old.State = state
		}
		l.snap.Agents["agent-node1"].Offers = nil
		devices := foundAll(l.devices).Devices
		for i, to := range map[int]string{0: "node3", 2: "node1"} {
			d := &devices[i]
			d.Object = d.Object.DeepCopy()
			d.Object.Status.Host, d.PreviousHost, d.Host = d.Host, d.Host, to
		}
		l.inventory = devices
		r := l.plan()
		for _, kill := range r.Kills {
			if kill.Service == quobyte.Registry {
				t.Errorf("%s: registry on %s is stopped, quorum at risk: %v", state, kill.Host, kill.QuorumAtRisk)
			}
		}
		wantText(t, waits(t, r, registry, "node3"), waited)
	}
}

func TestMoveLeavesTheServiceToOthers(t *testing.T) {
	f, _ := movedData(t)
	f.inventory = append(f.inventory, found(f.device("node3", allTypes...)))
	d := &f.inventory[2]
	for name, change := range map[string]func(d *inventory.Device){
		"wanted":  func(*inventory.Device) {},
		"missing": func(d *inventory.Device) { d.Wanted, d.Claims, d.Phase = false, true, v1alpha1.PhaseMissing },
	} {
		change(&f.inventory[3])
		r := f.plan()
		wantList(t, name+": kills", kills(r))
		wantList(t, name+": launches", launches(r), "registry node4", "metadata node4", "data node4")
		if v := r.Devices[d.Object.Name]; v.PreviousHost != "" {
			t.Errorf("%s: view %+v", name, v)
		}
	}
}

// A registry that another device keeps on the old host is one member, and no second one
// for the device that was carried on.
func TestMoveFromAHostWhoseRegistryIsDown(t *testing.T) {
	f, d := movedData(t)
	f.inventory = append(f.inventory, found(f.device("node3", allTypes...)))
	d.Object.Status.Host = "node3" // nothing starts on node4 before that is written
	f.offer(f.snap.Agents["agent-node3"], "*", large()...)
	f.ended(f.find(registry, "node3"), mesos.TASK_KILLED, f.now)
	f.ended(f.find(metadata, "node3"), mesos.TASK_KILLED, f.now)
	wantList(t, "launches", launches(f.plan()), "registry node3", "metadata node3")
}

func TestMoveWaitsForWhatTheStatusRemembers(t *testing.T) {
	f, d := movedData(t)
	remembered := f.find(data, "node3")
	delete(f.snap.Tasks, f.find(registry, "node3").ID)
	delete(f.snap.Tasks, f.find(metadata, "node3").ID)
	delete(f.snap.Tasks, remembered.ID)
	f.snap.Agents["agent-node3"].Registered = false
	d.Object.Status.Services = []v1alpha1.TaskStatus{{Service: "data", TaskID: remembered.ID, Host: "node3", AgentID: "agent-node3"}}
	wantList(t, "launches, and data on node3 may run", launches(f.plan()), "registry node4", "metadata node4")
	f.cluster.Annotations = map[string]string{v1alpha1.AnnotationGoneAgents: "agent-node3"}
	wantList(t, "launches", launches(f.plan()), "registry node4", "metadata node4", "data node4")
}

// Two disks that change places wait for one another's services, and not for ever.
func TestDisksThatChangePlaces(t *testing.T) {
	f := newFixture(t)
	for _, host := range []string{"node1", "node2"} {
		f.node(host)
		f.device(host, v1alpha1.DeviceData)
		f.task(data, host)
	}
	f.inventory = f.found().Devices
	f.inventory[0].Host, f.inventory[0].PreviousHost = "node2", "node1"
	f.inventory[1].Host, f.inventory[1].PreviousHost = "node1", "node2"
	r := f.plan()
	wantList(t, "kills", kills(r), "data node1")
	f.ended(f.find(data, "node1"), mesos.TASK_KILLED, f.now)
	r = f.plan()
	wantList(t, "kills", kills(r))
	for name, v := range r.Devices {
		if v.PreviousHost != "" {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// Of disks that change places one service is started on both hosts, while another one has
// still to stop: what was started is not in the way of the other disk.
func TestDisksThatChangePlacesAreServedOneByOne(t *testing.T) {
	f := newFixture(t)
	for _, host := range []string{"node1", "node2"} {
		f.node(host)
		f.device(host, v1alpha1.DeviceRegistry, v1alpha1.DeviceMetadata)
		f.task(registry, host)
	}
	for _, host := range []string{"node3", "node4"} {
		f.node(host)
		f.device(host, v1alpha1.DeviceRegistry)
		f.task(registry, host)
	}
	f.cluster.Status.Bootstrapped = true
	f.inventory = f.found().Devices
	for i, hosts := range [][2]string{{"node2", "node1"}, {"node1", "node2"}} {
		d := &f.inventory[i]
		d.Host, d.PreviousHost = hosts[0], hosts[1]
	}
	r := f.plan()
	wantList(t, "launches", launches(r), "metadata node1", "metadata node2")
	for i := range f.inventory {
		o := f.inventory[i].Object
		o.Status.PreviousHost, o.Status.MovedServices = r.Devices[o.Name].PreviousHost, r.Devices[o.Name].Moved
	}
	for _, l := range r.Launches {
		f.addTask(quobyte.NewTaskID(quobyte.Metadata, l.Host, l.Hash, quobyte.NewNonce(f.now, "00000001")), l.Host)
	}
	for _, k := range f.plan().Kills {
		if k.Service == quobyte.Metadata {
			t.Errorf("%s on %s is stopped: %s", k.Service, k.Host, k.Cause)
		}
	}
}

func TestDecommissioning(t *testing.T) {
	f := threeHosts(t)
	d := f.devices[2]
	d.Spec.State = v1alpha1.DeviceDecommissioned
	r := f.plan()
	wantList(t, "kills", kills(r), "registry node3", "metadata node3", "data node3")
	v := r.Devices[d.Name]
	if v.Phase != v1alpha1.PhaseDecommissioning || v.Released || len(v.Tasks) != 3 {
		t.Errorf("%+v", v)
	}
	for k := range s3 {
		f.ended(f.find(k, "node3"), mesos.TASK_KILLED, f.now)
	}
	f.snap.Connected = false
	if v := f.plan().Devices[d.Name]; v.Phase != v1alpha1.PhaseDecommissioning {
		t.Errorf("decommissioned without a connection: %+v", v)
	}
	f.snap.Connected = true
	if v := f.plan().Devices[d.Name]; v.Phase != v1alpha1.PhaseDecommissioned || v.Released || len(v.Tasks) > 0 {
		t.Errorf("%+v", v)
	}
}

func TestDecommissionedAtOnceBesideAnother(t *testing.T) {
	f := threeHosts(t)
	d := f.device("node3", v1alpha1.DeviceData)
	d.Spec.State = v1alpha1.DeviceDecommissioned
	r := f.plan()
	wantList(t, "kills", kills(r))
	if v := r.Devices[d.Name]; v.Phase != v1alpha1.PhaseDecommissioned || len(v.Tasks) > 0 {
		t.Errorf("%+v", v)
	}
}

// However they are, registries stop for good one after the other.
func TestRegistriesLeaveOneByOne(t *testing.T) {
	f := newFixture(t)
	for _, host := range []string{"node1", "node2", "node3", "node4", "node5"} {
		f.agent(host)
		f.device(host, v1alpha1.DeviceRegistry)
		f.task(registry, host)
	}
	for i, host := range []string{"node4", "node5"} {
		f.find(registry, host).Healthy = no()
		f.devices[3+i].Spec.State = v1alpha1.DeviceDecommissioned
	}
	r := f.plan()
	wantList(t, "kills", kills(r), "registry node4")
	wantText(t, waits(t, r, registry, "node5"), "its health check fails")
	f.find(registry, "node4").Killing = f.now
	wantList(t, "kills", kills(f.plan()))
	f.ended(f.find(registry, "node4"), mesos.TASK_KILLED, f.now)
	wantList(t, "kills", kills(f.plan()), "registry node5")
}

func TestMissingDevice(t *testing.T) {
	f := threeHosts(t)
	f.age(data)
	f.node("node3")
	f.inventory = f.found().Devices
	d := &f.inventory[2]
	d.Wanted, d.Confirmed, d.Claims, d.Phase, d.Accepted, d.Message = false, false, true, v1alpha1.PhaseMissing, false, "is missing"
	r := f.plan()
	wantList(t, "kills", kills(r), "data node1")
	i := instanceOf(t, r, data, "node3")
	if i.Unclaimed || i.Wanted {
		t.Errorf("%+v", i)
	}
	wantText(t, i.Waits, "runs for device "+d.Object.Name+", which is Missing")
	wantText(t, alert(r, AlertDeviceMissing), "device "+d.Object.Name+" is missing on node3")
	if alert(r, AlertUnclaimed) != "" {
		t.Error(alert(r, AlertUnclaimed))
	}
	for k := range s3 {
		f.ended(f.find(k, "node3"), mesos.TASK_FAILED, f.now)
	}
	wantList(t, "launches", launches(f.plan()))
}

// Of two devices one is missing and the other deleted: what runs may serve the first.
func TestMissingDeviceKeepsWhatADeletedOneLeaves(t *testing.T) {
	f := threeHosts(t)
	deleted := f.device("node3", v1alpha1.DeviceData)
	deleting(deleted)
	f.inventory = f.found().Devices
	d := &f.inventory[2]
	d.Wanted, d.Confirmed, d.Claims, d.Phase, d.Accepted = false, false, true, v1alpha1.PhaseMissing, false
	r := f.plan()
	wantList(t, "kills", kills(r))
	if !r.Devices[deleted.Name].Released {
		t.Error("the deleted device is held for nothing")
	}
}

// Somebody takes all registries out of service at once: the last one stays as long as
// services are wanted that cannot do without.
func TestTheLastRegistryStays(t *testing.T) {
	f := newFixture(t)
	for _, host := range []string{"node1", "node2"} {
		f.agent(host)
		f.device(host, v1alpha1.DeviceRegistry).Spec.State = v1alpha1.DeviceDecommissioned
		f.task(registry, host)
	}
	d := f.device("node2", v1alpha1.DeviceData)
	f.task(data, "node2")
	wantList(t, "kills", kills(f.plan()), "registry node1")
	f.ended(f.find(registry, "node1"), mesos.TASK_KILLED, f.now)
	r := f.plan()
	wantList(t, "kills", kills(r))
	wantText(t, waits(t, r, registry, "node2"), "it is the last registry")
	d.Spec.State = v1alpha1.DeviceDecommissioned
	wantList(t, "kills when nothing needs it", kills(f.plan()), "registry node2", "data node2")
}

// The only registry may move.
func TestTheLastRegistryMoves(t *testing.T) {
	f := newFixture(t)
	f.node("node1")
	f.node("node2")
	f.device("node1", v1alpha1.DeviceRegistry)
	f.device("node1", v1alpha1.DeviceData)
	f.task(registry, "node1")
	f.task(data, "node1")
	f.inventory = f.found().Devices
	f.inventory[0].Host, f.inventory[0].PreviousHost = "node2", "node1"
	wantList(t, "kills", kills(f.plan()), "registry node1")
}

// A disk that another host has is not served by its old one on what is remembered,
// however long that one's prober does not run.
func TestSeenElsewhereIsNotStartedOnMemory(t *testing.T) {
	f := threeHosts(t)
	f.cluster.Status.Bootstrapped = true
	f.probed()
	delete(f.snap.Tasks, f.find(data, "node3").ID)
	f.offer(f.snap.Agents["agent-node3"], "*", large()...)
	f.inventory = f.found().Devices
	d := &f.inventory[2]
	d.Confirmed, d.Elsewhere = false, true
	r := f.plan()
	wantList(t, "launches", servicesOf(r))
	wantText(t, waits(t, r, data, "node3"), "node3: its device of type DATA is seen on another host, and node3 does not say that it has gone")
	wantList(t, "kills", kills(r))
	// Another device asks for the service, too.
	other := found(f.device("node3", v1alpha1.DeviceData))
	other.Confirmed = false
	f.inventory = append(f.inventory, other)
	wantList(t, "launches for another device", servicesOf(f.plan()), "data node3")
	f.inventory = f.inventory[:3]
	f.inventory[2].Elsewhere = false
	wantList(t, "launches when nothing contradicts", servicesOf(f.plan()), "data node3")
}

// servicesOf are the launches of services.
func servicesOf(r Result) []string {
	return slices.DeleteFunc(launches(r), func(l string) bool { return strings.HasPrefix(l, "prober ") })
}
