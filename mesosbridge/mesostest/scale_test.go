package mesostest_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// A cluster of 10,000 agents and 30,000 tasks must stay far below a GiB, and
// offer all of it in less than a second of a core.
func TestScale(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const agents, tasksEach = 10000, 3
	c := mesostest.New(mesostest.Config{Agents: mesostest.Agents(agents)})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := newClient(t, c)
	start := time.Now()
	s.subscribe()
	offers := s.next(scheduler.Event_OFFERS).Offers.Offers
	t.Logf("%d offers came after %v", len(offers), time.Since(start))
	if len(offers) != agents {
		t.Fatalf("%d offers", len(offers))
	}
	go func() { // until the stream ends: updates are looked at in the history
		for range s.events {
		}
	}()
	for _, o := range offers {
		call := launch(3600, taskInfo(o, o.Hostname), o)
		infos := &call.Accept.Operations[0].Launch.TaskInfos
		for i := 1; i < tasksEach; i++ {
			*infos = append(*infos, taskInfo(o, fmt.Sprintf("%s.%d", o.Hostname, i)))
		}
		s.call(call)
	}
	launched := func() bool {
		for _, r := range c.Tasks() {
			if r.State == mesos.TASK_STAGING {
				return false
			}
		}
		return true
	}
	for !launched() {
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("%d tasks were launched after %v", len(c.Tasks()), time.Since(start))
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%d MiB in use", m.HeapAlloc>>20)
	if m.HeapAlloc > 512<<20 {
		t.Errorf("%d MiB in use", m.HeapAlloc>>20)
	}
	start = time.Now()
	s.call(&scheduler.Call{Type: scheduler.Call_REVIVE})
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("a round of offers took %v", took)
	} else {
		t.Logf("a round of offers took %v", took)
	}
}
