package v1alpha1_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

func TestKubectlGetShowsClusters(t *testing.T) {
	api := server.API(t)
	namespace := api.Namespace(t)
	cluster := create(t, manifest(t, namespace, smallestCluster))
	compareColumns(t, namespace, "qbc", `
NAME VERSION STATE READY REASON SERVICES UPDATED DEVICES AGE
quobyte 1.1.5 Running AGE
`)

	cluster.Status = v1alpha1.QuobyteClusterStatus{
		FrameworkID: "3b1c-0001",
		Devices:     11,
		Summary:     v1alpha1.ClusterSummary{Services: "12/13", Updated: "11/13"},
		Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonUpdating,
			LastTransitionTime: metav1.NewTime(time.Now()),
		}},
	}
	if err := api.Client().Status().Update(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
	want := `
NAME VERSION STATE READY REASON SERVICES UPDATED DEVICES AGE
quobyte 1.1.5 Running False Updating 12/13 11/13 11 AGE
`
	for _, name := range []string{"qbc", "quobyteclusters", "quobytecluster", "quobyteclusters.mesos.quobyte.com"} {
		compareColumns(t, namespace, name, want)
	}
}

func TestKubectlGetShowsDevices(t *testing.T) {
	api := server.API(t)
	namespace := api.Namespace(t)
	device := &v1alpha1.QuobyteDevice{}
	object := manifest(t, namespace, smallestDevice, `spec: {types: [METADATA, DATA], serial: 5f1c5e0e}`)
	if err := api.Client().Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	if err := api.Client().Get(t.Context(), client.ObjectKeyFromObject(object), device); err != nil {
		t.Fatal(err)
	}
	device.Status = v1alpha1.QuobyteDeviceStatus{
		Types:   "METADATA,DATA",
		Summary: "data-1.1.5-RUNNING",
		Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccepted,
			LastTransitionTime: metav1.NewTime(time.Now()),
		}},
	}
	if err := api.Client().Status().Update(t.Context(), device); err != nil {
		t.Fatal(err)
	}
	want := `
NAME CLUSTER HOST PATH TYPES ACCEPTED STATUS AGE
node1-disk1 quobyte node1 /mnt/disk1 METADATA,DATA True data-1.1.5-RUNNING AGE
`
	for _, name := range []string{"devices", "device", "qdev", "quobytedevices"} {
		compareColumns(t, namespace, name, want)
	}
	compareColumns(t, namespace, "devices", want, "--field-selector=spec.host=node1,spec.clusterRef.name=quobyte")
	compareColumns(t, namespace, "devices", "\n", "--field-selector=spec.host=node2")
	if out := api.Kubectl(t, "get", "quobyte", "-n", namespace, "-o", "name"); out != "quobytedevice.mesos.quobyte.com/node1-disk1\n" {
		t.Errorf("kubectl get quobyte shows %q", out)
	}
}

func TestKubectlExplains(t *testing.T) {
	api := server.API(t)
	for _, field := range []struct{ path, want string }{
		{"quobytecluster.spec.version", "Version is the tag of the image"},
		{"qbc.spec.services.data.resources.memory", "rounded up to whole MiB"},
		{"device.spec.serial", "Serial of the device"},
		{"devices.status.services", "Services that use the device"},
	} {
		if out := api.Kubectl(t, "explain", field.path); !strings.Contains(out, field.want) {
			t.Errorf("kubectl explain %s does not say %q:\n%s", field.path, field.want, out)
		}
	}
}

// compareColumns compares what kubectl get prints, with runs of spaces as one
// and ages as AGE.
func compareColumns(t *testing.T, namespace, resource, want string, arguments ...string) {
	t.Helper()
	out := server.API(t).Kubectl(t, append([]string{"get", resource, "-n", namespace}, arguments...)...)
	out = regexp.MustCompile(` +`).ReplaceAllString(out, " ")
	out = regexp.MustCompile(`(?m) ?\d+m?s$`).ReplaceAllString(out, " AGE")
	if diff := cmp.Diff(want, "\n"+out); diff != "" {
		t.Errorf("kubectl get %s (-want +got):\n%s", resource, diff)
	}
}
