package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// noon is when the tests take place.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// testCluster is the smallest manifest with all defaults.
func testCluster() *v1alpha1.QuobyteCluster {
	q := resource.MustParse
	c := &v1alpha1.QuobyteCluster{}
	c.Name = "quobyte"
	c.Spec = v1alpha1.QuobyteClusterSpec{
		Version:             "1.1.5",
		State:               v1alpha1.StateRunning,
		Image:               "docker-registry.corp:5000/quobyte-server",
		DeletionPolicy:      v1alpha1.DeletionOrphan,
		HostDeviceDirectory: "/mnt",
		Mesos:               v1alpha1.MesosSpec{Master: "http://master:5050", FrameworkName: "quobyte", Role: "*", User: "root"},
		Registry:            v1alpha1.RegistrySpec{Discovery: v1alpha1.DiscoveryMesosDNS, MesosDNSDomain: "mesos"},
		Ports:               v1alpha1.PortsSpec{Base: 21000, API: 8889, Webconsole: 8888, S3: 80},
		Health: v1alpha1.HealthSpec{Enabled: true, Path: "/", Interval: metav1.Duration{Duration: 15 * time.Second},
			Timeout: metav1.Duration{Duration: 20 * time.Second}, GracePeriod: metav1.Duration{Duration: 2 * time.Minute}},
	}
	c.Spec.Update = v1alpha1.UpdateSpec{Timeout: metav1.Duration{Duration: 10 * time.Minute}, OnFailure: v1alpha1.FailurePause}
	s := &c.Spec.Services
	s.Registry = v1alpha1.RegistryService{MemoryReserve: q("512Mi"), Resources: v1alpha1.RegistryResources{CPUs: q("1"), Memory: q("2084Mi"), Disk: q("32Mi")}}
	s.Metadata = v1alpha1.MetadataService{MemoryReserve: q("1Gi"), Resources: v1alpha1.MetadataResources{CPUs: q("2"), Memory: q("8Gi"), Disk: q("32Mi")}}
	s.Data = v1alpha1.DataService{MemoryReserve: q("0"), Resources: v1alpha1.DataResources{CPUs: q("4"), Memory: q("4Gi"), Disk: q("32Mi")}}
	s.API = v1alpha1.APIService{Instances: 1, MemoryReserve: q("0"), Resources: v1alpha1.APIResources{CPUs: q("100m"), Memory: q("512Mi"), Disk: q("32Mi")}}
	s.Webconsole = v1alpha1.WebconsoleService{Instances: 1, MemoryReserve: q("0"), Resources: v1alpha1.WebconsoleResources{CPUs: q("500m"), Memory: q("512Mi"), Disk: q("32Mi")}}
	s.S3 = v1alpha1.S3Service{Instances: 1, MemoryReserve: q("1536Mi"), Resources: v1alpha1.S3Resources{CPUs: q("1"), Memory: q("2Gi"), Disk: q("32Mi")}}
	return c
}

// fixture is an Input that a test builds up.
type fixture struct {
	t       testing.TB
	now     time.Time
	cluster *v1alpha1.QuobyteCluster
	devices []*v1alpha1.QuobyteDevice
	// inventory in the place of what is found of devices, when it is set.
	inventory []inventory.Device
	prober    *quobyte.Prober
	hosts     map[string]*inventory.Host
	specs     map[SpecKey]quobyte.Spec
	snap      *mesosbridge.Snapshot
	serial    int
}

func newFixture(t testing.TB) *fixture {
	return &fixture{
		t:       t,
		now:     noon,
		cluster: testCluster(),
		snap: &mesosbridge.Snapshot{
			Connected: true, Reconciled: true, Since: noon.Add(-time.Hour), FrameworkID: "f",
			Agents: map[string]*mesosbridge.Agent{}, Tasks: map[string]*mesosbridge.Task{},
		},
	}
}

func (f *fixture) plan() Result {
	f.t.Helper()
	return Plan(f.input())
}

func (f *fixture) input() Input {
	for _, a := range f.snap.Agents {
		f.hear(a)
	}
	return Input{
		Now: f.now, Cluster: f.cluster, Inventory: f.found(), Probing: f.prober != nil,
		Hosts: f.hosts, Prober: f.prober, Mesos: f.snap, Specs: f.specs,
	}
}

// hear lets the bridge know the window that an offer of the agent tells of.
func (f *fixture) hear(a *mesosbridge.Agent) {
	for _, o := range a.Offers {
		if o.Unavailability != nil {
			a.Unavailability, a.UnavailabilitySaid = o.Unavailability, o.Received
		}
	}
}

// found are all devices where they were declared, unless the test says otherwise.
func (f *fixture) found() inventory.Result {
	if f.inventory != nil {
		return inventory.Result{Devices: f.inventory}
	}
	return foundAll(f.devices)
}

func foundAll(devices []*v1alpha1.QuobyteDevice) inventory.Result {
	r := inventory.Result{Devices: make([]inventory.Device, 0, len(devices))}
	for _, d := range devices {
		r.Devices = append(r.Devices, found(d))
	}
	return r
}

// found is a device that is where it was declared.
func found(d *v1alpha1.QuobyteDevice) inventory.Device {
	v := inventory.Device{
		Object: d, Standing: inventory.Standing{
			Phase: v1alpha1.PhaseOnline, Host: d.Spec.Host, Path: d.Spec.Path, Types: d.Spec.Types,
			Serial:   d.Status.Serial,
			Accepted: true, Reason: v1alpha1.ReasonAccepted, Message: "the device takes part in the inventory",
		},
		Wanted: true, Confirmed: true,
	}
	if !strings.HasPrefix(d.Spec.Path, "/mnt/") {
		v.Wanted, v.Phase, v.Accepted, v.Reason = false, v1alpha1.PhaseConflict, false, v1alpha1.ReasonOutsideDirectory
		v.Message = "path " + d.Spec.Path + " does not lie below the cluster's hostDeviceDirectory /mnt, the only directory that the services see"
	}
	switch {
	case d.DeletionTimestamp != nil:
		v.Wanted, v.Leaving = false, "its device was deleted"
	case d.Spec.State == v1alpha1.DeviceDecommissioned:
		v.Wanted, v.Leaving = false, "its device was decommissioned"
		v.Phase, v.Accepted, v.Reason = v1alpha1.PhaseDecommissioning, false, v1alpha1.ReasonDecommissioned
	}
	return v
}

// device declares one with the types on the host.
func (f *fixture) device(host string, types ...v1alpha1.DeviceType) *v1alpha1.QuobyteDevice {
	f.serial++
	d := &v1alpha1.QuobyteDevice{}
	d.Name = fmt.Sprintf("dev-%03d", f.serial)
	d.CreationTimestamp = metav1.NewTime(noon.Add(-time.Hour + time.Duration(f.serial)*time.Second))
	d.Spec = v1alpha1.QuobyteDeviceSpec{Host: host, Path: "/mnt/" + d.Name, Types: types}
	f.devices = append(f.devices, d)
	return d
}

func deleting(d *v1alpha1.QuobyteDevice) {
	d.DeletionTimestamp = &metav1.Time{Time: noon}
}

// agent is registered and behind its barrier, and offers nothing.
func (f *fixture) agent(host string) *mesosbridge.Agent {
	a := &mesosbridge.Agent{ID: "agent-" + host, Host: host, Registered: true, Behind: true}
	f.snap.Agents[a.ID] = a
	return a
}

// offer adds an offer to the agent.
func (f *fixture) offer(a *mesosbridge.Agent, role string, resources ...mesos.Resource) *mesosbridge.Offer {
	f.serial++
	for i := range resources {
		resources[i].AllocationInfo = &mesos.Resource_AllocationInfo{Role: &role}
	}
	o := &mesosbridge.Offer{ID: fmt.Sprintf("offer-%03d", f.serial), AgentID: a.ID, Host: a.Host, Role: role, Resources: resources, Received: f.now}
	a.Offers = append(a.Offers, o)
	return o
}

// node is an agent with a large offer.
func (f *fixture) node(host string) *mesosbridge.Agent {
	a := f.agent(host)
	f.offer(a, "*", large()...)
	return a
}

func large() []mesos.Resource {
	return []mesos.Resource{scalar("cpus", 16), scalar("mem", 65536), scalar("disk", 10000), portRange(20000, 22000), portRange(8000, 9000), portRange(80, 80)}
}

func scalar(name string, value float64) mesos.Resource {
	return mesos.Resource{Name: name, Type: mesos.SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: value}}
}

func portRange(begin, end uint64) mesos.Resource {
	return mesos.Resource{Name: "ports", Type: mesos.RANGES.Enum(), Ranges: &mesos.Value_Ranges{Range: []mesos.Value_Range{{Begin: begin, End: end}}}}
}

func reserved(role string, r mesos.Resource) mesos.Resource {
	r.Reservations = []mesos.Resource_ReservationInfo{{Type: mesos.Resource_ReservationInfo_STATIC.Enum(), Role: &role}}
	return r
}

// hashOf is the wanted hash of a service.
func (f *fixture) hashOf(k kind) string { return quobyte.SpecOf(f.cluster, services[k]).Hash() }

// task adds a healthy task of the wanted spec on the host's agent.
func (f *fixture) task(k kind, host string) *mesosbridge.Task {
	return f.taskOf(k, host, f.hashOf(k))
}

// old adds a healthy task of another spec.
func (f *fixture) old(k kind, host string) *mesosbridge.Task { return f.taskOf(k, host, "oldhash") }

func (f *fixture) taskOf(k kind, host, hash string) *mesosbridge.Task {
	f.serial++
	return f.addTask(quobyte.NewTaskID(services[k], host, hash, fmt.Sprintf("n%d", f.serial)), host)
}

func (f *fixture) addTask(id, host string) *mesosbridge.Task {
	t := &mesosbridge.Task{ID: id, AgentID: "agent-" + host, State: mesos.TASK_RUNNING, Healthy: yes(), Heard: true, Since: noon.Add(-time.Hour)}
	f.snap.Tasks[id] = t
	return t
}

// ended moves a task to the ended ones.
func (f *fixture) ended(t *mesosbridge.Task, state mesos.TaskState, at time.Time) *mesosbridge.Task {
	delete(f.snap.Tasks, t.ID)
	t.State, t.Since = state, at
	f.snap.Ended = append(f.snap.Ended, t)
	return t
}

func yes() *bool { v := true; return &v }
func no() *bool  { v := false; return &v }

var allTypes = []v1alpha1.DeviceType{v1alpha1.DeviceRegistry, v1alpha1.DeviceMetadata, v1alpha1.DeviceData}

// threeHosts is a cluster whose core services run on three hosts, with api on
// node1 and webconsole on node2, idle.
func threeHosts(t testing.TB) *fixture {
	f := newFixture(t)
	for _, host := range []string{"node1", "node2", "node3"} {
		f.agent(host)
		f.device(host, allTypes...)
		for k := range s3 {
			f.task(k, host)
		}
	}
	f.task(api, "node1")
	f.task(webconsole, "node2")
	return f
}

// find returns the task of a service on a host.
func (f *fixture) find(k kind, host string) *mesosbridge.Task {
	f.t.Helper()
	for _, t := range f.snap.Tasks {
		if id, ok := quobyte.ParseTaskID(t.ID); ok && id.Service == services[k] && id.HostKey == host {
			return t
		}
	}
	f.t.Fatalf("no task of %s on %s", k, host)
	return nil
}

// age makes all tasks of the kinds outdated.
func (f *fixture) age(ks ...kind) {
	for _, k := range ks {
		for _, t := range f.snap.Tasks {
			id, _ := quobyte.ParseTaskID(t.ID)
			if id.Service == services[k] && !id.Legacy {
				delete(f.snap.Tasks, t.ID)
				t.ID = quobyte.NewTaskID(id.Service, id.HostKey, "oldhash", id.Nonce)
				f.snap.Tasks[t.ID] = t
			}
		}
	}
}

// launches as "service host", in order.
func launches(r Result) []string {
	var out []string
	for _, l := range r.Launches {
		service := l.Spec.Service
		if l.Prober != nil {
			service = quobyte.ProberService
		}
		out = append(out, string(service)+" "+l.Host)
	}
	return out
}

// kills as "service host", in order.
func kills(r Result) []string {
	var out []string
	for _, k := range r.Kills {
		out = append(out, string(k.Service)+" "+k.Host)
	}
	return out
}

// waits returns the sentence of an instance.
func waits(t testing.TB, r Result, k kind, host string) string {
	t.Helper()
	return instanceOf(t, r, k, host).Waits
}

func instanceOf(t testing.TB, r Result, k kind, host string) Instance {
	t.Helper()
	for _, i := range r.Instances {
		if i.Service == services[k] && i.Host == host {
			return i
		}
	}
	t.Fatalf("no instance of %s on %q in %+v", k, host, r.Instances)
	return Instance{}
}

func alert(r Result, reason string) string {
	for _, a := range r.Alerts {
		if a.Reason == reason {
			return a.Message
		}
	}
	return ""
}
