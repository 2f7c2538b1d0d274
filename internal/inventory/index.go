package inventory

import (
	"slices"
	"sort"
	"strings"

	"github.com/quobyte/mesos-operator/internal/probe"
)

// index is what all present reports say, by serial and by place.
type index struct {
	hosts map[string]*hostView
	// sightings are all marked mounts that could be read; those of one host follow
	// one another, by path.
	sightings []sighting
	serials   map[string]int32
	groups    []group
	one       [1]*sighting
}

// place is where a file system is mounted.
type place struct{ host, path string }

func (p place) String() string { return p.path + " on " + p.host }

func comparePlaces(a, b place) int {
	if c := strings.Compare(a.host, b.host); c != 0 {
		return c
	}
	return strings.Compare(a.path, b.path)
}

// hostView is a host with its present report.
type hostView struct {
	*Host
	name string
	// present: there is a report, and the host is not abandoned.
	present bool
	// mounts that can be seen, by path.
	mounts []probe.Mount
	// first to end are its sightings.
	first, end int32
}

// sighting is one marked mount.
type sighting struct {
	host  *hostView
	mount *probe.Mount
	// next of the same serial; -1: none.
	next int32
	// stood: an object stands for it.
	stood bool
}

func (s *sighting) place() place { return place{s.host.name, s.mount.Path} }

// group is one serial: where it is seen, and the objects that know it.
type group struct {
	serial string
	// sighting and member are the heads of two chains; -1: none.
	sighting, member int32
	sightings        int32
	// disputed: an object remembers that the serial was seen at two places and
	// never used.
	disputed bool
	// holder is the object that stands for the serial; nil: none.
	holder *entry
	// claimant is the best of the objects that stand for a place where the serial
	// is, and do not know it yet.
	claimant *entry
}

func newIndex(hosts map[string]*Host, directory string, devices int) *index {
	n := 0
	for _, h := range hosts {
		if h != nil && h.Report != nil {
			n += len(h.Report.Mounts)
		}
	}
	x := &index{
		hosts:     make(map[string]*hostView, len(hosts)),
		sightings: make([]sighting, 0, n),
		serials:   make(map[string]int32, max(n, devices)),
		groups:    make([]group, 0, max(n, devices)),
	}
	views := make([]hostView, 0, len(hosts))
	for name, h := range hosts {
		if h == nil {
			continue
		}
		views = append(views, hostView{Host: h, name: name})
		v := &views[len(views)-1]
		x.hosts[name] = v
		x.addReport(v, directory)
	}
	return x
}

// addReport enters what a host's report says. What was reported of an abandoned
// host holds no more.
func (x *index) addReport(v *hostView, directory string) {
	v.first, v.end = int32(len(x.sightings)), int32(len(x.sightings))
	if v.Report == nil || v.Abandoned {
		return
	}
	v.present = true
	v.mounts = visible(v.Report.Mounts)
	for i := range v.mounts {
		m := &v.mounts[i]
		if !m.Marked || m.Problem != "" || !below(directory, m.Path) {
			continue
		}
		at := int32(len(x.sightings))
		x.sightings = append(x.sightings, sighting{host: v, mount: m, next: -1})
		if m.Serial == "" {
			continue
		}
		g := x.group(m.Serial)
		x.sightings[at].next, g.sighting = g.sighting, at
		g.sightings++
	}
	v.end = int32(len(x.sightings))
}

// visible returns the mounts by path, and of several at one path the last, which
// hides the others. As a rule they come so.
func visible(mounts []probe.Mount) []probe.Mount {
	ascending := func(i int) bool { return mounts[i-1].Path < mounts[i].Path }
	for i := 1; i < len(mounts); i++ {
		if !ascending(i) {
			mounts = slices.Clone(mounts)
			slices.SortStableFunc(mounts, func(a, b probe.Mount) int { return strings.Compare(a.Path, b.Path) })
			slices.Reverse(mounts)
			mounts = slices.CompactFunc(mounts, func(a, b probe.Mount) bool { return a.Path == b.Path })
			slices.Reverse(mounts)
			break
		}
	}
	return mounts
}

// group returns that of a serial. It is valid until the next new serial.
func (x *index) group(serial string) *group {
	i, known := x.serials[serial]
	if !known {
		i = int32(len(x.groups))
		x.groups = append(x.groups, group{serial: serial, sighting: -1, member: -1})
		x.serials[serial] = i
	}
	return &x.groups[i]
}

// seen returns where a serial is seen, by place. What it returns is valid until it
// is called again: nearly always it is one place, and not worth an allocation.
func (x *index) seen(g *group) []*sighting {
	switch g.sightings {
	case 0:
		return nil
	case 1:
		x.one[0] = &x.sightings[g.sighting]
		return x.one[:]
	}
	seen := make([]*sighting, 0, g.sightings)
	for i := g.sighting; i >= 0; i = x.sightings[i].next {
		seen = append(seen, &x.sightings[i])
	}
	slices.SortFunc(seen, func(a, b *sighting) int { return comparePlaces(a.place(), b.place()) })
	return seen
}

// sightingAt returns the marked mount at a place; nil: there is none.
func (x *index) sightingAt(p place) *sighting {
	v := x.hosts[p.host]
	if v == nil {
		return nil
	}
	of := x.sightings[v.first:v.end]
	i := sort.Search(len(of), func(i int) bool { return of[i].mount.Path >= p.path })
	if i == len(of) || of[i].mount.Path != p.path {
		return nil
	}
	return &of[i]
}

// mountAt returns what the host's present report says of a place; nil: nothing is
// mounted there, or there is no report.
func (x *index) mountAt(p place) *probe.Mount {
	v := x.hosts[p.host]
	if v == nil {
		return nil
	}
	i := sort.Search(len(v.mounts), func(i int) bool { return v.mounts[i].Path >= p.path })
	if i == len(v.mounts) || v.mounts[i].Path != p.path {
		return nil
	}
	return &v.mounts[i]
}

// lookAt says what is known of a place at which the device was not seen: silent,
// unreadable or absent.
func (x *index) lookAt(p place) verdict {
	v := x.hosts[p.host]
	switch {
	case p.host == "":
		return absent
	case v == nil || !v.present:
		return silent
	}
	if m := x.mountAt(p); m != nil && m.Problem != "" {
		return unreadable
	}
	return absent
}
