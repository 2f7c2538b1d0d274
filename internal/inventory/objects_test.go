package inventory

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/probe"
)

func old(d *v1alpha1.QuobyteDevice) { d.CreationTimestamp = metav1.NewTime(noon.Add(-time.Hour)) }

func placed(host, path, serial string) v1alpha1.QuobyteDeviceSpec {
	return v1alpha1.QuobyteDeviceSpec{Host: host, Path: path, Serial: serial}
}

// TestTwoObjects: what the devices "a" and "b" are when they contradict each other.
func TestTwoObjects(t *testing.T) {
	tests := map[string]struct {
		do   func(f *fixture)
		a, b string
		// words of the reason and message of b.
		words    []string
		obsolete []string
	}{
		"the older serial wins": {
			func(f *fixture) {
				f.declare("b", withSerial(s1))
				f.declare("a", withSerial(s1), old)
				f.report("n1", onA)
			},
			"Online /mnt/a on n1 wanted confirmed", "Conflict", []string{"DuplicateSerial", "device a"}, nil,
		},
		"the older place wins": {
			func(f *fixture) { f.declare("b", at("n1", "/mnt/a")); f.declare("a", at("n1", "/mnt/a"), old) },
			"Pending /mnt/a on n1", "Conflict /mnt/a on n1", []string{"DuplicatePath", "device a"}, nil,
		},
		"of one age the first name wins": {
			func(f *fixture) { f.declare("b", withSerial(s1), old); f.declare("a", withSerial(s1), old) },
			"Pending", "Conflict", []string{"DuplicateSerial"}, nil,
		},
		"one that is deleted still stands for its disk": {
			func(f *fixture) {
				f.declare("a", at("n1", "/mnt/a"), deleted)
				f.declare("b", at("n1", "/mnt/a"))
				f.report("n1", onA)
			},
			"Online /mnt/a on n1 confirmed leaving", "Conflict /mnt/a on n1", []string{"DuplicatePath"}, nil,
		},
		"a double that is deleted or decommissioned stops nothing": {
			func(f *fixture) {
				f.declare("a", withSerial(s1))
				f.declare("b", withSerial(s1), deleted, decommission)
				f.report("n1", onA)
			},
			"Online /mnt/a on n1 wanted confirmed", "Conflict", []string{"DuplicateSerial"}, nil,
		},
		"who is outside claims nothing": {
			func(f *fixture) { f.declare("b", placed("n1", "/srv/a", s1), old); f.declare("a", withSerial(s1)) },
			"Pending", "Conflict /srv/a on n1", []string{"OutsideHostDeviceDirectory"}, nil,
		},
		"who knows the serial goes before who names its place": {
			func(f *fixture) {
				f.declare("b", at("n1", "/mnt/a"), old)
				f.declare("a", withSerial(s1))
				f.report("n1", onA)
			},
			"Online /mnt/a on n1 wanted confirmed", "Conflict /mnt/a on n1", []string{"DuplicateSerial", "device a"}, nil,
		},
		"two declarations of one place, and no report": {
			func(f *fixture) {
				f.declare("a", placed("n1", "/mnt/a", s1))
				f.declare("b", toInitialize(at("n1", "/mnt/a")))
			},
			"Pending /mnt/a on n1", "Conflict /mnt/a on n1", []string{"DuplicatePath"}, nil,
		},
		"a declared serial makes the discovered object obsolete, and goes on where it was": {
			func(f *fixture) {
				f.declare("b", withSerial(s1), discovered)
				f.report("n1", onA)
				f.settle(noT)
				f.declare("a", withSerial(s1))
				f.silence("n1")
				f.report("n2", onB)
			},
			"Online /mnt/a on n1 wanted elsewhere", "Conflict /mnt/a on n1 claims", []string{"DuplicateSerial", "device a"}, []string{"b"},
		},
		"a declared place makes the discovered object obsolete": {
			func(f *fixture) {
				f.declare("b", withSerial(s1), discovered)
				f.report("n1", onA)
				f.settle(noT)
				f.declare("a", at("n1", "/mnt/a"))
			},
			"Online /mnt/a on n1 wanted confirmed", "Conflict /mnt/a on n1 claims", []string{"DuplicateSerial", "device a"}, []string{"b"},
		},
		"a declared place of an old marker": {
			func(f *fixture) {
				f.declare("b", at("n1", "/mnt/a"), discovered)
				f.report("n1", marked("/mnt/a", ""))
				f.settle(noT)
				f.declare("a", data(at("n1", "/mnt/a")))
			},
			"Online /mnt/a on n1 wanted confirmed", "Conflict /mnt/a on n1 claims", nil, []string{"b"},
		},
		"a new disk at the place of a replaced one": {
			func(f *fixture) {
				f.declare("a", at("n1", "/mnt/a"))
				f.report("n1", onA)
				f.settle(noT)
				f.report("n1", bare("/mnt/a"))
				f.settle(noT)
				f.declare("b", toInitialize(at("n1", "/mnt/a")))
				f.settle(noT)
			},
			"Replaced /mnt/a on n1 claims", "Initializing /mnt/a on n1 order", nil, nil,
		},
		"one file system of an old marker is mounted twice": {
			func(f *fixture) {
				m, n := marked("/mnt/a", "", "DATA"), marked("/mnt/b", "", "DATA")
				f.declare("a", at("n1", "/mnt/a"))
				f.report("n1", m)
				f.settle(noT)
				n.Number = m.Number
				f.report("n1", m, n)
				f.declare("b", at("n1", "/mnt/b"))
			},
			"Online /mnt/a on n1 wanted confirmed", "Conflict /mnt/b on n1", []string{"MountedTwice", "/mnt/a on n1"}, nil,
		},
		"one file system of an old marker is mounted twice from the start": {
			func(f *fixture) {
				m, n := marked("/mnt/a", ""), marked("/mnt/b", "")
				n.Number = m.Number
				f.declare("a", at("n1", "/mnt/a"))
				f.declare("b", at("n1", "/mnt/b"))
				f.report("n1", m, n)
			},
			"Conflict /mnt/a on n1", "Conflict /mnt/b on n1", []string{"MountedTwice", "/mnt/a on n1"}, nil,
		},
		"nobody probes: the older place wins": {
			func(f *fixture) {
				f.in.Probing = false
				f.declare("b", placed("n1", "/mnt/a", s2))
				f.declare("a", placed("n1", "/mnt/a", s1), old)
			},
			"Online /mnt/a on n1 confirmed claims", "Conflict /mnt/a on n1", []string{"DuplicatePath", "device a"}, nil,
		},
		"nobody probes: the older serial wins": {
			func(f *fixture) {
				f.in.Probing = false
				f.declare("b", placed("n1", "/mnt/a", s1))
				f.declare("a", data(placed("n1", "/mnt/b", s1)), old)
			},
			"Online /mnt/b on n1 wanted confirmed", "Conflict /mnt/a on n1", []string{"DuplicateSerial", "device a"}, nil,
		},
		"nobody probes: who is refused claims nothing": {
			func(f *fixture) {
				f.in.Probing = false
				f.declare("o", placed("n1", "/mnt/a", ""), old)
				f.declare("b", placed("n1", "/mnt/a", s1))
				f.declare("a", data(placed("n2", "/mnt/a", s1)))
			},
			"Online /mnt/a on n2 wanted confirmed", "Conflict /mnt/a on n1", []string{"DuplicatePath", "device o"}, nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			test.do(f)
			r := Take(f.in)
			r.want(t, "a", test.a)
			r.want(t, "b", test.b, test.words...)
			if !slices.Equal(r.Obsolete, test.obsolete) {
				t.Errorf("obsolete are %v, want %v", r.Obsolete, test.obsolete)
			}
		})
	}
}

// noT is for steps that lead to what a test is about.
var noT testing.TB = &testing.B{}

// made returns the name of the object that was discovered for a place.
func (f *fixture) made(t *testing.T, spec v1alpha1.QuobyteDeviceSpec) string {
	t.Helper()
	for _, d := range f.in.Devices {
		if d.Labels[v1alpha1.LabelDiscovered] != "" && d.Spec.Serial == spec.Serial && d.Spec.Host == spec.Host && d.Spec.Path == spec.Path {
			return d.Name
		}
	}
	t.Fatalf("nothing was discovered with %+v: %s", spec, dump(Take(f.in)))
	return ""
}

// TestSecondPlace: the place that was used before stays in use; the other gets an
// object of its own, as long as the serial is there.
func TestSecondPlace(t *testing.T) {
	f := newFixture()
	f.report("n1", onA)
	f.settle(t)
	main := f.made(t, withSerial(s1))
	f.report("n2", onB)
	r := f.settle(t)
	r.want(t, main, "Online /mnt/a on n1 wanted confirmed", "MountedTwice", "/mnt/b on n2")
	twin := f.made(t, placed("n2", "/mnt/b", s1))
	r.want(t, twin, "Conflict /mnt/b on n2", "MountedTwice", "/mnt/a on n1")

	f.silence("n1", "n2")
	r = f.settle(t)
	r.want(t, main, "Online /mnt/a on n1 wanted", "MountedTwice")
	r.want(t, twin, "Conflict /mnt/b on n2", "MountedTwice", "/mnt/a on n1")

	f.report("n1", onA)
	f.report("n2")
	r = f.settle(t)
	r.want(t, main, "Online /mnt/a on n1 wanted confirmed", "Accepted")
	if len(r.Devices) != 1 {
		t.Errorf("the twin outlives the conflict: %s", dump(r))
	}
}

// TestNeverUsed: of two places that were never used none is, until one is left; a
// restarted operator does not take the first word for the whole.
func TestNeverUsed(t *testing.T) {
	f := newFixture()
	f.report("n1", onA)
	f.report("n2", onB)
	f.settle(t)
	a, b := f.made(t, placed("n1", "/mnt/a", s1)), f.made(t, placed("n2", "/mnt/b", s1))
	for _, host := range []string{"", "n1", "n2"} {
		f.report("n1", onA)
		f.report("n2", onB)
		if host != "" {
			f.silence(host)
		}
		r := f.settle(t)
		r.want(t, a, "Conflict /mnt/a on n1", "MountedTwice")
		r.want(t, b, "Conflict /mnt/b on n2", "MountedTwice")
		if len(r.Devices) != 2 {
			t.Errorf("%s is silent: %s", host, dump(r))
		}
	}
	f.report("n1")
	f.report("n2", onB)
	r := f.settle(t)
	r.want(t, b, "Online /mnt/b on n2 wanted confirmed")
	if len(r.Devices) != 1 {
		t.Errorf("%s", dump(r))
	}
	f.report("n2")
	f.report("n1", onA)
	f.settle(t).want(t, b, "Online /mnt/a on n1 wanted confirmed from n2")
}

func TestNeverUsedAndDeclared(t *testing.T) {
	f := newFixture()
	f.declare("d", withSerial(s1))
	f.report("n1", onA)
	f.report("n2", onB)
	f.settle(t).want(t, "d", "Conflict", "MountedTwice", "/mnt/a on n1", "/mnt/b on n2")
	f.silence("n2")
	f.settle(t).want(t, "d", "Conflict", "MountedTwice", "/mnt/a on n1", "/mnt/b on n2")
	f.report("n2")
	f.settle(t).want(t, "d", "Online /mnt/a on n1 wanted confirmed")
}

func TestDeclaredAtTheSecondPlace(t *testing.T) {
	f := newFixture()
	f.report("n1", onA)
	f.settle(t)
	main := f.made(t, withSerial(s1))
	f.report("n2", onB)
	f.settle(t)
	f.declare("d", at("n2", "/mnt/b"))
	r := f.settle(t)
	r.want(t, main, "Online /mnt/a on n1 wanted confirmed", "MountedTwice")
	r.want(t, "d", "Conflict /mnt/b on n2", "MountedTwice", "/mnt/a on n1")
	if len(r.Devices) != 2 {
		t.Errorf("the twin of a declared place stays: %s", dump(r))
	}
	f.report("n1")
	r = f.settle(t)
	r.want(t, "d", "Online /mnt/b on n2 wanted confirmed from n1")
	if len(r.Devices) != 1 {
		t.Errorf("%s", dump(r))
	}
}

func TestMountedTwiceWithASerial(t *testing.T) {
	f := newFixture()
	f.declare("d", withSerial(s1))
	f.report("n1", onA)
	f.settle(t)
	second := onB
	second.Number = onA.Number
	f.report("n1", onA, second)
	r := f.settle(t)
	r.want(t, "d", "Online /mnt/a on n1 wanted confirmed", "MountedTwice", "/mnt/b on n1")
	r.want(t, f.made(t, placed("n1", "/mnt/b", s1)), "Conflict /mnt/b on n1", "MountedTwice")
	third := onB
	third.Path = "/mnt/c"
	f.report("n1", second, third)
	f.settle(t).want(t, "d", "Conflict /mnt/a on n1 claims", "MountedTwice", "/mnt/b on n1", "/mnt/c on n1")
}

// What a process that starts anew knows, when the one before it had the discovered
// object deleted: what its successor inherited has to stand in that one's status.
func TestObsoleteObjectNamesItsSuccessor(t *testing.T) {
	f := newFixture()
	f.report("n1", onA)
	f.settle(t)
	f.declare("declared", at("n1", "/mnt/a"))
	r := Take(f.in)
	found := r.of(t, "serial-1")
	if found.Successor != "declared" || len(r.Obsolete) != 1 {
		t.Fatalf("%s: successor %q", dump(r), found.Successor)
	}
	now := metav1.NewTime(f.in.Now)
	f.device("serial-1").DeletionTimestamp = &now
	f.silence("n1")
	if d := Take(f.in).of(t, "serial-1"); d.Leaving == "" {
		t.Fatal("it is no fault any more to delete it before its successor's status is written: this test, and the wait for that, can go")
	}
	f.in.Hosts["n1"].Report = &probe.Report{Mounts: []probe.Mount{onA}}
	f.write(Take(f.in))
	f.silence("n1")
	r = Take(f.in)
	if d := r.of(t, "serial-1"); d.Leaving != "" {
		t.Errorf("the service would be stopped: %s", dump(r))
	}
	if d := r.of(t, "declared"); !d.Wanted {
		t.Errorf("the service is not wanted: %s", dump(r))
	}
}

// The process ends after it has started the service and before it has written
// anything of the device, whose disk is carried on meanwhile.
func TestWhereADeviceWasFirstFoundIsRemembered(t *testing.T) {
	f := newFixture()
	f.report("n1", onA)
	f.report("n2")
	r := Take(f.in)
	if len(r.Discovered) != 1 {
		t.Fatal(dump(r))
	}
	d := r.Discovered[0]
	d.UID, d.CreationTimestamp = "uid-1", metav1.NewTime(noon.Add(time.Second))
	f.in.Devices = append(f.in.Devices, d)
	f.silence("n1", "n2")
	Take(f.in).want(t, d.Name, "Online /mnt/a on n1 claims")
	f.report("n2", onB)
	Take(f.in).want(t, d.Name, "Online /mnt/a on n1 claims") // n1 does not say that it has gone
	f.report("n1")
	Take(f.in).want(t, d.Name, "Online /mnt/b on n2 wanted confirmed from n1")

	// The status goes before it.
	f.write(Take(f.in))
	d.Status.PreviousHost = ""
	Take(f.in).want(t, d.Name, "Online /mnt/b on n2 wanted confirmed")
	// A backup brings it back without its status, later: where it was once means nothing.
	d.Status, d.CreationTimestamp = v1alpha1.QuobyteDeviceStatus{}, metav1.NewTime(noon.Add(time.Hour))
	Take(f.in).want(t, d.Name, "Online /mnt/b on n2 wanted confirmed")
}
