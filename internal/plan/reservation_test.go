package plan

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// reserving is a cluster whose services reserve what they use.
func reserving(f *fixture) *fixture {
	f.cluster.Namespace = "storage"
	f.cluster.Spec.Mesos.Role, f.cluster.Spec.Mesos.Principal = "quobyte", "keeper"
	f.cluster.Spec.Mesos.Reservation = v1alpha1.ReservationDynamic
	return f
}

// labelled is a resource reserved for the role quobyte with an owner's labels.
func labelled(cluster string, s quobyte.Service, r mesos.Resource) mesos.Resource {
	return dynamic(quobyte.Owner{Cluster: cluster, Service: s}.Labels(), r)
}

func dynamic(labels *mesos.Labels, r mesos.Resource) mesos.Resource {
	role, principal := "quobyte", "keeper"
	r.Reservations = append(slices.Clone(r.Reservations), mesos.Resource_ReservationInfo{
		Type: mesos.Resource_ReservationInfo_DYNAMIC.Enum(), Role: &role, Principal: &principal, Labels: labels})
	return r
}

// mine is reserved for a service of the fixture's cluster.
func mine(k kind, resources ...mesos.Resource) []mesos.Resource {
	out := make([]mesos.Resource, len(resources))
	for i, r := range resources {
		out[i] = labelled("storage/quobyte", services[k], r)
	}
	return out
}

// whole is what a registry needs.
func whole() []mesos.Resource {
	return []mesos.Resource{scalar("cpus", 1), scalar("mem", 2084), scalar("disk", 32), portRange(21000, 21001)}
}

// showOwned writes resources with who they are reserved for.
func showOwned(resources []mesos.Resource) []string {
	var out []string
	for _, r := range resources {
		text := r.Name
		for _, v := range r.Reservations {
			by := "static"
			if v.GetType() == mesos.Resource_ReservationInfo_DYNAMIC {
				owner, _ := quobyte.OwnerOf(v.Labels)
				by = owner.Cluster + " " + string(owner.Service)
			}
			text += "(" + v.GetRole() + " " + by + ")"
		}
		if r.Scalar != nil {
			text += ":" + cpuAmount(fixed(r.Scalar.Value))
		}
		for _, x := range r.GetRanges().GetRange() {
			text += ":" + portList([]uint64{x.Begin})[5:] + "-" + portList([]uint64{x.End})[5:]
		}
		out = append(out, text)
	}
	return out
}

// operations as "RESERVE node1 cpus...", in order.
func operations(r Result) []string {
	var out []string
	for _, o := range r.Operations {
		named := append(o.Operation.GetReserve().GetResources(), o.Operation.GetUnreserve().GetResources()...)
		out = append(out, o.Operation.Type.String()+" "+o.Host+" "+strings.Join(showOwned(named), " "))
	}
	return out
}

// registryOn is a cluster of one registry that reserves, and its agent.
func registryOn(t *testing.T) (*fixture, *mesosbridge.Agent) {
	f := reserving(newFixture(t))
	f.cluster.Spec.Services.API.Instances, f.cluster.Spec.Services.Webconsole.Instances = 0, 0
	f.device("node1", isRegistry)
	return f, f.agent("node1")
}

const ours = "(quobyte storage/quobyte registry)"

func TestReservesWhatItUses(t *testing.T) {
	ancestor := func(r mesos.Resource) mesos.Resource { return reserved("eng", r) }
	tests := map[string]struct {
		offers     [][]mesos.Resource
		operations []string
		uses       []string
	}{
		"all of it": {
			[][]mesos.Resource{large()},
			[]string{"RESERVE node1 cpus" + ours + ":1.0 mem" + ours + ":2084.0 disk" + ours + ":32.0 ports" + ours + ":21000-21001"},
			[]string{"cpus" + ours + ":1.0", "mem" + ours + ":2084.0", "disk" + ours + ":32.0", "ports" + ours + ":21000-21001"},
		},
		"nothing, it has all": {
			[][]mesos.Resource{mine(registry, whole()...), large()},
			nil,
			[]string{"cpus" + ours + ":1.0", "mem" + ours + ":2084.0", "disk" + ours + ":32.0", "ports" + ours + ":21000-21001"},
		},
		"the difference": {
			[][]mesos.Resource{mine(registry, scalar("cpus", 0.75), scalar("mem", 2084), portRange(21001, 21001)), large()},
			[]string{"RESERVE node1 cpus" + ours + ":0.25 disk" + ours + ":32.0 ports" + ours + ":21000-21000"},
			[]string{"cpus" + ours + ":1.0", "mem" + ours + ":2084.0", "disk" + ours + ":32.0", "ports" + ours + ":21000-21001"},
		},
		"surplus goes back": {
			[][]mesos.Resource{mine(registry, scalar("cpus", 3), scalar("mem", 2084), scalar("disk", 32), portRange(21000, 21003))},
			[]string{"UNRESERVE node1 cpus" + ours + ":2.0 ports" + ours + ":21002-21003"},
			[]string{"cpus" + ours + ":1.0", "mem" + ours + ":2084.0", "disk" + ours + ":32.0", "ports" + ours + ":21000-21001"},
		},
		"the role's own as it is": {
			[][]mesos.Resource{{reserved("quobyte", scalar("cpus", 8)), scalar("mem", 2084), reserved("quobyte", scalar("disk", 32)), reserved("quobyte", portRange(21000, 21001))}},
			[]string{"RESERVE node1 mem" + ours + ":2084.0"},
			[]string{"cpus(quobyte static):1.0", "mem" + ours + ":2084.0", "disk(quobyte static):32.0", "ports(quobyte static):21000-21001"},
		},
		"of a role above it, refined": {
			[][]mesos.Resource{{ancestor(scalar("cpus", 8)), scalar("mem", 2084), scalar("disk", 32), portRange(21000, 21001)}},
			[]string{"RESERVE node1 cpus(eng static)" + ours + ":1.0 mem" + ours + ":2084.0 disk" + ours + ":32.0 ports" + ours + ":21000-21001"},
			[]string{"cpus(eng static)" + ours + ":1.0", "mem" + ours + ":2084.0", "disk" + ours + ":32.0", "ports" + ours + ":21000-21001"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, a := registryOn(t)
			for _, resources := range test.offers {
				f.offer(a, "quobyte", resources...)
			}
			r := f.plan()
			wantList(t, "launches", launches(r), "registry node1")
			wantList(t, "operations", operations(r), test.operations...)
			wantList(t, "uses", showOwned(r.Launches[0].Resources), test.uses...)
			for _, o := range r.Operations {
				if !slices.Equal(o.OfferIDs, r.Launches[0].OfferIDs) || o.AgentID != a.ID || o.Role != "quobyte" {
					t.Errorf("the operation is for %s %s %v", o.AgentID, o.Role, o.OfferIDs)
				}
				for _, res := range o.Operation.GetReserve().GetResources() {
					if v := res.Reservations[len(res.Reservations)-1]; v.GetPrincipal() != "keeper" || res.GetAllocationInfo().GetRole() != "quobyte" {
						t.Errorf("reserved by %q, allocated to %q", v.GetPrincipal(), res.GetAllocationInfo().GetRole())
					}
				}
			}
		})
	}
}

// Nothing that somebody else has reserved is used or freed, in neither mode.
func TestLeavesForeignReservations(t *testing.T) {
	foreign := map[string]func(mesos.Resource) mesos.Resource{
		"another service's": func(r mesos.Resource) mesos.Resource { return mine(metadata, r)[0] },
		"another cluster's": func(r mesos.Resource) mesos.Resource { return labelled("test/quobyte", quobyte.Registry, r) },
		"without labels":    func(r mesos.Resource) mesos.Resource { return dynamic(nil, r) },
		"another framework's": func(r mesos.Resource) mesos.Resource {
			return dynamic(&mesos.Labels{Labels: []mesos.Label{{Key: "resource_id"}}}, r)
		},
		"a later version's": func(r mesos.Resource) mesos.Resource { return labelled("storage/quobyte", "teapot", r) },
		"of the older form": func(r mesos.Resource) mesos.Resource {
			role := "quobyte"
			r.Role, r.Reservation = &role, &mesos.Resource_ReservationInfo{}
			return r
		},
	}
	for name, reserve := range foreign {
		for _, mode := range []v1alpha1.Reservation{v1alpha1.ReservationDynamic, v1alpha1.ReservationNone} {
			t.Run(name+" "+string(mode), func(t *testing.T) {
				f, a := registryOn(t)
				f.device("node1", v1alpha1.DeviceMetadata) // waits for a majority of the registries
				f.cluster.Spec.Mesos.Reservation = mode
				var resources []mesos.Resource
				for _, r := range whole() {
					resources = append(resources, reserve(r))
				}
				f.offer(a, "quobyte", resources...)
				r := f.plan()
				wantList(t, "launches", launches(r))
				if mode == v1alpha1.ReservationDynamic || name != "another service's" {
					wantList(t, "operations", operations(r))
				}
			})
		}
	}
}

func TestFreesWhatNobodyNeeds(t *testing.T) {
	freed := "UNRESERVE node1 cpus" + ours + ":1.0"
	one := mine(registry, scalar("cpus", 1))
	tests := map[string]struct {
		change func(f *fixture)
		freed  bool
	}{
		"it is wanted, and waits": {func(*fixture) {}, false},
		"it fails": {func(f *fixture) {
			for range 5 {
				f.ended(f.task(registry, "node1"), mesos.TASK_FAILED, noon)
			}
		}, false},
		"it runs, and more is reserved": {func(f *fixture) { f.task(registry, "node1") }, true},
		"it is unhealthy":               {func(f *fixture) { f.task(registry, "node1").Healthy = no() }, false},
		"it is unreachable":             {func(f *fixture) { f.task(registry, "node1").State = mesos.TASK_UNREACHABLE }, false},
		"it is being launched":          {func(f *fixture) { x := f.task(registry, "node1"); x.State, x.Launching = mesos.TASK_STAGING, true }, false},
		"it is about to be updated":     {func(f *fixture) { f.task(registry, "node1"); f.age(registry) }, false},
		"two of it run":                 {func(f *fixture) { f.task(registry, "node1"); f.task(registry, "node1") }, false},
		"its device is being deleted":   {func(f *fixture) { deleting(f.devices[0]) }, true},
		"and it still runs":             {func(f *fixture) { deleting(f.devices[0]); f.task(registry, "node1") }, false},
		"its device is decommissioned": {func(f *fixture) {
			f.devices[0].Spec.State = v1alpha1.DeviceDecommissioned
			f.devices[0].Spec.Path = "/srv/x"
		}, true},
		"its device was deleted":          {func(f *fixture) { f.devices = nil }, true},
		"its device is refused":           {func(f *fixture) { f.devices[0].Spec.Path = "/srv/x" }, false},
		"a task cannot be read":           {func(f *fixture) { f.devices = nil; f.addTask("quobyte.teapot.1", "node1") }, false},
		"a task of it is of another host": {func(f *fixture) { f.devices = nil; f.task(registry, "node2").AgentID = "agent-node1" }, false},
		"the cluster is suspended":        {func(f *fixture) { f.devices = nil; f.cluster.Spec.Suspend = true }, false},
		"the cluster is stopped":          {func(f *fixture) { f.cluster.Spec.State = v1alpha1.StateStopped }, false},
		"the cluster is being deleted":    {func(f *fixture) { teardown(f) }, true},
		"and it still runs then":          {func(f *fixture) { teardown(f); f.task(registry, "node1") }, false},
		"orphaned":                        {func(f *fixture) { teardown(f); f.cluster.Spec.DeletionPolicy = v1alpha1.DeletionOrphan }, false},
		"before the barrier":              {func(f *fixture) { f.devices = nil; f.snap.Agents["agent-node1"].Behind = false }, false},
		"two agents of the name": {func(f *fixture) {
			f.devices = nil
			twin := f.agent("node1")
			twin.ID = "twin"
			f.snap.Agents["twin"] = twin
		}, false},
		"reservation None":     {func(f *fixture) { f.cluster.Spec.Mesos.Reservation = v1alpha1.ReservationNone }, true},
		"refused a moment ago": {func(f *fixture) { f.devices = nil; f.refused(noon.Add(-time.Minute)) }, false},
		"refused, and done since": {func(f *fixture) {
			f.devices = nil
			f.refused(noon.Add(-time.Minute))
			f.operation(mesos.OPERATION_FINISHED, noon)
		}, true},
		"refused a long time ago": {func(f *fixture) { f.devices = nil; f.refused(noon.Add(-lastRetry)) }, true},
		"not connected":           {func(f *fixture) { f.devices = nil; f.snap.Connected = false }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, a := registryOn(t)
			f.snap.Agents = map[string]*mesosbridge.Agent{a.ID: a}
			f.offer(a, "quobyte", one...)
			test.change(f)
			var want []string
			if test.freed {
				want = append(want, freed)
			}
			r := f.plan()
			wantList(t, "operations", operations(r), want...)
			if test.freed && len(r.Declines) > 0 {
				t.Error("an offer is used and declined")
			}
		})
	}
}

// operation ends an UNRESERVE on node1.
func (f *fixture) operation(end mesos.OperationState, at time.Time) {
	f.snap.EndedOperations = append(f.snap.EndedOperations, &mesosbridge.OperationState{
		ID: "o", AgentID: "agent-node1", Type: mesos.Offer_Operation_UNRESERVE, State: end, Message: "not yours", Since: at})
}

func (f *fixture) refused(at time.Time) { f.operation(mesos.OPERATION_ERROR, at) }

// What was declined is asked for again when it is needed, or to be freed.
func TestRevivesReservations(t *testing.T) {
	f, a := registryOn(t)
	a.Declined = map[string][]mesos.Resource{"quobyte": mine(registry, whole()...)}
	wantList(t, "wanted", f.plan().Revives, "quobyte")

	f.task(registry, "node1")
	wantList(t, "running", f.plan().Revives)

	f.ended(f.find(registry, "node1"), mesos.TASK_KILLED, noon)
	f.devices = nil
	wantList(t, "not wanted", f.plan().Revives, "quobyte")

	f.refused(noon)
	r := f.plan()
	wantList(t, "refused", r.Revives)
	if want := noon.Add(lastRetry); !r.Recheck.Equal(want) {
		t.Errorf("recheck at %v, want %v", r.Recheck, want)
	}
	wantText(t, r.Reasons[0].Message, "node1: Mesos refused to unreserve resources: not yours")

	f.cluster.Spec.State = v1alpha1.StateStopped
	f.snap.EndedOperations = nil
	wantList(t, "stopped", f.plan().Revives)
}

// A service that floats comes back to where it left its reservation, and what it
// left elsewhere is freed only then.
func TestFloatingReturnsToItsReservation(t *testing.T) {
	f := reserving(threeHosts(t))
	f.ended(f.find(api, "node1"), mesos.TASK_FAILED, noon)
	need := []mesos.Resource{scalar("cpus", 0.1), scalar("mem", 512), scalar("disk", 32), portRange(21006, 21007), portRange(8889, 8889)}
	for _, host := range []string{"node2", "node3"} {
		f.offer(f.snap.Agents["agent-"+host], "quobyte", large()...)
	}
	f.offer(f.snap.Agents["agent-node1"], "quobyte", scalar("cpus", 1))
	f.offer(f.snap.Agents["agent-node2"], "quobyte", mine(api, need...)...)
	r := f.plan()
	wantList(t, "launches", launches(r), "api node2")
	wantList(t, "operations", operations(r))

	f.snap.Agents["agent-node2"].Offers = f.snap.Agents["agent-node2"].Offers[:1]
	f.offer(f.snap.Agents["agent-node1"], "quobyte", mine(api, scalar("cpus", 0.1))...)
	f.snap.Agents["agent-node1"].Offers = f.snap.Agents["agent-node1"].Offers[1:]
	r = f.plan()
	if len(r.Launches) != 1 || r.Launches[0].Host == "node1" {
		t.Fatalf("launches %v", launches(r))
	}
	moved := "(quobyte storage/quobyte api)"
	if ops := operations(r); !slices.Contains(ops, "UNRESERVE node1 cpus"+moved+":0.1") || len(ops) != 2 {
		t.Errorf("operations %v", ops)
	}

	f.cluster.Spec.State = v1alpha1.StateRunning
	for _, host := range []string{"node2", "node3"} {
		f.snap.Agents["agent-"+host].Offers = nil
	}
	r = f.plan()
	wantList(t, "while it is missing", operations(r))
}

// A teardown waits for what the last task gave back.
func TestTeardownFreesReservations(t *testing.T) {
	f, a := registryOn(t)
	teardown(f)
	f.ended(f.task(registry, "node1"), mesos.TASK_KILLED, noon)
	wantPhase := func(what string, want Phase) {
		t.Helper()
		if got := f.plan().Phase; got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	wantPhase("just ended", PhaseStopping)
	f.now = noon.Add(returnTime)
	wantPhase("nothing came", PhaseStopped)
	a.Declined = map[string][]mesos.Resource{"quobyte": mine(registry, whole()...)}
	wantPhase("declined", PhaseStopping)
	a.Declined = nil
	f.offer(a, "quobyte", mine(registry, whole()...)...)
	wantPhase("offered", PhaseStopping)
	a.Offers = nil
	f.snap.Operations = map[string]*mesosbridge.OperationState{"o": {Type: mesos.Offer_Operation_UNRESERVE}}
	wantPhase("under way", PhaseStopping)
	f.now = noon.Add(freeTime)
	wantPhase("for too long", PhaseStopped)

	f.now, f.snap.Operations = noon, nil
	f.cluster.Spec.Mesos.Reservation = v1alpha1.ReservationNone
	wantPhase("without reservations", PhaseStopped)
}

func TestNoticesUnreservedRestart(t *testing.T) {
	f := threeHosts(t)
	notice := func() []string {
		var out []string
		for _, n := range f.plan().Notices {
			if !n.Normal {
				out = append(out, n.Reason)
			}
		}
		return out
	}
	wantList(t, "idle", notice())
	f.age(data)
	wantList(t, "update", notice(), NoticeNotReserved)
	reserving(f)
	wantList(t, "update with reservations", notice())
	f.cluster.Spec.Mesos.Reservation = v1alpha1.ReservationNone
	f.cluster.Spec.State = v1alpha1.StateStopped
	wantList(t, "stop", notice())
}

// The input's resources are shared with others and must stay as they are.
func TestReservingChangesNoOffer(t *testing.T) {
	f, a := registryOn(t)
	f.offer(a, "quobyte", append(large(), mine(registry, scalar("cpus", 0.5), portRange(21000, 21000))...)...)
	before := append([]mesos.Resource(nil), a.Offers[0].Resources...)
	for i := range before {
		before[i] = detached(before[i])
		before[i].Reservations = slices.Clone(before[i].Reservations)
	}
	first, second := f.plan(), f.plan()
	if !reflect.DeepEqual(first, second) {
		t.Error("two results of one input")
	}
	if !reflect.DeepEqual(before, a.Offers[0].Resources) {
		t.Error("the offer was changed")
	}
}

func TestFreesTwoOffersOfAnAgentOnce(t *testing.T) {
	f, a := registryOn(t)
	f.devices = nil
	f.offer(a, "quobyte", mine(registry, scalar("cpus", 1))...)
	f.offer(a, "quobyte", mine(registry, portRange(21000, 21001))...)
	r := f.plan()
	wantList(t, "operations", operations(r), "UNRESERVE node1 cpus"+ours+":1.0 ports"+ours+":21000-21001")
	if len(r.Operations[0].OfferIDs) != 2 {
		t.Errorf("offers %v", r.Operations[0].OfferIDs)
	}
}
