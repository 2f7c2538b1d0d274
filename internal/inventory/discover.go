package inventory

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// candidate is an object that is to be made.
type candidate struct {
	at *sighting
	// placed: the object names the place, because it has no serial or is one of
	// several of that serial.
	placed bool
}

// discover makes objects for the marked mounts that none stands for: those first for
// which all others wait.
func (t *taking) discover(in *Input, r *Result) {
	if !t.probing || t.cluster.DeletionTimestamp != nil {
		return
	}
	t.standForArriving(in.Arriving)
	candidates := t.candidates()
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(a.rank()-b.rank(), comparePlaces(a.at.place(), b.at.place()))
	})
	r.UnlistedBootstrap = len(candidates) > 0 && candidates[0].at.mount.Bootstrap
	if len(candidates) > MaxDiscovered {
		candidates = candidates[:MaxDiscovered]
	}
	r.Discovered = t.objects(candidates, in)
}

// rank orders candidates: registries start first, and the first of them alone.
func (c candidate) rank() int {
	switch {
	case c.at.mount.Bootstrap:
		return 0
	case slices.Contains(c.at.mount.Types, string(v1alpha1.DeviceRegistry)):
		return 1
	}
	return 2
}

// candidates are in no order.
func (t *taking) candidates() []candidate {
	var list []candidate
	for i := range t.sightings {
		s := &t.sightings[i]
		if s.stood || !sound(s) {
			continue
		}
		if s.mount.Serial == "" {
			list = append(list, candidate{s, true})
			continue
		}
		g := t.group(s.mount.Serial)
		alone := g.sightings == 1 && len(t.hidden(g)) == 0
		if g.holder != nil && alone {
			continue // It is known by its serial, and waits to be followed.
		}
		list = append(list, candidate{s, !alone})
	}
	return list
}

// sound says that the API server will take an object for the mount: what comes from
// a host is not to be trusted blindly.
func sound(s *sighting) bool {
	serial := s.mount.Serial
	outside := strings.ContainsFunc(serial, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	})
	return !outside && (serial == "" || len(serial) >= 5 && len(serial) <= 128) &&
		len(s.mount.Path) <= 1024 && len(s.host.name) <= 253
}

// standForArriving takes objects into account that are not in the inventory yet.
func (t *taking) standForArriving(arriving []*v1alpha1.QuobyteDevice) {
	for _, d := range arriving {
		if serial := t.serialOf(d); serial != "" {
			if i, known := t.serials[serial]; known {
				for at := t.groups[i].sighting; at >= 0; at = t.sightings[at].next {
					t.sightings[at].stood = true
				}
			}
			continue
		}
		if s := t.sightingAt(place{d.Spec.Host, d.Spec.Path}); s != nil {
			s.stood = true
		}
	}
}

// objects makes those of the candidates, by name.
func (t *taking) objects(candidates []candidate, in *Input) []*v1alpha1.QuobyteDevice {
	if len(candidates) == 0 {
		return nil
	}
	names := t.names(candidates, in)
	made := make([]*v1alpha1.QuobyteDevice, len(candidates))
	for i, c := range candidates {
		d := &v1alpha1.QuobyteDevice{ObjectMeta: metav1.ObjectMeta{
			Name:       names[i],
			Namespace:  t.cluster.Namespace,
			Labels:     map[string]string{v1alpha1.LabelDiscovered: "true"},
			Finalizers: []string{v1alpha1.FinalizerDevice},
		}}
		d.Spec.ClusterRef.Name = t.cluster.Name
		d.Spec.State = v1alpha1.DeviceOnline
		d.Spec.ReclaimPolicy = v1alpha1.ReclaimRetain
		d.Spec.Serial = c.at.mount.Serial
		if c.placed {
			d.Spec.Host, d.Spec.Path = c.at.host.name, c.at.mount.Path
		} else {
			d.Annotations = map[string]string{v1alpha1.AnnotationFound: c.at.host.name + c.at.mount.Path + " " + in.Now.UTC().Format(time.RFC3339)}
		}
		made[i] = d
	}
	return made
}

// foundSlack is how far the time at which a device was found may be from that at
// which its object was made: the two are told by two clocks.
const foundSlack = 5 * time.Minute

// firstFound is where the device was found for which the object was made. It counts as
// long as the status does not tell: services may be started before that is written. A
// backup that brings the object back without its status brings an old place with it,
// on an object that is new.
func firstFound(d *v1alpha1.QuobyteDevice) (at place, ok bool) {
	text := d.Annotations[v1alpha1.AnnotationFound]
	blank, slash := strings.LastIndexByte(text, ' '), strings.IndexByte(text, '/')
	if slash <= 0 || blank < slash {
		return place{}, false
	}
	when, err := time.Parse(time.RFC3339, text[blank+1:])
	if err != nil || d.CreationTimestamp.Sub(when).Abs() > foundSlack {
		return place{}, false
	}
	return place{text[:slash], text[slash:blank]}, true
}

// names gives each candidate a name that no object has.
func (t *taking) names(candidates []candidate, in *Input) []string {
	names := make([]string, len(candidates))
	used := make(map[string]bool, len(candidates))
	for i, c := range candidates {
		names[i] = c.name()
		used[names[i]] = false
	}
	taken := func(name string) bool { return used[name] || in.Taken[name] }
	for _, list := range [][]*v1alpha1.QuobyteDevice{in.Devices, in.Arriving} {
		for _, d := range list {
			if _, asked := used[d.Name]; asked {
				used[d.Name] = true
			}
		}
	}
	for i, c := range candidates {
		for try := 0; taken(names[i]); try++ {
			names[i] = otherName(c.name(), t.cluster.Name, c.at.place(), c.at.mount.Serial, try)
			if t.hasName(in, names[i]) {
				used[names[i]] = true
			}
		}
		used[names[i]] = true
	}
	return names
}

// hasName is for the rare names that were not asked for at first.
func (t *taking) hasName(in *Input, name string) bool {
	named := func(d *v1alpha1.QuobyteDevice) bool { return d.Name == name }
	return slices.ContainsFunc(in.Devices, named) || slices.ContainsFunc(in.Arriving, named)
}

func (c *candidate) name() string {
	if c.placed {
		return placeName(c.at.place(), c.at.mount.Serial)
	}
	return serialName(c.at.mount.Serial)
}

// obsolete are the names of the discovered objects that are to be deleted.
func (t *taking) obsolete() []string {
	var names []string
	for i := range t.entries {
		e := &t.entries[i]
		if e.obsolete && e.object.DeletionTimestamp == nil {
			names = append(names, e.object.Name)
		}
	}
	slices.Sort(names)
	return names
}
