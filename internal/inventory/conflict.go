package inventory

import (
	"slices"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// refused is a device that contradicts its cluster or another object.
func (t *taking) refused(e *entry, d *Device) {
	d.Phase, d.Reason, d.Message = v1alpha1.PhaseConflict, e.refusal, e.refusalMessage
	if by := e.double; by != nil {
		for by.double != nil { // it is refused itself
			by = by.double
		}
		d.Message = "device " + by.object.Name + d.Message
		if e.obsolete {
			d.Successor = by.object.Name
		}
	}
}

// typesDiffer is a device that is declared otherwise than its marker says.
func (t *taking) typesDiffer(d *Device, declared, marked typeSet) {
	d.Phase, d.Accepted, d.Reason = v1alpha1.PhaseConflict, false, v1alpha1.ReasonTypesDiffer
	d.Message = "spec.types are " + declared.String() + ", and the marker at " + place{d.Host, d.Path}.String() + " says " + marked.String() +
		": set spec.types to " + marked.String() + ", or take them out. What runs goes on; nothing is started for it"
}

// contested is a device that is seen at several places and was used at none of
// them, or not at these. Nothing is remembered as found: otherwise the place would
// count as used from then on.
func (t *taking) contested(e *entry, d *Device) {
	d.Phase, d.Reason = v1alpha1.PhaseConflict, v1alpha1.ReasonMountedTwice
	if e.at != nil && e.serial == "" {
		d.Message = "one file system is mounted at " + e.at.place().String() + " and at " + listPlaces(e.others) + ": it is not used before all but one are unmounted"
		return
	}
	if !e.used && !slices.Contains(e.others, e.home) {
		d.Host, d.Path = "", "" // it says at which of the places the object stands
	}
	d.Message = "serial " + e.serial + " is seen at " + listPlaces(e.others) + ": nothing is started for it before all but one are unmounted"
}

// surplus is a place of a device that is not the one that counts.
func (t *taking) surplus(e *entry, d *Device) {
	d.Phase, d.Reason = v1alpha1.PhaseConflict, v1alpha1.ReasonMountedTwice
	d.Message = "what is mounted at " + e.at.place().String() + " is serial " + e.at.mount.Serial + ", which is seen at " + listPlaces(t.otherPlaces(t.group(e.at.mount.Serial), e.home)) +
		", too: it is not used here; unmount it where it should not be"
}

// staysContested is a place of a contested serial of which no present report tells.
func (t *taking) staysContested(e *entry, d *Device) {
	d.Phase, d.Reason = v1alpha1.PhaseConflict, v1alpha1.ReasonMountedTwice
	d.Message = "serial " + e.serial + " was seen here and elsewhere, and " + e.home.host + " does not tell now: nothing is started for it"
	if c := e.lastWord(d); c != nil {
		d.Message = c.Message
	}
}
