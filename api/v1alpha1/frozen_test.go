package v1alpha1_test

import (
	"fmt"
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

func TestDeviceStaysWithItsClusterAndHost(t *testing.T) {
	api := server.API(t)
	device := manifest(t, api.Namespace(t), smallestDevice)
	c := api.Client()
	if err := c.Create(t.Context(), device); err != nil {
		t.Fatal(err)
	}
	if err := c.Patch(t.Context(), device, mergePatch(t, `spec: {path: /mnt/disk2, types: [DATA]}`)); err != nil {
		t.Errorf("change what may change: %v", err)
	}
	for change, want := range map[string]string{
		`spec: {clusterRef: {name: other}}`: "spec.clusterRef: Forbidden: clusterRef cannot change: a device carries the data of one cluster; delete this object and create one for the other cluster",
		`spec: {host: node2}`:               "spec.host: Forbidden: host cannot change: the services on the old host may still use the disk; delete this object, which stops them, and create one for the other host",
	} {
		err := c.Patch(t.Context(), device, mergePatch(t, change))
		if diff := cmp.Diff([]string{want}, causes(err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", change, diff)
		}
	}
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
