package plan

import (
	"fmt"
	"testing"
	"time"
)

// bigFixture is a cluster of n hosts with three devices each and their
// services: registries on three hosts, metadata on every tenth, data on all; two
// more device objects each.
func bigFixture(b testing.TB, n int, tasks, offers bool) *fixture {
	f := newFixture(b)
	for i := range n {
		host := fmt.Sprintf("node%05d.rack%03d.corp", i, i/40)
		if offers {
			f.node(host)
		} else {
			a := f.agent(host)
			a.Declined = nil
		}
		for range 3 {
			f.device(host, allTypes...)
		}
		if !tasks {
			continue
		}
		for k := range s3 {
			f.task(k, host)
		}
		if i == 0 {
			f.task(api, host)
			f.task(webconsole, host)
		}
	}
	f.inventory = f.found().Devices
	return f
}

func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{1000, 10000, 50000} {
		b.Run(fmt.Sprintf("agents=%d/cold", n), func(b *testing.B) {
			f := bigFixture(b, n, false, true)
			benchPlan(b, f, n)
		})
		b.Run(fmt.Sprintf("agents=%d/idle", n), func(b *testing.B) {
			f := bigFixture(b, n, true, false)
			benchPlan(b, f, 0)
		})
		b.Run(fmt.Sprintf("agents=%d/missing", n), func(b *testing.B) {
			f := bigFixture(b, n, true, false)
			host := f.devices[len(f.devices)/2].Spec.Host
			f.offer(f.snap.Agents["agent-"+host], "*", large()...)
			f.ended(f.find(data, host), 3, noon.Add(-time.Second))
			benchPlan(b, f, 1)
		})
	}
}

func benchPlan(b *testing.B, f *fixture, launches int) {
	b.ReportAllocs()
	for b.Loop() {
		if r := f.plan(); len(r.Launches) != launches {
			b.Fatalf("%d launches, want %d", len(r.Launches), launches)
		}
	}
}
