package plan

import (
	"slices"
	"testing"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// one is a cluster of one registry, launched with the resources offered.
func one(t *testing.T, offers ...[]mesos.Resource) (*fixture, Result) {
	f := newFixture(t)
	f.device("node1", isRegistry)
	a := f.agent("node1")
	for _, resources := range offers {
		f.offer(a, "*", resources...)
	}
	return f, f.plan()
}

// show writes resources as Mesos agents do, with the reservation.
func show(resources []mesos.Resource) []string {
	var out []string
	for _, r := range resources {
		role := "*"
		if n := len(r.Reservations); n > 0 {
			role = *r.Reservations[n-1].Role
		}
		text := r.Name + "(" + role + ")"
		if r.Scalar != nil {
			text += ":" + cpuAmount(fixed(r.Scalar.Value))
		}
		for _, x := range r.GetRanges().GetRange() {
			text += ":" + portList([]uint64{x.Begin})[5:] + "-" + portList([]uint64{x.End})[5:]
		}
		if r.GetAllocationInfo().GetRole() != "*" {
			text += " allocated to " + r.GetAllocationInfo().GetRole()
		}
		out = append(out, text)
	}
	return out
}

func TestFit(t *testing.T) {
	plain := []string{"cpus(*):1.0", "mem(*):2084.0", "disk(*):32.0", "ports(*):21000-21001"}
	disk := func(value float64, d *mesos.Resource_DiskInfo) mesos.Resource {
		r := scalar("disk", value)
		r.Disk = d
		return r
	}
	revocable := scalar("cpus", 4)
	revocable.Revocable = &mesos.Resource_RevocableInfo{}
	shared := scalar("mem", 4000)
	shared.Shared = &mesos.Resource_SharedInfo{}
	provided := scalar("cpus", 4)
	provided.ProviderID = &mesos.ResourceProviderID{Value: "p"}
	tests := map[string]struct {
		offers [][]mesos.Resource
		want   []string // nil: no launch
	}{
		"exactly enough": {[][]mesos.Resource{{scalar("cpus", 1), scalar("mem", 2084), scalar("disk", 32), portRange(21000, 21001)}}, plain},
		"more":           {[][]mesos.Resource{large()}, plain},
		"a little less":  {[][]mesos.Resource{{scalar("cpus", 0.999), scalar("mem", 2084), scalar("disk", 32), portRange(21000, 21001)}}, nil},
		"fixed point":    {[][]mesos.Resource{{scalar("cpus", 0.1+0.2+0.7-1e-9), scalar("mem", 2084), scalar("disk", 32), portRange(21000, 21001)}}, plain},
		"two offers": {[][]mesos.Resource{
			{scalar("cpus", 0.4), scalar("mem", 84), portRange(21001, 21001)},
			{scalar("cpus", 3), scalar("mem", 2000), scalar("disk", 32), portRange(20000, 21000)},
		}, plain},
		"reserved first, and split": {[][]mesos.Resource{{
			scalar("cpus", 8), reserved("quobyte", scalar("cpus", 0.75)), scalar("mem", 4000), reserved("quobyte", scalar("mem", 4000)),
			scalar("disk", 32), portRange(21000, 21001), reserved("quobyte", portRange(21001, 21005)),
		}}, []string{"cpus(quobyte):0.75", "cpus(*):0.25", "mem(quobyte):2084.0", "disk(*):32.0", "ports(*):21000-21000", "ports(quobyte):21001-21001"}},
		"no volumes":         {[][]mesos.Resource{{scalar("cpus", 1), scalar("mem", 2084), disk(32, &mesos.Resource_DiskInfo{Persistence: &mesos.Resource_DiskInfo_Persistence{ID: "v"}}), portRange(21000, 21001)}}, nil},
		"no disks":           {[][]mesos.Resource{{scalar("cpus", 1), scalar("mem", 2084), disk(32, &mesos.Resource_DiskInfo{Source: &mesos.Resource_DiskInfo_Source{}}), portRange(21000, 21001)}}, nil},
		"none revocable":     {[][]mesos.Resource{{revocable, scalar("mem", 2084), scalar("disk", 32), portRange(21000, 21001)}}, nil},
		"none shared":        {[][]mesos.Resource{{scalar("cpus", 1), shared, scalar("disk", 32), portRange(21000, 21001)}}, nil},
		"none of a provider": {[][]mesos.Resource{{provided, scalar("mem", 2084), scalar("disk", 32), portRange(21000, 21001)}}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, r := one(t, test.offers...)
			if test.want == nil {
				wantList(t, "launches", launches(r))
				return
			}
			if len(r.Launches) != 1 {
				t.Fatalf("%d launches: %+v", len(r.Launches), r.Reasons)
			}
			wantList(t, "resources", show(r.Launches[0].Resources), test.want...)
			if n := len(r.Launches[0].OfferIDs); n != len(test.offers) {
				t.Errorf("%d offers used", n)
			}
		})
	}
}

// TestFitShares has three services on one agent whose offers suffice for two.
func TestFitShares(t *testing.T) {
	f := newFixture(t)
	f.cluster.Spec.Mesos.Role = "quobyte"
	f.device("node1", allTypes...)
	a := f.agent("node1")
	f.task(registry, "node1")
	f.offer(a, "quobyte", scalar("cpus", 4), scalar("mem", 12288), scalar("disk", 64))
	f.offer(a, "quobyte", scalar("cpus", 1.5), portRange(21000, 21011))
	f.offer(a, "other", large()...)
	r := f.plan()
	wantList(t, "launches", launches(r), "metadata node1")
	wantText(t, waits(t, r, data, "node1"), "node1: offer lacks 0.5 cpus")

	f.offer(a, "quobyte", scalar("cpus", 0.5))
	r = f.plan()
	wantList(t, "launches", launches(r), "metadata node1", "data node1")
	for _, l := range r.Launches {
		if !slices.Equal(l.OfferIDs, r.Launches[0].OfferIDs) || len(l.OfferIDs) != 3 || l.Role != "quobyte" {
			t.Errorf("offers %v of role %s", l.OfferIDs, l.Role)
		}
	}
	wantList(t, "metadata", show(r.Launches[0].Resources), "cpus(*):2.0 allocated to quobyte", "mem(*):8192.0 allocated to quobyte",
		"disk(*):32.0 allocated to quobyte", "ports(*):21002-21003 allocated to quobyte")
	wantList(t, "data", show(r.Launches[1].Resources), "cpus(*):4.0 allocated to quobyte", "mem(*):4096.0 allocated to quobyte",
		"disk(*):32.0 allocated to quobyte", "ports(*):21004-21005 allocated to quobyte")
}
