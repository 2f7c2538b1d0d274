package inventory

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/probe"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const tib = 1 << 40

// fixture is an Input that a test builds up, with a writer of statuses.
type fixture struct {
	in Input
	n  int
}

func newFixture() *fixture {
	c := &v1alpha1.QuobyteCluster{}
	c.Name, c.Namespace = "quobyte", "storage"
	c.Spec.HostDeviceDirectory = "/mnt"
	c.Spec.Devices.Policy = v1alpha1.DevicesAuto
	return &fixture{in: Input{Now: noon, Cluster: c, Probing: true, Hosts: map[string]*Host{}}}
}

// declare adds an object; edit may change it.
func (f *fixture) declare(name string, spec v1alpha1.QuobyteDeviceSpec, edit ...func(*v1alpha1.QuobyteDevice)) *v1alpha1.QuobyteDevice {
	f.n++
	d := &v1alpha1.QuobyteDevice{Spec: spec}
	d.Name, d.Namespace, d.UID, d.Generation = name, "storage", types.UID("uid-"+name), 1
	d.Finalizers = []string{v1alpha1.FinalizerDevice}
	d.CreationTimestamp = metav1.NewTime(noon.Add(time.Duration(f.n) * time.Minute))
	for _, e := range edit {
		e(d)
	}
	f.in.Devices = append(f.in.Devices, d)
	return d
}

func (f *fixture) device(name string) *v1alpha1.QuobyteDevice {
	for _, d := range f.in.Devices {
		if d.Name == name {
			return d
		}
	}
	return nil
}

func discovered(d *v1alpha1.QuobyteDevice) {
	d.Labels = map[string]string{v1alpha1.LabelDiscovered: "true"}
}
func deleted(d *v1alpha1.QuobyteDevice) { d.DeletionTimestamp = &metav1.Time{Time: noon} }

// report lets a host report these mounts and nothing else.
func (f *fixture) report(host string, mounts ...probe.Mount) *Host {
	h := f.in.Hosts[host]
	if h == nil {
		h = &Host{Name: host, AgentID: "agent-" + host, ExecutorID: "prober-" + host}
		f.in.Hosts[host] = h
	}
	slices.SortStableFunc(mounts, func(a, b probe.Mount) int { return strings.Compare(a.Path, b.Path) })
	h.Report, h.Received, h.Abandoned = &probe.Report{Protocol: 1, Seq: 1, Mounts: mounts}, noon, false
	return h
}

// silence takes a host's report away, as a restart of the operator does.
func (f *fixture) silence(hosts ...string) {
	for _, h := range hosts {
		f.in.Hosts[h].Report = nil
	}
}

func marked(path, serial string, types ...string) probe.Mount {
	return probe.Mount{Path: path, FileSystem: "xfs", Number: "8:" + path, Marked: true, Serial: serial, Model: "M", Types: types,
		CapacityBytes: 8 * tib, FreeBytes: 4 * tib}
}

func bare(path string) probe.Mount {
	return probe.Mount{Path: path, FileSystem: "ext4", Number: "8:" + path, CapacityBytes: 8 * tib, FreeBytes: 8 * tib}
}

func hung(path string) probe.Mount {
	return probe.Mount{Path: path, Number: "8:" + path, Problem: "hangs: no answer for 10s"}
}

func at(host, path string) v1alpha1.QuobyteDeviceSpec {
	return v1alpha1.QuobyteDeviceSpec{Host: host, Path: path}
}

func withSerial(serial string) v1alpha1.QuobyteDeviceSpec {
	return v1alpha1.QuobyteDeviceSpec{Serial: serial}
}

// write puts a result into the statuses, as the device controller does.
func (f *fixture) write(r Result) {
	for _, v := range r.Devices {
		s := &v.Object.Status
		if s.Phase != v.Phase {
			s.PhaseSince = &metav1.Time{Time: f.in.Now.Truncate(time.Second)}
		}
		s.ObservedGeneration, s.Phase = v.Object.Generation, v.Phase
		s.Host, s.Path, s.PreviousHost = v.Host, v.Path, v.PreviousHost
		s.AppearedAt = nil
		if !v.AppearedAt.IsZero() {
			s.AppearedAt = &metav1.MicroTime{Time: v.AppearedAt.Local()}
		}
		s.Serial, s.Model, s.FileSystem, s.Capacity, s.Used, s.Bootstrap = v.Serial, v.Model, v.FileSystem, v.Capacity, v.Used, v.Bootstrap
		s.DeviceTypes = v.Types
		c := metav1.Condition{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionFalse, Reason: v.Reason, Message: v.Message, ObservedGeneration: v.Object.Generation}
		if v.Accepted {
			c.Status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(&s.Conditions, c)
	}
}

// act writes the result, makes what was discovered and deletes what is obsolete.
func (f *fixture) act(r Result) {
	f.write(r)
	f.in.Devices = slices.DeleteFunc(slices.Clone(f.in.Devices), func(d *v1alpha1.QuobyteDevice) bool { return slices.Contains(r.Obsolete, d.Name) })
	for _, d := range r.Discovered {
		f.n++
		d = d.DeepCopy()
		d.UID, d.Generation = types.UID(fmt.Sprintf("uid-%d", f.n)), 1
		d.CreationTimestamp = metav1.NewTime(noon.Add(time.Duration(f.n) * time.Minute))
		f.in.Devices = append(f.in.Devices, d)
	}
}

// settle acts until nothing is to be made or deleted, and returns the result.
func (f *fixture) settle(t testing.TB) Result {
	t.Helper()
	for range 4 {
		r := Take(f.in)
		if f.act(r); len(r.Discovered)+len(r.Obsolete) == 0 {
			r = Take(f.in)
			f.write(r)
			return r
		}
	}
	t.Fatalf("no end of discovering: %s", dump(Take(f.in)))
	return Result{}
}

func (r Result) of(t testing.TB, name string) Device {
	t.Helper()
	for _, d := range r.Devices {
		if d.Object.Name == name {
			return d
		}
	}
	t.Fatalf("no device %s in %s", name, dump(r))
	return Device{}
}

func dump(r Result) string {
	var b strings.Builder
	for _, d := range r.Devices {
		fmt.Fprintf(&b, "\n%s: %s %s:%s serial %q previous %q types %v wanted %v confirmed %v elsewhere %v claims %v leaving %q accepted %v %s: %s order %v",
			d.Object.Name, d.Phase, d.Host, d.Path, d.Serial, d.PreviousHost, d.Types, d.Wanted, d.Confirmed, d.Elsewhere, d.Claims, d.Leaving, d.Accepted, d.Reason, d.Message, d.Order)
	}
	for _, d := range r.Discovered {
		fmt.Fprintf(&b, "\ndiscovered %s: %+v", d.Name, d.Spec)
	}
	fmt.Fprintf(&b, "\nobsolete %v", r.Obsolete)
	return b.String()
}

// want is what a test expects of a device: "Online /mnt/a on n1 wanted confirmed",
// followed by words that the reason and the message must contain.
func (r Result) want(t testing.TB, name, state string, words ...string) Device {
	t.Helper()
	d := r.of(t, name)
	got := string(d.Phase)
	if d.Host != "" {
		got += " " + d.Path + " on " + d.Host
	}
	for _, flag := range []struct {
		set  bool
		word string
	}{{d.Wanted, "wanted"}, {d.Confirmed, "confirmed"}, {d.Claims, "claims"}, {d.Elsewhere, "elsewhere"}, {d.Leaving != "", "leaving"}, {d.Order != nil, "order"}, {d.PreviousHost != "", "from " + d.PreviousHost}} {
		if flag.set {
			got += " " + flag.word
		}
	}
	if got != state {
		t.Errorf("%s is %q, want %q:%s", name, got, state, dump(r))
	}
	for _, word := range words {
		if !strings.Contains(d.Reason+" "+d.Message, word) {
			t.Errorf("%s: %q lacks %q", name, d.Reason+" "+d.Message, word)
		}
	}
	return d
}
