package inventory

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// taking is one taking of the inventory.
type taking struct {
	*index
	now       time.Time
	cluster   *v1alpha1.QuobyteCluster
	directory string
	probing   bool
	entries   []entry
	alone     [1]*entry
}

// entry is one object, with what is found out about it.
type entry struct {
	object *v1alpha1.QuobyteDevice
	// memory is the status that tells what was found: its own, or that of the
	// discovered object in whose place it comes.
	memory *v1alpha1.QuobyteDeviceStatus
	// serial that the object stands for; empty: it stands for a place.
	serial string
	// home is where it was last, or where the spec says that it is.
	home place
	// used: it has been in the inventory at home, and services may know it there.
	used       bool
	discovered bool
	// obsolete: it stands for nothing of its own.
	obsolete bool
	// refusal is why it does not take part; empty: it does.
	refusal, refusalMessage string
	// double is the object because of which it is refused; with it the message goes
	// on after that one's name.
	double *entry

	verdict verdict
	// at is where it is seen; nil: nowhere.
	at *sighting
	// others are further places at which its serial or its file system is.
	others []place
	// previousHost that it was moved from.
	previousHost string

	// next in the chain of its serial or its place; -1: none.
	next int32
}

// verdict is what the reports say about an object.
type verdict uint8

const (
	// silent: its host has no present report.
	silent verdict = iota
	// unreadable: nobody can tell what is mounted at its place.
	unreadable
	// absent: the present report does not have it, and no other has.
	absent
	// found at one place, or at the one that was used before.
	found
	// contested: it is seen at several places, and none was used before.
	contested
	// surplus: its place has what another object stands for, elsewhere.
	surplus
	// awaited: it is seen elsewhere, while the host on which it was has not said
	// that it is gone.
	awaited
	// held: it was moved on before its last move was done.
	held
	// unprobed: nobody probes.
	unprobed
)

func newTaking(in Input) *taking {
	t := &taking{
		now: in.Now, cluster: in.Cluster, probing: in.Probing,
		directory: in.Cluster.Spec.HostDeviceDirectory,
		entries:   make([]entry, len(in.Devices)),
	}
	hosts := in.Hosts
	if !in.Probing {
		hosts = nil
	}
	t.index = newIndex(hosts, t.directory, len(in.Devices))
	for i, d := range in.Devices {
		t.enter(i, d)
	}
	return t
}

// enter makes the entry of an object.
func (t *taking) enter(i int, d *v1alpha1.QuobyteDevice) {
	e := &t.entries[i]
	e.object, e.next = d, -1
	e.discovered = d.Labels[v1alpha1.LabelDiscovered] != ""
	e.remember(&d.Status)
	e.rememberFirst(d)
	e.serial = t.serialOf(d)
	if e.serial == "" {
		if !below(t.directory, e.home.path) {
			e.refuseOutside(t.directory)
		}
		return
	}
	g := t.group(e.serial)
	if g.sightings == 0 && e.home.path != "" && !below(t.directory, e.home.path) {
		e.refuseOutside(t.directory) // and claims nothing
		return
	}
	e.next, g.member = g.member, int32(i)
	if e.disputed() {
		g.disputed = true
	}
}

// remember takes over what a status says was found.
func (e *entry) remember(s *v1alpha1.QuobyteDeviceStatus) {
	e.memory, e.previousHost = s, s.PreviousHost
	spec := &e.object.Spec
	switch s.Phase {
	case v1alpha1.PhaseOnline, v1alpha1.PhaseMissing, v1alpha1.PhaseReplaced, v1alpha1.PhaseUnmanaged:
		e.used = true
	case "": // of a version that knew no phases
		e.used = len(s.Services) > 0
	default:
		e.used = s.FileSystem != ""
	}
	e.home = place{s.Host, s.Path}
	if !e.used || e.home.host == "" {
		e.home = place{spec.Host, spec.Path}
	}
	if e.home.host == "" {
		e.used = false
	}
}

// rememberFirst takes over where an object was found first, when nothing else tells.
func (e *entry) rememberFirst(d *v1alpha1.QuobyteDevice) {
	at, ok := firstFound(d)
	if !ok || e.used {
		return
	}
	status := d.Status
	status.Host, status.Path, status.FileSystem = at.host, at.path, unknownFileSystem
	e.memory, e.used, e.home = &status, true, at
}

// serialOf returns the serial that an object stands for; empty: it has none yet.
func (t *taking) serialOf(d *v1alpha1.QuobyteDevice) string {
	switch {
	case d.Spec.Serial != "":
		return d.Spec.Serial
	case d.Status.Serial != "":
		return d.Status.Serial
	case d.Annotations[v1alpha1.AnnotationSerial] != "":
		return d.Annotations[v1alpha1.AnnotationSerial]
	case d.Spec.Initialize:
		// The marker that was written for it may be gone again: it had a serial.
		return t.outcome(d).Serial
	}
	return ""
}

// disputed says that the object remembers that its serial was seen at its place and
// at another one, and used at none.
func (e *entry) disputed() bool {
	s := &e.object.Status
	return !e.used && !decommissioned(e.object) && s.Phase == v1alpha1.PhaseConflict && e.home.host != "" && e.home == (place{s.Host, s.Path}) && e.lastReason() == v1alpha1.ReasonMountedTwice
}

// twin says that the object was made for a serial at one of two places.
func (e *entry) twin() bool {
	return e.discovered && !e.used && e.object.Spec.Serial != "" && e.object.Spec.Host != ""
}

// lastReason is that of the condition Accepted.
func (e *entry) lastReason() string {
	if c := meta.FindStatusCondition(e.object.Status.Conditions, v1alpha1.ConditionAccepted); c != nil {
		return c.Reason
	}
	return ""
}

// find notes where the object is.
func (e *entry) find(s *sighting) {
	e.verdict, e.at, s.stood = found, s, true
}

// members returns the objects that know a serial, the one that goes before first.
func (t *taking) members(g *group) []*entry {
	if g.member < 0 {
		return nil
	}
	first := &t.entries[g.member]
	if first.next < 0 {
		t.alone[0] = first
		return t.alone[:]
	}
	return t.chain(g.member)
}

// chain returns the objects of a chain in the order of precedence.
func (t *taking) chain(head int32) []*entry {
	var list []*entry
	for i := head; i >= 0; i = t.entries[i].next {
		list = append(list, &t.entries[i])
	}
	slices.SortFunc(list, precedence)
	return list
}

// precedence orders objects that stand for the same: what somebody declared goes
// before what was discovered, then the older one. Of those that were discovered,
// one that was used goes first, and one for a disk before one for a place.
func precedence(a, b *entry) int {
	if a.discovered != b.discovered {
		return trueFirst(b.discovered)
	}
	if a.discovered {
		if a.used != b.used {
			return trueFirst(a.used)
		}
		if a.twin() != b.twin() {
			return trueFirst(b.twin())
		}
	}
	return compareAge(a, b)
}

func compareAge(a, b *entry) int {
	if c := a.object.CreationTimestamp.Compare(b.object.CreationTimestamp.Time); c != 0 {
		return c
	}
	return strings.Compare(a.object.Name, b.object.Name)
}

func trueFirst(first bool) int {
	if first {
		return -1
	}
	return 1
}
