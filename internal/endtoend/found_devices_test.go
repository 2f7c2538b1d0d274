package endtoend

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/testprobers"
)

// TestFoundDevicesAreListedAndUsed: nothing is declared, and all that is mounted
// is found, listed and used.
func TestFoundDevicesAreListedAndUsed(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 4)
	p.mountCore()
	p.startAlone()
	p.applyProbed()
	cluster := p.awaitReadyOf(core)
	if !cluster.Status.Bootstrapped {
		t.Error("registries run, and the cluster is not bootstrapped")
	}
	if !has(cluster, v1alpha1.ConditionProbing, metav1.ConditionTrue, "") {
		t.Errorf("the cluster does not say that it probes:\n%s", describe(cluster))
	}
	d := p.awaitDeviceIs("data-2", "in use", func(d *v1alpha1.QuobyteDevice) bool { return len(d.Status.Services) == 1 })
	s := &d.Status
	for what, got := range map[string][2]string{
		"host": {s.Host, "node2"}, "path": {s.Path, "/mnt/data"}, "serial": {s.Serial, "data-2"}, "model": {s.Model, "TESTDISK"},
		"file system": {s.FileSystem, "xfs"}, "types": {s.Types, "DATA"}, "phase": {string(s.Phase), "Online"}, "use": {s.Used, "25%"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s is %q, want %q", what, got[0], got[1])
		}
	}
	table := p.api.Kubectl(t, "-n", p.namespace, "get", "devices")
	for _, want := range []string{"HOST", "node2", "/mnt/data", "DATA", "Online", "25%", "data 1.1.5 running"} {
		if !strings.Contains(table, want) {
			t.Errorf("kubectl get devices does not show %q:\n%s", want, table)
		}
	}
	p.checkNoDuplicates()

	// A device on a host that had none is put to use.
	p.hosts.Mount("node4", testprobers.Disk("/mnt/data", "data-4", "DATA"))
	p.awaitMesos("a data service on node4", func() bool { return p.taskOf("data", "node4") != "" })
	p.awaitReady()
	if n := p.killsOf(); n != 0 {
		t.Errorf("%d services were stopped", n)
	}
}

// TestVanishedDeviceIsMissing: its service goes on until a person says otherwise
// (rule 12), and is not started again without the device.
func TestVanishedDeviceIsMissing(t *testing.T) {
	t.Parallel()
	p := readyProbed(t, 3)
	task := p.taskOf("data", "node3")
	before := time.Now().Add(-time.Second).Truncate(time.Second)
	p.hosts.Unmount("node3", "/mnt/data")
	d := p.awaitPhase("data-3", v1alpha1.PhaseMissing)
	if since := d.Status.PhaseSince; since == nil || since.Time.Before(before) {
		t.Errorf("missing since %v, want a time after %v", since, before)
	}
	if reason, message := why(d); reason != v1alpha1.ReasonMissing || !strings.Contains(message, "node3") {
		t.Errorf("it says %s: %s", reason, message)
	}
	p.await("Degraded", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionDegraded, metav1.ConditionTrue, "DeviceMissing")
	})
	p.awaitQuiet()
	if p.taskOf("data", "node3") != task || p.killsOf() != 0 {
		t.Error("the service of a missing device was stopped")
	}
	// It ends by itself: nothing is started on a disk that is not there.
	if err := p.mesos.FailTask(task, "no device"); err != nil {
		t.Fatal(err)
	}
	p.awaitQuiet()
	if got := p.taskOf("data", "node3"); got != "" {
		t.Errorf("%s was started without a device", got)
	}
	// The disk is back.
	p.hosts.Mount("node3", testprobers.Disk("/mnt/data", "data-3", "DATA"))
	p.awaitPhase("data-3", v1alpha1.PhaseOnline)
	p.awaitReady()
	p.checkNoDuplicates()
}

// TestOperatorComesBack: a new process knows nothing but the status, asks all
// probers, and changes nothing.
func TestOperatorComesBackToProbedHosts(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 3)
	p.mountCore()
	operator := p.startAlone()
	p.applyProbed()
	p.awaitReadyOf(core)
	p.awaitQuiet()
	launched := len(p.mesos.History())
	for range 2 {
		if err := operator.Kill(); err != nil {
			t.Fatal(err)
		}
		operator = p.startAlone()
		p.awaitReady()
		p.awaitQuiet()
	}
	if n := len(p.mesos.History()) - launched; n != 0 || p.killed() != 0 {
		t.Errorf("%d tasks were launched, %d killed", n, p.killed())
	}
	for _, d := range p.devices() {
		if d.Status.Phase != v1alpha1.PhaseOnline {
			t.Errorf("%s", describeDevice(&d))
		}
	}
}

// TestDeletedDeviceIsFoundAgain: deleting the object of what is still there stops
// the service through the gate, and the next probe brings it back.
func TestDeletedDeviceIsFoundAgain(t *testing.T) {
	t.Parallel()
	p := readyProbed(t, 3)
	old := p.awaitPhase("data-1", v1alpha1.PhaseOnline)
	task := p.taskOf("data", "node1")
	p.api.Kubectl(t, "-n", p.namespace, "delete", "device", "data-1", "--wait=false")
	p.awaitDeviceIs("data-1", "made anew", func(d *v1alpha1.QuobyteDevice) bool {
		return d.UID != old.UID && d.Status.Phase == v1alpha1.PhaseOnline
	})
	// Until the new object is heard of the cluster may be Ready without it.
	p.await("another data service on node1", func(*v1alpha1.QuobyteCluster) bool {
		now := p.taskOf("data", "node1")
		return now != task && now != ""
	})
	p.awaitReady()
	p.checkNoDuplicates()
}

// TestDeclaredPolicy: what nobody declared is listed and not used.
func TestDeclaredPolicyUsesWhatIsDeclared(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 3)
	p.mountCore()
	p.startAlone()
	p.applyProbed("  devices: {policy: Declared}")
	for i, serial := range []string{"registry-1", "metadata-1", "data-1"} {
		d := p.awaitPhase(serial, v1alpha1.PhaseUnmanaged)
		if _, message := why(d); i == 0 && !strings.Contains(message, v1alpha1.LabelDiscovered) {
			t.Errorf("it does not say how to declare it: %s", message)
		}
	}
	p.awaitQuiet()
	if n := p.services(); n != 0 {
		t.Errorf("%d services run for devices that nobody declared", n)
	}
	// One way to declare: take the label away. The other: a manifest, by serial or place.
	p.api.Kubectl(t, "-n", p.namespace, "label", "device", "registry-1", "metadata-1", v1alpha1.LabelDiscovered+"-")
	p.api.Apply(t, p.namespace, `
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata: {name: ours}
spec: {clusterRef: {name: quobyte}, host: node1, path: /mnt/data}
---
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata: {name: by-serial}
spec: {clusterRef: {name: quobyte}, serial: data-2}
---
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata: {name: nowhere}
spec: {clusterRef: {name: quobyte}, host: node3, path: /mnt/other, types: [DATA]}
`)
	p.awaitPhase("ours", v1alpha1.PhaseOnline)
	p.awaitPhase("by-serial", v1alpha1.PhaseOnline)
	d := p.awaitDeviceIs("nowhere", "not found", func(d *v1alpha1.QuobyteDevice) bool { r, _ := why(d); return r == v1alpha1.ReasonNotFound })
	if _, message := why(d); !strings.Contains(message, "/mnt/other") || !strings.Contains(message, "node3") {
		t.Errorf("it says %q", message)
	}
	// What stood for the same disks is gone.
	p.poll("the objects that were found to go", func() bool {
		all := names(p.devices())
		return !slices.Contains(all, "data-1") && !slices.Contains(all, "data-2")
	}, func() string { return strings.Join(names(p.devices()), " ") })
	p.awaitMesos("services for what is declared", func() bool {
		return p.alive("registry") == 1 && p.alive("metadata") == 1 && p.taskOf("data", "node1") != "" && p.taskOf("data", "node2") != ""
	})
	p.awaitQuiet()
	if p.taskOf("data", "node3") != "" || p.alive("data") != 2 {
		t.Errorf("services run for devices that nobody declared:\n%s", taskList(p.mesos.Tasks()))
	}
}

// TestProbeNow: the annotation with a new value asks all probers; when each host was
// heard of last is a metric.
func TestProbeNowAsksAllProbers(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 2)
	p.hosts.Mount("node1", testprobers.Bootstrap("/mnt/registry", "registry-1"))
	metrics := freeAddress(t)
	p.startOperator("--leader-elect=false", "--metrics-bind-address="+metrics, "--metrics-insecure")
	p.applyProbed()
	p.awaitPhase("registry-1", v1alpha1.PhaseOnline)
	p.awaitQuiet()
	before := p.lastProbes(metrics)
	asked := p.mesos.Calls()[scheduler.Call_MESSAGE]
	p.api.Kubectl(t, "-n", p.namespace, "annotate", "quobytecluster", "quobyte", v1alpha1.AnnotationProbeNow+"=1")
	p.awaitMesos("a question to each prober", func() bool { return p.mesos.Calls()[scheduler.Call_MESSAGE] == asked+2 })
	p.awaitQuiet()
	if n := p.mesos.Calls()[scheduler.Call_MESSAGE] - asked; n != 2 {
		t.Errorf("%d questions, want one for each of 2 hosts", n)
	}
	after := p.lastProbes(metrics)
	for _, host := range []string{"node1", "node2"} {
		if after[host] <= before[host] || before[host] == 0 {
			t.Errorf("%s was heard of at %f, and at %f after it was asked", host, before[host], after[host])
		}
	}
}

// lastProbes reads the metric of when each host was heard of, in seconds since 1970.
func (p *probed) lastProbes(address string) map[string]float64 {
	p.t.Helper()
	resp, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	times := map[string]float64{}
	sample := regexp.MustCompile(`quobyte_host_last_probe_timestamp_seconds\{cluster="` + p.namespace + `/quobyte",host="([^"]+)"\} (\S+)`)
	for _, found := range sample.FindAllStringSubmatch(string(text), -1) {
		if times[found[1]], err = strconv.ParseFloat(found[2], 64); err != nil {
			p.t.Fatal(err)
		}
	}
	return times
}
