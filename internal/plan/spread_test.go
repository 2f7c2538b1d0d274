package plan

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// failingOn has api fail on some hosts whenever it starts there, for so many passes.
func (l *live) failingOn(passes int, hosts ...string) {
	l.now = l.now.Add(time.Hour)
	for range passes {
		l.now = l.now.Add(10 * time.Second)
		l.pass()
		for _, task := range l.snap.Tasks {
			if id, _ := quobyte.ParseTaskID(task.ID); id.Service == quobyte.API && slices.Contains(hosts, id.HostKey) {
				l.ended(task, mesos.TASK_FAILED, l.now)
			}
		}
	}
}

// TestFloatingFailsOnSomeHosts is tried on others after the second failure, all of them.
func TestFloatingFailsOnSomeHosts(t *testing.T) {
	for most, hosts := range map[int][]string{3: {"node1"}, 5: {"node1", "node2"}} {
		l := liveCluster(t)
		l.ended(l.find(api, "node1"), mesos.TASK_FAILED, l.now)
		l.failingOn(720, hosts...)
		if n := len(l.log); n > most || l.log[n-1] != fmt.Sprintf("start api node%d 1.1.5", len(hosts)+1) {
			t.Errorf("fails on %v: %v", hosts, l.log)
		}
	}
}

// TestFloatingFailsInTheEmptiestDomain is started in a fuller one.
func TestFloatingFailsInTheEmptiestDomain(t *testing.T) {
	l := liveCluster(t)
	l.racks(map[string]string{"node1": "r1", "node2": "r1", "node3": "r2"})
	l.cluster.Spec.Services.API.Instances = 2
	l.failingOn(720, "node3")
	if n := len(l.log); n > 4 || l.log[n-1] != "start api node2 1.1.5" {
		t.Errorf("%d launches: %v", n, l.log)
	}
}

// TestSpreadKeepsWhatItMayNeed while it waits for an emptier domain: declined, it would have
// to be asked for again, and that again and again.
func TestSpreadKeepsWhatItMayNeed(t *testing.T) {
	f := threeHosts(t)
	f.cluster.Spec.Services.API.Instances, f.cluster.Spec.Services.S3.Instances = 2, 0
	f.racks(map[string]string{"node1": "r1", "node2": "r1", "node3": "r2"}) // node3 is full
	f.snap.Agents["agent-node2"].Declined = map[string][]mesos.Resource{"*": large()}
	revives := 0
	for range 600 {
		r := f.plan()
		if len(r.Launches) > 0 {
			return
		}
		revives += len(r.Revives)
		f.offersLikeTheBridge(r)
		f.now = f.now.Add(100 * time.Millisecond)
	}
	t.Errorf("never started in a minute, with %d REVIVEs", revives)
}

// offersLikeTheBridge takes in what was declined, and what was asked for again.
func (f *fixture) offersLikeTheBridge(r Result) {
	declined := map[string]bool{}
	for _, id := range r.Declines {
		declined[id] = true
	}
	for _, a := range f.snap.Agents {
		var left []*mesosbridge.Offer
		for _, o := range a.Offers {
			if !declined[o.ID] {
				left = append(left, o)
				continue
			}
			a.Declined = maps.Clone(a.Declined)
			if a.Declined == nil {
				a.Declined = map[string][]mesos.Resource{}
			}
			a.Declined[o.Role] = o.Resources
		}
		a.Offers = left
	}
	if len(r.Revives) > 0 {
		f.snap.Revived = f.now
		for _, a := range f.snap.Agents {
			for role, res := range a.Declined {
				f.offer(a, role, res...)
			}
			a.Declined = nil
		}
	}
}
