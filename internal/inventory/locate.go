package inventory

import (
	"slices"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// locate finds out where the disk of the object is that stands for a serial.
func (t *taking) locate(g *group, e *entry) {
	seen := t.seen(g)
	e.at, e.others, e.previousHost = nil, nil, e.memory.PreviousHost
	if !e.used {
		t.locateUnused(g, e, seen)
		return
	}
	var here *sighting
	count := 0
	for _, s := range seen {
		if s.host.name != e.home.host {
			continue
		}
		if s.mount.Path == e.home.path {
			here, count = s, 1
			break
		}
		here = s
		count++
	}
	switch {
	case count == 1:
		e.find(here)
		e.others = placesBut(seen, here)
	case count > 1: // at several new paths of its host
		e.verdict, e.others = contested, placesBut(seen, nil)
	case len(seen) == 0:
		e.verdict = t.lookAt(e.home)
	default:
		t.follow(e, seen)
	}
}

// locateUnused is about a serial that never was in use: it is found only when it is
// at one place alone.
func (t *taking) locateUnused(g *group, e *entry, seen []*sighting) {
	hidden := t.hidden(g)
	switch {
	case len(seen) == 0:
		e.verdict = t.lookAt(e.home)
	case len(seen)+len(hidden) == 1:
		e.find(seen[0])
	default:
		e.verdict, e.others = contested, append(placesBut(seen, nil), hidden...)
		slices.SortFunc(e.others, comparePlaces)
		for _, s := range seen {
			if s.place() == e.home {
				e.at, s.stood = s, true
			}
		}
	}
}

// follow is about a disk that is seen on other hosts than the one on which it was
// used. It is followed when that host says that it has gone, and when nothing of an
// earlier move is left to be done.
func (t *taking) follow(e *entry, seen []*sighting) {
	old := t.hosts[e.home.host]
	gone := old != nil && (old.Abandoned || old.present && t.lookAt(e.home) == absent)
	to := seen[0].host.name
	switch {
	case !gone:
		e.verdict, e.at = awaited, seen[0]
	case len(seen) > 1:
		e.verdict, e.others = contested, placesBut(seen, nil)
	case e.previousHost != "" && e.previousHost != e.home.host && e.previousHost != to:
		e.verdict, e.at = held, seen[0]
	default:
		// One that came back leaves a host, too: that nothing was started for it
		// there may be what the status has not been told yet.
		e.previousHost = e.home.host
		e.find(seen[0])
	}
}

// hidden are the places at which the serial was seen when it was contested, and
// that no present report tells of: who starts anew must not take the first word for
// the whole.
func (t *taking) hidden(g *group) []place {
	if !g.disputed {
		return nil
	}
	var hidden []place
	for i := g.member; i >= 0; i = t.entries[i].next {
		e := &t.entries[i]
		if e.refusal == "" && e.disputed() && t.lookAt(e.home) != absent && !slices.Contains(hidden, e.home) {
			hidden = append(hidden, e.home)
		}
	}
	slices.SortFunc(hidden, comparePlaces)
	return hidden
}

func placesBut(seen []*sighting, here *sighting) []place {
	var places []place
	for _, s := range seen {
		if s != here {
			places = append(places, s.place())
		}
	}
	return places
}

// settleTwins decides about the objects that were made for one place of a serial
// that was seen at two.
func (t *taking) settleTwins(g *group) {
	if g.member < 0 {
		return
	}
	if only := &t.entries[g.member]; only == g.holder && only.next < 0 {
		return
	}
	members := t.members(g)
	if g.holder == nil {
		t.promoteTwin(g, members)
	}
	for _, e := range members {
		if !e.twin() || e == g.holder || e.refusal != "" {
			continue
		}
		s := t.sightingAt(e.home)
		shown := s != nil && s.mount.Serial == g.serial
		switch {
		case g.holder != nil && !g.holder.gone() && g.holder.position() == e.home && !shown,
			shown && s.stood,
			!shown && t.lookAt(e.home) == absent:
			e.obsolete = true
			e.refuse(v1alpha1.ReasonDuplicateSerial, "serial "+g.serial+" is not at "+e.home.String()+" any more, or another device stands for it: this discovered object is to be deleted")
		case shown:
			e.verdict, e.at, s.stood = surplus, s, true
		default:
			e.verdict = t.lookAt(e.home)
		}
	}
}

// promoteTwin lets a twin stand for the serial when its place is the only one left.
func (t *taking) promoteTwin(g *group, twins []*entry) {
	seen := t.seen(g)
	if len(seen) != 1 || len(t.hidden(g)) > 0 || seen[0].stood {
		return
	}
	for _, e := range twins {
		if e.refusal == "" && e.home == seen[0].place() {
			g.holder = e
			e.find(seen[0])
			return
		}
	}
}

// otherPlaces are those at which a serial is, but for one; the one at which it is
// used stands first.
func (t *taking) otherPlaces(g *group, but place) []place {
	var list []place
	if h := g.holder; h != nil && h.used && !h.gone() {
		list = append(list, h.position())
	}
	for _, p := range append(placesBut(t.seen(g), nil), t.hidden(g)...) {
		if p != but && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// position is where the disk is, as far as is known.
func (e *entry) position() place {
	if e.verdict == found {
		return e.at.place()
	}
	return e.home
}

// settleDeclared is for a cluster that nobody probes: objects count as they are
// declared, and two of them must not claim one place or one serial. It looks at
// those alone that collide with another one.
func (t *taking) settleDeclared() {
	places := make(map[place]int32, len(t.entries))
	serials := make(map[string]int32, len(t.entries))
	disputed := map[int32]bool{}
	for i := range t.entries {
		e := &t.entries[i]
		e.verdict, e.previousHost = unprobed, e.memory.PreviousHost
		if e.refusal != "" {
			continue
		}
		if e.home.host != "" {
			collide(places, e.home, int32(i), disputed)
		}
		if e.serial != "" {
			collide(serials, e.serial, int32(i), disputed)
		}
	}
	byAge := make([]*entry, 0, len(disputed))
	for i := range disputed {
		byAge = append(byAge, &t.entries[i])
	}
	slices.SortFunc(byAge, beforeDeclared)
	atPlace, ofSerial := map[place]*entry{}, map[string]*entry{}
	for _, e := range byAge {
		if o := atPlace[e.home]; o != nil && e.home.host != "" {
			e.refuse(v1alpha1.ReasonDuplicatePath, "device "+o.object.Name+" is older, declares the same host and path, and counts; delete this object, unless that one is wrong")
			continue
		}
		if o := ofSerial[e.serial]; o != nil && e.serial != "" {
			e.refuse(v1alpha1.ReasonDuplicateSerial, "device "+o.object.Name+" is older and declares the same serial; delete the one that is wrong")
			continue
		}
		atPlace[e.home], ofSerial[e.serial] = e, e
	}
}

func collide[K comparable](taken map[K]int32, key K, i int32, disputed map[int32]bool) {
	if other, ok := taken[key]; ok {
		disputed[i], disputed[other] = true, true
	}
	taken[key] = i
}

// beforeDeclared is precedence, but that a device that had gone from its place goes
// behind the one that came there.
func beforeDeclared(a, b *entry) int {
	if a.discovered == b.discovered && a.lost() != b.lost() {
		return trueFirst(b.lost())
	}
	return precedence(a, b)
}

// lost says that the last probe did not find the device any more.
func (e *entry) lost() bool {
	return e.memory.Phase == v1alpha1.PhaseMissing || e.memory.Phase == v1alpha1.PhaseReplaced
}
