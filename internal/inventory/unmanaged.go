package inventory

import "github.com/quobyte/mesos-operator/api/v1alpha1"

// unmanaged is a device that was found and that nobody declared, where the policy
// asks for that.
func (t *taking) unmanaged(e *entry, d *Device) {
	if !e.discovered || d.Phase != v1alpha1.PhaseOnline || t.cluster.Spec.Devices.Policy != v1alpha1.DevicesDeclared {
		return
	}
	named := "spec.host " + d.Host + " and spec.path " + d.Path
	if e.serial != "" {
		named = "spec.serial " + e.serial
	}
	d.Phase, d.Accepted, d.Reason = v1alpha1.PhaseUnmanaged, false, v1alpha1.ReasonUnmanaged
	d.Message = "not declared, and spec.devices.policy is Declared. To use it: kubectl label --namespace " + e.object.Namespace +
		" quobytedevice " + e.object.Name + " " + v1alpha1.LabelDiscovered + "-, or apply a QuobyteDevice with " + named
}
