package v1alpha1_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/testapi"
)

func TestKubectlGetShowsClusters(t *testing.T) {
	api := server.API(t)
	namespace := api.Namespace(t)
	cluster := create(t, manifest(t, namespace, smallestCluster))
	compareColumns(t, namespace, "qbc", `
NAME VERSION STATE READY REASON SERVICES UPDATED UPDATE DEVICES AGE
quobyte 1.1.5 Running AGE
`)

	cluster.Status = v1alpha1.QuobyteClusterStatus{
		FrameworkID: "3b1c-0001",
		Devices:     11,
		Summary:     v1alpha1.ClusterSummary{Services: "12/13", Updated: "11/13", Update: "1.1.6: data 4/12, node5"},
		Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonUpdating,
			LastTransitionTime: metav1.NewTime(time.Now()),
		}},
	}
	if err := api.Client().Status().Update(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
	want := `
NAME VERSION STATE READY REASON SERVICES UPDATED UPDATE DEVICES AGE
quobyte 1.1.5 Running False Updating 12/13 11/13 1.1.6: data 4/12, node5 11 AGE
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
	compareColumns(t, namespace, "devices", `
NAME HOST PATH TYPES PHASE CAPACITY USED STATUS AGE
node1-disk1 AGE
`)

	since := metav1.NewTime(time.Now())
	device.Status = v1alpha1.QuobyteDeviceStatus{
		Phase:       v1alpha1.PhaseOnline,
		PhaseSince:  &since,
		Host:        "node2",
		Path:        "/mnt/disk7",
		AgentID:     "S1",
		Serial:      "5f1c5e0e",
		Model:       "INTEL_SSDPE2KX080T8",
		FileSystem:  "ext4",
		Capacity:    "7.3Ti",
		Used:        "40%",
		DeviceTypes: []v1alpha1.DeviceType{v1alpha1.DeviceMetadata, v1alpha1.DeviceData},
		Types:       "METADATA,DATA",
		Summary:     "data-1.1.5-RUNNING",
		Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccepted,
			LastTransitionTime: since,
		}},
	}
	if err := api.Client().Status().Update(t.Context(), device); err != nil {
		t.Fatal(err)
	}
	want := `
NAME HOST PATH TYPES PHASE CAPACITY USED STATUS AGE
node1-disk1 node2 /mnt/disk7 METADATA,DATA Online 7.3Ti 40% data-1.1.5-RUNNING AGE
`
	for _, name := range []string{"devices", "device", "qdev", "quobytedevices"} {
		compareColumns(t, namespace, name, want)
	}
	for selector, shown := range map[string]string{
		"status.host=node2,status.phase=Online,spec.clusterRef.name=quobyte": want,
		"status.host=node1":          "\n",
		"status.phase=Missing":       "\n",
		"spec.clusterRef.name=other": "\n",
	} {
		compareColumns(t, namespace, "devices", shown, "--field-selector="+selector)
	}
	compareColumns(t, namespace, "devices", `
NAME HOST PATH TYPES PHASE CAPACITY USED STATUS CLUSTER FS MODEL SERIAL SINCE AGENT AGE
node1-disk1 node2 /mnt/disk7 METADATA,DATA Online 7.3Ti 40% data-1.1.5-RUNNING quobyte ext4 INTEL_SSDPE2KX080T8 5f1c5e0e AGE S1 AGE
`, "-o", "wide")
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
		{"device.spec.path", "It cannot change"},
		{"device.spec.initialize", "is never initialised again"},
		{"device.spec.source.mesosDisk", "persistent volume is created"},
		{"device.spec.reclaimPolicy", "destroys both"},
		{"device.status.phase", "Phase of the device's life"},
		{"qbc.spec.devices.policy", "use every marked device that is found"},
		{"qbc.spec.prober", "With neither"},
		{"qbc.spec.placement.attributes.operator", "In, NotIn, Exists or DoesNotExist"},
		{"qbc.spec.services.client.enabled", "It needs probes"},
		{"qbc.spec.update.maxUnavailable", "a number, or a percentage of the wanted ones"},
		{"qbc.spec.update.order", "Those that are not named come after"},
		{"qbc.spec.update.onFailure", "Pause, to stop where an update failed"},
		{"qbc.spec.health", "how services are checked"},
		{"qbc.spec.health.restartAfter", "reported and not restarted"},
		{"qbc.spec.maintenance.leadTime", "how long before its window"},
		{"qbc.spec.placement.cordonedHosts", "get none"},
		{"qbc.spec.placement.unreachableTimeout", "devices wait for theirs"},
		{"qbc.status.update.current", "host of the instance"},
		{"qbc.status.maintenance.state", "Scheduled, Waiting, Draining, Drained"},
		{"qbc.spec.mesos.reservation", "reserve what the services use"},
	} {
		if out := explain(t, api, field.path); !strings.Contains(out, field.want) {
			t.Errorf("kubectl explain %s does not say %q:\n%s", field.path, field.want, out)
		}
	}
}

// explain asks until the API server has published the schema: that takes it some
// seconds after the CRD is established.
func explain(t *testing.T, api *testapi.API, field string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		out, message, err := api.RunKubectl(ctx, "", "explain", field)
		if err == nil {
			return out
		}
		if ctx.Err() != nil || !strings.Contains(message, "couldn't find resource") {
			t.Fatalf("kubectl explain %s: %v\n%s", field, err, message)
		}
	}
}

// compareColumns compares what kubectl get prints, with runs of spaces as one
// and ages as AGE.
func compareColumns(t *testing.T, namespace, resource, want string, arguments ...string) {
	t.Helper()
	out := server.API(t).Kubectl(t, append([]string{"get", resource, "-n", namespace}, arguments...)...)
	out = regexp.MustCompile(` +`).ReplaceAllString(out, " ")
	out = regexp.MustCompile(`(?m) \d+m?s( |$)`).ReplaceAllString(out, " AGE$1")
	if diff := cmp.Diff(want, "\n"+out); diff != "" {
		t.Errorf("kubectl get %s (-want +got):\n%s", resource, diff)
	}
}
