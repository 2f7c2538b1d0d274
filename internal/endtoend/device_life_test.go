package endtoend

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/testprobers"
)

func TestDecommissionedDeviceIsTakenOut(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 3)
	p.mountCore()
	p.hosts.Mount("node1", testprobers.Disk("/mnt/second", "second-1", "DATA"))
	p.startAlone()
	p.applyProbed()
	p.awaitReadyOf(10)
	p.awaitPhase("second-1", v1alpha1.PhaseOnline)
	state := func(name, state string) {
		p.api.Kubectl(t, "-n", p.namespace, "patch", "device", name, "--type=merge", "-p", `{"spec":{"state":"`+state+`"}}`)
	}
	// Another device keeps the service.
	task := p.taskOf("data", "node1")
	state("data-1", "Decommissioned")
	p.awaitPhase("data-1", v1alpha1.PhaseDecommissioned)
	if p.taskOf("data", "node1") != task {
		t.Error("the service was stopped, though another device needs it")
	}
	// The last of its type.
	state("second-1", "Decommissioned")
	p.awaitPhase("second-1", v1alpha1.PhaseDecommissioned)
	if got := p.taskOf("data", "node1"); got != "" {
		t.Errorf("%s runs without a device in service", got)
	}
	p.awaitReady()
	p.awaitQuiet()
	// And back.
	state("data-1", "Online")
	p.awaitPhase("data-1", v1alpha1.PhaseOnline)
	p.awaitMesos("a data service on node1", func() bool { return p.taskOf("data", "node1") != "" })
	p.awaitReady()
	p.checkNoDuplicates()
}

// TestDecommissioningRegistriesKeepsAMajority: all are asked to go at once, while
// one is down.
func TestDecommissioningRegistriesKeepsAMajority(t *testing.T) {
	t.Parallel()
	p := readyProbed(t, 3)
	if err := p.mesos.SetHealth(p.taskOf("registry", "node2"), false); err != nil {
		t.Fatal(err)
	}
	p.await("an unhealthy registry", func(c *v1alpha1.QuobyteCluster) bool { return c.Status.Services[0].Ready == 2 })
	p.api.Kubectl(t, "-n", p.namespace, "patch", "device", "registry-1", "--type=merge", "-p", `{"spec":{"state":"Decommissioned"}}`)
	p.awaitPhase("registry-1", v1alpha1.PhaseDecommissioning)
	p.awaitQuiet()
	if p.taskOf("registry", "node1") == "" {
		t.Fatal("the registry was stopped, and one of three is left")
	}
	if err := p.mesos.SetHealth(p.taskOf("registry", "node2"), true); err != nil {
		t.Fatal(err)
	}
	p.awaitPhase("registry-1", v1alpha1.PhaseDecommissioned)
	if got := p.taskOf("registry", "node1"); got != "" {
		t.Errorf("%s still runs", got)
	}
}

// TestInitializeHappensOnce: the manifest stays in Git for ever.
func TestInitializeHappensOnce(t *testing.T) {
	t.Parallel()
	p := readyProbed(t, 3)
	const manifest = `
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata: {name: fresh}
spec: {clusterRef: {name: quobyte}, host: node2, path: /mnt/fresh, types: [DATA], initialize: true}
`
	p.api.Apply(t, p.namespace, manifest)
	d := p.awaitPhase("fresh", v1alpha1.PhasePending)
	if reason, message := why(d); reason != v1alpha1.ReasonNotFound || !strings.Contains(message, "/mnt/fresh") {
		t.Errorf("it says %s: %s", reason, message)
	}
	p.hosts.Mount("node2", testprobers.Empty("/mnt/fresh", "8:77"))
	d = p.awaitPhase("fresh", v1alpha1.PhaseOnline)
	serial := d.Status.Serial
	if serial != "new-"+string(d.UID) {
		t.Errorf("serial %q, want the one of the marker", serial)
	}
	p.awaitDeviceIs("fresh", "kept beside its status", func(d *v1alpha1.QuobyteDevice) bool { return d.Annotations[v1alpha1.AnnotationSerial] == serial })
	p.awaitReady()

	// Another, empty disk at its place, and a backup without status: nothing is
	// written on it.
	p.hosts.Mount("node2", testprobers.Empty("/mnt/fresh", "8:78"))
	d = p.awaitPhase("fresh", v1alpha1.PhaseReplaced)
	if _, message := why(d); !strings.Contains(message, "another") {
		t.Errorf("it says %q", message)
	}
	// A patch, as the operator may write it, too.
	if err := p.api.Client().Status().Patch(t.Context(), d, client.RawPatch(types.MergePatchType, []byte(`{"status":null}`))); err != nil {
		t.Fatal(err)
	}
	p.api.Apply(t, p.namespace, manifest)
	p.awaitDeviceIs("fresh", "not found", func(d *v1alpha1.QuobyteDevice) bool {
		return d.Status.Phase != "" && d.Status.Phase != v1alpha1.PhaseOnline
	})
	p.awaitQuiet()
	if d := p.device("fresh"); d.Status.Phase == v1alpha1.PhaseInitializing || d.Status.Phase == v1alpha1.PhaseOnline {
		t.Errorf("another disk was taken for it: %s", describeDevice(d))
	}
	for _, d := range p.devices() {
		if d.Name != "fresh" && strings.HasPrefix(d.Status.Serial, "new-") {
			t.Errorf("another disk was initialised: %s", describeDevice(&d))
		}
	}
}

func TestInitializeThatIsRefusedSaysWhy(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 1)
	p.hosts.Mount("node1", testprobers.Disk("/mnt/data", "data-1", "DATA"))
	p.startAlone()
	p.applyProbed()
	p.awaitPhase("data-1", v1alpha1.PhaseOnline)
	p.api.Apply(t, p.namespace, `
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata: {name: again}
spec: {clusterRef: {name: quobyte}, host: node1, path: /mnt/data, types: [METADATA], initialize: true}
`)
	// It is marked already: it is simply found, and the types contradict.
	p.awaitDeviceIs("again", "in conflict", func(d *v1alpha1.QuobyteDevice) bool { r, _ := why(d); return r == v1alpha1.ReasonTypesDiffer })
}

// TestNewDeviceRestartsItsService: the running service does not know the device.
func TestNewDeviceRestartsItsService(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{true, false} {
		t.Run(fmt.Sprint(restart), func(t *testing.T) {
			t.Parallel()
			p := readyProbed(t, 3, fmt.Sprintf("  devices: {restartOnNewDevice: %v}", restart))
			p.awaitQuiet()
			since := time.Now()
			tasks := map[string]string{}
			for i := 1; i <= 3; i++ {
				host := fmt.Sprintf("node%d", i)
				tasks[host] = p.taskOf("data", host)
			}
			for host := range tasks {
				p.hosts.Mount(host, testprobers.Disk("/mnt/new", "new-"+host, "DATA"))
			}
			for host := range tasks {
				p.awaitPhase("new-"+host, v1alpha1.PhaseOnline)
			}
			if restart {
				p.awaitMesos("all data services restarted", func() bool {
					for host, old := range tasks {
						if now := p.taskOf("data", host); now == "" || now == old {
							return false
						}
					}
					return true
				})
			}
			p.awaitReady()
			p.awaitQuiet()
			p.checkNeverTwoDown(since)
			want := 0
			if restart {
				want = 3
			}
			if n := p.killsOf(); n != want {
				t.Errorf("%d services were stopped, want %d", n, want)
			}
		})
	}
}

// TestClientsRunWhereTheirMountPointIs: and start and stop with the cluster's spec.
func TestClientsRunWhereTheirMountPointIs(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 4)
	p.mountCore()
	p.hosts.Directories("node2", "/quobyte")
	p.hosts.Directories("node4", "/quobyte")
	p.startAlone()
	p.applyProbed()
	p.awaitReadyOf(core)
	p.patch(`{"spec":{"services":{"client":{"enabled":true,"image":"docker-registry.corp:5000/quobyte-client","resources":{"cpus":"100m"}}}}}`)
	p.awaitMesos("two clients", func() bool { return p.taskOf("client", "node2") != "" && p.taskOf("client", "node4") != "" })
	p.awaitReady()
	p.awaitQuiet()
	if n := p.alive("client"); n != 2 {
		t.Errorf("%d clients run, want one on each of the 2 hosts with the mount point", n)
	}
	// The directory is gone: absence is no instruction.
	p.hosts.Directories("node4")
	p.awaitQuiet()
	if p.taskOf("client", "node4") == "" {
		t.Error("a client was stopped because its mount point was not seen")
	}
	p.patch(`{"spec":{"services":{"client":{"enabled":false}}}}`)
	p.awaitMesos("no client", func() bool { return p.alive("client") == 0 })
	p.awaitReady()
}
