package v1alpha1_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// TestTwoAppliersShareLists: server-side apply merges lists by their keys, and
// each applier takes away only what it brought.
func TestTwoAppliersShareLists(t *testing.T) {
	api := server.API(t)
	namespace := api.Namespace(t)
	apply := func(owner, change string) *unstructured.Unstructured {
		t.Helper()
		object := manifest(t, namespace, smallestCluster, change)
		if err := api.Client().Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(owner)); err != nil {
			t.Fatal(err)
		}
		return object
	}
	shared := func(object *unstructured.Unstructured) string {
		t.Helper()
		env, _, err := unstructured.NestedSlice(object.Object, "spec", "services", "data", "env")
		if err != nil {
			t.Fatal(err)
		}
		hosts, _, err := unstructured.NestedSlice(object.Object, "spec", "placement", "hosts")
		if err != nil {
			t.Fatal(err)
		}
		return toYAML(t, map[string]any{"env": env, "hosts": hosts})
	}

	apply("team", `spec: {placement: {hosts: [node1]}, services: {data: {env: [{name: A, value: "1"}]}}}`)
	both := apply("platform", `spec: {placement: {hosts: [node2]}, services: {data: {env: [{name: B, value: "2"}]}}}`)
	want := `env:
- name: A
  value: "1"
- name: B
  value: "2"
hosts:
- node1
- node2
`
	if diff := cmp.Diff(want, shared(both)); diff != "" {
		t.Errorf("both (-want +got):\n%s", diff)
	}

	one := apply("team", `spec: {}`)
	want = `env:
- name: B
  value: "2"
hosts:
- node2
`
	if diff := cmp.Diff(want, shared(one)); diff != "" {
		t.Errorf("one (-want +got):\n%s", diff)
	}
}

// TestTwoAppliersShareSets: hosts and services that are named alone are merged, and
// of one that both name, the second keeps what the first gives up.
func TestTwoAppliersShareSets(t *testing.T) {
	api := server.API(t)
	namespace := api.Namespace(t)
	apply := func(owner, change string) map[string][]string {
		t.Helper()
		object := manifest(t, namespace, smallestCluster, change)
		if err := api.Client().Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(owner)); err != nil {
			t.Fatal(err)
		}
		sets := map[string][]string{}
		for _, path := range [][]string{{"placement", "cordonedHosts"}, {"health", "except"}} {
			set, _, err := unstructured.NestedStringSlice(object.Object, append([]string{"spec"}, path...)...)
			if err != nil {
				t.Fatal(err)
			}
			sets[path[1]] = set
		}
		return sets
	}

	apply("team", `spec: {placement: {cordonedHosts: [node1, node2]}, health: {except: [s3, api]}}`)
	got := apply("platform", `spec: {placement: {cordonedHosts: [node2, node3]}, health: {except: [api, client]}}`)
	want := map[string][]string{"cordonedHosts": {"node1", "node2", "node3"}, "except": {"s3", "api", "client"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("both (-want +got):\n%s", diff)
	}
	want = map[string][]string{"cordonedHosts": {"node2", "node3"}, "except": {"api", "client"}}
	if diff := cmp.Diff(want, apply("team", `spec: {}`)); diff != "" {
		t.Errorf("one (-want +got):\n%s", diff)
	}
}

// TestOneApplierDecidesOnTheOrder: two halves of an order are none.
func TestOneApplierDecidesOnTheOrder(t *testing.T) {
	api := server.API(t)
	namespace := api.Namespace(t)
	apply := func(owner, change string) error {
		object := manifest(t, namespace, smallestCluster, change)
		return api.Client().Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(owner))
	}
	if err := apply("team", `spec: {update: {order: [data, metadata]}}`); err != nil {
		t.Fatal(err)
	}
	err := apply("platform", `spec: {update: {order: [registry]}}`)
	if want := []string{`.spec.update.order: conflict with "team"`}; !cmp.Equal(want, causes(err)) {
		t.Errorf("the second is told %q, want %q", causes(err), want)
	}
	if err := apply("platform", `spec: {update: {paused: true, maxUnavailable: "10%"}}`); err != nil {
		t.Errorf("the second decides on other fields: %v", err)
	}
}

// TestOneApplierDecidesOnAttributes: requirements belong together, so that the
// second who asks for some is told of the first.
func TestOneApplierDecidesOnAttributes(t *testing.T) {
	api := server.API(t)
	namespace := api.Namespace(t)
	apply := func(owner, change string) error {
		object := manifest(t, namespace, smallestCluster, change)
		return api.Client().Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(owner))
	}
	if err := apply("team", `spec: {placement: {attributes: [{attribute: rack, operator: In, values: [r1]}]}}`); err != nil {
		t.Fatal(err)
	}
	err := apply("platform", `spec: {placement: {attributes: [{attribute: ssd, operator: Exists}]}}`)
	if want := []string{`.spec.placement.attributes: conflict with "team"`}; !cmp.Equal(want, causes(err)) {
		t.Errorf("the second is told %q, want %q", causes(err), want)
	}
}

// TestKubectlAppliesDevices goes through the life of a manifest, in both ways in
// which kubectl applies: what the operator wrote meanwhile stays.
func TestKubectlAppliesDevices(t *testing.T) {
	api := server.API(t)
	for name, arguments := range map[string][]string{"client": nil, "server": {"--server-side"}} {
		t.Run(name, func(t *testing.T) {
			namespace := api.Namespace(t)
			apply := func(change string) *v1alpha1.QuobyteDevice {
				t.Helper()
				object := manifest(t, namespace, smallestDevice, change)
				arguments := append([]string{"apply", "-f", "-", "-n", namespace}, arguments...)
				if out, message, err := api.RunKubectl(t.Context(), toYAML(t, object.Object), arguments...); err != nil || message != "" {
					t.Fatalf("kubectl apply: %v\n%s%s", err, out, message)
				}
				device := &v1alpha1.QuobyteDevice{}
				if err := api.Client().Get(t.Context(), client.ObjectKeyFromObject(object), device); err != nil {
					t.Fatal(err)
				}
				return device
			}

			device := apply(`spec: {types: [METADATA, DATA], initialize: true}`)
			original := device.DeepCopy()
			device.Annotations = map[string]string{v1alpha1.AnnotationSerial: "5f1c5e0e"}
			for key, value := range original.Annotations {
				device.Annotations[key] = value
			}
			if err := api.Client().Patch(t.Context(), device, client.MergeFrom(original)); err != nil {
				t.Fatal(err)
			}
			device.Status = v1alpha1.QuobyteDeviceStatus{Phase: v1alpha1.PhaseOnline, Serial: "5f1c5e0e"}
			if err := api.Client().Status().Update(t.Context(), device); err != nil {
				t.Fatal(err)
			}

			same := apply(`spec: {types: [METADATA, DATA], initialize: true}`)
			if same.Generation != device.Generation || same.ResourceVersion != device.ResourceVersion {
				t.Errorf("applied again, it changed:\n%s", cmp.Diff(device, same))
			}
			out := apply(`spec: {types: [DATA], state: Decommissioned}`)
			want := device.Spec.DeepCopy()
			want.Types, want.State, want.Initialize = []v1alpha1.DeviceType{v1alpha1.DeviceData}, v1alpha1.DeviceDecommissioned, false
			if diff := cmp.Diff(want, &out.Spec); diff != "" {
				t.Errorf("what is no longer in the manifest (-want +got):\n%s", diff)
			}
			if out.Status.Serial != "5f1c5e0e" || out.Annotations[v1alpha1.AnnotationSerial] != "5f1c5e0e" {
				t.Errorf("what the operator wrote is gone: %+v", out)
			}
		})
	}
}

// TestSampleInventory: the sample that the demo does not apply.
func TestSampleInventory(t *testing.T) {
	api := server.API(t)
	const folder = "../../config/samples/inventory"
	for name, arguments := range map[string][]string{"client": nil, "server": {"--server-side"}} {
		t.Run(name, func(t *testing.T) {
			namespace := api.Namespace(t)
			out := api.Kubectl(t, append([]string{"apply", "-n", namespace, "-f", folder}, arguments...)...)
			if got := len(strings.Split(strings.TrimSpace(out), "\n")); got != 5 {
				t.Errorf("%d objects, want a cluster and 4 devices:\n%s", got, out)
			}
			var devices v1alpha1.QuobyteDeviceList
			if err := api.Client().List(t.Context(), &devices, client.InNamespace(namespace)); err != nil {
				t.Fatal(err)
			}
			for _, device := range devices.Items {
				cluster := &v1alpha1.QuobyteCluster{}
				if err := api.Client().Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: device.Spec.ClusterRef.Name}, cluster); err != nil {
					t.Errorf("%s is of a cluster that is not there: %v", device.Name, err)
				}
				if path := device.Spec.Path; path != "" && !strings.HasPrefix(path, cluster.Spec.HostDeviceDirectory+"/") {
					t.Errorf("%s: %s is not below %s", device.Name, path, cluster.Spec.HostDeviceDirectory)
				}
			}
		})
	}
}
