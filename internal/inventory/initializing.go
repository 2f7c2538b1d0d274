package inventory

import (
	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/probe"
)

// toInitialize says that a marker is to be written for the object: a manifest asks
// for it, no device was ever found for the object and it never had a serial (rule
// 17), and an unmarked file system is mounted at its place.
func (t *taking) toInitialize(e *entry) bool {
	spec, status := &e.object.Spec, &e.object.Status
	if !spec.Initialize || e.discovered || e.serial != "" || e.inherits() || status.FileSystem != "" ||
		e.verdict != absent || !e.declaredAt(e.home) {
		return false
	}
	m := t.mountAt(e.home)
	return m != nil && !m.Marked && m.Problem == ""
}

// initializing is a device whose marker is being written. The order is given when
// the status says so: should all be forgotten afterwards, the object still tells
// that it was begun. It is given until the marker is there; who sends it sees to it
// that this happens once an interval.
func (t *taking) initializing(e *entry, d *Device) {
	o := e.object
	d.Phase, d.Reason = v1alpha1.PhaseInitializing, v1alpha1.ReasonInitializing
	d.Message = "the prober of " + e.home.host + " is asked to write the marker at " + e.home.path
	if refused := t.outcome(o).Refused; refused != "" {
		d.Reason = v1alpha1.ReasonInitializeRefused
		d.Message = "the prober of " + e.home.host + " refused, and left all as it is: " + refused + "; it is asked again at each interval"
	}
	if o.Status.Phase != v1alpha1.PhaseInitializing || o.DeletionTimestamp != nil || decommissioned(o) ||
		t.cluster.DeletionTimestamp != nil || t.cluster.Spec.Suspend {
		return
	}
	types := typesOf(o.Spec.Types)
	if types == 0 || o.UID == "" {
		return
	}
	d.Order = &probe.Order{ID: string(o.UID), Path: e.home.path,
		// An installation has one such mark. Another one would begin another.
		Bootstrap: o.Spec.Bootstrap && !t.cluster.Status.Bootstrapped}
	for _, word := range types.list() {
		d.Order.Types = append(d.Order.Types, string(word))
	}
}

// outcome of the order that was given for an object, as the present report of its
// host has it; empty: none.
func (t *taking) outcome(d *v1alpha1.QuobyteDevice) probe.Initialization {
	if v := t.hosts[d.Spec.Host]; v != nil && v.present {
		for _, o := range v.Report.Initializations {
			if o.ID != "" && o.ID == string(d.UID) {
				return o
			}
		}
	}
	return probe.Initialization{}
}
