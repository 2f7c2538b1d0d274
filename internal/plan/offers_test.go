package plan

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// TestOffers has one registry that is to run on node1.
func TestOffers(t *testing.T) {
	little := func() []mesos.Resource { return []mesos.Resource{scalar("cpus", 0.5), portRange(21000, 21005)} }
	rest := func() []mesos.Resource {
		return []mesos.Resource{scalar("cpus", 0.5), scalar("mem", 4000), scalar("disk", 100)}
	}
	type steps struct {
		launches, declines int
		revives            []string
	}
	tests := map[string]struct {
		change func(f *fixture)
		want   steps
	}{
		"used":            {func(f *fixture) { f.node("node1") }, steps{launches: 1}},
		"another host":    {func(f *fixture) { f.node("node2") }, steps{declines: 1}},
		"of another role": {func(f *fixture) { f.offer(f.agent("node1"), "other", large()...) }, steps{declines: 1}},
		"too little":      {func(f *fixture) { f.offer(f.agent("node1"), "*", little()...) }, steps{declines: 1}},
		"enough with what was declined": {func(f *fixture) {
			a := f.agent("node1")
			f.offer(a, "*", little()...)
			a.Declined = map[string][]mesos.Resource{"*": rest()}
		}, steps{declines: 1, revives: []string{"*"}}},
		"enough was declined": {func(f *fixture) {
			f.agent("node1").Declined = map[string][]mesos.Resource{"*": large()}
			f.node("node2")
		}, steps{declines: 1, revives: []string{"*"}}},
		"too little was declined": {func(f *fixture) {
			f.agent("node1").Declined = map[string][]mesos.Resource{"*": little()}
		}, steps{}},
		"declined of another role": {func(f *fixture) {
			f.agent("node1").Declined = map[string][]mesos.Resource{"other": large()}
		}, steps{}},
		"declined on another host": {func(f *fixture) {
			f.agent("node1")
			f.agent("node2").Declined = map[string][]mesos.Resource{"*": large()}
		}, steps{}},
		"before the barrier, wanted":     {func(f *fixture) { f.node("node1").Behind = false }, steps{}},
		"before the barrier, not wanted": {func(f *fixture) { f.node("node2").Behind = false }, steps{declines: 1}},
		"before the barrier, of another role": {func(f *fixture) {
			f.offer(f.agent("node1"), "x", large()...)
			f.snap.Agents["agent-node1"].Behind = false
		}, steps{declines: 1}},
		"before the barrier, it runs": {func(f *fixture) { f.node("node1").Behind = false; f.task(registry, "node1") }, steps{declines: 1}},
		"it may have ended":           {func(f *fixture) { f.node("node1"); f.task(registry, "node1").Heard = false }, steps{declines: 1}},
		"it may have ended, in maintenance": {func(f *fixture) {
			f.node("node1").Offers[0].Unavailability = window(noon, time.Hour)
			f.task(registry, "node1").Heard = false
		}, steps{}},
		"it may have ended, in maintenance, before the barrier": {func(f *fixture) {
			a := f.node("node1")
			a.Behind, a.Offers[0].Unavailability = false, window(noon, time.Hour)
			f.task(registry, "node1").Heard = false
		}, steps{}},
		"before the barrier, declined": {func(f *fixture) {
			a := f.agent("node1")
			a.Behind = false
			a.Declined = map[string][]mesos.Resource{"*": large()}
		}, steps{}},
		"idle":          {func(f *fixture) { f.node("node1"); f.task(registry, "node1") }, steps{declines: 1}},
		"suspended":     {func(f *fixture) { f.node("node1"); f.cluster.Spec.Suspend = true }, steps{declines: 1}},
		"stopped":       {func(f *fixture) { f.node("node1"); f.cluster.Spec.State = "Stopped" }, steps{declines: 1}},
		"not connected": {func(f *fixture) { f.node("node1"); f.snap.Connected = false }, steps{}},
		"maintenance": {func(f *fixture) {
			f.node("node1").Offers[0].Unavailability = window(noon, time.Hour)
			f.node("node2").Offers[0].Unavailability = window(noon, time.Hour)
		}, steps{declines: 1}},
		"to be tried soon": {func(f *fixture) {
			f.node("node1")
			for range 4 { // 40 s
				f.ended(f.task(registry, "node1"), mesos.TASK_FAILED, noon)
			}
		}, steps{}},
		"to be tried soon, too little": {func(f *fixture) {
			f.offer(f.agent("node1"), "*", little()...)
			for range 4 {
				f.ended(f.task(registry, "node1"), mesos.TASK_FAILED, noon)
			}
		}, steps{declines: 1}},
		"to be tried later": {func(f *fixture) {
			f.node("node1")
			for range 5 { // 80 s
				f.ended(f.task(registry, "node1"), mesos.TASK_FAILED, noon)
			}
		}, steps{declines: 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.cluster.Spec.Services.API.Instances, f.cluster.Spec.Services.Webconsole.Instances = 0, 0
			f.device("node1", isRegistry)
			test.change(f)
			r := f.plan()
			if len(r.Launches) != test.want.launches || len(r.Declines) != test.want.declines {
				t.Errorf("launches %v, declines %v, want %+v", launches(r), r.Declines, test.want)
			}
			wantList(t, "revives", r.Revives, test.want.revives...)
		})
	}
}

// TestFloatingTakesWhatIsHeld wants no revive while an offer at hand will do.
func TestFloatingTakesWhatIsHeld(t *testing.T) {
	f := threeHosts(t)
	delete(f.snap.Tasks, f.find(api, "node1").ID)
	f.snap.Agents["agent-node1"].Declined = map[string][]mesos.Resource{"*": large()}
	f.offer(f.snap.Agents["agent-node3"], "*", large()...)
	r := f.plan()
	wantList(t, "launches", launches(r), "api node3")
	wantList(t, "revives", r.Revives)

	f.snap.Agents["agent-node3"].Offers = nil
	r = f.plan()
	wantList(t, "launches", launches(r))
	wantList(t, "revives", r.Revives, "*")
}

// TestMaintenanceEnds wants to be woken when the window closes.
func TestMaintenanceEnds(t *testing.T) {
	f := newFixture(t)
	f.device("node1", isRegistry)
	f.node("node1").Offers[0].Unavailability = window(noon.Add(-time.Minute), time.Hour)
	if got, want := f.plan().Recheck, noon.Add(59*time.Minute); !got.Equal(want) {
		t.Errorf("recheck %v, want %v", got, want)
	}
	f.now = noon.Add(59 * time.Minute)
	wantList(t, "launches", launches(f.plan()), "registry node1")
}
