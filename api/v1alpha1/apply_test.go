package v1alpha1_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
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
