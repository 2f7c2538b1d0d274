package inventory

import (
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// missing is a device that was used and that the present report does not have; when
// another file system is mounted at its place, it is replaced.
func (t *taking) missing(e *entry, d *Device) {
	d.Phase, d.Reason = v1alpha1.PhaseMissing, v1alpha1.ReasonMissing
	there := "nothing is mounted at " + e.home.String()
	bring := "bring the disk back, on any host"
	if e.serial == "" {
		bring = "bring the disk back to that place"
	}
	todo := ". What runs for it goes on. " + upperFirst(bring) + "; to give it up, set spec.state: Decommissioned"
	if m := t.mountAt(e.home); m != nil && m.Problem == "" {
		d.Phase, d.Reason = v1alpha1.PhaseReplaced, v1alpha1.ReasonReplaced
		there = describe(m.Marked, m.Serial, fileSystem(m)) + " is mounted at " + e.home.String() + " instead"
		todo += ". This object stands for no other disk: the one that is there needs a QuobyteDevice of its own, under another name"
	}
	if e.verdict != absent {
		there = "it was last at " + e.home.String()
	}
	name := "the device"
	if e.serial != "" {
		name = "serial " + e.serial
	}
	d.Message = name + " is not found since " + t.since(e, d.Phase) + ": " + there + todo
}

// since is when the object got into the phase; the present when it does now.
func (t *taking) since(e *entry, phase v1alpha1.DevicePhase) string {
	at := t.now
	if s := &e.object.Status; s.Phase == phase && s.PhaseSince != nil {
		at = s.PhaseSince.Time
	}
	return at.UTC().Truncate(time.Minute).Format("2006-01-02 15:04 UTC")
}

// describe names what is mounted.
func describe(marked bool, serial, fileSystem string) string {
	switch {
	case !marked:
		return "a file system (" + fileSystem + ") without a marker"
	case serial == "":
		return "a device without a serial"
	}
	return "the device of serial " + serial
}

func upperFirst(text string) string { return string(text[0]-'a'+'A') + text[1:] }
