package endtoend

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// TestKilledWhileStarting kills the operator's process at random points while
// the services of 50 agents start: no task is launched twice, none is killed,
// and the framework id stays.
func TestKilledWhileStarting(t *testing.T) {
	t.Parallel()
	const hosts = 50
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(hosts)})
	w.applyCluster()
	w.applyDevices(hosts)

	framework := ""
	for kills := 0; kills < 8; kills++ {
		operator := w.startAlone()
		// After a random number of new launches, sometimes none.
		target := min(services(hosts), len(w.mesos.History())+random.IntN(15))
		w.awaitMesos("more launches", func() bool {
			return len(w.mesos.Frameworks()) > 0 && len(w.mesos.History()) >= target
		})
		time.Sleep(time.Duration(random.IntN(30)) * time.Millisecond) // Anywhere between two calls.
		if err := operator.Kill(); err != nil {
			t.Fatal(err)
		}
		if id := w.cluster().Status.FrameworkID; id != "" {
			if framework != "" && id != framework {
				t.Fatalf("the framework id changed from %s to %s", framework, id)
			}
			framework = id
		}
	}
	w.startAlone()
	if got := w.awaitReady().Status.FrameworkID; framework != "" && got != framework {
		t.Errorf("the framework id changed from %s to %s", framework, got)
	}
	w.checkNoDuplicates()
	if got, want := len(w.mesos.History()), services(hosts); got != want {
		t.Errorf("%d tasks were launched, want %d: one each", got, want)
	}
	if n := w.killed(); n != 0 {
		t.Errorf("%d tasks were killed", n)
	}
}
