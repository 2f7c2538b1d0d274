package plan

import (
	"fmt"
	"slices"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// leave holds an inverse offer of the host's agent, for an hour from then on.
func (f *fixture) leave(host string, from time.Time) *mesosbridge.Agent {
	a := f.snap.Agents["agent-"+host]
	w := window(from, time.Hour)
	f.serial++
	a.InverseOffers = []*mesosbridge.InverseOffer{{ID: fmt.Sprintf("inverse-%d", f.serial), AgentID: a.ID, Unavailability: *w, Received: f.now}}
	a.Unavailability, a.UnavailabilitySaid = w, f.now
	return a
}

// near is threeHosts with s3 off, and a window of node3 that opens in 5 minutes.
func near(t testing.TB) *fixture {
	f := threeHosts(t)
	f.cluster.Spec.Services.S3.Instances = 0
	f.cluster.Spec.Maintenance.LeadTime = minutes(10)
	f.leave("node3", noon.Add(5*time.Minute))
	return f
}

func maintenanceOf(r Result, host string) v1alpha1.MaintenanceStatus {
	for _, m := range r.Maintenance {
		if m.Host == host {
			return m
		}
	}
	return v1alpha1.MaintenanceStatus{}
}

// answerTo is the answer of the host's agent.
func answerTo(r Result, host string) (InverseAnswer, bool) {
	i := slices.IndexFunc(r.InverseAnswers, func(a InverseAnswer) bool { return a.Host == host })
	if i < 0 {
		return InverseAnswer{}, false
	}
	return r.InverseAnswers[i], true
}

var allOfNode3 = []string{"data node3", "metadata node3", "registry node3"}

// TestDrain has a window of node3.
func TestDrain(t *testing.T) {
	tests := map[string]struct {
		change func(f *fixture)
		want   []string
		state  v1alpha1.MaintenanceState
		says   string
		why    string // of the answer; "-": there is none
	}{
		"near": {func(*fixture) {}, allOfNode3, v1alpha1.MaintenanceDraining, "its services are being stopped", "its services are being stopped"},
		"not near": {func(f *fixture) { f.leave("node3", noon.Add(11*time.Minute)) }, nil, v1alpha1.MaintenanceScheduled,
			"its services are stopped from 2026-11-21T12:01:00Z on",
			"its window begins at 2026-11-21T12:11:00Z, and its services are stopped from 2026-11-21T12:01:00Z on"},
		"open":                  {func(f *fixture) { f.leave("node3", noon.Add(-time.Minute)) }, allOfNode3, v1alpha1.MaintenanceDraining, "", ""},
		"over":                  {func(f *fixture) { f.leave("node3", noon.Add(-time.Hour)) }, nil, "", "", "its window is over, and registry runs there"},
		"by an offer":           {func(f *fixture) { f.onlyOffered() }, allOfNode3, v1alpha1.MaintenanceDraining, "", "-"},
		"heard of late":         {func(f *fixture) { f.answered(4 * time.Minute) }, allOfNode3, v1alpha1.MaintenanceDraining, "", "-"},
		"not heard of for long": {func(f *fixture) { f.answered(5 * time.Minute) }, nil, "", "", "-"},
		"without an end":        {func(f *fixture) { f.snap.Agents["agent-node3"].Unavailability.Duration = nil }, allOfNode3, v1alpha1.MaintenanceDraining, "", ""},
		"floating services, too": {func(f *fixture) { f.task(api, "node3"); delete(f.snap.Tasks, f.find(api, "node1").ID) },
			[]string{"api node3", "data node3", "metadata node3", "registry node3"}, v1alpha1.MaintenanceDraining, "", ""},
		"clients, too": {func(f *fixture) { f.withClients("node3") }, append([]string{"client node3"}, allOfNode3...), v1alpha1.MaintenanceDraining, "", ""},
		"cordoned":     {func(f *fixture) { f.cluster.Spec.Placement.CordonedHosts = []string{"node3"} }, allOfNode3, v1alpha1.MaintenanceDraining, "", ""},

		"another data is down": {func(f *fixture) { delete(f.snap.Tasks, f.find(data, "node1").ID) }, nil, v1alpha1.MaintenanceWaiting,
			"data waits for data on node1, which is not available; 1 may be away at a time", "data waits for data on node1"},
		"its own data is down": {func(f *fixture) { f.find(data, "node3").Healthy = no() }, allOfNode3, v1alpha1.MaintenanceDraining, "", ""},
		"another registry is down": {func(f *fixture) {
			f.cluster.Spec.Update.MaxUnavailable = intstr.FromInt32(3)
			f.find(registry, "node1").Healthy = no()
		}, nil, v1alpha1.MaintenanceWaiting, "registry waits: of 3 registries 2 must stay available, and 2 are", ""},
		"another data is young": {func(f *fixture) {
			f.cluster.Spec.Update.MinReady = minutes(1)
			f.find(data, "node1").Steady = noon.Add(-time.Second)
		}, nil, v1alpha1.MaintenanceWaiting, "data on node1", ""},

		"suspended":      {func(f *fixture) { f.cluster.Spec.Suspend = true }, nil, v1alpha1.MaintenanceWaiting, "spec.suspend is true", "-"},
		"not reconciled": {func(f *fixture) { f.snap.Reconciled = false }, nil, v1alpha1.MaintenanceWaiting, "waits until Mesos has told", "-"},
		"orphaned":       {func(f *fixture) { f.cluster.DeletionTimestamp = &metav1.Time{Time: noon} }, nil, v1alpha1.MaintenanceWaiting, "Orphan", "-"},
		"without its barrier": {func(f *fixture) { f.snap.Agents["agent-node3"].Behind = false }, nil, v1alpha1.MaintenanceWaiting,
			"waits until Mesos has told which tasks run there", "-"},
		"stopped": {func(f *fixture) { f.cluster.Spec.State = v1alpha1.StateStopped }, []string{"webconsole node2"}, v1alpha1.MaintenanceDraining, "", "its services are being stopped"},

		"two of a service":  {func(f *fixture) { f.task(data, "node3") }, nil, v1alpha1.MaintenanceWaiting, "data runs more than once", ""},
		"two floating ones": {func(f *fixture) { f.task(api, "node3"); f.task(api, "node3") }, []string{"api node3"}, v1alpha1.MaintenanceWaiting, "another api on this host is stopped first", ""},
		"unclaimed": {func(f *fixture) { f.devices = f.devices[:2] }, nil, v1alpha1.MaintenanceWaiting,
			"registry runs, and nothing asks for it, so that it would not be started again afterwards", ""},
		"claimed": {func(f *fixture) {
			f.inventory = f.found().Devices
			d := &f.inventory[2]
			d.Wanted, d.Claims, d.Phase = false, true, v1alpha1.PhaseMissing
		}, nil, v1alpha1.MaintenanceWaiting, "registry would not be started again afterwards: its device dev-009 is Missing", ""},
		"a service that leaves": {func(f *fixture) {
			deleting(f.devices[2])
			f.find(data, "node1").Healthy = no()
		}, []string{"registry node3", "metadata node3"}, v1alpha1.MaintenanceWaiting, "data is stopped for good first", ""},
		"outside the placement": {func(f *fixture) { f.cluster.Spec.Placement.Hosts = []string{"node1"} }, nil, v1alpha1.MaintenanceWaiting,
			"is not in spec.placement.hosts", ""},
		"a task that cannot be read": {func(f *fixture) { f.addTask("strange", "node3") }, nil, v1alpha1.MaintenanceWaiting, "the id of task strange", ""},
		"doubtful":                   {func(f *fixture) { f.find(data, "node3").State = mesos.TASK_LOST }, nil, v1alpha1.MaintenanceWaiting, "data may run here, and cannot be reached", ""},
		"a task of another host":     {func(f *fixture) { f.task(data, "node9").AgentID = "agent-node3" }, nil, v1alpha1.MaintenanceWaiting, "its id names another host", ""},

		"halting":                            {func(f *fixture) { f.stop("node3") }, nil, v1alpha1.MaintenanceDraining, "", "its services are being stopped"},
		"drained":                            {func(f *fixture) { f.empty("node3") }, nil, v1alpha1.MaintenanceDrained, "", ""},
		"nothing runs, and a window to come": {func(f *fixture) { f.empty("node3"); f.leave("node3", noon.Add(time.Hour)) }, nil, v1alpha1.MaintenanceScheduled, "", ""},
		"drained, and a dead agent's task": {func(f *fixture) {
			f.empty("node3")
			x := f.task(data, "node3")
			x.AgentID, x.State = "gone", mesos.TASK_UNREACHABLE
		}, nil, v1alpha1.MaintenanceWaiting, "data may run here", "data may run here"},
		"drained, but for its prober": {func(f *fixture) {
			f.empty("node3")
			f.addTask("quobyte.prober.h.n.node3", "node3") // which nobody wants
		}, []string{"prober node3"}, v1alpha1.MaintenanceDrained, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := near(t)
			test.change(f)
			r := f.plan()
			wantList(t, "kills", kills(r), test.want...)
			m := maintenanceOf(r, "node3")
			if m.State != test.state {
				t.Errorf("state %q, %s", m.State, m.Message)
			}
			wantText(t, m.Message, test.says)
			a, answered := answerTo(r, "node3")
			if answered != (test.why != "-") {
				t.Fatalf("answered %v: %+v", answered, a)
			}
			if !answered {
				return
			}
			wantText(t, a.Why, test.why)
			drained := name == "drained" || name == "drained, but for its prober" || name == "nothing runs, and a window to come"
			if a.Accept != drained || a.Accept != (a.Why == "") {
				t.Errorf("answer %+v", a)
			}
			if a.Accept && a.Refuse != time.Minute || !a.Accept && (a.Refuse <= 0 || a.Refuse > 30*time.Second) {
				t.Errorf("asked again after %v", a.Refuse)
			}
		})
	}
}

// onlyOffered holds an offer with the window, of old, in place of the inverse offer.
func (f *fixture) onlyOffered() {
	a := f.snap.Agents["agent-node3"]
	a.InverseOffers, a.UnavailabilitySaid = nil, noon.Add(-time.Hour)
	o := f.offer(a, "*", large()...)
	o.Unavailability, o.Received = a.Unavailability, a.UnavailabilitySaid
}

// answered answers the inverse offer of node3, so long ago.
func (f *fixture) answered(ago time.Duration) {
	a := f.snap.Agents["agent-node3"]
	a.InverseOffers, a.UnavailabilitySaid = nil, noon.Add(-ago)
}

func (f *fixture) withClients(host string) {
	f.probed()
	f.cluster.Spec.Services.Client = v1alpha1.ClientService{Enabled: true, Image: "quobyte-client", MountPoint: "/quobyte"}
	for _, name := range []string{"node1", "node2"} {
		f.reporting(name)
	}
	f.reporting(host, "/quobyte")
	f.task(client, host)
}

// stop asks all services of the host to end, empty ends them.
func (f *fixture) stop(host string) {
	for k := range s3 {
		f.find(k, host).Killing = f.now
	}
}

func (f *fixture) empty(host string) {
	f.stop(host)
	for k := range s3 {
		f.ended(f.find(k, host), mesos.TASK_KILLED, f.now.Add(-5*time.Minute))
	}
}

// TestWindowTakesItsCourse goes from far before to after the window.
func TestWindowTakesItsCourse(t *testing.T) {
	f := threeHosts(t)
	f.cluster.Spec.Services.S3.Instances = 0
	f.cluster.Spec.Maintenance.LeadTime = minutes(10)
	opens := noon.Add(30 * time.Minute)
	f.leave("node3", opens)
	at := func(minutes int) { f.now = noon.Add(time.Duration(minutes) * time.Minute) }
	wakes := func(r Result, minutes int) {
		t.Helper()
		if want := noon.Add(time.Duration(minutes) * time.Minute); !r.Recheck.Equal(want) {
			t.Errorf("recheck %v, want %v", r.Recheck, want)
		}
	}
	r := f.plan()
	wantList(t, "kills", kills(r))
	wakes(r, 20)
	if r.Phase != PhaseReady {
		t.Errorf("phase %s", r.Phase)
	}
	want := v1alpha1.MaintenanceStatus{Host: "node3", State: v1alpha1.MaintenanceScheduled, Start: metav1.NewTime(opens), Message: "its services are stopped from 2026-11-21T12:20:00Z on"}
	end := metav1.NewTime(opens.Add(time.Hour))
	if got := maintenanceOf(r, "node3"); got.Start != want.Start || *got.End != end || got.State != want.State || got.Message != want.Message {
		t.Errorf("%+v", got)
	}

	at(20)
	f.leave("node3", opens)
	r = f.plan()
	wantList(t, "kills", kills(r), allOfNode3...)
	wantText(t, r.Kills[0].Cause, "maintenance of its host from 2026-11-21T12:30:00Z on")
	if !r.Kills[0].Returns {
		t.Error("it does not return")
	}
	f.empty("node3")
	f.offer(f.snap.Agents["agent-node3"], "*", large()...).Unavailability = window(opens, time.Hour)
	r = f.plan()
	wantList(t, "launches before the window", launches(r))
	wantText(t, waits(t, r, data, "node3"), "node3: is to be in maintenance from 2026-11-21T12:30:00Z on, and nothing is started here before")
	if len(r.Declines) > 0 {
		t.Error("the offer that tells of the window is declined")
	}
	if a, _ := answerTo(r, "node3"); !a.Accept || len(a.OfferIDs) != 1 {
		t.Errorf("%+v", a)
	}
	f.snap.Agents["agent-node3"].InverseOffers = nil
	r = f.plan()
	if len(r.InverseAnswers) > 0 {
		t.Errorf("answered twice: %+v", r.InverseAnswers)
	}
	wakes(r, 30)

	at(40)
	r = f.plan()
	wantList(t, "launches in the window", launches(r))
	wantText(t, waits(t, r, data, "node3"), "node3: is in maintenance until 2026-11-21T13:30:00Z")
	if r.Phase == PhaseReady || maintenanceOf(r, "node3").State != v1alpha1.MaintenanceDrained {
		t.Errorf("phase %s, %+v", r.Phase, r.Maintenance)
	}
	wakes(r, 90)

	at(90)
	r = f.plan()
	wantList(t, "launches after it", launches(r), "registry node3", "metadata node3", "data node3")
	if len(r.Maintenance) > 0 {
		t.Errorf("%+v", r.Maintenance)
	}
}

// TestScheduleIsCleared: an offer without a window ends it.
func TestScheduleIsCleared(t *testing.T) {
	f := near(t)
	f.empty("node3")
	a := f.snap.Agents["agent-node3"]
	f.offer(a, "*", large()...)
	wantList(t, "launches", launches(f.plan()))
	a.InverseOffers, a.Unavailability, a.UnavailabilitySaid = nil, nil, time.Time{}
	wantList(t, "launches", launches(f.plan()), "registry node3", "metadata node3", "data node3")
}

// TestForgottenWindowRevives: when nobody tells of a window any more, what was declined
// is asked for again, and tells.
func TestForgottenWindowRevives(t *testing.T) {
	f := near(t)
	f.empty("node3")
	a := f.snap.Agents["agent-node3"]
	a.Declined = map[string][]mesos.Resource{"*": large()}
	f.answered(0)
	r := f.plan()
	if len(r.Revives) > 0 || !r.Recheck.After(noon) {
		t.Errorf("revives %v, recheck %v", r.Revives, r.Recheck)
	}
	f.now = noon.Add(5 * time.Minute)
	if r := f.plan(); len(r.Revives) != 1 || len(r.Maintenance) > 0 {
		t.Errorf("revives %v, %+v", r.Revives, r.Maintenance)
	}
}

// TestWindowsCountTogether has two hosts in windows: the second waits for the first to
// be back, unless two of each may be away. Of the registries a majority stays.
func TestWindowsCountTogether(t *testing.T) {
	build := func(away int32) *fixture {
		f := near(t)
		f.cluster.Spec.Update.MaxUnavailable = intstr.FromInt32(away)
		f.leave("node2", noon.Add(6*time.Minute)) // later
		return f
	}
	f := build(1)
	r := f.plan()
	wantList(t, "kills", kills(r), allOfNode3...)
	wantText(t, maintenanceOf(r, "node2").Message, "registry waits for registry on node3, which is being stopped")
	f.empty("node3")
	r = f.plan()
	wantList(t, "kills, the first is away", kills(r))
	if len(r.Maintenance) != 2 || r.Maintenance[0].Host != "node3" || r.Maintenance[1].State != v1alpha1.MaintenanceWaiting {
		t.Errorf("%+v", r.Maintenance)
	}
	f.snap.Agents["agent-node3"].Unavailability = nil
	for k := range s3 {
		f.task(k, "node3")
	}
	wantList(t, "kills, the first is back", kills(f.plan()), "webconsole node2", "data node2", "metadata node2", "registry node2")

	f = build(2)
	wantText(t, maintenanceOf(f.plan(), "node2").Message, "registry waits: of 3 registries 2 must stay available, and 2 are")
	f.cluster.Spec.Update.MaxUnavailable = intstr.FromInt32(2)
	f.devices[1].Spec.Types = allTypes[1:] // node2 has no registry
	delete(f.snap.Tasks, f.find(registry, "node2").ID)
	f.device("node4", isRegistry)
	f.agent("node4")
	f.task(registry, "node4")
	wantList(t, "kills of both", kills(f.plan()), append(slices.Clone(allOfNode3), "webconsole node2", "data node2", "metadata node2")...)
}

// TestDrainAllOrNone: a service that has to stay keeps all others of its host, and
// what the gate counted for these is as if nobody had asked.
func TestDrainAllOrNone(t *testing.T) {
	f := near(t)
	f.age(metadata) // an update waits, too
	f.task(webconsole, "node3")
	f.cluster.Spec.Services.Webconsole.Instances = 3 // and one is missing
	r := f.plan()
	wantList(t, "kills", kills(r), "metadata node1")
	wantText(t, maintenanceOf(r, "node3").Message, "webconsole waits for an instance of webconsole, which is not available")
	wantText(t, waits(t, r, metadata, "node3"), "is not stopped for its update, it could not start again: node3: is to be in maintenance")
}

// TestDrainComesBeforeUpdates, and after what leaves.
func TestDrainComesBeforeUpdates(t *testing.T) {
	f := near(t)
	f.age(data)
	wantList(t, "kills", kills(f.plan()), allOfNode3...)
	deleting(f.devices[0])
	r := f.plan()
	wantList(t, "kills", kills(r), "registry node1", "metadata node1", "data node1")
	wantText(t, maintenanceOf(r, "node3").Message, "registry waits")
}

// TestDrainedFloatingServiceMoves to another host, and back when there is none.
func TestDrainedFloatingServiceMoves(t *testing.T) {
	f := near(t)
	delete(f.snap.Tasks, f.find(api, "node1").ID)
	x := f.task(api, "node3")
	wantList(t, "kills", kills(f.plan()), append([]string{"api node3"}, allOfNode3...)...)
	f.empty("node3")
	x.Killing = f.now
	f.ended(x, mesos.TASK_KILLED, f.now)
	a := f.snap.Agents["agent-node3"]
	f.offer(a, "*", large()...).Unavailability = a.Unavailability
	wantList(t, "launches, no room elsewhere", launches(f.plan()))
	f.offer(f.snap.Agents["agent-node2"], "*", large()...)
	wantList(t, "launches", launches(f.plan()), "api node2")
	f.snap.Agents["agent-node2"].Offers = nil
	f.now = noon.Add(2 * time.Hour) // the window is over
	for k := range s3 {
		f.task(k, "node3")
	}
	wantList(t, "launches afterwards", launches(f.plan()), "api node3")
}

// TestQuorumAtRiskInMaintenance announces that the only registry goes.
func TestQuorumAtRiskInMaintenance(t *testing.T) {
	f := newFixture(t)
	f.cluster.Spec.Services.API.Instances, f.cluster.Spec.Services.Webconsole.Instances, f.cluster.Spec.Services.S3.Instances = 0, 0, 0
	f.agent("node1")
	f.device("node1", isRegistry)
	f.task(registry, "node1")
	f.leave("node1", noon)
	r := f.plan()
	if len(r.Kills) != 1 || !r.Kills[0].QuorumAtRisk {
		t.Errorf("%+v", r.Kills)
	}
}

// TestAgentWithoutHostName is known by its inverse offer alone.
func TestAgentWithoutHostName(t *testing.T) {
	f := near(t)
	a := f.leave("node3", noon)
	a.Host = ""
	r := f.plan()
	wantList(t, "kills", kills(r))
	if len(r.InverseAnswers) != 1 || r.InverseAnswers[0].Accept {
		t.Fatalf("%+v", r.InverseAnswers)
	}
	wantText(t, r.InverseAnswers[0].Why, "registry on node3 runs there")
	f.empty("node3")
	if r := f.plan(); !r.InverseAnswers[0].Accept {
		t.Errorf("%+v", r.InverseAnswers)
	}
}

func TestMaintenanceIsBounded(t *testing.T) {
	f := newFixture(t)
	for i := range v1alpha1.MaxMaintenance + 5 {
		host := fmt.Sprintf("node%03d", i)
		f.agent(host)
		f.leave(host, noon.Add(time.Duration(1000-i)*time.Minute))
	}
	r := f.plan()
	if len(r.Maintenance) != v1alpha1.MaxMaintenance || r.Maintenance[0].Host != "node104" || len(r.InverseAnswers) != v1alpha1.MaxMaintenance+5 {
		t.Errorf("%d, the first %+v, %d answers", len(r.Maintenance), r.Maintenance[0], len(r.InverseAnswers))
	}
}

// TestWindowOfTwoAgents: of two agents with one host name the earlier window counts,
// and the result does not depend on their order.
func TestWindowOfTwoAgents(t *testing.T) {
	for range 20 {
		f := near(t)
		twin := *f.leave("node3", noon.Add(time.Hour))
		twin.ID, twin.Unavailability = "twin", window(noon.Add(30*time.Minute), time.Hour)
		f.snap.Agents["twin"] = &twin
		r := f.plan()
		if got := maintenanceOf(r, "node3").Start; !got.Time.Equal(noon.Add(30*time.Minute)) || !r.Recheck.Equal(noon.Add(20*time.Minute)) {
			t.Fatalf("start %v, recheck %v", got, r.Recheck)
		}
	}
}
