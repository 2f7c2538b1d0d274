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

// racks has data services on node0 to node6: node0 is in no rack, the others by turns
// in r1 and r2.
func racks(t testing.TB) *fixture {
	f := newFixture(t)
	f.cluster.Spec.Update.DomainBy = "rack"
	f.cluster.Spec.Update.MaxUnavailable = intstr.FromInt(10)
	for n := range 7 {
		host := fmt.Sprintf("node%d", n)
		a := f.agent(host)
		if n > 0 {
			a.Attributes = []mesos.Attribute{text("rack", fmt.Sprintf("r%d", 1+n%2))}
		}
		f.device(host, v1alpha1.DeviceData)
		f.old(data, host).Since = noon.Add(-time.Hour)
	}
	f.agent("core")
	f.device("core", v1alpha1.DeviceRegistry)
	f.task(registry, "core")
	return f
}

func TestOneDomainAfterTheOther(t *testing.T) {
	f := racks(t)
	f.cluster.Spec.Update.MinReady = metav1.Duration{Duration: 30 * time.Second}
	var order [][]string
	for range 12 {
		r := f.plan()
		if len(r.Kills) > 0 {
			order = append(order, kills(r))
		}
		for _, k := range r.Kills {
			f.ended(f.snap.Tasks[k.TaskID], mesos.TASK_KILLED, f.now).Killing = f.now
			next := f.task(data, k.Host)
			next.Since, next.Steady = f.now, f.now
		}
		f.now = f.now.Add(10 * time.Second)
	}
	want := [][]string{{"data node2", "data node4", "data node6"}, {"data node1", "data node3", "data node5"}, {"data node0"}}
	if !slices.EqualFunc(order, want, slices.Equal) {
		t.Errorf("got %v, want %v", order, want)
	}
}

func TestDomainTurn(t *testing.T) {
	current := func(f *fixture, host string) *mesosbridge.Task {
		delete(f.snap.Tasks, f.find(data, host).ID)
		return f.task(data, host)
	}
	tests := map[string]struct {
		change func(f *fixture)
		want   []string
		waits  string // of node0
	}{
		"by name":              {func(*fixture) {}, []string{"data node2", "data node4", "data node6"}, "waits until data on the hosts of rack r1 is done"},
		"what was begun first": {func(f *fixture) { current(f, "node3") }, []string{"data node1", "data node5"}, "rack r2 is done"},
		"one of it is on its way": {func(f *fixture) {
			current(f, "node2")
			current(f, "node4")
			next := current(f, "node6")
			next.State, next.Since = mesos.TASK_STAGING, noon
		}, nil, "waits until data on the hosts of rack r1 is done"},
		"one of it is young": {func(f *fixture) {
			f.cluster.Spec.Update.MinReady = metav1.Duration{Duration: time.Minute}
			current(f, "node2")
			current(f, "node4")
			current(f, "node6").Steady = noon
		}, nil, "waits until data on the hosts of rack r1 is done"},
		"one of it is kept away": {func(f *fixture) {
			current(f, "node2")
			current(f, "node4")
			f.find(data, "node6").State = mesos.TASK_UNREACHABLE
		}, []string{"data node1", "data node3", "data node5"}, "rack r2 is done"},
		"one of it stops, and one of another comes up": {func(f *fixture) {
			current(f, "node2")
			current(f, "node4")
			f.find(data, "node6").Killing = noon
			next := current(f, "node5")
			next.State, next.Since = mesos.TASK_STAGING, noon
		}, nil, "waits until data on the hosts of rack r1 is done"},
		"the last of it comes up, and one of another does": {func(f *fixture) {
			for _, host := range []string{"node2", "node4", "node6", "node5"} {
				next := current(f, host)
				next.State, next.Since = mesos.TASK_STAGING, noon
			}
		}, nil, "waits until data on the hosts of rack r1 is done"},
		"one of another is young, of another spec": {func(f *fixture) {
			f.cluster.Spec.Update.MinReady = metav1.Duration{Duration: time.Minute}
			f.find(data, "node5").Steady = noon
		}, []string{"data node5", "data node1", "data node3"}, "rack r2 is done"},
		"what is down is replaced wherever it is": {func(f *fixture) { f.find(data, "node1").Healthy = no() },
			[]string{"data node1", "data node3", "data node5"}, "rack r2 is done"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := racks(t)
			test.change(f)
			r := f.plan()
			wantList(t, "kills", kills(r), test.want...)
			wantText(t, waits(t, r, data, "node0"), test.waits)
		})
	}
}
