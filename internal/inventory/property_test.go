package inventory

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/probe"
)

// TestProperties lets disks be mounted, moved, copied and hung, hosts fall silent
// and people declare, delete and decommission. What must always hold is checked
// after every step.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history{fixture: newFixture(), t: t, had: map[string]bool{}}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			for range rapid.IntRange(1, 4).Draw(t, "events") {
				h.disturb()
			}
			h.pass()
		}
		h.converge()
	})
}

type history struct {
	*fixture
	t *rapid.T
	// had are the UIDs of objects that ever had a serial.
	had map[string]bool
	// names counts the declared objects.
	names int
}

var (
	hostNames = []string{"n1", "n2", "n3"}
	pathNames = []string{"/mnt/a", "/mnt/b"}
	serials   = []string{"", "serial-1", "serial-2", "Serial_3"}
	useWords  = []string{"REGISTRY", "DATA"}
)

func pick[T any](h *history, list []T) T { return rapid.SampledFrom(list).Draw(h.t, "which") }

func (h *history) chance(percent int) bool {
	return rapid.IntRange(0, 99).Draw(h.t, "chance") < percent
}

func (h *history) disturb() {
	switch rapid.IntRange(0, 9).Draw(h.t, "event") {
	case 0, 1, 2, 3:
		h.report(pick(h, hostNames), h.drawMounts()...)
	case 4:
		if host := h.in.Hosts[pick(h, hostNames)]; host != nil {
			host.Report, host.Abandoned = nil, h.chance(30)
		}
	case 5, 6:
		h.drawObject()
	case 7:
		h.edit()
	case 8:
		h.in.Cluster.Spec.Devices.Policy = pick(h, []v1alpha1.DevicesPolicy{v1alpha1.DevicesAuto, v1alpha1.DevicesDeclared})
	case 9:
		for _, host := range hostNames { // the operator starts anew
			if v := h.in.Hosts[host]; v != nil {
				v.Report = nil
			}
		}
	}
}

func (h *history) drawMounts() []probe.Mount {
	var mounts []probe.Mount
	for _, path := range pathNames {
		var m probe.Mount
		switch rapid.IntRange(0, 6).Draw(h.t, "mount") {
		case 0:
			continue
		case 1:
			m = hung(path)
		case 2:
			m = bare(path)
		default:
			m = marked(path, pick(h, serials))
			if h.chance(80) {
				m.Types = []string{pick(h, useWords)}
			}
		}
		if h.chance(20) {
			m.Number = "8:1"
		}
		mounts = append(mounts, m)
	}
	return mounts
}

func (h *history) drawObject() {
	h.names++
	spec := v1alpha1.QuobyteDeviceSpec{Serial: pick(h, serials)}
	if spec.Serial == "" || h.chance(40) {
		spec.Host, spec.Path = pick(h, hostNames), pick(h, pathNames)
		if h.chance(5) {
			spec.Path = "/srv/x"
		}
	}
	if h.chance(40) {
		spec.Types = []v1alpha1.DeviceType{v1alpha1.DeviceData}
	}
	spec.Initialize = spec.Serial == "" && len(spec.Types) > 0 && h.chance(80)
	h.declare(fmt.Sprintf("declared-%d", h.names), spec)
}

func (h *history) edit() {
	if len(h.in.Devices) == 0 {
		return
	}
	i := rapid.IntRange(0, len(h.in.Devices)-1).Draw(h.t, "object")
	d := h.in.Devices[i]
	d.Generation++
	switch rapid.IntRange(0, 4).Draw(h.t, "edit") {
	case 0:
		d.DeletionTimestamp = &metav1.Time{Time: noon}
	case 1:
		h.in.Devices = slices.Delete(slices.Clone(h.in.Devices), i, i+1)
	case 2:
		d.Spec.State = pick(h, []v1alpha1.DeviceState{v1alpha1.DeviceOnline, v1alpha1.DeviceDecommissioned})
	case 3:
		delete(d.Labels, v1alpha1.LabelDiscovered)
	case 4:
		d.Status.PreviousHost = "" // the planner says that nothing is left there
	}
}

func (h *history) pass() {
	r := Take(h.in)
	h.check(r)
	h.sameInAnotherOrder(r)
	h.write(r)
	again := Take(h.in)
	// What the object says of itself is what the order waited for.
	for i := range again.Devices {
		if before := &r.Devices[i]; before.Phase == v1alpha1.PhaseInitializing {
			again.Devices[i].Order = before.Order
		}
	}
	if !reflect.DeepEqual(r, again) {
		h.t.Fatalf("another result when it is written:%s\n---%s", dump(r), dump(again))
	}
	if h.chance(70) {
		h.act(r)
	}
}

func (h *history) sameInAnotherOrder(r Result) {
	in := h.in
	in.Devices = slices.Clone(in.Devices)
	random := rand.New(rand.NewPCG(1, uint64(h.n)))
	random.Shuffle(len(in.Devices), func(i, j int) { in.Devices[i], in.Devices[j] = in.Devices[j], in.Devices[i] })
	other := Take(in)
	byName := func(a, b Device) int { return cmp.Compare(a.Object.Name, b.Object.Name) }
	slices.SortFunc(other.Devices, byName)
	r.Devices = slices.Clone(r.Devices)
	slices.SortFunc(r.Devices, byName)
	if !reflect.DeepEqual(r, other) {
		h.t.Fatalf("another result in another order:%s\n---%s", dump(r), dump(other))
	}
}

// check is what holds of every result.
func (h *history) check(r Result) {
	wanted, places := map[string]string{}, map[place]string{}
	for _, d := range r.Devices {
		uid, o := string(d.Object.UID), d.Object
		h.had[uid] = h.had[uid] || d.Serial != "" || o.Spec.Serial != "" || o.Status.Serial != ""
		if d.Order != nil && (h.had[uid] || !o.Spec.Initialize || o.Status.Phase != v1alpha1.PhaseInitializing || !h.unmarked(d)) {
			h.t.Fatalf("an order for %s:%s", o.Name, dump(r))
		}
		if d.Wanted {
			if other, twice := wanted[d.Serial]; twice && d.Serial != "" {
				h.t.Fatalf("%s and %s want one serial:%s", o.Name, other, dump(r))
			}
			wanted[d.Serial] = o.Name
			at := place{d.Host, d.Path}
			if other, twice := places[at]; twice {
				h.t.Fatalf("%s and %s want one place:%s", o.Name, other, dump(r))
			}
			places[at] = o.Name
			if d.Confirmed && h.in.Hosts[d.Host].Report == nil {
				h.t.Fatalf("%s is confirmed by nobody:%s", o.Name, dump(r))
			}
		}
		instructed := o.DeletionTimestamp != nil || o.Spec.State == v1alpha1.DeviceDecommissioned
		if d.Leaving != "" && !instructed {
			h.t.Fatalf("%s leaves and nobody said so:%s", o.Name, dump(r))
		}
		lost := d.Phase == v1alpha1.PhaseMissing || d.Phase == v1alpha1.PhaseReplaced
		if lost && o.Status.Phase != d.Phase && (h.silentAbout(d) || h.hangs(d)) && h.remembersOther(d) {
			h.t.Fatalf("%s is missing because of silence:%s", o.Name, dump(r))
		}
		if d.Wanted && (d.Claims || d.Leaving != "" || !d.Accepted) || d.Accepted != (d.Phase == v1alpha1.PhaseOnline) || d.Message == "" || d.Reason == "" {
			h.t.Fatalf("%s contradicts itself:%s", o.Name, dump(r))
		}
	}
	h.checkDiscovered(r)
}

// remembersOther says that no object of a discovered predecessor was missing
// already: a successor takes that over.
func (h *history) remembersOther(d Device) bool {
	for _, o := range h.in.Devices {
		if o.Status.Phase == d.Phase && o.Status.Serial == d.Serial {
			return false
		}
	}
	return true
}

func (h *history) silentAbout(d Device) bool {
	host := h.in.Hosts[d.Host]
	return host == nil || host.Report == nil && !host.Abandoned
}

func (h *history) mount(d Device) *probe.Mount {
	if host := h.in.Hosts[d.Host]; host != nil && host.Report != nil {
		for i := range host.Report.Mounts {
			if m := &host.Report.Mounts[i]; m.Path == d.Path {
				return m
			}
		}
	}
	return nil
}

func (h *history) hangs(d Device) bool { m := h.mount(d); return m != nil && m.Problem != "" }
func (h *history) unmarked(d Device) bool {
	m := h.mount(d)
	return m != nil && m.Problem == "" && !m.Marked
}

func (h *history) checkDiscovered(r Result) {
	names := map[string]bool{}
	for _, d := range h.in.Devices {
		names[d.Name] = true
	}
	for _, d := range r.Discovered {
		if names[d.Name] || len(validation.IsDNS1123Subdomain(d.Name)) > 0 {
			h.t.Fatalf("the name %q is taken or invalid:%s", d.Name, dump(r))
		}
		names[d.Name] = true
	}
	for _, name := range r.Obsolete {
		if h.device(name).Labels[v1alpha1.LabelDiscovered] == "" {
			h.t.Fatalf("declared %s is obsolete:%s", name, dump(r))
		}
	}
}

// converge lets all that is going on end: after three rounds nothing is made or
// deleted any more, and one object stands for every marked mount.
func (h *history) converge() {
	var r Result
	for range 4 {
		r = Take(h.in)
		h.check(r)
		h.act(r)
	}
	if r = Take(h.in); len(r.Discovered)+len(r.Obsolete) > 0 {
		h.t.Fatalf("no end of discovering:%s", dump(r))
	}
	for name, host := range h.in.Hosts {
		if host.Report == nil {
			continue
		}
		for _, m := range host.Report.Mounts {
			if m.Marked {
				h.checkStood(r, name, m)
			}
		}
	}
}

// checkStood: one object is at the place and is not refused; or none, and one that
// has the serial is elsewhere and not followed yet.
func (h *history) checkStood(r Result, host string, m probe.Mount) {
	var here, known []string
	for _, d := range r.Devices {
		switch {
		case d.Reason == v1alpha1.ReasonDuplicateSerial || d.Reason == v1alpha1.ReasonDuplicatePath || d.Reason == v1alpha1.ReasonOutsideDirectory:
		case d.Host == host && d.Path == m.Path && (d.Phase == v1alpha1.PhaseMissing || d.Phase == v1alpha1.PhaseReplaced || d.Phase == v1alpha1.PhasePending):
		case d.Host == host && d.Path == m.Path && !d.Confirmed && d.Phase != v1alpha1.PhaseConflict: // taken out of service, and not the one
			known = append(known, d.Object.Name)
		case d.Host == host && d.Path == m.Path && (d.Serial == m.Serial || m.Serial != "" && strings.Contains(d.Message, m.Serial)):
			here = append(here, d.Object.Name)
		case d.Serial == m.Serial && m.Serial != "":
			known = append(known, d.Object.Name)
		}
	}
	if len(here) > 1 || len(here)+len(known) == 0 {
		h.t.Fatalf("%v stand for %s at %s on %s, which %v know:%s", here, m.Serial, m.Path, host, known, dump(r))
	}
}
