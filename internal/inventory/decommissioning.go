package inventory

import "github.com/quobyte/mesos-operator/api/v1alpha1"

func decommissioned(d *v1alpha1.QuobyteDevice) bool {
	return d.Spec.State == v1alpha1.DeviceDecommissioned
}

// decommissioning is a device that a person takes out of service, by its state or
// by deleting its object. The planner says when it is done.
func (t *taking) decommissioning(e *entry, d *Device) {
	deleted := e.object.DeletionTimestamp != nil
	if e.isDouble() {
		return // another object decides about the disk
	}
	if decommissioned(e.object) && e.refusal == "" {
		d.Phase, d.Accepted, d.Reason = v1alpha1.PhaseDecommissioning, false, v1alpha1.ReasonDecommissioned
		if e.object.Status.Phase == v1alpha1.PhaseDecommissioned {
			d.Phase = v1alpha1.PhaseDecommissioned
		}
		d.Message = "spec.state is Decommissioned: no service is to use it. Its marker and its data stay; set spec.state: Online to use it again"
	}
	switch {
	case deleted:
		d.Leaving = "its device was deleted"
		if e.verdict == found {
			d.Message = "the object is being deleted, and the disk is still at " + e.at.place().String() +
				", where it will be found again: to be rid of it, set spec.state: Decommissioned on the object that comes and keep that, or unmount or erase the disk"
		}
	case decommissioned(e.object):
		d.Leaving = "its device was decommissioned"
	}
}
