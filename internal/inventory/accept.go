package inventory

import (
	"path"
	"strings"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// settleSerial decides which object stands for a serial, and where that is. The
// others are refused, or obsolete; twins are settled when all else is.
func (t *taking) settleSerial(g *group) {
	members := t.members(g)
	if len(members) == 0 || members[0].twin() {
		return
	}
	first := members[0]
	g.holder = first
	for _, m := range members[1:] {
		switch {
		case m.twin():
		case m.discovered:
			first.succeed(m)
		default:
			m.refuse(v1alpha1.ReasonDuplicateSerial, "device "+first.object.Name+" is older and has the same serial "+g.serial+"; delete the one that is wrong")
		}
	}
	t.locate(g, first)
}

// succeed lets an object come in the place of a discovered one: it takes over what
// is remembered of the disk, above all where it was used.
func (e *entry) succeed(discovered *entry) {
	if !e.used && discovered.used {
		e.remember(&discovered.object.Status)
		e.rememberFirst(discovered.object)
	}
	discovered.retire(e)
}

// inherits says that what is remembered is that of another object.
func (e *entry) inherits() bool { return e.memory != &e.object.Status }

// retire makes a discovered object obsolete, because another one stands for its
// device.
func (e *entry) retire(by *entry) {
	e.obsolete, e.double = true, by
	e.refuse(v1alpha1.ReasonDuplicateSerial, " stands for the same device: this discovered object is to be deleted")
}

// refuseAtPlace refuses an object that is declared for the place of another one.
func (e *entry) refuseAtPlace(other *entry) {
	e.double = other
	e.refuse(v1alpha1.ReasonDuplicatePath, " is declared for the same host and path, and counts; delete this object, unless that one is wrong")
}

func (e *entry) refuse(reason, message string) {
	e.refusal, e.refusalMessage = reason, message
}

func (e *entry) refuseOutside(directory string) {
	e.refuse(v1alpha1.ReasonOutsideDirectory, "path "+e.home.path+" does not lie below the cluster's hostDeviceDirectory "+directory+", the only directory that the services see")
}

// isDouble says that the object is refused because another one stands for the same:
// nothing runs for it that does not run for the other.
func (e *entry) isDouble() bool {
	return e.refusal == v1alpha1.ReasonDuplicateSerial || e.refusal == v1alpha1.ReasonDuplicatePath
}

// settlePlaces decides what the objects without a serial stand for: what is
// mounted at their place.
func (t *taking) settlePlaces() {
	winners := t.winners()
	claimed := false
	for _, e := range winners {
		m := t.mountAt(e.home)
		switch {
		case m == nil || m.Problem != "" || !m.Marked:
			e.verdict = t.lookAt(e.home)
			claimed = true
		case m.Serial == "":
			e.find(t.sightingAt(e.home))
		default:
			e.at = t.sightingAt(e.home)
			if g := t.group(m.Serial); g.holder == nil && (g.claimant == nil || precedence(e, g.claimant) < 0) {
				g.claimant = e
			}
		}
	}
	// What was declared first: it may come in the place of what was discovered.
	for _, discovered := range []bool{false, true} {
		for _, e := range winners {
			if e.discovered == discovered && e.serial == "" && e.at != nil && e.at.mount.Serial != "" {
				t.claim(e, t.group(e.at.mount.Serial))
			}
		}
	}
	t.settleMountedTwice(winners)
	if claimed {
		t.settleClaimedPlaces(winners)
	}
}

// winners returns the objects that stand for a place, one for each.
func (t *taking) winners() []*entry {
	heads := map[place]int32{}
	disputed := false
	for i := range t.entries {
		e := &t.entries[i]
		if e.serial != "" || e.refusal != "" {
			continue
		}
		if head, taken := heads[e.home]; taken {
			e.next, disputed = head, true
		}
		heads[e.home] = int32(i)
	}
	list := make([]*entry, 0, len(heads))
	for _, head := range heads {
		first := &t.entries[head]
		if disputed && first.next >= 0 {
			same := t.chain(head)
			first = same[0]
			for _, e := range same[1:] {
				if e.discovered {
					first.succeed(e)
				} else {
					e.refuseAtPlace(first)
				}
			}
		}
		list = append(list, first)
	}
	return list
}

// claim settles an object at whose place a serial is that it does not know yet: it
// takes the serial over, unless another object stands for it.
func (t *taking) claim(e *entry, g *group) {
	if g.holder == nil {
		g.holder = g.claimant
		g.holder.serial = g.serial
		t.locate(g, g.holder)
	}
	h := g.holder
	switch {
	case h == e:
	case e.discovered && !h.discovered && h.declaredAt(e.home):
		e.retire(h)
	case e.used && e.inherits() && h.at == e.at && h.declaredAt(e.home):
		e.remember(&e.object.Status) // h came first in the place of that disk
		e.refuseAtPlace(h)
	case e.used:
		e.at, e.verdict = nil, absent // another disk is there
	case h.discovered && !e.discovered && h.verdict == found && h.at == e.at:
		e.succeed(h)
		e.serial, g.holder = g.serial, e
		t.locate(g, e)
	case e.discovered:
		e.retire(h)
	case h.at == e.at && h.declaredAt(e.home):
		e.refuseAtPlace(h)
	case h.at == e.at:
		e.refuse(v1alpha1.ReasonDuplicateSerial, "what is mounted at "+e.home.String()+" is serial "+g.serial+", for which device "+h.object.Name+" stands, and counts; delete this object, unless that one is wrong")
	default:
		e.verdict, e.at.stood = surplus, true
	}
}

func (e *entry) declaredAt(p place) bool {
	return p == place{e.object.Spec.Host, e.object.Spec.Path}
}

// settleMountedTwice finds file systems with markers of the older kind that are
// mounted at two places of one host: the place that was used before stays in use.
func (t *taking) settleMountedTwice(winners []*entry) {
	at := map[*sighting]*entry{}
	for _, e := range winners {
		if e.verdict == found && e.serial == "" {
			at[e.at] = e
		}
	}
	var unused []*entry
	for s, e := range at {
		var first *entry
		for i := s.host.first; i < s.host.end; i++ {
			other := &t.sightings[i]
			if other.mount.Serial != "" || other.mount.Number == "" || other.mount.Number != s.mount.Number {
				continue
			}
			if other != s {
				e.others = append(e.others, other.place())
			}
			if o := at[other]; o != nil && o.used && (first == nil || precedence(o, first) < 0) {
				first = o
			}
		}
		if len(e.others) > 0 && first != e {
			unused = append(unused, e)
		}
	}
	for _, e := range unused {
		e.verdict = contested
	}
}

// settleClaimedPlaces refuses one of two objects that are declared for one place of
// which no report tells whose disk it holds.
func (t *taking) settleClaimedPlaces(winners []*entry) {
	claims := map[place]*entry{}
	for i := range t.entries {
		e := &t.entries[i]
		if e.serial == "" || e.discovered || e.refusal != "" || !e.claimsHome() {
			continue
		}
		if o := claims[e.home]; o == nil || beforeAtPlace(e, o) {
			claims[e.home] = e
		}
	}
	if len(claims) == 0 {
		return
	}
	for _, e := range winners {
		o := claims[e.home]
		switch {
		case o == nil || e.at != nil || e.refusal != "" || e.discovered || e.used && !e.claimsHome():
		case o.used || beforeAtPlace(o, e): // where it is remembered, it was found
			e.refuseAtPlace(o)
		default:
			o.refuseAtPlace(e)
		}
	}
}

// claimsHome says that the disk of an object is taken to be at its home, though no
// report shows it there.
func (e *entry) claimsHome() bool {
	if e.home.host == "" || e.verdict == found {
		return false
	}
	if !e.used {
		return e.verdict != contested
	}
	return !e.gone() && e.lastPhase() == v1alpha1.PhaseOnline && !decommissioned(e.object)
}

// gone says that the report of the host on which the device was used shows that it
// is not there any more.
func (e *entry) gone() bool {
	return e.verdict == absent || e.verdict == contested || e.verdict == held
}

func beforeAtPlace(a, b *entry) bool {
	if a.used != b.used {
		return a.used
	}
	return precedence(a, b) < 0
}

// below says that the path is clean and lies strictly below the directory.
func below(directory, p string) bool {
	prefix := strings.TrimSuffix(directory, "/") + "/"
	return len(p) > len(prefix) && strings.HasPrefix(p, prefix) && path.Clean(p) == p
}
