package plan

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

const (
	isRegistry = v1alpha1.DeviceRegistry
	isMetadata = v1alpha1.DeviceMetadata
	isData     = v1alpha1.DeviceData
)

func wantList(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("got %q, want it to contain %q", got, want)
	}
}

// TestWhyNotStarted changes one thing of a host on which data would be started,
// and wants no launch and the reason.
func TestWhyNotStarted(t *testing.T) {
	tests := map[string]struct {
		change func(f *fixture)
		want   string // empty: it is started
	}{
		"nothing changed": {func(f *fixture) {}, ""},
		"no agent": {func(f *fixture) { delete(f.snap.Agents, "agent-node3") },
			"node3: no agent with this host name has offered anything (is it registered with Mesos, and is the name right?)"},
		"agent left":        {func(f *fixture) { f.snap.Agents["agent-node3"].Registered = false }, "node3: its agent is not registered"},
		"rule 2":            {func(f *fixture) { f.snap.Agents["agent-node3"].Behind = false }, "node3: waits until Mesos has told which tasks run there"},
		"rule 5 two agents": {func(f *fixture) { f.node("node3").ID = "other"; f.snap.Agents["other"] = f.node("node3") }, "node3: two registered agents have this host name"},
		"not connected":     {func(f *fixture) { f.snap.Connected = false }, "waits for the connection to Mesos"},
		"suspended":         {func(f *fixture) { f.cluster.Spec.Suspend = true }, "spec.suspend"},
		"placement":         {func(f *fixture) { f.cluster.Spec.Placement.Hosts = []string{"node1", "node2", "node33"} }, "node3: is not in spec.placement.hosts"},
		"orphaned":          {func(f *fixture) { f.cluster.DeletionTimestamp = &metav1.Time{Time: noon} }, "deletionPolicy Orphan"},
		"rule 1 unreadable here": {func(f *fixture) { f.addTask("quobyte.teapot.x.y.node9", "node3") },
			"node3: nothing is started here: the id of task quobyte.teapot.x.y.node9"},
		"rule 1 unreadable somewhere": {func(f *fixture) { f.addTask("strange", "lost") }, "nothing is started anywhere: the id of task strange"},
		"rule 1 unreadable, no agent": {func(f *fixture) { f.addTask("strange", "").AgentID = "" }, "nothing is started anywhere"},
		"unreadable on another host":  {func(f *fixture) { f.addTask("strange", "node1") }, ""},
		"unreadable on a registered agent that never offered": {func(f *fixture) {
			f.agent("hidden").Host = ""
			f.addTask("strange", "hidden")
		}, ""},
		"foreign task": {func(f *fixture) { f.task(data, "elsewhere").AgentID = "agent-node3" }, "runs here, though its id names another host"},
		"rule 4 unreachable": {func(f *fixture) { f.task(data, "node3").State = mesos.TASK_UNREACHABLE },
			"node3: its agent agent-node3 cannot be reached"},
		"rule 4 unknown":  {func(f *fixture) { f.task(data, "node3").State = mesos.TASK_UNKNOWN }, "cannot be reached"},
		"rule 4 silence":  {func(f *fixture) { f.task(data, "node3").Heard = false }, "cannot be reached"},
		"rule 3 launched": {func(f *fixture) { asLaunched(f.task(data, "node3")) }, "is launched, and waits for Mesos to say so"},
		"rule 5 the old agent's task": {func(f *fixture) {
			x := f.task(data, "node3")
			x.AgentID, x.State = "agent-old", mesos.TASK_UNREACHABLE
		}, "its agent agent-old cannot be reached"},
		"gone agents that are registered are not gone": {func(f *fixture) {
			f.task(data, "node3").State = mesos.TASK_UNREACHABLE
			f.cluster.Annotations = map[string]string{v1alpha1.AnnotationGoneAgents: "agent-node3"}
		}, "cannot be reached"},
		"legacy data blocks, and is outdated": {func(f *fixture) { f.addTask("quobyte-data-node3", "node3").State = mesos.TASK_STAGING }, "node3: is being stopped: update to 1.1.5"},
		"legacy client":                       {func(f *fixture) { f.addTask("quobyte-client-node3", "node3") }, ""},
		"legacy prober":                       {func(f *fixture) { f.addTask("quobyte-device-prober-node3", "node3") }, ""},
		"registries":                          {func(f *fixture) { f.find(registry, "node1").State = mesos.TASK_STAGING }, "waits for 2 of 2 registries"},
		"maintenance": {func(f *fixture) {
			f.snap.Agents["agent-node3"].Offers[0].Unavailability = window(noon.Add(-time.Minute), time.Hour)
		}, "node3: is in maintenance until 2026-11-21T12:59:00Z"},
		"maintenance over": {func(f *fixture) {
			f.snap.Agents["agent-node3"].Offers[0].Unavailability = window(noon.Add(-2*time.Hour), time.Hour)
		}, ""},
		"maintenance to come": {func(f *fixture) {
			f.snap.Agents["agent-node3"].Offers[0].Unavailability = window(noon.Add(time.Hour), time.Hour)
		}, ""},
		"too little of all": {func(f *fixture) { f.snap.Agents["agent-node3"].Offers[0].Resources = small() }, "node3: offer lacks 2.0 cpus, 96 MiB of memory, 12 MiB of disk"},
		"no ports": {func(f *fixture) {
			r := large()
			r[3] = portRange(31000, 32000)
			f.snap.Agents["agent-node3"].Offers[0].Resources = r
		}, "node3 does not offer ports 21004, 21005"},
		"one port missing": {func(f *fixture) {
			r := large()
			r[3] = portRange(21005, 32000)
			f.snap.Agents["agent-node3"].Offers[0].Resources = r
		}, "node3 does not offer port 21004"},
		"an offer to another":  {func(f *fixture) { f.snap.Agents["agent-node3"].Offers[0].Role = "other" }, "node3: offers nothing to role * at present"},
		"device outside":       {func(f *fixture) { f.devices[2].Spec.Path = "/srv" }, "-"},
		"device being deleted": {func(f *fixture) { deleting(f.devices[2]) }, "-"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			for _, host := range []string{"node1", "node2"} {
				f.agent(host)
				f.device(host, isRegistry)
				f.task(registry, host)
			}
			f.node("node3")
			f.device("node3", isData)
			test.change(f)
			r := f.plan()
			got := slices.Contains(launches(r), "data node3")
			switch test.want {
			case "":
				if !got {
					t.Errorf("not launched: %s", waits(t, r, data, "node3"))
				}
				wantText(t, waits(t, r, data, "node3"), "is being launched")
			case "-":
				wantList(t, "launches", launches(r))
			default:
				wantList(t, "launches", launches(r))
				wantText(t, waits(t, r, data, "node3"), test.want)
			}
		})
	}
}

func small() []mesos.Resource {
	return []mesos.Resource{scalar("cpus", 2), scalar("mem", 4000), scalar("disk", 20), portRange(21000, 22000)}
}

func asLaunched(t *mesosbridge.Task) {
	t.Launching, t.Heard, t.State, t.Healthy = true, false, mesos.TASK_STAGING, nil
}

func window(start time.Time, length time.Duration) *mesos.Unavailability {
	return &mesos.Unavailability{Start: mesos.TimeInfo{Nanoseconds: start.UnixNano()}, Duration: &mesos.DurationInfo{Nanoseconds: int64(length)}}
}

// TestOrder goes through the start of a cluster.
func TestOrder(t *testing.T) {
	f := newFixture(t)
	for _, host := range []string{"node1", "node2", "node3"} {
		f.device(host, allTypes...)
		f.node(host)
	}
	r := f.plan()
	wantList(t, "first the registries", launches(r), "registry node1", "registry node2", "registry node3")
	wantText(t, waits(t, r, data, "node2"), "waits for 2 of 3 registries")
	wantText(t, waits(t, r, api, ""), "waits for 2 of 3 registries")

	f.task(registry, "node1")
	wantList(t, "one is no majority", launches(f.plan()), "registry node2", "registry node3")
	// A registry that runs and is not healthy yet need not be waited for: it may
	// need the others to become so.
	f.task(registry, "node2").Healthy = no()
	r = f.plan()
	wantList(t, "then metadata and data", launches(r), "registry node3",
		"metadata node1", "metadata node2", "metadata node3", "data node1", "data node2", "data node3")
	wantText(t, waits(t, r, api, ""), "waits for a metadata service to run")

	f.task(registry, "node3")
	f.task(metadata, "node1")
	f.task(data, "node1")
	wantList(t, "floating services on hosts that are complete", launches(f.plan()),
		"metadata node2", "metadata node3", "data node2", "data node3", "api node1", "webconsole node1")

	for _, host := range []string{"node2", "node3"} {
		f.task(metadata, host)
		f.task(data, host)
	}
	wantList(t, "spread", launches(f.plan()), "api node1", "webconsole node2")
}

func TestOrderStopsNothing(t *testing.T) {
	f := threeHosts(t)
	f.ended(f.find(registry, "node1"), mesos.TASK_GONE, noon)
	f.ended(f.find(registry, "node2"), mesos.TASK_GONE, noon)
	wantList(t, "kills", kills(f.plan()))
}

func TestInventoryWithoutAType(t *testing.T) {
	f := newFixture(t)
	f.node("node1")
	f.device("node1", isRegistry, isMetadata)
	f.task(registry, "node1")
	f.task(metadata, "node1")
	r := f.plan()
	wantText(t, waits(t, r, api, ""), "the inventory has no device of type DATA")
	if r.Phase != PhaseStarting {
		t.Errorf("phase %s", r.Phase)
	}
	r = newFixture(t).plan()
	if r.Phase != PhaseEmpty {
		t.Errorf("phase %s", r.Phase)
	}
	wantText(t, waits(t, r, api, ""), "the inventory has no device of type REGISTRY")
}

func TestFloating(t *testing.T) {
	tests := map[string]struct {
		change func(f *fixture)
		want   []string
		waits  string
	}{
		"by name":               {func(f *fixture) {}, []string{"s3 node1"}, ""},
		"not where one is":      {func(f *fixture) { f.task(api, "node1"); f.task(webconsole, "node1") }, []string{"s3 node2"}, ""},
		"fewest first":          {func(f *fixture) { f.task(api, "node1"); f.task(api, "node2") }, []string{"s3 bare"}, ""},
		"not two of a kind":     {func(f *fixture) { f.cluster.Spec.Services.S3.Instances = 5 }, []string{"s3 bare", "s3 node1", "s3 node2", "s3 node3"}, "waits for a further host"},
		"no host name":          {func(f *fixture) { f.cluster.Spec.Services.S3.Hostname = "" }, nil, ""},
		"placement":             {func(f *fixture) { f.cluster.Spec.Placement.Hosts = []string{"node3"} }, []string{"s3 node3"}, ""},
		"one that exists":       {func(f *fixture) { f.task(s3, "far") }, nil, ""},
		"one that may exist":    {func(f *fixture) { f.task(s3, "far").State = mesos.TASK_UNREACHABLE }, nil, ""},
		"one that is stopping":  {func(f *fixture) { f.task(s3, "far").Killing = noon }, nil, ""},
		"not reconciled":        {func(f *fixture) { f.snap.Reconciled = false }, nil, "waits until Mesos has told which tasks run"},
		"no reserved resources": {func(f *fixture) { f.cluster.Spec.Placement.PublicRole = "public" }, nil, "no further agent offers resources reserved for role public"},
		"public": {func(f *fixture) {
			f.cluster.Spec.Placement.PublicRole = "public"
			f.offer(f.snap.Agents["agent-node1"], "public", large()...)
			r := large()
			r[0] = reserved("public", r[0])
			f.offer(f.snap.Agents["agent-node2"], "public", r...)
		}, []string{"s3 node2"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := threeHosts(t)
			for _, id := range []string{"node1", "node2", "node3"} {
				f.offer(f.snap.Agents["agent-"+id], "*", large()...)
			}
			f.node("bare")
			f.cluster.Spec.Services.S3 = v1alpha1.S3Service{Hostname: "s3.corp", Instances: 1, Resources: f.cluster.Spec.Services.S3.Resources}
			f.cluster.Spec.Services.API.Instances, f.cluster.Spec.Services.Webconsole.Instances = 0, 0
			delete(f.snap.Tasks, f.find(api, "node1").ID)
			delete(f.snap.Tasks, f.find(webconsole, "node2").ID)
			if name == "by name" {
				delete(f.snap.Agents, "agent-bare")
			}
			if name == "not where one is" {
				delete(f.snap.Agents, "agent-bare")
			}
			test.change(f)
			r := f.plan()
			wantList(t, "launches", launches(r), test.want...)
			if test.waits != "" {
				wantText(t, waits(t, r, s3, ""), test.waits)
			}
		})
	}
}
