package endtoend

import (
	"fmt"
	"strings"
	"testing"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/internal/testprobers"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// reserving applies a cluster that reserves what its services use.
func (p *probed) reserving(spec ...string) {
	p.t.Helper()
	manifest := strings.Replace(found, "    master: %s\n", "    master: %s\n    role: quobyte\n    principal: keeper\n    reservation: Dynamic\n", 1)
	p.api.Apply(p.t, p.namespace, fmt.Sprintf(manifest, p.mesos.URL(), strings.Join(spec, "\n")))
}

// reservedFor says for whom the resources of a running task are reserved.
func (p *probed) reservedFor(taskID string) []quobyte.Owner {
	task, _ := p.mesos.Task(taskID)
	var owners []quobyte.Owner
	for _, r := range task.Info.Resources {
		owner := quobyte.Owner{}
		if n := len(r.Reservations); n > 0 {
			owner, _ = quobyte.OwnerOf(r.Reservations[n-1].Labels)
		}
		owners = append(owners, owner)
	}
	return owners
}

// TestReservedResourcesComeBack: what a service used is its own after it ended, and
// free again when the service is gone for good.
func TestReservedResourcesComeBackToTheirService(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 3)
	p.mountCore()
	p.startAlone()
	p.reserving()
	p.awaitReadyOf(core)
	for range 2 {
		task := p.taskOf("data", "node3")
		for _, owner := range p.reservedFor(task) {
			if owner.Service != quobyte.Data || owner.Cluster != p.namespace+"/quobyte" {
				t.Errorf("data on node3 uses what is reserved for %+v", owner)
			}
		}
		if err := p.mesos.FailTask(task, "for the test"); err != nil {
			t.Fatal(err)
		}
		p.awaitMesos("data to come back", func() bool { now := p.taskOf("data", "node3"); return now != "" && now != task })
	}
	p.awaitReady()
	// It is taken out of service: nothing of it stays reserved. The offer of all that
	// node3 has says it, so that another framework takes it.
	p.api.Kubectl(t, "-n", p.namespace, "patch", "device", "data-3", "--type=merge", "-p", `{"spec":{"state":"Decommissioned"}}`)
	p.awaitPhase("data-3", v1alpha1.PhaseDecommissioned)
	p.poll("the reservation to be freed", func() bool { return p.operations(mesos.Offer_Operation_UNRESERVE) > 0 }, func() string { return "" })
	p.checkNoDuplicates()
}

// TestTeardownFreesReservationsFirst: when the framework is gone nobody could.
func TestTeardownFreesReservationsFirst(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 3)
	p.mountCore()
	p.startAlone()
	p.reserving()
	p.awaitReadyOf(core)
	reserved := func() int {
		return strings.Count(string(p.operate(map[string]string{"type": "GET_AGENTS"})), `"DYNAMIC"`)
	}
	if reserved() == 0 {
		t.Fatal("nothing is reserved while the services run")
	}
	p.patch(`{"spec":{"deletionPolicy":"Teardown"}}`)
	p.deleteCluster("true")
	if f := p.mesos.Frameworks(); len(f) != 1 || f[0].Removed.IsZero() {
		t.Errorf("the framework was not torn down: %+v", f)
	}
	if n := reserved(); n != 0 {
		t.Errorf("%d resources are still reserved", n)
	}
}

// operations counts the operations of a type that were asked for.
func (p *probed) operations(kind mesos.Offer_Operation_Type) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[kind]
}

// TestMesosDiskBecomesADevice: a MOUNT disk that Mesos offers is reserved, gets a
// persistent volume and a marker, and is given back only when somebody says so.
func TestMesosDiskBecomesADevice(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 3, func(agents []mesostest.Agent) {
		agents[1].Mounts = []mesostest.Mount{{Root: "/mnt/disk7", Size: 500_000}}
	})
	p.mountCore()
	p.hosts.Mount("node2", testprobers.Empty("/mnt/disk7", "8:77"))
	p.startAlone()
	p.reserving()
	p.awaitReadyOf(core)
	p.api.Apply(t, p.namespace, `
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata: {name: disk7}
spec:
  clusterRef: {name: quobyte}
  host: node2
  path: /mnt/disk7
  types: [DATA]
  initialize: true
  reclaimPolicy: Delete
  source: {mesosDisk: {root: /mnt/disk7}}
`)
	d := p.awaitDeviceIs("disk7", "online on its volume", func(d *v1alpha1.QuobyteDevice) bool {
		return d.Status.Phase == v1alpha1.PhaseOnline && d.Status.Volume != nil && d.Status.Volume.State == "Created"
	})
	if d.Status.Serial == "" {
		t.Error("it has no serial")
	}
	if n := p.operations(mesos.Offer_Operation_CREATE); n != 1 {
		t.Errorf("%d volumes were created, want 1", n)
	}
	p.awaitReady()
	if n := p.operations(mesos.Offer_Operation_DESTROY); n != 0 {
		t.Errorf("%d volumes were destroyed", n)
	}
	// The other data device of node2 keeps the service, which sees all that is mounted:
	// both have to go before anything is destroyed.
	patch := `{"spec":{"state":"Decommissioned"}}`
	p.api.Kubectl(t, "-n", p.namespace, "patch", "device", "disk7", "--type=merge", "-p", patch)
	p.awaitQuiet()
	if n := p.operations(mesos.Offer_Operation_DESTROY); n != 0 {
		t.Fatal("a volume was destroyed under a running service")
	}
	p.api.Kubectl(t, "-n", p.namespace, "patch", "device", "data-2", "--type=merge", "-p", patch)
	p.awaitDeviceIs("disk7", "destroyed", func(d *v1alpha1.QuobyteDevice) bool { return d.Status.Volume.State == "Destroyed" })
	if n := p.operations(mesos.Offer_Operation_DESTROY); n != 1 {
		t.Errorf("%d volumes were destroyed, want 1", n)
	}
	p.awaitPhase("disk7", v1alpha1.PhaseDecommissioned)
}

// TestUnreservedResourcesAreWarnedOf: without reservations an update tells once that
// another framework may take what it frees.
func TestUpdateWithoutReservationsWarnsOnce(t *testing.T) {
	t.Parallel()
	p := readyProbed(t, 3)
	for _, version := range []string{"1.1.6", "1.1.7"} {
		p.patch(`{"spec":{"version":"` + version + `"}}`)
		p.await(version, func(c *v1alpha1.QuobyteCluster) bool {
			return c.Status.Summary.Updated == "11/11" && c.Status.ObservedGeneration == c.Generation
		})
		p.awaitReady()
	}
	events := p.api.Kubectl(t, "-n", p.namespace, "get", "events.events.k8s.io", "--field-selector", "reason=ResourcesNotReserved", "-o", "name")
	if n := len(strings.Fields(events)); n != 1 {
		t.Errorf("%d warnings, want one:\n%s", n, events)
	}
}

// TestServicesRunWhereAttributesAllow: and floating ones spread over racks.
func TestServicesRunWhereAttributesAllow(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 6, func(agents []mesostest.Agent) {
		for i := range agents {
			agents[i].Attributes = map[string]string{"rack": fmt.Sprintf("r%d", i/2+1)}
		}
	})
	p.mountCore()
	for i, host := range []string{"node4", "node5", "node6"} {
		p.hosts.Mount(host, testprobers.Disk("/mnt/data", fmt.Sprintf("data-%d", i+4), "DATA"))
	}
	p.startAlone()
	p.applyProbed(`  placement:
    attributes: [{attribute: rack, operator: In, values: [r1, r2]}]
    spreadBy: rack`, `  services: {api: {instances: 2}, webconsole: {instances: 0}}`)
	p.awaitReady()
	p.awaitQuiet()
	racks := map[string]int{}
	for _, task := range p.mesos.Tasks() {
		if task.Host == "node5" || task.Host == "node6" {
			t.Errorf("%s runs on %s, which is in rack r3", task.Info.Name, task.Host)
		}
		if task.Info.Name == "api" {
			racks[map[string]string{"node1": "r1", "node2": "r1", "node3": "r2", "node4": "r2"}[task.Host]]++
		}
	}
	if racks["r1"] != 1 || racks["r2"] != 1 {
		t.Errorf("the api instances are in %v, want one in each rack", racks)
	}
	// A host that is taken off the list keeps its services, and says so.
	p.patch(`{"spec":{"placement":{"attributes":[{"attribute":"rack","operator":"In","values":["r1"]}]}}}`)
	p.await("a word of node3 and node4", func(c *v1alpha1.QuobyteCluster) bool {
		for _, r := range c.Status.Reasons {
			if strings.Contains(r.Message, "placement") {
				return c.Status.ObservedGeneration == c.Generation
			}
		}
		return false
	})
	p.awaitQuiet()
	if p.taskOf("data", "node3") == "" || p.taskOf("data", "node4") == "" || p.killsOf() != 0 {
		t.Errorf("services were stopped for their placement:\n%s", taskList(p.mesos.Tasks()))
	}
}
