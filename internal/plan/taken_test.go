package plan

import (
	"testing"
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/probe"
)

// What these tests say of devices by hand is what the inventory says of them.
func TestFoundIsWhatTheInventoryTakes(t *testing.T) {
	f := newFixture(t)
	f.device("node1", allTypes...)
	deleting(f.device("node2", v1alpha1.DeviceData))
	f.device("node3", v1alpha1.DeviceData).Spec.State = v1alpha1.DeviceDecommissioned
	f.device("node4", v1alpha1.DeviceData).Spec.Path = "/srv/x"
	taken := inventory.Take(inventory.Input{Now: noon, Cluster: f.cluster, Devices: f.devices})
	for i, want := range f.found().Devices {
		got := taken.Devices[i]
		if got.Object != want.Object || got.Phase != want.Phase || got.Host != want.Host || got.Wanted != want.Wanted || got.Confirmed != want.Confirmed && want.Wanted ||
			got.Accepted != want.Accepted || (got.Leaving != "") != (want.Leaving != "") {
			t.Errorf("taken %+v\nfound %+v", got, want)
		}
	}
}

// From what the probers report to what is started.
func TestFromReportsToLaunches(t *testing.T) {
	f := newFixture(t)
	f.probed()
	for _, host := range []string{"node1", "node2", "node3"} {
		f.node(host)
		f.reporting(host).Mounts = []probe.Mount{{
			Path: "/mnt/a", FileSystem: "ext4", Number: "8:1", Marked: true, Serial: "serial-" + host,
			Types: []string{"REGISTRY", "METADATA", "DATA"}, Bootstrap: host == "node2",
		}}
	}
	take := func() inventory.Result {
		return inventory.Take(inventory.Input{Now: f.now, Cluster: f.cluster, Devices: f.devices, Probing: true, Hosts: f.hosts})
	}
	f.devices = take().Discovered
	for i, d := range f.devices {
		d.CreationTimestamp.Time = noon.Add(time.Duration(i) * time.Second)
	}
	f.inventory = take().Devices
	if len(f.inventory) != 3 {
		t.Fatalf("%d devices", len(f.inventory))
	}
	wantList(t, "launches", launches(f.plan()), "registry node2")
	f.task(registry, "node2")
	wantList(t, "launches", launches(f.plan()), "registry node1", "registry node3")
}
