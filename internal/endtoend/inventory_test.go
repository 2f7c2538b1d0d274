package endtoend

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// TestInventoryVanishes: all device objects are gone at once, as with a
// restored backup. Absence is not an instruction (rule 12).
func TestInventoryVanishes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	operator := w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.awaitReadyOf(3)
	w.awaitQuiet()
	launched := len(w.mesos.History())
	if err := operator.Kill(); err != nil {
		t.Fatal(err)
	}
	list := &v1alpha1.QuobyteDeviceList{}
	if err := w.api.Client().List(t.Context(), list, client.InNamespace(w.namespace)); err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		device := &list.Items[i]
		device.Finalizers = nil
		if err := w.api.Client().Update(t.Context(), device); err != nil {
			t.Fatal(err)
		}
		if err := w.api.Client().Delete(t.Context(), device); err != nil {
			t.Fatal(err)
		}
	}
	w.startAlone()
	w.await("Unclaimed services", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionDegraded, metav1.ConditionTrue, "Unclaimed")
	})
	w.awaitQuiet()
	if got := w.alive(""); got != services(3) || w.killed() != 0 || len(w.mesos.History()) != launched {
		t.Errorf("%d tasks run, want %d; %d were killed, %d launched", got, services(3), w.killed(), len(w.mesos.History())-launched)
	}
	// An update does not stop what could not be started again.
	w.patch(`{"spec":{"version":"1.1.6"}}`)
	w.awaitQuiet()
	if got := w.alive("data"); got != 3 {
		t.Errorf("%d data services run, want 3", got)
	}
	// The inventory is back, and with it the claim.
	w.applyDevices(3)
	w.awaitReadyOf(3)
	w.checkNoDuplicates()
}

func TestDevicesThatContradictAreNotAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(1)
	w.awaitDevice("node1-disk1", "Accepted", accepted(true, v1alpha1.ReasonAccepted))
	w.api.Apply(t, w.namespace, `
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata: {name: same-path}
spec: {clusterRef: {name: quobyte}, host: node1, path: /mnt/disk1, types: [DATA]}
---
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata: {name: serial-a}
spec: {clusterRef: {name: quobyte}, host: node2, path: /mnt/a, types: [DATA], serial: ABCDE-1}
---
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata: {name: outside}
spec: {clusterRef: {name: quobyte}, host: node2, path: /data/disk1, types: [DATA]}
---
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata: {name: stranger}
spec: {clusterRef: {name: nobody}, host: node2, path: /mnt/b, types: [DATA]}
`)
	w.awaitDevice("same-path", "refused", accepted(false, v1alpha1.ReasonDuplicatePath))
	w.awaitDevice("outside", "refused", accepted(false, v1alpha1.ReasonOutsideDirectory))
	w.awaitDevice("stranger", "refused", accepted(false, v1alpha1.ReasonUnknownCluster))
	w.awaitDevice("serial-a", "accepted", accepted(true, v1alpha1.ReasonAccepted))
	w.api.Apply(t, w.namespace, `
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata: {name: serial-b}
spec: {clusterRef: {name: quobyte}, host: node3, path: /mnt/b, types: [DATA], serial: ABCDE-1}
`)
	w.awaitDevice("serial-b", "refused", accepted(false, v1alpha1.ReasonDuplicateSerial))
}

func accepted(yes bool, reason string) func(*v1alpha1.QuobyteDevice) bool {
	return func(d *v1alpha1.QuobyteDevice) bool {
		if d == nil {
			return false
		}
		for _, c := range d.Status.Conditions {
			if c.Type == v1alpha1.ConditionAccepted {
				return (c.Status == metav1.ConditionTrue) == yes && c.Reason == reason
			}
		}
		return false
	}
}
