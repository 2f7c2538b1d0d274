package plan

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/probe"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// reborn is a cluster whose node3 has come back with a new agent, and with a prober
// that was asked about the ports of data and found nobody there.
func reborn(t testing.TB) *fixture {
	f := threeHosts(t)
	f.probed()
	f.cluster.Status.Bootstrapped = true
	delete(f.snap.Tasks, f.find(registry, "node3").ID)
	delete(f.snap.Tasks, f.find(metadata, "node3").ID)
	f.snap.Agents["agent-node3"].Registered, f.snap.Agents["agent-node3"].Behind = false, false
	f.snap.Agents["new"] = &mesosbridge.Agent{ID: "new", Host: "node3", Registered: true, Behind: true}
	f.find(data, "node3").State = mesos.TASK_UNREACHABLE
	f.reporting("node3")
	proberOn(f, "node3").AgentID = "new"
	f.hosts["node3"].AgentID = "new"
	f.hosts["node3"].Report = &probe.Report{Asked: []uint64{21004, 21005}}
	return f
}

func TestGoneByTheProbersWord(t *testing.T) {
	f := reborn(t)
	r := f.plan()
	if len(r.Gone) != 1 || r.Gone[0].AgentID != "agent-node3" || r.Gone[0].Host != "node3" || len(r.Questions) > 0 {
		t.Fatalf("%+v, %+v", r.Gone, r.Questions)
	}
	wantText(t, r.Gone[0].Why, "node3 has a new agent, new, and its prober says that nobody listens on ports 21004, 21005")
}

// A process that had the word launched a task on the new agent, and ended before any status
// told of it: the next one cannot get the word again, as the new task has the ports.
func TestGoneByALaterLaunch(t *testing.T) {
	f := reborn(t)
	delete(f.snap.Tasks, f.find(data, "node3").ID)
	launched := func(at time.Time, agent string) *mesosbridge.Task {
		task := f.addTask(quobyte.NewTaskID(quobyte.Data, "node3", f.hashOf(data), quobyte.NewNonce(at, "00000001")), "node3")
		task.AgentID = agent
		return task
	}
	old, later := launched(noon.Add(-time.Hour), "agent-node3"), launched(noon.Add(-time.Minute), "new")
	old.State = mesos.TASK_UNREACHABLE
	f.hosts["node3"].Report.Listening = []uint64{21004, 21005}
	r := f.plan()
	if len(r.Gone) != 1 || r.Gone[0].AgentID != "agent-node3" {
		t.Fatalf("%+v", r.Gone)
	}
	wantText(t, r.Gone[0].Why, later.ID+" was launched there later, on the new agent new")
	later.State = mesos.TASK_UNREACHABLE
	if r := f.plan(); len(r.Gone) > 0 {
		t.Errorf("by one that cannot be heard of: %+v", r.Gone)
	}
	later.State = mesos.TASK_RUNNING
	delete(f.snap.Tasks, old.ID)
	launched(noon, "agent-node3").State = mesos.TASK_UNREACHABLE
	if r := f.plan(); len(r.Gone) > 0 {
		t.Errorf("by one that was launched before: %+v", r.Gone)
	}
}

// The bridge takes a person's word as used up once the agent has been there again: that
// the annotation still names it has to be said.
func TestAnAgentThatIsNamedAndWasThereSince(t *testing.T) {
	f := threeHosts(t)
	f.snap.Agents["agent-node3"].Registered, f.snap.Agents["agent-node3"].Behind = false, false
	f.find(data, "node3").State = mesos.TASK_UNREACHABLE
	wantText(t, f.plan().Reasons[0].Message, "when the machine is gone for good, say so: kubectl annotate qbc quobyte mesos.quobyte.com/gone-agents=agent-node3")
	f.cluster.Annotations = map[string]string{v1alpha1.AnnotationGoneAgents: "agent-node3"}
	wantText(t, f.plan().Reasons[0].Message, "it has been there since: when the machine is gone for good now, take it out of the annotation, and a few seconds later name it again")
}

func TestNotGoneByTheProbersWord(t *testing.T) {
	tests := map[string]struct {
		change func(f *fixture)
		asks   bool
		says   string
	}{
		"not asked yet":          {func(f *fixture) { f.hosts["node3"].Report.Asked = nil }, true, "whose prober is asked whether anybody still listens on its ports 21004, 21005"},
		"asked in part":          {func(f *fixture) { f.hosts["node3"].Report.Asked = []uint64{21004} }, true, "is asked"},
		"one listens":            {func(f *fixture) { f.hosts["node3"].Report.Listening = []uint64{21005} }, true, "somebody listens on port 21005: the old task may live"},
		"an early word":          {func(f *fixture) { f.hosts["node3"].Received = noon.Add(-time.Hour) }, true, "is asked"},
		"a young prober":         {func(f *fixture) { proberOn(f, "node3").Since = noon.Add(-29 * time.Second) }, false, "is asked"},
		"a young subscription":   {func(f *fixture) { f.snap.Since = noon.Add(-29 * time.Second) }, false, "is asked"},
		"before the barrier":     {func(f *fixture) { f.snap.Agents["new"].Behind = false }, false, "is asked"},
		"word of another prober": {func(f *fixture) { f.hosts["node3"].ExecutorID = "other" }, false, "is asked"},
		"no report":              {func(f *fixture) { f.hosts["node3"].Report = nil }, false, "is asked"},
		"a task of which only the agent is known": {func(f *fixture) { f.addTask("quobyte-metadata-node3", "node3").State = mesos.TASK_UNREACHABLE }, false, "nobody knows on which ports task quobyte-metadata-node3 would listen"},
		"an unknown spec":                         {func(f *fixture) { f.old(metadata, "node3").State = mesos.TASK_UNREACHABLE }, false, "nobody knows on which ports task"},
		"another task that was not asked for":     {func(f *fixture) { f.task(metadata, "node3").State = mesos.TASK_UNREACHABLE }, true, "ports 21002, 21003, 21004, 21005"},
		"an id that cannot be read":               {func(f *fixture) { f.addTask("quobyte.teapot", "node3") }, false, "nobody knows on which ports task quobyte.teapot"},
		"the agent is back":                       {func(f *fixture) { f.snap.Agents["agent-node3"].Registered = true }, false, ""},
		"suspended":                               {func(f *fixture) { f.cluster.Spec.Suspend = true }, false, ""},
		"nobody probes":                           {func(f *fixture) { f.prober = nil }, false, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := reborn(t)
			test.change(f)
			r := f.plan()
			if len(r.Gone) > 0 || (len(r.Questions) > 0) != test.asks {
				t.Errorf("gone %+v, questions %+v", r.Gone, r.Questions)
			}
			for _, q := range r.Questions {
				if q.AgentID != "new" || q.ExecutorID != proberOn(f, "node3").ID || len(q.Ports) < 2 {
					t.Errorf("%+v", q)
				}
			}
			wantText(t, waits(t, r, data, "node3"), test.says)
		})
	}
}

func TestPortsOfAnEarlierSpec(t *testing.T) {
	f := reborn(t)
	f.specs = map[SpecKey]quobyte.Spec{{services[metadata], "oldhash"}: {RPCPort: 31002, HTTPPort: 31003}}
	f.old(metadata, "node3").State = mesos.TASK_UNREACHABLE
	r := f.plan()
	if len(r.Questions) != 1 || len(r.Questions[0].Ports) != 4 || r.Questions[0].Ports[3] != 31003 {
		t.Fatalf("%+v", r.Questions)
	}
	f.hosts["node3"].Report.Asked = r.Questions[0].Ports
	if r := f.plan(); len(r.Gone) != 1 {
		t.Errorf("%+v", r.Questions)
	}
}

// A client has no ports, and goes with what has.
func TestClientsOfALostAgent(t *testing.T) {
	f := reborn(t)
	f.task(client, "node3").State = mesos.TASK_UNREACHABLE
	if r := f.plan(); len(r.Gone) != 1 {
		t.Errorf("%+v", r.Questions)
	}
	delete(f.snap.Tasks, f.find(data, "node3").ID)
	if r := f.plan(); len(r.Gone)+len(r.Questions) > 0 {
		t.Errorf("a client alone: %+v, %+v", r.Gone, r.Questions)
	}
}
