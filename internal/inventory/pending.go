package inventory

import "github.com/quobyte/mesos-operator/api/v1alpha1"

// pending is a device that was never found.
func (t *taking) pending(e *entry, d *Device) {
	d.Phase, d.Reason = v1alpha1.PhasePending, v1alpha1.ReasonNotFound
	at := e.home.String()
	switch e.verdict {
	case silent:
		if e.disputed() {
			t.staysContested(e, d)
			return
		}
		d.Reason, d.Message = v1alpha1.ReasonNotProbed, e.home.host+" has not been probed yet"
		if len(t.hosts) > 0 && t.hosts[e.home.host] == nil {
			d.Message = "no Mesos agent with the host name " + e.home.host + " is registered"
		}
		return
	case unreadable:
		if e.disputed() {
			t.staysContested(e, d)
			return
		}
		d.Reason, d.Message = v1alpha1.ReasonUnreadable, "nobody can tell what is mounted at "+at+": "+t.mountAt(e.home).Problem
		return
	}
	if e.home.host == "" {
		d.Message = "no host reports a device with serial " + e.serial
		return
	}
	m := t.mountAt(e.home)
	switch {
	case m == nil && e.serial == "" && e.object.Spec.Initialize:
		d.Message = "nothing is mounted at " + at + ": mount an empty ext4 or xfs file system there"
	case m == nil && e.serial == "":
		d.Message = "no file system with a Quobyte device is mounted at " + at
	case m == nil:
		d.Message = "no host reports a device with serial " + e.serial + ", and nothing is mounted at " + at
	case e.serial == "":
		d.Message = "the file system at " + at + " is mounted, and has no marker: set spec.initialize: true or run qmkdev"
	default:
		d.Message = "no host reports a device with serial " + e.serial + "; at " + at + " " + describe(m.Marked, m.Serial, fileSystem(m)) + " is mounted"
	}
}
