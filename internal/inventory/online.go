package inventory

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

const takesPart = "the device takes part in the inventory"

// online is a device that was found where it may be used.
func (t *taking) online(e *entry, d *Device) {
	e.show(d)
	d.Confirmed = true
	declared, marked := typesOf(e.object.Spec.Types), typesOf(e.at.mount.Types)
	if declared != 0 && marked != 0 && declared != marked {
		t.typesDiffer(d, declared, marked)
		return
	}
	d.Phase, d.Accepted, d.Reason, d.Message = v1alpha1.PhaseOnline, true, v1alpha1.ReasonAccepted, takesPart
	var notes []string
	if d.PreviousHost != "" {
		d.Reason = v1alpha1.ReasonMoving
		notes = append(notes, "it was moved from "+d.PreviousHost+" to "+e.at.place().String()+": what runs for it on "+d.PreviousHost+" goes first")
	}
	if len(e.others) > 0 {
		d.Reason = v1alpha1.ReasonMountedTwice
		notes = append(notes, "it is used at "+e.at.place().String()+", where it was before, and is mounted at "+listPlaces(e.others)+", too: unmount it there")
	}
	if len(d.Types) == 0 {
		notes = append(notes, "no use decided yet: set spec.types, or device.type in the marker")
	}
	if e.at.mount.ReadOnly {
		notes = append(notes, "it is mounted read-only, and services cannot write to it: look at the kernel's log on "+d.Host+", and mount it again")
	}
	if len(notes) > 0 {
		d.Message = strings.Join(notes, "; ")
	}
}

// stays is a device of which no present report tells: what the status remembers
// holds, word by word, so that a restarted operator writes nothing.
func (t *taking) stays(e *entry, d *Device) {
	d.Phase = e.lastPhase()
	d.Accepted = d.Phase == v1alpha1.PhaseOnline
	switch d.Phase {
	case v1alpha1.PhaseOnline:
		d.Reason, d.Message = v1alpha1.ReasonAccepted, takesPart
		if d.Elsewhere = e.verdict == silent && e.lastReason() == v1alpha1.ReasonMoving && e.previousHost == ""; d.Elsewhere {
			d.Reason, d.Message = v1alpha1.ReasonMoving, "it was last seen on another host, and "+e.home.host+" has not said that it has gone"
		}
	case v1alpha1.PhasePending:
		d.Reason, d.Message = v1alpha1.ReasonNotProbed, e.home.host+" has not been probed since it was last out of service or in conflict"
	case v1alpha1.PhaseConflict:
		d.Reason, d.Message = e.lastReason(), "it was in conflict when it was last found, and "+d.Host+" has not been probed since"
	default:
		t.missing(e, d)
		d.Phase = e.lastPhase()
	}
	if c := e.lastWord(d); c != nil {
		d.Reason, d.Message = c.Reason, c.Message
	}
	if e.verdict == unreadable {
		d.Reason = e.reasonBut(d, v1alpha1.ReasonUnreadable)
		d.Message = "nobody can tell whether the device is still at " + e.home.String() + ": " + t.mountAt(e.home).Problem
	}
}

// lastPhase is the phase of a device that was used, as far as it is about where the
// device is. Pending when the status does not tell: whether a device was missing
// while it was out of service, or refused because of another object, is not
// remembered, and its host's report has to say it.
func (e *entry) lastPhase() v1alpha1.DevicePhase {
	switch phase := e.memory.Phase; phase {
	case v1alpha1.PhaseOnline, v1alpha1.PhaseUnmanaged, "":
		return v1alpha1.PhaseOnline
	case v1alpha1.PhaseMissing, v1alpha1.PhaseReplaced:
		return phase
	case v1alpha1.PhaseConflict:
		if reason := e.lastReason(); reason == v1alpha1.ReasonTypesDiffer || reason == v1alpha1.ReasonMountedTwice {
			return phase
		}
	}
	return v1alpha1.PhasePending
}

// reasonBut returns the reason; for a conflict its cause instead, which nothing else
// remembers.
func (e *entry) reasonBut(d *Device, reason string) string {
	if d.Phase == v1alpha1.PhaseConflict {
		return e.lastReason()
	}
	return reason
}

// lastWord is the condition Accepted as it was written for this generation in the
// same phase; nil: there is none.
func (e *entry) lastWord(d *Device) *metav1.Condition {
	status := &e.object.Status
	c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionAccepted)
	if c == nil || status.Phase != d.Phase || c.ObservedGeneration != e.object.Generation || (c.Status == metav1.ConditionTrue) != d.Accepted {
		return nil
	}
	return c
}

// moving is a device that is seen on another host, and is not followed yet. Where
// it was moved to first it is missing, when it was moved on.
func (t *taking) moving(e *entry, d *Device) {
	d.Phase, d.Elsewhere = e.lastPhase(), true
	if e.verdict == held {
		d.Phase = v1alpha1.PhaseMissing
	}
	d.Accepted = d.Phase == v1alpha1.PhaseOnline
	d.Reason = e.reasonBut(d, v1alpha1.ReasonMoving)
	to := e.at.place().String()
	switch {
	case e.verdict == held:
		d.Message = "it was moved from " + e.previousHost + " to " + e.home.host + " and now to " + to + ": it is followed when nothing of it is left to be stopped on " + e.previousHost
	case t.lookAt(e.home) == unreadable:
		d.Message = "it is also seen at " + to + ", and nobody can tell whether it is still at " + e.home.String() + " (" + t.mountAt(e.home).Problem + "): unmount it there, and it is followed"
	default:
		d.Message = "it is also seen at " + to + "; it is followed when the prober of " + e.home.host + " says that it has gone from there. If the machine " + e.home.host +
			" is gone for good, mark its agent gone in Mesos, or name the agent in the annotation " + v1alpha1.AnnotationGoneAgents + " of the QuobyteCluster"
	}
}

// declared is a device of a cluster that nobody probes.
func (t *taking) declared(e *entry, d *Device) {
	d.Confirmed = true
	if types := typesOf(e.object.Spec.Types); types != 0 {
		d.Types = types.list()
	}
	switch {
	case !e.discovered && e.object.Spec.Host != "":
		d.Phase, d.Accepted, d.Reason, d.Message = v1alpha1.PhaseOnline, true, v1alpha1.ReasonAccepted, takesPart
	case e.used:
		t.stays(e, d)
	case e.disputed():
		d.Phase, d.Reason, d.Message = v1alpha1.PhaseConflict, v1alpha1.ReasonMountedTwice, "serial "+e.serial+" was seen at two places, and nobody probes now: see spec.prober of the QuobyteCluster"
	default:
		d.Phase, d.Reason = v1alpha1.PhasePending, v1alpha1.ReasonNotProbed
		d.Message = "it is named by its serial " + e.serial + " alone, and nobody probes the hosts for it: see spec.prober of the QuobyteCluster, or set spec.host and spec.path"
	}
}

// listPlaces names at most five.
func listPlaces(places []place) string {
	const most = 5
	words := make([]string, 0, most+1)
	for i, p := range places {
		if i == most {
			words = append(words, "more places")
			break
		}
		words = append(words, p.String())
	}
	return strings.Join(words, " and ")
}
