package plan

import (
	"testing"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// withClients is a cluster that runs, on whose node1 and node2 clients can.
func withClients(t testing.TB) *fixture {
	f := threeHosts(t)
	f.probed()
	f.cluster.Status.Bootstrapped = true
	f.cluster.Spec.Services.Client = v1alpha1.ClientService{Enabled: true, Image: "quobyte-client", MountPoint: "/quobyte",
		Resources: v1alpha1.ClientResources{CPUs: resource.MustParse("2"), Memory: resource.MustParse("2Gi"), Disk: resource.MustParse("150Mi")}}
	for host, directories := range map[string][]string{"node1": {"/quobyte"}, "node2": {"/quobyte"}, "node3": nil} {
		f.offer(f.snap.Agents["agent-"+host], "*", large()...)
		f.reporting(host, directories...)
	}
	return f
}

func (f *fixture) clientTask(host string) string {
	x := f.task(client, host)
	x.Healthy = nil
	return x.ID
}

// silence takes back the word of the host's prober, which is young.
func (f *fixture) silence(hosts ...string) {
	for _, host := range hosts {
		f.hosts[host].Report = nil
		proberOn(f, host).Since = f.now
	}
}

func TestClients(t *testing.T) {
	for name, test := range map[string]struct {
		change   func(f *fixture)
		launches []string
		kills    []string
	}{
		"start":     {func(*fixture) {}, []string{"client node1", "client node2"}, nil},
		"one runs":  {func(f *fixture) { f.clientTask("node1") }, []string{"client node2"}, nil},
		"disabled":  {disableClients, nil, nil},
		"placement": {func(f *fixture) { f.cluster.Spec.Placement.Hosts = []string{"node2", "node3"} }, []string{"client node2"}, nil},
		"silence":   {func(f *fixture) { f.clientTask("node1"); f.silence("node1", "node2") }, nil, nil},
		"no quorum": {func(f *fixture) {
			f.find(registry, "node1").State = mesos.TASK_STAGING
			f.find(registry, "node2").State = mesos.TASK_STAGING
		}, nil, nil},
		"lost mount":                    {func(f *fixture) { f.clientTask("node3") }, []string{"client node1", "client node2"}, nil},
		"disabled ones stop one by one": {func(f *fixture) { f.clientTask("node1"); f.clientTask("node2"); disableClients(f) }, nil, []string{"client node1"}},
		"two on a host":                 {func(f *fixture) { f.clientTask("node1"); f.clientTask("node1"); f.clientTask("node2") }, nil, []string{"client node1"}},
		"of the earlier framework, disabled": {func(f *fixture) {
			f.addTask("quobyte-client-node1", "node1").Healthy = nil
			disableClients(f)
		}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := withClients(t)
			test.change(f)
			r := f.plan()
			wantList(t, "launches", launches(r), test.launches...)
			wantList(t, "kills", kills(r), test.kills...)
		})
	}
}

func disableClients(f *fixture) { f.cluster.Spec.Services.Client.Enabled = false }

func TestClientsAreUpdatedLast(t *testing.T) {
	f := withClients(t)
	f.clientTask("node1")
	f.clientTask("node2")
	f.age(webconsole, client)
	wantList(t, "kills", kills(f.plan()), "webconsole node2")
	delete(f.snap.Tasks, f.find(webconsole, "node2").ID)
	f.task(webconsole, "node2")
	wantList(t, "kills", kills(f.plan()), "client node1")
	f.silence("node1")
	r := f.plan()
	wantList(t, "kills", kills(r), "client node2")
	wantText(t, waits(t, r, client, "node1"), "could not start again: node1: waits for the word of node1's prober")
}

func TestClientsAreReported(t *testing.T) {
	f := withClients(t)
	f.clientTask("node1")
	f.clientTask("node3")
	r := f.plan()
	if s := r.Services[client]; s.Name != "client" || s.Wanted != 2 || s.Running != 2 || s.Ready != 1 {
		t.Errorf("%+v", s)
	}
	wantText(t, waits(t, r, client, "node3"), "its mount point /quobyte is not there any more: it keeps running")
	f.silence("node1")
	if i := instanceOf(t, f.plan(), client, "node1"); !i.Wanted || !i.Available {
		t.Errorf("%+v: what runs goes on without a word", i)
	}
	f.cluster.Spec.State = v1alpha1.StateStopped
	wantList(t, "kills", kills(f.plan()), "client node1", "client node3")
}
