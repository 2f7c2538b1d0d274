package main

import (
	"slices"
	"testing"
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// TestMountedIsWhatTheStageCounts: the stage waits for as many services as the
// mounted devices ask for, and one registry device alone may begin.
func TestMountedIsWhatTheStageCounts(t *testing.T) {
	for _, agents := range []int{coreHosts, 100} {
		s := stage{Scenario: found, Agents: agents}
		services, serials, bootstrap := map[[2]string]bool{}, map[string]bool{}, 0
		for i := range s.objects() {
			m := mounted(i)
			services[[2]string{hostName(i/mountsEach + 1), m.Types[0]}] = true
			serials[m.Serial] = true
			if m.Bootstrap {
				bootstrap++
			}
			if d := foundDevice("any", i); d.Spec.Serial != m.Serial {
				t.Errorf("the plain client writes device %s, the operator %s", d.Spec.Serial, m.Serial)
			}
		}
		if len(services) != s.services() || len(serials) != s.objects() || bootstrap != 1 {
			t.Errorf("%d agents: %d services, %d serials, %d bootstrap devices; want %d, %d, 1",
				agents, len(services), len(serials), bootstrap, s.services(), s.objects())
		}
	}
}

func TestDeviceStatesCountsEachOnce(t *testing.T) {
	d := &deviceStates{all: 2, states: map[string]state{}, changed: make(chan struct{}, 1)}
	note := func(name string, phase v1alpha1.DevicePhase, tasks ...v1alpha1.TaskStatus) {
		device := foundDevice("any", 0)
		device.Name, device.Status.Phase, device.Status.Services = name, phase, tasks
		d.note(device)
	}
	runs := v1alpha1.TaskStatus{State: "RUNNING"}
	note("a", v1alpha1.PhaseOnline)
	note("a", v1alpha1.PhaseOnline, runs)
	if d.has(exists) || d.has(online) || d.has(used) {
		t.Errorf("one of two is all: %s", d)
	}
	note("b", "")
	if !d.has(exists) || d.has(online) {
		t.Errorf("want all to exist, and no more: %s", d)
	}
	note("a", v1alpha1.PhaseMissing) // It counts no longer.
	note("b", v1alpha1.PhaseOnline, v1alpha1.TaskStatus{State: "STARTING"})
	if d.has(online) {
		t.Errorf("a device that was Online counts: %s", d)
	}
	note("a", v1alpha1.PhaseOnline, runs)
	note("b", v1alpha1.PhaseOnline, runs)
	if got := d.counts; !slices.Equal(got[:], []int{2, 2, 2}) || !d.has(used) {
		t.Errorf("want all in use: %s", d)
	}
	if d.reached[exists].After(time.Now()) || d.reached[used].Before(d.reached[online]) {
		t.Errorf("the times are out of order: %v", d.reached)
	}
}

func TestFilesAreUnderstood(t *testing.T) {
	l, err := readLoad("load.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := readBounds("bounds.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, bound := range b {
		if !slices.ContainsFunc(l.Stages, func(s stage) bool { return s.Scenario == bound.Scenario && s.Agents == bound.Agents }) {
			t.Errorf("bounds.yaml bounds %s with %d agents, which load.yaml does not measure", bound.Scenario, bound.Agents)
		}
	}
	for _, test := range []struct {
		scenario, agents string
		want             int // stages; 0: refused
	}{
		{"", "", len(l.Stages)}, {found, "", 3}, {"", "1000", 2}, {declared, "100,1000", 2}, {found, "7", 0}, {"lost", "", 0}, {"", "many", 0},
	} {
		got, err := chosen(l.Stages, test.scenario, test.agents)
		if len(got) != test.want || (err != nil) != (test.want == 0) {
			t.Errorf("-scenario %q -agents %q chooses %d stages, error %v; want %d", test.scenario, test.agents, len(got), err, test.want)
		}
	}
}

func TestBoundsMiss(t *testing.T) {
	most := 0.03
	none := 0.0
	b := bounds{{Scenario: found, Agents: 10, ProbingCPU: &most, ProbingWrites: &none}}
	r := &result{Scenario: found, Agents: 10, Probing: &probingResult{CPUAboveIdle: 0.029}}
	if m := b.misses([]*result{r}); len(m) != 0 {
		t.Errorf("within its bounds, and yet: %q", m)
	}
	r.Probing.CPUAboveIdle, r.Probing.Writes = 0.031, 1
	if m := b.misses([]*result{r}); len(m) != 2 {
		t.Errorf("two bounds are missed, it says %q", m)
	}
	r.Scenario = declared
	if m := b.misses([]*result{r}); len(m) != 0 {
		t.Errorf("another scenario is bounded: %q", m)
	}
}
