package plan

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

const cordoned = "is cordoned (spec.placement.cordonedHosts)"

// TestCordon: what runs goes on, and nothing is started.
func TestCordon(t *testing.T) {
	f := threeHosts(t)
	f.cluster.Spec.Services.S3.Instances = 0
	f.cluster.Spec.Placement.CordonedHosts = []string{"node1"}
	f.cluster.Spec.Health.RestartAfter = minutes(5)
	r := f.plan()
	wantList(t, "kills", kills(r))
	if r.Phase != PhaseReady || len(r.Alerts) > 0 {
		t.Errorf("phase %s, alerts %v", r.Phase, r.Alerts)
	}
	wantText(t, waits(t, r, data, "node1"), "node1: "+cordoned+": it keeps its services, and none is started here")
	if len(r.Reasons) != 1 {
		t.Errorf("reasons %+v", r.Reasons)
	}

	f.age(data)
	r = f.plan()
	wantList(t, "kills for the update", kills(r), "data node2")
	wantText(t, waits(t, r, data, "node1"), "is not stopped for its update, it could not start again: node1: "+cordoned)
	f.now = noon.Add(time.Minute)
	for _, x := range f.snap.Tasks { // as before
		x.Healthy = yes()
	}
	f.ill(metadata, "node1", 10)
	wantText(t, waits(t, f.plan(), metadata, "node1"), "it is not restarted, it could not start again: node1: "+cordoned)
	wantList(t, "kills, one is unhealthy", kills(f.plan()))
}

// TestCordonStartsNothing until it is lifted: what was declined is asked for again.
func TestCordonStartsNothing(t *testing.T) {
	f := threeHosts(t)
	f.cluster.Spec.Services.S3.Instances = 0
	f.cluster.Spec.Placement.CordonedHosts = []string{"node1"}
	a := f.snap.Agents["agent-node1"]
	f.offer(a, "*", large()...)
	f.ended(f.find(data, "node1"), mesos.TASK_FAILED, f.now)
	f.ended(f.find(api, "node1"), mesos.TASK_FAILED, f.now)
	r := f.plan()
	wantList(t, "launches", launches(r))
	if len(r.Declines) != 1 || len(r.Revives) > 0 || r.Phase == PhaseReady {
		t.Errorf("declines %v, revives %v, phase %s", r.Declines, r.Revives, r.Phase)
	}
	wantText(t, waits(t, r, data, "node1"), "node1: "+cordoned+": nothing is started here")
	f.keep(r)

	f.offer(f.snap.Agents["agent-node2"], "*", large()...)
	wantList(t, "launches elsewhere", launches(f.plan()), "api node2")
	f.task(api, "node2")
	f.snap.Agents["agent-node2"].Offers = nil

	a.Declined, a.Offers = map[string][]mesos.Resource{"*": a.Offers[0].Resources}, nil
	if r := f.plan(); len(r.Revives) > 0 {
		t.Error("revives while it is cordoned")
	}
	f.cluster.Spec.Placement.CordonedHosts = nil
	if r := f.plan(); len(r.Revives) != 1 {
		t.Errorf("revives %v when the cordon is lifted", r.Revives)
	}
}

// TestCordonAndFloating: an update moves them away.
func TestCordonAndFloating(t *testing.T) {
	f := threeHosts(t)
	f.cluster.Spec.Services.S3.Instances = 0
	f.cluster.Spec.Placement.CordonedHosts = []string{"node1"}
	f.age(api)
	wantList(t, "kills, no room elsewhere", kills(f.plan()))
	f.node("node4")
	wantList(t, "kills", kills(f.plan()), "api node1")
	f.age(data) // that of node1 goes on, and holds up nobody
	for _, host := range []string{"node2", "node3"} {
		delete(f.snap.Tasks, f.find(data, host).ID)
		f.task(data, host)
	}
	f.snap.Since = noon
	wantList(t, "kills, just subscribed", kills(f.plan()), "api node1")
}

// TestCordonLeavesProbers: they see the devices of the host.
func TestCordonLeavesProbers(t *testing.T) {
	f := newFixture(t)
	f.cluster.Spec.Placement.CordonedHosts = []string{"node1"}
	f.node("node1")
	f.probed()
	wantList(t, "launches", launches(f.plan()), "prober node1")
	f.snap.Agents["agent-node1"].Behind = false
	if r := f.plan(); len(r.Declines) > 0 {
		t.Error("the prober's offer is declined before the barrier is open")
	}
	f.prober = nil
	f.device("node1", allTypes...)
	if r := f.plan(); len(r.Declines) != 1 {
		t.Error("an offer is kept before the barrier is open, for which there is no use")
	}
}
