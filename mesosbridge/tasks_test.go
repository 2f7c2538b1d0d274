package mesosbridge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

type mesosRemembered = mesosbridge.RememberedTask

func TestLaunchAndKill(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.untilReady("node1")
		if err := b.launch("node1", "t1"); err != nil {
			w.Fatal(err)
		}
		task := b.Snapshot().Tasks["t1"]
		if task == nil || !task.Launching || task.State != mesos.TASK_STAGING || len(b.agent("node1").Offers) != 0 {
			w.Errorf("not in the snapshot before the call: %+v", task)
		}
		b.untilState("t1", mesos.TASK_RUNNING)
		if task := b.Snapshot().Tasks["t1"]; task.Launching || !task.Heard || task.AgentID != b.agent("node1").ID {
			w.Errorf("%+v", task)
		}
		b.untilReady("node1") // what is left over comes back at once
		if err := b.launch("node1", "t1"); err == nil || errors.Is(err, mesosbridge.ErrStale) {
			w.Errorf("a task id is used twice: %v", err)
		}
		b.Kill("t1")
		b.Kill("t1")
		b.Kill("no-such-task")
		b.untilState("t1", mesos.TASK_KILLED)
		if n := w.count(ofType(scheduler.Call_KILL)); n != 1 {
			w.Errorf("%d KILLs", n)
		}
		if err := b.launch("node1", "t1"); err == nil {
			w.Error("the id of an ended task is used again")
		}
		w.rest(time.Hour)
		if w.count(ofType(scheduler.Call_ACKNOWLEDGE)) != 3 && w.count(ofType(scheduler.Call_ACKNOWLEDGE)) != 4 {
			w.Errorf("%d acknowledgements", w.count(ofType(scheduler.Call_ACKNOWLEDGE)))
		}
		_ = b.end()
	})
}

// The answer to an ACCEPT is lost. Whether the master has acted or not, there is
// one task in the end.
func TestAnswerToAcceptIsLost(t *testing.T) {
	for _, when := range []mesostest.When{mesostest.Before, mesostest.After} {
		t.Run(fmt.Sprint(when), func(t *testing.T) {
			inWorld(t, two(), func(w *world) {
				b := w.start(w.config(&identity{}))
				b.untilReady("node1")
				w.mesos.DropNext(scheduler.Call_ACCEPT, when)
				launched := 0
				w.until("it runs", func() bool {
					snap := b.Snapshot()
					for _, t := range snap.Tasks {
						if t.State == mesos.TASK_RUNNING {
							return true
						}
					}
					if len(snap.Tasks) == 0 {
						if err := b.launch("node1", fmt.Sprintf("t%d", launched)); err == nil {
							launched++
						}
					}
					return false
				})
				if n := w.count(ofType(scheduler.Call_SUBSCRIBE)); n != 2 {
					w.Errorf("the fault did not happen: %d subscriptions", n)
				}
				if want := map[mesostest.When]int{mesostest.Before: 2, mesostest.After: 1}[when]; launched != want {
					w.Errorf("launched %d times", launched)
				}
				w.rest(time.Hour)
				if n := len(w.mesos.Running("node1")); n != 1 {
					w.Errorf("%d processes", n)
				}
				_ = b.end()
			})
		})
	}
}

// The master refuses a launch that it cannot read; the subscription goes on.
func TestRefusedLaunch(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.untilReady("node1")
		a := b.agent("node1")
		bad := taskInfo(a.ID, "t1")
		bad.Resources[0].Scalar.Value = 1e6
		if err := b.Accept(mesosbridge.Accept{AgentID: a.ID, OfferIDs: []string{a.Offers[0].ID}, Tasks: []mesos.TaskInfo{bad}}); err != nil {
			w.Fatal(err)
		}
		b.untilState("t1", mesos.TASK_ERROR)
		if e := b.Snapshot().Ended[0]; e.Reason != "REASON_TASK_INVALID" || e.Message == "" {
			w.Errorf("%+v", e)
		}
		b.untilReady("node1")
		// One offer, two launches: the second comes too late.
		a = b.agent("node1")
		first := mesosbridge.Accept{AgentID: a.ID, OfferIDs: []string{a.Offers[0].ID}, Tasks: []mesos.TaskInfo{taskInfo(a.ID, "t2")}}
		second := first
		second.Tasks = []mesos.TaskInfo{taskInfo(a.ID, "t3")}
		if err := errors.Join(b.Accept(first)); err != nil {
			w.Fatal(err)
		}
		if err := b.Accept(second); !errors.Is(err, mesosbridge.ErrStale) {
			w.Errorf("an offer is used twice: %v", err)
		}
		_ = b.end()
	})
}

func TestKillIsRepeated(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		id := &identity{}
		b := w.start(w.config(id))
		b.run("node1", "t1")
		w.mesos.StopAgent("node1")
		b.untilState("t1", mesos.TASK_UNREACHABLE)
		b.Kill("t1")
		if b.Snapshot().Tasks["t1"].Killing.IsZero() {
			w.Error("not marked")
		}
		w.rest(10 * time.Minute)
		kills := w.count(ofType(scheduler.Call_KILL))
		if kills < 8 || kills > 20 {
			w.Errorf("%d KILLs in ten minutes", kills)
		}
		w.mesos.BreakStreams()
		w.until("it breaks", func() bool { return !b.Snapshot().Connected })
		b.untilConnected()
		w.mesos.StartAgent("node1")
		b.untilState("t1", mesos.TASK_KILLED)
		kills = w.count(ofType(scheduler.Call_KILL))
		w.rest(time.Hour)
		if w.count(ofType(scheduler.Call_KILL)) != kills {
			w.Error("killed on and on")
		}
		_ = b.end()
	})
}

// A kill of a launch that is under way must not overtake it.
func TestKillOfALaunch(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.untilReady("node1")
		if err := b.launch("node1", "t1"); err != nil {
			w.Fatal(err)
		}
		b.Kill("t1")
		b.untilState("t1", mesos.TASK_KILLED)
		w.rest(time.Minute)
		if n := len(w.mesos.Running("node1")); n != 0 {
			w.Errorf("%d processes", n)
		}
		_ = b.end()
	})
}

// An update that was not acknowledged comes again, and changes nothing.
func TestAcknowledgementIsLost(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.untilReady("node1")
		w.mesos.DropNext(scheduler.Call_ACKNOWLEDGE, mesostest.Before)
		w.mesos.DropNext(scheduler.Call_ACKNOWLEDGE, mesostest.Before)
		if err := b.launch("node1", "t1"); err != nil {
			w.Fatal(err)
		}
		w.until("the fault has happened twice", func() bool { return w.count(ofType(scheduler.Call_SUBSCRIBE)) == 3 })
		b.untilState("t1", mesos.TASK_RUNNING)
		w.rest(time.Hour)
		if b.state("t1") != mesos.TASK_RUNNING || w.count(ofType(scheduler.Call_ACKNOWLEDGE)) != 2 {
			w.Errorf("%v, %d acknowledgements", b.state("t1"), w.count(ofType(scheduler.Call_ACKNOWLEDGE)))
		}
		_ = b.end()
	})
}

func TestDeclineAndRevive(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.untilReady("node1", "node2")
		revives := w.count(ofType(scheduler.Call_REVIVE))
		var ids []string
		for _, a := range b.Snapshot().Agents {
			for _, o := range a.Offers {
				ids = append(ids, o.ID)
			}
		}
		b.Decline(append(ids, "no-such-offer"), time.Hour)
		for _, a := range b.Snapshot().Agents {
			if len(a.Offers) != 0 || len(a.Declined["quobyte"]) == 0 || !a.Behind {
				w.Errorf("%+v", a)
			}
		}
		w.rest(time.Minute)
		if len(b.agent("node1").Offers) != 0 {
			w.Error("offered in spite of the filter")
		}
		b.Revive([]string{"quobyte"})
		if d := b.agent("node1").Declined; len(d) != 0 {
			w.Errorf("%v", d)
		}
		b.untilReady("node1", "node2")
		if d, r := w.count(ofType(scheduler.Call_DECLINE)), w.count(ofType(scheduler.Call_REVIVE))-revives; d != 1 || r != 1 {
			w.Errorf("%d DECLINEs, %d REVIVEs", d, r)
		}
		_ = b.end()
	})
}

func TestHealthIsTold(t *testing.T) {
	inWorld(t, mesostest.Config{Agents: mesostest.Agents(1)}, func(w *world) {
		b := w.start(w.config(&identity{}))
		b.run("node1", "t1")
		if b.Snapshot().Tasks["t1"].Healthy != nil {
			w.Error("healthy without a check")
		}
		for _, healthy := range []bool{true, false} {
			if err := w.mesos.SetHealth("t1", healthy); err != nil {
				w.Fatal(err)
			}
			w.until("it is told", func() bool { h := b.Snapshot().Tasks["t1"].Healthy; return h != nil && *h == healthy })
		}
		if err := w.mesos.FailTask("t1", "the disk is full"); err != nil {
			w.Fatal(err)
		}
		b.untilState("t1", mesos.TASK_FAILED)
		if e := b.Snapshot().Ended[0]; !strings.Contains(e.Message, "disk is full") {
			w.Errorf("%+v", e)
		}
		_ = b.end()
	})
}

// Whatever breaks when, there is one process for the service, and no goroutine is
// left (or the bubble would not end).
func TestFaultsAtEveryPoint(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		id := &identity{}
		b := w.start(w.config(id))
		b.untilConnected()
		n := 0
		for round := range 40 {
			switch round % 5 {
			case 0:
				w.mesos.DropNext(scheduler.Call_ACCEPT, mesostest.When(1+round%2))
			case 1:
				w.mesos.DropNext(scheduler.Call_RECONCILE, mesostest.When(1+round%2))
			case 2:
				w.mesos.BreakStreams()
			case 3:
				w.mesos.FailoverMaster(mesostest.FailoverOptions{Downtime: time.Second, AgentsReturnAfter: 5 * time.Second, AgentsReturnEvery: time.Second})
			case 4:
				_ = b.end()
				b = w.start(w.config(id))
			}
			w.until("the service runs", func() bool {
				snap := b.Snapshot()
				if a := b.agent("node1"); a.Behind && len(snap.Tasks) == 0 && len(a.Offers) > 0 {
					n++
					_ = b.launch("node1", fmt.Sprintf("t%d", n))
				}
				if alive := len(w.mesos.Running("node1")); alive > 1 {
					w.Fatalf("round %d: %d processes", round, alive)
				}
				for _, t := range snap.Tasks {
					return t.State == mesos.TASK_RUNNING && t.Heard
				}
				return false
			})
			if round%3 == 0 {
				for id := range b.Snapshot().Tasks {
					b.Kill(id)
				}
			}
		}
		_ = b.end()
	})
}
