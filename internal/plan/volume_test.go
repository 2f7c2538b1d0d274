package plan

import (
	"slices"
	"strings"
	"testing"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/probe"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

const volumeID = "quobyte-uid7"

// mount is a MOUNT disk as an agent offers it.
func mount(root string) mesos.Resource {
	r := scalar("disk", 4000)
	r.Disk = &mesos.Resource_DiskInfo{Source: &mesos.Resource_DiskInfo_Source{
		Type: mesos.Resource_DiskInfo_Source_MOUNT, Mount: &mesos.Resource_DiskInfo_Source_Mount{Root: &root}}}
	return r
}

// forDevice is the disk reserved for a device of the cluster.
func forDevice(name string, r mesos.Resource) mesos.Resource {
	return dynamic(quobyte.Owner{Cluster: "storage/quobyte", Device: name}.Labels(), r)
}

// persistent is the volume with the id on a disk.
func persistent(id string, r mesos.Resource) mesos.Resource {
	principal := "keeper"
	r.Disk = &mesos.Resource_DiskInfo{
		Persistence: &mesos.Resource_DiskInfo_Persistence{ID: id, Principal: &principal},
		Volume:      &mesos.Volume{ContainerPath: "devices-" + id, Mode: mesos.RW.Enum()}, Source: r.Disk.Source}
	return r
}

func created() mesos.Resource { return persistent(volumeID, forDevice("disk7", mount("/mnt/disk7"))) }

// diskOn is a device of the type DATA on a MOUNT disk of node1.
func diskOn(t *testing.T) (*fixture, *v1alpha1.QuobyteDevice, *mesosbridge.Agent) {
	f := reserving(newFixture(t))
	f.cluster.Spec.Services.API.Instances, f.cluster.Spec.Services.Webconsole.Instances = 0, 0
	d := f.device("node1", v1alpha1.DeviceData)
	d.Name, d.UID, d.Spec.Path = "disk7", types.UID("uid7"), "/mnt/disk7"
	d.Spec.ReclaimPolicy = v1alpha1.ReclaimRetain
	d.Spec.Source = &v1alpha1.DeviceSource{MesosDisk: v1alpha1.MesosDisk{Root: "/mnt/disk7"}}
	return f, d, f.agent("node1")
}

// disks as "CREATE quobyte-uid7", in order.
func disks(r Result) []string {
	var out []string
	for _, o := range r.Operations {
		op := &o.Operation
		named := slices.Concat(op.GetReserve().GetResources(), op.GetUnreserve().GetResources(), op.GetCreate().GetVolumes(), op.GetDestroy().GetVolumes())
		for i := range named {
			if named[i].Disk == nil {
				continue
			}
			by := "nobody"
			if n := len(named[i].Reservations); n > 0 {
				owner, _ := quobyte.OwnerOf(named[i].Reservations[n-1].Labels)
				by = owner.Device
			}
			out = append(out, strings.TrimSpace(op.Type.String()+" "+mountRoot(&named[i])+" for "+by+" "+named[i].Disk.GetPersistence().GetID()))
		}
	}
	return out
}

const (
	reserveDisk   = "RESERVE /mnt/disk7 for disk7"
	createDisk    = "CREATE /mnt/disk7 for disk7 " + volumeID
	destroyDisk   = "DESTROY /mnt/disk7 for disk7 " + volumeID
	unreserveDisk = "UNRESERVE /mnt/disk7 for disk7"
)

func TestVolumeIsCreated(t *testing.T) {
	refused := func(f *fixture, t mesos.Offer_Operation_Type) {
		f.snap.EndedOperations = append(f.snap.EndedOperations, &mesosbridge.OperationState{
			AgentID: "agent-node1", Type: t, State: mesos.OPERATION_ERROR, Message: "no", Since: noon.Add(-lastRetry / 2)})
	}
	tests := map[string]struct {
		disk    mesos.Resource
		change  func(*fixture, *v1alpha1.QuobyteDevice)
		disks   []string
		state   string
		message string
	}{
		"on a free disk":       {mount("/mnt/disk7"), nil, []string{reserveDisk, createDisk}, VolumeCreating, "its volume is being created"},
		"on one of its own":    {forDevice("disk7", mount("/mnt/disk7")), nil, []string{createDisk}, VolumeCreating, "its volume is being created"},
		"on one of the role":   {reserved("quobyte", mount("/mnt/disk7")), nil, []string{"CREATE /mnt/disk7 for  " + volumeID}, VolumeCreating, "its volume is being created"},
		"not on another disk":  {mount("/mnt/disk70"), nil, nil, "", "node1 offers no MOUNT disk with root /mnt/disk7 (is it in the agent's --resources, and free for role quobyte?)"},
		"not on another's":     {dynamic(nil, mount("/mnt/disk7")), nil, nil, "", "the disk /mnt/disk7 is reserved for somebody else"},
		"not on a sibling's":   {forDevice("disk8", mount("/mnt/disk7")), nil, []string{"UNRESERVE /mnt/disk7 for disk8"}, "", "the disk /mnt/disk7 is reserved for somebody else"},
		"not over another one": {persistent("other", dynamic(nil, mount("/mnt/disk7"))), nil, nil, "", "the disk /mnt/disk7 carries the persistent volume other, which is not this device's: destroy it in Mesos if nobody needs it"},
		"not twice":            {created(), nil, nil, VolumeCreated, ""},
		"not again": {mount("/mnt/disk7"), func(_ *fixture, d *v1alpha1.QuobyteDevice) {
			d.Status.Volume = &v1alpha1.VolumeStatus{ID: volumeID, State: VolumeCreated}
		}, nil, VolumeCreated, "its volume quobyte-uid7 is gone from the agent: somebody has destroyed it; delete this object and create another one"},
		"not without reservations": {mount("/mnt/disk7"), func(f *fixture, _ *v1alpha1.QuobyteDevice) {
			f.cluster.Spec.Mesos.Reservation = v1alpha1.ReservationNone
		},
			nil, "", "source.mesosDisk needs spec.mesos.reservation Dynamic (with a role and a principal)"},
		"not while suspended": {mount("/mnt/disk7"), func(f *fixture, _ *v1alpha1.QuobyteDevice) { f.cluster.Spec.Suspend = true },
			nil, "", "its volume is not created while nothing is started"},
		"not for a refused device": {mount("/mnt/disk7"), func(_ *fixture, d *v1alpha1.QuobyteDevice) { d.Spec.Path = "/srv/disk7" },
			nil, "", "its volume is not created before the device is accepted"},
		"not before the barrier": {mount("/mnt/disk7"), func(f *fixture, _ *v1alpha1.QuobyteDevice) { f.snap.Agents["agent-node1"].Behind = false },
			nil, "", "its volume waits: node1: waits until Mesos has told which tasks run there"},
		"not where nothing may start": {mount("/mnt/disk7"), func(f *fixture, _ *v1alpha1.QuobyteDevice) { f.cluster.Spec.Placement.Hosts = []string{"node2"} },
			nil, "", "its volume waits: node1: is not in spec.placement.hosts"},
		"not when given up": {mount("/mnt/disk7"), func(_ *fixture, d *v1alpha1.QuobyteDevice) { d.Spec.State = v1alpha1.DeviceDecommissioned },
			nil, "", ""},
		"not at once when refused": {forDevice("disk7", mount("/mnt/disk7")), func(f *fixture, _ *v1alpha1.QuobyteDevice) { refused(f, mesos.Offer_Operation_CREATE) },
			nil, "", "Mesos refused to create its volume: no; next try at 12:02:30Z"},
		"nor when its disk was": {mount("/mnt/disk7"), func(f *fixture, _ *v1alpha1.QuobyteDevice) {
			refused(f, mesos.Offer_Operation_RESERVE)
			refused(f, mesos.Offer_Operation_CREATE)
		}, nil, "", "Mesos refused to reserve the disk: no; next try at 12:02:30Z"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, d, a := diskOn(t)
			f.offer(a, "quobyte", test.disk)
			if test.change != nil {
				test.change(f, d)
			}
			r := f.plan()
			wantList(t, "operations", disks(r), test.disks...)
			v := r.Devices["disk7"]
			wantText(t, v.VolumeMessage, test.message)
			state := ""
			if v.Volume != nil {
				state = v.Volume.State
			}
			wantText(t, state, test.state)
			if len(test.disks) > 0 && len(r.Declines) > 0 {
				t.Error("an offer is used and declined")
			}
			if v.Volume != nil && v.Volume.ID != volumeID {
				t.Errorf("id %s", v.Volume.ID)
			}
		})
	}
}

// A volume is destroyed when a person has given up its device with reclaimPolicy
// Delete and nothing can be using it; in no other case (rule 17).
func TestVolumeIsDestroyed(t *testing.T) {
	both := []string{destroyDisk, unreserveDisk}
	decommission := func(d *v1alpha1.QuobyteDevice) { d.Spec.State = v1alpha1.DeviceDecommissioned }
	tests := map[string]struct {
		change func(*fixture, *v1alpha1.QuobyteDevice)
		disks  []string
	}{
		"decommissioned":        {func(_ *fixture, d *v1alpha1.QuobyteDevice) { decommission(d) }, both},
		"deleted":               {func(_ *fixture, d *v1alpha1.QuobyteDevice) { deleting(d) }, both},
		"deleted while stopped": {func(f *fixture, d *v1alpha1.QuobyteDevice) { deleting(d); f.cluster.Spec.State = v1alpha1.StateStopped }, both},
		"online":                {func(*fixture, *v1alpha1.QuobyteDevice) {}, nil},
		"retained": {func(_ *fixture, d *v1alpha1.QuobyteDevice) {
			deleting(d)
			d.Spec.ReclaimPolicy = v1alpha1.ReclaimRetain
		}, nil},
		"without a policy":          {func(_ *fixture, d *v1alpha1.QuobyteDevice) { deleting(d); d.Spec.ReclaimPolicy = "" }, nil},
		"of an earlier object":      {func(_ *fixture, d *v1alpha1.QuobyteDevice) { deleting(d); d.UID = "uid8" }, nil},
		"of an object that is gone": {func(f *fixture, _ *v1alpha1.QuobyteDevice) { f.devices = nil }, nil},
		"its service runs":          {func(f *fixture, d *v1alpha1.QuobyteDevice) { deleting(d); f.task(data, "node1") }, nil},
		"its service cannot be reached": {func(f *fixture, d *v1alpha1.QuobyteDevice) {
			deleting(d)
			f.task(data, "node1").State = mesos.TASK_UNREACHABLE
		}, nil},
		"another device keeps its service": {func(f *fixture, d *v1alpha1.QuobyteDevice) { deleting(d); f.device("node1", v1alpha1.DeviceData) }, nil},
		"another service runs":             {func(f *fixture, d *v1alpha1.QuobyteDevice) { deleting(d); f.task(registry, "node1") }, both},
		"nobody knows its types": {func(f *fixture, d *v1alpha1.QuobyteDevice) {
			deleting(d)
			d.Spec.Types = nil
			f.task(registry, "node1")
		}, nil},
		"a task cannot be read":        {func(f *fixture, d *v1alpha1.QuobyteDevice) { deleting(d); f.addTask("quobyte.teapot.1", "node1") }, nil},
		"suspended":                    {func(f *fixture, d *v1alpha1.QuobyteDevice) { deleting(d); f.cluster.Spec.Suspend = true }, nil},
		"the cluster is being removed": {func(f *fixture, _ *v1alpha1.QuobyteDevice) { teardown(f) }, nil},
		"before the barrier":           {func(f *fixture, d *v1alpha1.QuobyteDevice) { deleting(d); f.snap.Agents["agent-node1"].Behind = false }, nil},
		// Mesos knows the disk by its root alone, and would empty what is there now.
		"another device is at its place": {func(f *fixture, d *v1alpha1.QuobyteDevice) {
			deleting(d)
			f.device("node1", v1alpha1.DeviceMetadata).Spec.Path = "/mnt/disk7"
		}, nil},
		"another one is out of service there": {func(f *fixture, d *v1alpha1.QuobyteDevice) {
			deleting(d)
			other := f.device("node1", v1alpha1.DeviceMetadata)
			other.Spec.Path, other.Spec.State = "/mnt/disk7", v1alpha1.DeviceDecommissioned
		}, nil},
		"its own disk is mounted": {func(f *fixture, d *v1alpha1.QuobyteDevice) {
			deleting(d)
			f.mounted("node1", probe.Mount{Path: "/mnt/disk7", Marked: true, Serial: "serial7"})
		}, both},
		"nothing is mounted": {func(f *fixture, d *v1alpha1.QuobyteDevice) { deleting(d); f.mounted("node1") }, both},
		"another disk is mounted": {func(f *fixture, d *v1alpha1.QuobyteDevice) {
			deleting(d)
			f.mounted("node1", probe.Mount{Path: "/mnt/disk7", Marked: true, Serial: "serial8"})
		}, nil},
		"what is mounted hangs": {func(f *fixture, d *v1alpha1.QuobyteDevice) {
			deleting(d)
			f.mounted("node1", probe.Mount{Path: "/mnt/disk7", Problem: "hangs"})
		}, nil},
		"nobody says what is mounted": {func(f *fixture, d *v1alpha1.QuobyteDevice) { deleting(d); f.probed() }, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, d, a := diskOn(t)
			d.Status.Serial = "serial7"
			d.Spec.ReclaimPolicy = v1alpha1.ReclaimDelete
			d.Status.Volume = &v1alpha1.VolumeStatus{ID: PersistenceID(d), State: VolumeCreated}
			f.offer(a, "quobyte", created())
			test.change(f, d)
			r := f.plan()
			wantList(t, "operations", disks(r), test.disks...)
			if v := r.Devices["disk7"]; len(test.disks) > 0 && (v.Volume.State != VolumeDestroying || v.Released) {
				t.Errorf("%+v, released %v", v.Volume, v.Released)
			}
		})
	}
}

// mounted lets the host's prober report these mounts and nothing else.
func (f *fixture) mounted(host string, mounts ...probe.Mount) {
	f.probed()
	f.reporting(host).Mounts = mounts
}

// A deleted device is let go when its volume is destroyed, or is to be kept.
func TestVolumeHoldsItsDevice(t *testing.T) {
	f, d, a := diskOn(t)
	d.Spec.ReclaimPolicy = v1alpha1.ReclaimDelete
	deleting(d)
	state := func(s string) { d.Status.Volume = &v1alpha1.VolumeStatus{ID: volumeID, State: s} }
	view := func() DeviceView { return f.plan().Devices["disk7"] }
	state(VolumeCreated)
	if view().Released {
		t.Error("released while a task has the volume")
	}
	a.Declined = map[string][]mesos.Resource{"quobyte": {created()}}
	wantList(t, "revives", f.plan().Revives, "quobyte")
	a.Declined = nil
	state(VolumeDestroying)
	if view().Released {
		t.Error("released while the volume is being destroyed")
	}
	f.offer(a, "quobyte", mount("/mnt/disk7"))
	if v := view(); !v.Released || v.Volume.State != VolumeDestroyed {
		t.Errorf("%+v, released %v", v.Volume, v.Released)
	}
	wantList(t, "never again", disks(f.plan()))
	a.Offers = nil
	state(VolumeCreated)
	d.Spec.ReclaimPolicy = v1alpha1.ReclaimRetain
	if v := view(); !v.Released {
		t.Error("a retained volume holds its device")
	} else {
		wantText(t, v.VolumeMessage, "its volume quobyte-uid7 and its data are kept (reclaimPolicy Retain)")
	}
	d.Spec.ReclaimPolicy = v1alpha1.ReclaimDelete
	delete(f.snap.Agents, a.ID)
	wantText(t, view().VolumeMessage, "its volume waits: no agent node1 is registered with Mesos; to let go of it without, set reclaimPolicy to Retain")
}

// The service starts with its volume, and waits for one that was declined.
func TestServiceTakesItsVolume(t *testing.T) {
	f, d, a := diskOn(t)
	f.device("node1", isRegistry)
	f.task(registry, "node1")
	f.offer(a, "quobyte", large()...)
	wantList(t, "without the volume", launches(f.plan()))
	d.Status.Volume = &v1alpha1.VolumeStatus{ID: volumeID, State: VolumeCreated}
	a.Declined = map[string][]mesos.Resource{"quobyte": {created()}}
	r := f.plan()
	wantList(t, "while it is declined", launches(r))
	wantList(t, "revives", r.Revives, "quobyte")
	a.Declined = nil
	f.offer(a, "quobyte", created(), persistent("other", mount("/mnt/other")))
	r = f.plan()
	wantList(t, "with the volume", launches(r), "data node1")
	volumes := slices.DeleteFunc(slices.Clone(r.Launches[0].Resources), func(r mesos.Resource) bool { return r.Disk == nil })
	if len(volumes) != 1 || volumes[0].Disk.Persistence.ID != volumeID || volumes[0].Scalar.Value != 4000 {
		t.Errorf("takes %v", volumes)
	}
	if slices.Contains(disks(r), destroyDisk) {
		t.Errorf("operations %v", disks(r))
	}
}
