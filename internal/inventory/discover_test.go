package inventory

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/probe"
)

func TestDiscovered(t *testing.T) {
	f := newFixture()
	outside := onB
	outside.Path = "/srv/b"
	f.report("n1", onA, bare("/mnt/bare"), hung("/mnt/hung"), marked("/mnt/old", "", "DATA"), outside)
	f.in.Cluster.Spec.Devices.Policy = v1alpha1.DevicesDeclared
	f.in.Cluster.Spec.State = v1alpha1.StateStopped
	r := Take(f.in)
	if len(r.Discovered) != 2 {
		t.Fatalf("%s", dump(r))
	}
	for _, d := range r.Discovered {
		if d.Labels[v1alpha1.LabelDiscovered] == "" || !slices.Equal(d.Finalizers, []string{v1alpha1.FinalizerDevice}) || d.Namespace != "storage" ||
			d.Spec.ClusterRef.Name != "quobyte" || len(d.Spec.Types) != 0 {
			t.Errorf("%+v", d)
		}
	}
	if d := r.Discovered[0]; d.Name != s1 || d.Spec.Serial != s1 || d.Spec.Host != "" || d.Spec.Path != "" {
		t.Errorf("%+v", d)
	}
	if d := r.Discovered[1]; !strings.HasPrefix(d.Name, "n1-mnt-old-") || d.Spec.Serial != "" || d.Spec.Host != "n1" || d.Spec.Path != "/mnt/old" {
		t.Errorf("%+v", d)
	}
	r = f.settle(t)
	r.want(t, s1, "Unmanaged /mnt/a on n1 confirmed")
}

func TestNothingDiscovered(t *testing.T) {
	tests := map[string]func(f *fixture){
		"the cluster is deleted": func(f *fixture) { f.in.Cluster.DeletionTimestamp = &metav1.Time{Time: noon} },
		"nobody probes":          func(f *fixture) { f.in.Probing = false },
		"its object is deleted":  func(f *fixture) { f.declare("d", withSerial(s1), deleted) },
		"an object arrives": func(f *fixture) {
			f.declare("d", withSerial(s1))
			f.in.Arriving, f.in.Devices = f.in.Devices, nil
		},
		"an object of its place arrives": func(f *fixture) {
			f.declare("d", at("n1", "/mnt/a"))
			f.in.Arriving, f.in.Devices = f.in.Devices, nil
		},
		"the host is abandoned":   func(f *fixture) { f.in.Hosts["n1"].Abandoned = true },
		"the serial is no serial": func(f *fixture) { f.report("n1", marked("/mnt/a", "a b c d"), marked("/mnt/b", "abc")) },
		"it is hidden by another mount": func(f *fixture) {
			f.in.Hosts["n1"].Report.Mounts = []probe.Mount{onA, bare("/mnt/a")}
		},
	}
	for name, do := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			f.report("n1", onA)
			if len(Take(f.in).Discovered) != 1 {
				t.Fatal("nothing is discovered in any case")
			}
			do(f)
			if r := Take(f.in); len(r.Discovered) > 0 {
				t.Errorf("%s", dump(r))
			}
		})
	}
}

func TestDiscoveredAreBounded(t *testing.T) {
	f := newFixture()
	for i := range MaxDiscovered/2 + 1 {
		f.report(fmt.Sprintf("n%d", i), marked("/mnt/a", fmt.Sprintf("disk-a%d", i)), marked("/mnt/b", fmt.Sprintf("disk-b%d", i)))
	}
	r := Take(f.in)
	if len(r.Discovered) != MaxDiscovered {
		t.Fatalf("%d are discovered", len(r.Discovered))
	}
	f.act(r)
	if r = Take(f.in); len(r.Discovered) != 2 {
		t.Fatalf("then %d are discovered", len(r.Discovered))
	}
}

func TestNameIsTaken(t *testing.T) {
	f := newFixture()
	f.declare(s1, withSerial(s2))
	f.report("n1", onA)
	r := Take(f.in)
	name := r.Discovered[0].Name
	if name == s1 || !strings.HasPrefix(name, s1+"-") {
		t.Errorf("the name is %s", name)
	}
	f.in.Taken = map[string]bool{name: true}
	other := Take(f.in).Discovered[0].Name
	if other == name || other == s1 {
		t.Errorf("the name is %s", other)
	}
	f.in.Cluster.Name = "second"
	f.in.Taken = nil
	if second := Take(f.in).Discovered[0].Name; second == name {
		t.Errorf("two clusters name it %s", second)
	}
}

// TestNames: names are valid, and two of different things never the same.
func TestNames(t *testing.T) {
	word := rapid.StringMatching(`[-._a-zA-Z0-9]{1,80}`)
	rapid.Check(t, func(t *rapid.T) {
		names := map[string]string{}
		enter := func(name, meaning string) {
			if wrong := validation.IsDNS1123Label(name); len(wrong) > 0 {
				t.Fatalf("%s is named %q: %v", meaning, name, wrong)
			}
			if other, taken := names[name]; taken && other != meaning {
				t.Fatalf("%s and %s are both named %q", meaning, other, name)
			}
			names[name] = meaning
		}
		for range rapid.IntRange(2, 20).Draw(t, "things") {
			serial := word.Draw(t, "serial")
			enter(serialName(serial), "serial "+serial)
			enter(serialName(strings.ToLower(serial)), "serial "+strings.ToLower(serial))
			p := place{word.Draw(t, "host"), "/" + rapid.StringMatching(`[^/\x00]{1,30}(/[^/\x00]{1,30})?`).Draw(t, "path")}
			enter(placeName(p, ""), p.String())
			enter(placeName(p, serial), p.String()+" "+serial)
			enter(placeName(place{p.host + "/", p.path[1:] + "x"}, ""), p.String()+" moved")
			enter(otherName(serialName(serial), "c", p, serial, 0), "other "+serial+p.String())
		}
	})
}

func TestNamesStay(t *testing.T) {
	for _, test := range [][2]string{
		{serialName("5f1c5e0e-3d1c-4ad0-8a54-1f8a4d3a9f10"), "5f1c5e0e-3d1c-4ad0-8a54-1f8a4d3a9f10"},
		{serialName("WD_WX11.A"), "wd-wx11-a-" + hash("serial", "WD_WX11.A")},
		{serialName("....."), "device-" + hash("serial", ".....")},
		{placeName(place{"node1.corp", "/mnt/disk 1"}, ""), "node1-corp-mnt-disk-1-" + hash("place", "node1.corp", "/mnt/disk 1", "")},
		{hash("place", "n1", "/mnt/a", ""), "7zy6noedlvfpouyf"},
	} {
		if test[0] != test[1] {
			t.Errorf("%q, want %q", test[0], test[1])
		}
	}
}

// What the whole installation waits for is listed first.
func TestRegistriesAreDiscoveredFirst(t *testing.T) {
	f := newFixture()
	f.report("n1", marked("/mnt/data", "data1", "DATA"), marked("/mnt/registry", "registry1", "REGISTRY"))
	if Take(f.in).UnlistedBootstrap {
		t.Error("a bootstrap device is awaited that nobody has found")
	}
	first := marked("/mnt/registry", "registry2", "REGISTRY")
	first.Bootstrap = true
	f.report("n2", marked("/mnt/data", "data2", "DATA"), first)
	r := Take(f.in)
	var order []string
	for _, d := range r.Discovered {
		order = append(order, d.Spec.Serial)
	}
	if want := []string{"registry2", "registry1", "data1", "data2"}; !slices.Equal(order, want) || !r.UnlistedBootstrap {
		t.Errorf("order %v, want %v; unlisted bootstrap %v", order, want, r.UnlistedBootstrap)
	}
	if f.settle(t).UnlistedBootstrap {
		t.Error("the bootstrap device has its object")
	}
}
