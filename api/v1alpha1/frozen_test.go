package v1alpha1_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// TestRegisteredFrameworkKeepsItsIdentity: rule 9. What Mesos keeps for the
// life of a framework may change until there is one.
func TestRegisteredFrameworkKeepsItsIdentity(t *testing.T) {
	api := server.API(t)
	frozen := []struct{ field, value, why string }{
		{"user", "quobyte", "Mesos keeps a framework's user for its life"},
		{"role", "storage", "running tasks hold resources of the old role"},
		{"frameworkName", "storage", "DNS names of running services contain it"},
		{"principal", "quobyte", "Mesos keeps a framework's principal for its life"},
	}
	for _, f := range frozen {
		t.Run(f.field, func(t *testing.T) {
			c := api.Client()
			cluster := create(t, manifest(t, api.Namespace(t), smallestCluster))
			change := fmt.Sprintf("spec: {mesos: {%s: %s}}", f.field, f.value)
			back := fmt.Sprintf("spec: {mesos: {%s: %s}}", f.field, mesosField(t, cluster, f.field))

			if err := patch(t, cluster, change); err != nil {
				t.Errorf("before there is a framework: %v", err)
			}
			if err := patch(t, cluster, back); err != nil {
				t.Fatal(err)
			}
			cluster.Status.FrameworkID = "id-0001"
			if err := c.Status().Update(t.Context(), cluster); err != nil {
				t.Fatal(err)
			}
			want := []string{fmt.Sprintf("spec.mesos.%[1]s: Forbidden: spec.mesos.%[1]s cannot change once the framework is registered (status.frameworkID): %[2]s", f.field, f.why)}
			err := patch(t, cluster, change)
			if diff := cmp.Diff(want, causes(err)); diff != "" {
				t.Errorf("with a framework (-want +got):\n%s", diff)
			}
			if err := patch(t, cluster, `spec: {version: "1.1.6", mesos: {master: "http://elsewhere:5050", failoverTimeout: 1h}}`); err != nil {
				t.Errorf("change what may change: %v", err)
			}
		})
	}
}

func TestFrameworkIDIsTheOneThatRuns(t *testing.T) {
	api := server.API(t)
	cluster := create(t, manifest(t, api.Namespace(t), smallestCluster))
	if err := patch(t, cluster, `spec: {mesos: {frameworkID: id-0001}}`); err != nil {
		t.Errorf("before there is a framework: %v", err)
	}
	cluster.Status.FrameworkID = "id-0001"
	if err := api.Client().Status().Update(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
	for _, same := range []string{`""`, "id-0001"} {
		if err := patch(t, cluster, `spec: {mesos: {frameworkID: `+same+`}}`); err != nil {
			t.Errorf("%s: %v", same, err)
		}
	}
	want := []string{"spec.mesos.frameworkID: Invalid value: spec.mesos.frameworkID must be empty or equal status.frameworkID: this cluster already runs as that framework"}
	if diff := cmp.Diff(want, causes(patch(t, cluster, `spec: {mesos: {frameworkID: id-0002}}`))); diff != "" {
		t.Errorf("another id (-want +got):\n%s", diff)
	}
}

// TestDeviceStaysTheSame: what a device is known by, and what was asked of Mesos
// for it, never changes; what is wanted of it may.
func TestDeviceStaysTheSame(t *testing.T) {
	const (
		clusterRef = "spec.clusterRef: Forbidden: clusterRef cannot change: a device carries the data of one cluster; delete this object and create one for the other cluster"
		host       = "spec.host: Forbidden: host cannot change: a device that has a serial is followed to the host on which it is mounted (status.host); for another disk create another object"
		noHost     = "spec.host: Forbidden: host cannot be taken away: put it back; a device that has a serial is followed to the host on which it is mounted (status.host)"
		path       = "spec.path: Forbidden: path cannot change: a device that has a serial is followed to where it is mounted (status.path); for another disk create another object"
		noPath     = "spec.path: Forbidden: path cannot be taken away: put it back; a device that has a serial is followed to where it is mounted (status.path)"
		both       = "spec: Invalid value: host and path belong together: set both, or name the device by its serial alone"
		serial     = "spec.serial: Forbidden: serial cannot change: it is what the device is known by; create another object for another disk"
		noSerial   = "spec.serial: Forbidden: serial cannot be taken away: it is what the device is known by; put it back"
		source     = "spec.source: Forbidden: source cannot be added or taken away: delete this object and create another one"
		root       = "spec.source.mesosDisk.root: Forbidden: source.mesosDisk.root cannot change: create another object for another disk"
		notAtPath  = "spec.source.mesosDisk.root: Invalid value: source.mesosDisk.root must equal path, and host be set: a MOUNT disk of Mesos is mounted at its root"
	)
	const (
		byPlace  = `spec: {types: [DATA]}`
		bySerial = `spec: {host: null, path: null, serial: 5f1c5e0e}`
		ofMesos  = `spec: {types: [DATA], initialize: true, source: {mesosDisk: {root: /mnt/disk1}}}`
	)
	for _, change := range []struct {
		device, change string
		want           []string // nil: accepted
	}{
		{byPlace, `spec: {clusterRef: {name: other}}`, []string{clusterRef}},
		{byPlace, `spec: {host: node2}`, []string{host}},
		{byPlace, `spec: {path: /mnt/disk2}`, []string{path}},
		{byPlace, `spec: {host: null}`, []string{both, noHost}},
		{byPlace, `spec: {path: null}`, []string{both, noPath}},
		{byPlace, `spec: {host: null, path: null, serial: 5f1c5e0e}`, []string{noHost, noPath}},
		{byPlace, `spec: {source: {mesosDisk: {root: /mnt/disk1}}}`, []string{source}},
		{byPlace, `spec: {types: [METADATA, DATA]}`, nil},
		{byPlace, `spec: {types: null}`, nil},
		{byPlace, `spec: {initialize: true}`, nil},
		{byPlace, `spec: {serial: 5f1c5e0e}`, nil},
		{byPlace, `spec: {state: Decommissioned}`, nil},
		{bySerial, `spec: {serial: 6a2d6f1f}`, []string{serial}},
		{bySerial, `spec: {serial: null, host: node1, path: /mnt/disk1}`, []string{noSerial}},
		{bySerial, `spec: {host: node1, path: /mnt/disk1}`, nil},
		{bySerial, `spec: {state: Decommissioned}`, nil},
		{ofMesos, `spec: {source: null}`, []string{source}},
		{ofMesos, `spec: {source: {mesosDisk: {root: /mnt/disk2}}}`, []string{root, notAtPath}},
		{ofMesos, `spec: {initialize: false}`, nil},
		{ofMesos, `spec: {reclaimPolicy: Delete, state: Decommissioned}`, nil},
	} {
		t.Run(change.device+" "+change.change, func(t *testing.T) {
			api := server.API(t)
			device := manifest(t, api.Namespace(t), smallestDevice, change.device)
			if err := api.Client().Create(t.Context(), device); err != nil {
				t.Fatal(err)
			}
			err := api.Client().Patch(t.Context(), device, mergePatch(t, change.change))
			if change.want == nil {
				if err != nil {
					t.Errorf("change what may change: %v", err)
				}
				return
			}
			slices.Sort(change.want)
			if diff := cmp.Diff(change.want, causes(err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDecommissionedDeviceComesBack: the state goes both ways.
func TestDecommissionedDeviceComesBack(t *testing.T) {
	api := server.API(t)
	device := manifest(t, api.Namespace(t), smallestDevice, `spec: {types: [DATA], initialize: true}`)
	if err := api.Client().Create(t.Context(), device); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"Decommissioned", "Online"} {
		if err := api.Client().Patch(t.Context(), device, mergePatch(t, `spec: {state: `+state+`}`)); err != nil {
			t.Errorf("%s: %v", state, err)
		}
	}
}

// TestDeclaredSerialIsTheOneThatWasFound: an object whose device has a serial does
// not become that of another disk.
func TestDeclaredSerialIsTheOneThatWasFound(t *testing.T) {
	c := server.API(t).Client()
	device := createFound(t, `spec: {types: [DATA]}`)
	want := []string{"spec.serial: Forbidden: spec.serial must be the one that the device has (status.serial): for another disk create another object"}
	if diff := cmp.Diff(want, causes(c.Patch(t.Context(), device, mergePatch(t, `spec: {serial: 6a2d6f1f}`)))); diff != "" {
		t.Errorf("another serial (-want +got):\n%s", diff)
	}
	if err := c.Patch(t.Context(), device, mergePatch(t, `spec: {serial: 5f1c5e0e}`)); err != nil {
		t.Errorf("its own serial: %v", err)
	}
	// The operator may find what contradicts the spec, and has to be able to say so.
	device.Status.Serial = "6a2d6f1f"
	if err := c.Status().Update(t.Context(), device); err != nil {
		t.Errorf("the status tells of another serial: %v", err)
	}
}

// TestBootstrapComesBeforeTheMarker: asked for later, it would have no effect.
func TestBootstrapComesBeforeTheMarker(t *testing.T) {
	c := server.API(t).Client()
	device := createFound(t, `spec: {types: [REGISTRY], initialize: true}`)
	want := []string{"spec.bootstrap: Forbidden: spec.bootstrap must be set before the device has its marker (status.serial), which is never written anew: set it on a registry device that is yet to be initialised"}
	if diff := cmp.Diff(want, causes(c.Patch(t.Context(), device, mergePatch(t, `spec: {bootstrap: true}`)))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	device = createFound(t, `spec: {types: [REGISTRY], initialize: true, bootstrap: true}`)
	for _, change := range []string{`spec: {state: Decommissioned}`, `spec: {bootstrap: false}`} {
		if err := c.Patch(t.Context(), device, mergePatch(t, change)); err != nil {
			t.Errorf("%s: %v", change, err)
		}
	}
}

// createFound creates a device and says in its status that it has the serial
// 5f1c5e0e.
func createFound(t *testing.T, change string) *v1alpha1.QuobyteDevice {
	t.Helper()
	api := server.API(t)
	object := manifest(t, api.Namespace(t), smallestDevice, change)
	if err := api.Client().Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	device := &v1alpha1.QuobyteDevice{}
	if err := api.Client().Get(t.Context(), client.ObjectKeyFromObject(object), device); err != nil {
		t.Fatal(err)
	}
	device.Status.Serial = "5f1c5e0e"
	if err := api.Client().Status().Update(t.Context(), device); err != nil {
		t.Fatal(err)
	}
	return device
}

// create creates a cluster and returns it as the operator reads it.
func create(t *testing.T, object client.Object) *v1alpha1.QuobyteCluster {
	t.Helper()
	c := server.API(t).Client()
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	cluster := &v1alpha1.QuobyteCluster{}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), cluster); err != nil {
		t.Fatal(err)
	}
	return cluster
}

func patch(t *testing.T, cluster *v1alpha1.QuobyteCluster, change string) error {
	t.Helper()
	return server.API(t).Client().Patch(t.Context(), cluster, mergePatch(t, change))
}

func mergePatch(t *testing.T, change string) client.Patch {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(change))
	if err != nil {
		t.Fatal(err)
	}
	return client.RawPatch(types.MergePatchType, data)
}

// mesosField returns a field of spec.mesos as YAML.
func mesosField(t *testing.T, cluster *v1alpha1.QuobyteCluster, field string) string {
	t.Helper()
	switch field {
	case "user":
		return cluster.Spec.Mesos.User
	case "role":
		return `"` + cluster.Spec.Mesos.Role + `"`
	case "frameworkName":
		return cluster.Spec.Mesos.FrameworkName
	case "principal":
		return `"` + cluster.Spec.Mesos.Principal + `"`
	}
	t.Fatalf("no field %s", field)
	return ""
}
