package plan

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// A deleted device is let go only by a view of its very generation.
func TestViewNamesTheGenerationOfItsDevice(t *testing.T) {
	device := &v1alpha1.QuobyteDevice{
		ObjectMeta: metav1.ObjectMeta{Name: "d", Generation: 7},
		Spec:       v1alpha1.QuobyteDeviceSpec{Host: "node1", Path: "/mnt/d", Types: []v1alpha1.DeviceType{v1alpha1.DeviceData}},
	}
	cluster := &v1alpha1.QuobyteCluster{Spec: v1alpha1.QuobyteClusterSpec{HostDeviceDirectory: "/mnt", State: v1alpha1.StateRunning}}
	result := Plan(Input{Cluster: cluster, Inventory: inventory.Result{Devices: []inventory.Device{found(device)}}, Mesos: &mesosbridge.Snapshot{}})
	if got := result.Devices["d"].Generation; got != 7 {
		t.Errorf("generation %d, want 7", got)
	}
}
