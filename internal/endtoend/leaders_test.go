package endtoend

import (
	"syscall"
	"testing"
	"time"

	"github.com/quobyte/mesos-operator/internal/testapi/child"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// TestHungLeaderComesBack: a leader hangs, another takes over, the first wakes
// (rule 10). It must neither act nor take the session back.
func TestHungLeaderComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	first := w.startOperator("--lease-duration=15s")
	w.applyCluster()
	w.applyDevices(3)
	framework := w.awaitReadyOf(3).Status.FrameworkID
	w.awaitQuiet()
	launched := len(w.mesos.History())

	if err := first.Pause(); err != nil {
		t.Fatal(err)
	}
	w.startOperator("--lease-duration=15s")
	w.awaitMesos("the second leader's subscription", func() bool { return w.subscriptions() == 2 })
	if err := first.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, first)
	w.patch(`{"spec":{"version":"1.1.6"}}`)
	if got := w.awaitReady().Status.FrameworkID; got != framework {
		t.Errorf("framework %s, want %s", got, framework)
	}
	if n := w.subscriptions(); n != 2 {
		t.Errorf("%d subscriptions, want 2: the first leader took the session back", n)
	}
	w.checkNoDuplicates()
	if got := len(w.mesos.History()); got != launched+services(3) {
		t.Errorf("%d tasks were ever launched, want %d", got, launched+services(3))
	}
}

func (w *world) subscriptions() int {
	n := 0
	for _, f := range w.mesos.Frameworks() {
		n += len(f.Subscriptions)
	}
	return n
}

func awaitEnd(t *testing.T, p *child.Process) {
	t.Helper()
	select {
	case <-p.Ended():
	case <-time.After(patience):
		t.Fatal("the first leader did not end after it had lost its session")
	}
}
