package inventory

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/probe"
)

// step is one thing that happens, and what the device "d" is then.
type step struct {
	do   func(f *fixture)
	want string
	// words of the reason and the message.
	words []string
}

func data(spec v1alpha1.QuobyteDeviceSpec) v1alpha1.QuobyteDeviceSpec {
	spec.Types = []v1alpha1.DeviceType{v1alpha1.DeviceData}
	return spec
}

func toInitialize(spec v1alpha1.QuobyteDeviceSpec) v1alpha1.QuobyteDeviceSpec {
	spec = data(spec)
	spec.Initialize = true
	return spec
}

func nothing(*fixture) {}

func with(mutate ...func(*fixture)) func(*fixture) {
	return func(f *fixture) {
		for _, m := range mutate {
			m(f)
		}
	}
}

func declare(spec v1alpha1.QuobyteDeviceSpec, edit ...func(*v1alpha1.QuobyteDevice)) func(*fixture) {
	return func(f *fixture) { f.declare("d", spec, edit...) }
}

func reports(host string, mounts ...probe.Mount) func(*fixture) {
	return func(f *fixture) { f.report(host, mounts...) }
}

func silence(hosts ...string) func(*fixture) { return func(f *fixture) { f.silence(hosts...) } }

func edit(change func(d *v1alpha1.QuobyteDevice)) func(*fixture) {
	return func(f *fixture) {
		d := f.device("d")
		d.Generation++
		change(d)
	}
}

func outcome(o probe.Initialization) func(*fixture) {
	return func(f *fixture) { f.in.Hosts["n1"].Report.Initializations = []probe.Initialization{o} }
}

func abandon(host string) func(*fixture) {
	return func(f *fixture) { f.in.Hosts[host].Abandoned = true }
}

func later(f *fixture) { f.in.Now = f.in.Now.Add(time.Hour) }

func notProbing(f *fixture) { f.in.Probing = false }

func probing(f *fixture) { f.in.Probing = true }

func policyDeclared(f *fixture) { f.in.Cluster.Spec.Devices.Policy = v1alpha1.DevicesDeclared }

func policyAuto(f *fixture) { f.in.Cluster.Spec.Devices.Policy = v1alpha1.DevicesAuto }

func decommission(d *v1alpha1.QuobyteDevice) { d.Spec.State = v1alpha1.DeviceDecommissioned }

const s1, s2 = "serial-1", "serial-2"

var (
	onA = marked("/mnt/a", s1, "DATA")
	onB = marked("/mnt/b", s1, "DATA")
)

// TestLife tells the lives of single devices, step by step; after each the result
// is written into the status.
func TestLife(t *testing.T) {
	online := step{with(declare(withSerial(s1)), reports("n1", onA), reports("n2")), "Online /mnt/a on n1 wanted confirmed", []string{"Accepted", "takes part"}}
	tests := map[string][]step{
		"not probed, then found, takes over the serial": {
			{declare(data(at("n1", "/mnt/a"))), "Pending /mnt/a on n1", []string{"NotProbed", "n1 has not been probed yet"}},
			{reports("n1"), "Pending /mnt/a on n1", []string{"NotFound", "no file system with a Quobyte device is mounted at /mnt/a on n1"}},
			{reports("n1", bare("/mnt/a")), "Pending /mnt/a on n1", []string{"NotFound", "is mounted, and has no marker: set spec.initialize: true or run qmkdev"}},
			{reports("n1", hung("/mnt/a")), "Pending /mnt/a on n1", []string{"Unreadable", "hangs"}},
			{reports("n1", onA), "Online /mnt/a on n1 wanted confirmed", nil},
			{reports("n1", onB), "Online /mnt/b on n1 wanted confirmed", nil},
		},
		"named by its serial alone": {
			{declare(withSerial(s1)), "Pending", []string{"NotFound", "no host reports a device with serial serial-1"}},
			{reports("n1", marked("/mnt/a", s2)), "Pending", nil},
			{reports("n2", onA), "Online /mnt/a on n2 wanted confirmed", nil},
		},
		"the place has another serial than declared": {
			{with(declare(v1alpha1.QuobyteDeviceSpec{Host: "n1", Path: "/mnt/a", Serial: s1}), reports("n1", marked("/mnt/a", s2))), "Pending /mnt/a on n1", []string{"NotFound", "serial-1", "the device of serial serial-2"}},
		},
		"silence changes nothing": {
			online,
			{silence("n1"), "Online /mnt/a on n1 wanted", []string{"takes part"}},
			{later, "Online /mnt/a on n1 wanted", []string{"takes part"}},
			{func(f *fixture) { clear(f.in.Hosts) }, "Online /mnt/a on n1 wanted", nil},
		},
		"an abandoned host is silent": {
			online,
			{abandon("n1"), "Online /mnt/a on n1 wanted", nil},
		},
		"unreadable": {
			online,
			{reports("n1", hung("/mnt/a")), "Online /mnt/a on n1 wanted", []string{"Unreadable", "hangs: no answer for 10s"}},
			{reports("n1", onA), "Online /mnt/a on n1 wanted confirmed", []string{"Accepted"}},
			{reports("n1"), "Missing /mnt/a on n1 claims", nil},
			{reports("n1", hung("/mnt/a")), "Missing /mnt/a on n1 claims", []string{"Unreadable"}},
		},
		"missing, silent, replaced, back": {
			online,
			{reports("n1"), "Missing /mnt/a on n1 claims", []string{"Missing", "since 2026-11-21 12:00 UTC", "Bring the disk back", "spec.state: Decommissioned"}},
			{later, "Missing /mnt/a on n1 claims", []string{"since 2026-11-21 12:00 UTC"}},
			{silence("n1"), "Missing /mnt/a on n1 claims", []string{"since 2026-11-21 12:00 UTC", "nothing is mounted"}},
			{reports("n1", marked("/mnt/a", s2)), "Replaced /mnt/a on n1 claims", []string{"Replaced", "serial serial-2", "QuobyteDevice of its own"}},
			{reports("n1", bare("/mnt/a")), "Replaced /mnt/a on n1 claims", []string{"without a marker"}},
			{silence("n1"), "Replaced /mnt/a on n1 claims", []string{"without a marker"}},
			{reports("n1", onA), "Online /mnt/a on n1 wanted confirmed", nil},
		},
		"an old marker is known by its place": {
			{with(declare(at("n1", "/mnt/a")), reports("n1", marked("/mnt/a", "", "DATA"))), "Online /mnt/a on n1 wanted confirmed", nil},
			{reports("n1"), "Missing /mnt/a on n1 claims", []string{"back to that place"}},
			{reports("n2", marked("/mnt/a", "", "DATA")), "Missing /mnt/a on n1 claims", nil},
			{reports("n1", bare("/mnt/a")), "Replaced /mnt/a on n1 claims", nil},
		},
		"types": {
			{with(declare(withSerial(s1)), reports("n1", marked("/mnt/a", s1))), "Online /mnt/a on n1 confirmed claims", []string{"no use decided yet: set spec.types, or device.type in the marker"}},
			{edit(func(d *v1alpha1.QuobyteDevice) { d.Spec = data(d.Spec) }), "Online /mnt/a on n1 wanted confirmed", nil},
			{reports("n1", marked("/mnt/a", s1, "REGISTRY", "METADATA")), "Conflict /mnt/a on n1 confirmed claims", []string{"TypesDiffer", "DATA", "REGISTRY,METADATA"}},
			{silence("n1"), "Conflict /mnt/a on n1 claims", []string{"TypesDiffer", "REGISTRY,METADATA"}},
			{edit(func(d *v1alpha1.QuobyteDevice) {
				d.Spec.Types = []v1alpha1.DeviceType{v1alpha1.DeviceMetadata, v1alpha1.DeviceRegistry}
			}), "Conflict /mnt/a on n1 claims", []string{"TypesDiffer"}},
			{reports("n1", marked("/mnt/a", s1, "REGISTRY", "METADATA")), "Online /mnt/a on n1 wanted confirmed", nil},
		},
		"read-only": {
			{with(declare(withSerial(s1)), func(f *fixture) { m := onA; m.ReadOnly = true; f.report("n1", m) }), "Online /mnt/a on n1 wanted confirmed", []string{"read-only"}},
		},
		"moved, followed, back again": {
			online,
			{with(reports("n1"), reports("n2", onB)), "Online /mnt/b on n2 wanted confirmed from n1", []string{"Moving", "moved from n1"}},
			{nothing, "Online /mnt/b on n2 wanted confirmed from n1", nil},
			// Its service may have been started on n2 by a process that could not write so.
			{with(reports("n2"), reports("n1", onA)), "Online /mnt/a on n1 wanted confirmed from n2", []string{"Moving", "moved from n2"}},
			{func(f *fixture) { f.device("d").Status.PreviousHost = "" }, "Online /mnt/a on n1 wanted confirmed", []string{"Accepted"}},
		},
		"moved on before the first move is done": {
			online,
			{with(reports("n1"), reports("n2", onB)), "Online /mnt/b on n2 wanted confirmed from n1", nil},
			{with(reports("n2"), reports("n3", onA)), "Missing /mnt/b on n2 claims from n1", []string{"Moving", "n3", "n1"}},
			{silence("n1", "n2", "n3"), "Missing /mnt/b on n2 claims from n1", []string{"Moving"}},
			{with(reports("n1"), reports("n2"), reports("n3", onA)), "Missing /mnt/b on n2 claims from n1", nil},
			{func(f *fixture) { f.device("d").Status.PreviousHost = "" }, "Online /mnt/a on n3 wanted confirmed from n2", nil},
			{func(f *fixture) { f.device("d").Status.PreviousHost = "" }, "Online /mnt/a on n3 wanted confirmed", nil},
		},
		"moved from a silent host": {
			online,
			{with(silence("n1"), reports("n2", onB)), "Online /mnt/a on n1 wanted elsewhere", []string{"Moving", "/mnt/b on n2", "prober of n1", "gone-agents"}},
			{silence("n2"), "Online /mnt/a on n1 wanted elsewhere", []string{"Moving", "/mnt/b on n2"}},
			{nothing, "Online /mnt/a on n1 wanted elsewhere", []string{"Moving", "/mnt/b on n2"}},
			{reports("n1", onA), "Online /mnt/a on n1 wanted confirmed", []string{"Accepted"}},
			{silence("n1"), "Online /mnt/a on n1 wanted", []string{"Accepted"}},
			{reports("n2", onB), "Online /mnt/a on n1 wanted elsewhere", nil},
			{with(abandon("n1"), reports("n2", onB)), "Online /mnt/b on n2 wanted confirmed from n1", nil},
		},
		"moved from a host of which nothing is known": {
			online,
			{with(func(f *fixture) { delete(f.in.Hosts, "n1") }, reports("n2", onB)), "Online /mnt/a on n1 wanted elsewhere", []string{"Moving", "/mnt/b on n2"}},
		},
		"what was said of another generation is not repeated": {
			online,
			{reports("n1", hung("/mnt/a")), "Online /mnt/a on n1 wanted", []string{"Unreadable"}},
			{silence("n1"), "Online /mnt/a on n1 wanted", []string{"Unreadable"}},
			{edit(func(*v1alpha1.QuobyteDevice) {}), "Online /mnt/a on n1 wanted", []string{"Accepted"}},
		},
		"moved from a host on which its mount hangs": {
			online,
			{with(reports("n1", hung("/mnt/a")), reports("n2", onB)), "Online /mnt/a on n1 wanted elsewhere", []string{"Moving", "unmount it there"}},
			{reports("n1"), "Online /mnt/b on n2 wanted confirmed from n1", nil},
		},
		"moved to two hosts": {
			online,
			{with(reports("n1"), reports("n2", onB), reports("n3", onA)), "Conflict /mnt/a on n1 claims", []string{"MountedTwice", "n2", "n3"}},
			{silence("n1", "n2", "n3"), "Conflict /mnt/a on n1 claims", []string{"MountedTwice"}},
			{with(reports("n1"), reports("n2"), reports("n3", onA)), "Online /mnt/a on n3 wanted confirmed from n1", nil},
		},
		"decommissioned and back": {
			online,
			{edit(decommission), "Decommissioning /mnt/a on n1 confirmed leaving", []string{"Decommissioned", "marker and its data stay"}},
			{func(f *fixture) { f.device("d").Status.Phase = v1alpha1.PhaseDecommissioned }, "Decommissioned /mnt/a on n1 confirmed leaving", nil},
			{reports("n1"), "Decommissioned /mnt/a on n1 leaving", nil},
			{with(reports("n1", onA), edit(func(d *v1alpha1.QuobyteDevice) { d.Spec.State = v1alpha1.DeviceOnline })), "Online /mnt/a on n1 wanted confirmed", nil},
		},
		"decommissioned, back while nobody tells": {
			online,
			{edit(decommission), "Decommissioning /mnt/a on n1 confirmed leaving", nil},
			{with(silence("n1"), edit(func(d *v1alpha1.QuobyteDevice) { d.Spec.State = "" })), "Pending /mnt/a on n1", []string{"NotProbed"}},
			{nothing, "Pending /mnt/a on n1", nil},
			{reports("n1", onA), "Online /mnt/a on n1 wanted confirmed", nil},
		},
		"in conflict, and over while nobody tells": {
			online,
			{func(f *fixture) {
				s := &f.device("d").Status
				s.Phase, s.Services, s.Conditions[0].Reason = v1alpha1.PhaseConflict, []v1alpha1.TaskStatus{{TaskID: "t"}}, v1alpha1.ReasonDuplicateSerial
				f.silence("n1")
			}, "Pending /mnt/a on n1 claims", []string{"NotProbed"}},
			{reports("n1", onA), "Online /mnt/a on n1 wanted confirmed", nil},
		},
		"deleted": {
			online,
			{edit(deleted), "Online /mnt/a on n1 confirmed leaving", []string{"found again", "spec.state: Decommissioned", "erase"}},
			{silence("n1"), "Online /mnt/a on n1 leaving", nil},
		},
		"policy Declared and back": {
			{with(declare(withSerial(s1), discovered), policyDeclared, reports("n1", onA)), "Unmanaged /mnt/a on n1 confirmed", []string{"kubectl label --namespace storage quobytedevice d mesos.quobyte.com/discovered-", "spec.serial serial-1"}},
			{func(f *fixture) { f.device("d").Status.Services = []v1alpha1.TaskStatus{{TaskID: "t"}} }, "Unmanaged /mnt/a on n1 confirmed claims", nil},
			{silence("n1"), "Unmanaged /mnt/a on n1 claims", nil},
			{policyAuto, "Online /mnt/a on n1 wanted", nil},
			{with(policyDeclared, edit(func(d *v1alpha1.QuobyteDevice) { d.Labels = nil })), "Online /mnt/a on n1 wanted", nil},
		},
		"nobody probes": {
			{with(notProbing, declare(data(at("n1", "/mnt/a")))), "Online /mnt/a on n1 wanted confirmed", []string{"takes part"}},
			{edit(decommission), "Decommissioning /mnt/a on n1 confirmed leaving", nil},
			{edit(func(d *v1alpha1.QuobyteDevice) { d.Spec.State = "" }), "Online /mnt/a on n1 wanted confirmed", nil},
			{probing, "Online /mnt/a on n1 wanted", nil},
			{reports("n1"), "Missing /mnt/a on n1 claims", nil},
			{reports("n1", onA), "Online /mnt/a on n1 wanted confirmed", nil},
			{with(reports("n1"), reports("n2", onB)), "Online /mnt/b on n2 wanted confirmed from n1", nil},
			{notProbing, "Online /mnt/b on n2 wanted confirmed from n1", nil},
		},
		"nobody probes, named by its serial": {
			{with(notProbing, declare(data(withSerial(s1)))), "Pending confirmed", []string{"NotProbed", "nobody probes"}},
			{with(probing, reports("n1", onA)), "Online /mnt/a on n1 wanted confirmed", nil},
			{notProbing, "Online /mnt/a on n1 wanted confirmed", nil},
		},
		"outside the directory": {
			{declare(data(at("n1", "/srv/a"))), "Conflict /srv/a on n1", []string{"OutsideHostDeviceDirectory", "/srv/a", "/mnt"}},
		},
		"outside the directory, found inside": {
			{with(declare(v1alpha1.QuobyteDeviceSpec{Host: "n1", Path: "/srv/a", Serial: s1}), reports("n1", onA, marked("/srv/a", s2))), "Online /mnt/a on n1 wanted confirmed", nil},
			{func(f *fixture) { f.in.Cluster.Spec.HostDeviceDirectory = "/devices" }, "Conflict /mnt/a on n1 claims", []string{"OutsideHostDeviceDirectory"}},
		},
		"initialized": {
			{declare(toInitialize(at("n1", "/mnt/a"))), "Pending /mnt/a on n1", []string{"NotProbed"}},
			{reports("n1"), "Pending /mnt/a on n1", []string{"NotFound"}},
			{reports("n1", bare("/mnt/a")), "Initializing /mnt/a on n1", []string{"Initializing"}},
			{nothing, "Initializing /mnt/a on n1 order", nil},
			{outcome(probe.Initialization{ID: "uid-d", Refused: "/mnt/a is not empty: it holds data"}), "Initializing /mnt/a on n1 order", []string{"InitializeRefused", "/mnt/a is not empty: it holds data"}},
			{outcome(probe.Initialization{ID: "uid-other", Serial: s2}), "Initializing /mnt/a on n1 order", []string{"Initializing"}},
			{silence("n1"), "Pending /mnt/a on n1", nil},
			{reports("n1", onA), "Online /mnt/a on n1 wanted confirmed", nil},
			{reports("n1", bare("/mnt/a")), "Replaced /mnt/a on n1 claims", []string{"QuobyteDevice of its own"}},
			{func(f *fixture) { f.device("d").Status.Phase = v1alpha1.PhaseInitializing }, "Replaced /mnt/a on n1 claims", nil},
		},
		"an old device was found where one was to be initialized": {
			{with(declare(toInitialize(at("n1", "/mnt/a"))), reports("n1", marked("/mnt/a", "", "DATA"))), "Online /mnt/a on n1 wanted confirmed", nil},
			{reports("n1", bare("/mnt/a")), "Replaced /mnt/a on n1 claims", nil},
		},
		"initialized, and the marker is gone again": {
			{with(declare(toInitialize(at("n1", "/mnt/a"))), reports("n1", bare("/mnt/a"))), "Initializing /mnt/a on n1", nil},
			{outcome(probe.Initialization{ID: "uid-d", Serial: s1}), "Pending /mnt/a on n1", []string{"serial-1"}},
			{reports("n1", bare("/mnt/a")), "Pending /mnt/a on n1", nil},
		},
		"the marker was there from the same order before": {
			{with(declare(toInitialize(at("n1", "/mnt/a"))), reports("n1", onA), outcome(probe.Initialization{ID: "uid-d", Serial: s1, Refused: "/mnt/a is already marked"})), "Online /mnt/a on n1 wanted confirmed", nil},
		},
		"the annotation remembers the serial": {
			{with(declare(toInitialize(at("n1", "/mnt/a")), func(d *v1alpha1.QuobyteDevice) {
				d.Annotations = map[string]string{v1alpha1.AnnotationSerial: s1}
				d.Status.Phase = v1alpha1.PhaseInitializing
			}), reports("n1", bare("/mnt/a"))), "Pending /mnt/a on n1", []string{"serial-1"}},
		},
		"a suspended cluster initializes nothing": {
			{with(declare(toInitialize(at("n1", "/mnt/a"))), reports("n1", bare("/mnt/a"))), "Initializing /mnt/a on n1", nil},
			{func(f *fixture) { f.in.Cluster.Spec.Suspend = true }, "Initializing /mnt/a on n1", nil},
			{with(func(f *fixture) { f.in.Cluster.Spec.Suspend = false }, edit(decommission)), "Decommissioning /mnt/a on n1 leaving", nil},
			{edit(deleted), "Decommissioning /mnt/a on n1 leaving", nil},
		},
		"a status without phases, of services that run": {
			{declare(data(at("n1", "/mnt/a")), func(d *v1alpha1.QuobyteDevice) { d.Status.Services = []v1alpha1.TaskStatus{{TaskID: "t"}} }), "Online /mnt/a on n1 wanted", nil},
			{reports("n1"), "Missing /mnt/a on n1 claims", nil},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			for i, s := range steps {
				s.do(f)
				r := Take(f.in)
				r.want(t, "d", s.want, s.words...)
				f.write(r)
				if t.Failed() {
					t.Fatalf("in step %d", i+1)
				}
			}
		})
	}
}

func TestFacts(t *testing.T) {
	f := newFixture()
	f.declare("d", withSerial(s1))
	h := f.report("n1", onA)
	h.Report.Mounts[0].Bootstrap = true
	d := f.settle(t).of(t, "d")
	if d.Serial != s1 || d.Model != "M" || d.FileSystem != "xfs" || d.Capacity != "8.0Ti" || d.Used != "50%" || !d.Bootstrap || len(d.Types) != 1 || !d.AppearedAt.IsZero() {
		t.Errorf("%+v", d)
	}
	appeared := noon.Add(90*time.Second + 123)
	h.Appeared = map[string]time.Time{"/mnt/a": appeared, "/mnt/b": appeared.Add(time.Hour)}
	if d := f.settle(t).of(t, "d"); !d.AppearedAt.Equal(appeared.Truncate(time.Second)) {
		t.Errorf("appeared at %s", d.AppearedAt)
	}
	h.Appeared = map[string]time.Time{"/mnt/a": noon}
	if d := f.settle(t).of(t, "d"); !d.AppearedAt.Equal(appeared.Truncate(time.Second)) {
		t.Errorf("it appeared earlier: %s", d.AppearedAt)
	}
	f.report("n1")
	if d := f.settle(t).of(t, "d"); d.Capacity != "8.0Ti" || d.Used != "50%" || !d.Bootstrap || d.Serial != s1 || len(d.Types) != 1 {
		t.Errorf("missing, and forgotten: %+v", d)
	}
}

func TestOrder(t *testing.T) {
	f := newFixture()
	spec := toInitialize(at("n1", "/mnt/a"))
	spec.Types, spec.Bootstrap = []v1alpha1.DeviceType{v1alpha1.DeviceData, v1alpha1.DeviceRegistry}, true
	f.declare("d", spec)
	f.report("n1", bare("/mnt/a"))
	f.settle(t)
	o := Take(f.in).of(t, "d").Order
	if o == nil || o.ID != "uid-d" || o.Path != "/mnt/a" || !o.Bootstrap || len(o.Types) != 2 || o.Types[0] != "REGISTRY" || o.Types[1] != "DATA" {
		t.Errorf("%+v", o)
	}
	f.in.Cluster.Status.Bootstrapped = true
	if o := Take(f.in).of(t, "d").Order; o == nil || o.Bootstrap {
		t.Errorf("a second mark for an installation that has begun: %+v", o)
	}
	f.in.Cluster.DeletionTimestamp = &metav1.Time{Time: noon}
	if o := Take(f.in).of(t, "d").Order; o != nil {
		t.Errorf("an order of a cluster that is deleted: %+v", o)
	}
}
