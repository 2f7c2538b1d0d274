package endtoend

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
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

// TestKilledBeforeAnyStatusKnows: the process ends between a launch and the first status
// that lists it. The agent is replaced before the next one asks: nobody but what was
// written down before the launch tells of the containers that live.
func TestKilledBeforeAnyStatusKnows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(4), PingTimeout: time.Second})
	operator := w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.awaitReadyOf(3)
	w.awaitQuiet()

	killed := make(chan error, 1)
	var once sync.Once
	w.mesos.OnCall(func(r mesostest.CallRecord) {
		if r.Call.Type == scheduler.Call_ACCEPT {
			once.Do(func() { killed <- operator.Kill() })
		}
	})
	w.applyDevices(4)
	if err := <-killed; err != nil {
		t.Fatal(err)
	}
	launched, old := len(w.mesos.History()), ""
	for _, task := range w.mesos.Running("node4") {
		old = task.AgentID
	}
	d := &v1alpha1.QuobyteDevice{}
	if err := w.api.Client().Get(t.Context(), w.key("node4-disk1"), d); err != nil || old == "" || len(d.Status.Services) > 0 {
		t.Fatalf("%v; agent %q runs what was launched, and the status lists %v", err, old, d.Status.Services)
	}

	w.mesos.ReplaceAgent("node4") // its containers live
	w.startAlone()
	w.waitsForAPerson("node4", old, launched)
	w.awaitNoLedger()
}

// awaitNoLedger waits until statuses list all that was written down before launches.
func (w *world) awaitNoLedger() {
	w.t.Helper()
	for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if err := w.api.Client().Get(w.t.Context(), w.key("quobyte-tasks"), &corev1.ConfigMap{}); apierrors.IsNotFound(err) {
			return
		} else if time.Since(begun) > patience {
			w.t.Fatalf("what was written down before launches is still there (%v), and statuses list it", err)
		}
	}
}

// TestTaskIsListedWhileItsDeviceComesBack: a service without a device object is listed by
// the cluster's status, one with an object by the device's. In between it is listed, too:
// the operator may end there.
func TestTaskIsListedWhileItsDeviceComesBack(t *testing.T) {
	t.Parallel()
	const n = 60
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(n), PingTimeout: time.Second})
	operator := w.startAlone()
	w.applyCluster()
	w.applyDevices(n)
	w.awaitReadyOf(n)
	w.awaitQuiet()
	w.awaitNoLedger() // the statuses alone tell of the tasks
	if err := operator.Kill(); err != nil {
		t.Fatal(err)
	}
	// A restored backup: the objects are not there.
	device := func(i int) *v1alpha1.QuobyteDevice {
		d := &v1alpha1.QuobyteDevice{}
		d.Namespace, d.Name = w.namespace, fmt.Sprintf("node%d-disk1", i)
		return d
	}
	for i := 4; i <= n; i++ {
		if err := w.api.Client().Patch(t.Context(), device(i), client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))); err != nil {
			t.Fatal(err)
		}
		if err := w.api.Client().Delete(t.Context(), device(i)); err != nil {
			t.Fatal(err)
		}
	}
	operator = w.startAlone()
	listed := func() int {
		count := 0
		for _, s := range w.cluster().Status.Tasks {
			if s.Service == "data" {
				count++
			}
		}
		return count
	}
	w.await("Unclaimed", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionDegraded, metav1.ConditionTrue, "Unclaimed") && listed() == n-3
	})
	w.awaitQuiet()
	done := make(chan error)
	go func() {
		for listed() > 10 {
			time.Sleep(5 * time.Millisecond)
		}
		done <- operator.Kill()
	}()
	w.applyDevices(n)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	remembered := listed()
	for i := 4; i <= n; i++ {
		d := &v1alpha1.QuobyteDevice{}
		if err := w.api.Client().Get(t.Context(), w.key(fmt.Sprintf("node%d-disk1", i)), d); err != nil {
			t.Fatal(err)
		}
		remembered += len(d.Status.Services)
		if len(d.Status.Services) == 0 {
			w.mesos.ReplaceAgent(fmt.Sprintf("node%d", i)) // its containers live
		}
	}
	if remembered < n-3 {
		t.Errorf("%d of %d tasks are listed", remembered, n-3)
	}
	w.startAlone()
	w.await("a connection", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionConnected, metav1.ConditionTrue, "")
	})
	w.awaitQuiet()
	w.awaitQuiet()
	w.checkNoDuplicates()
}
