package cluster

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// What was written down too slowly is launched when it is decided again, and not written
// again.
func TestSlowLedgerLaunches(t *testing.T) {
	inReserved(t, func(w *reserved) {
		w.seen.cluster.Spec.Mesos.Reservation = v1alpha1.ReservationNone
		w.device("registry", v1alpha1.DeviceRegistry)
		w.ledger.takes = 1200 * time.Millisecond
		w.passes(20 * time.Second)
		if _, runs := w.running()[quobyte.Registry]; !runs || w.ledger.wrote != 1 {
			t.Errorf("registry runs: %v, after %d writes", runs, w.ledger.wrote)
		}
	})
}

// What a write has failed to store is not launched before another one has stored it.
func TestLedgerThatCannotBeWritten(t *testing.T) {
	for _, settled := range []bool{false, true} {
		inReserved(t, func(w *reserved) {
			w.seen.cluster.Spec.Mesos.Reservation = v1alpha1.ReservationNone
			w.device("registry", v1alpha1.DeviceRegistry)
			w.ledger.refuses = errors.New("no space left on device")
			for range 100 {
				time.Sleep(100 * time.Millisecond)
				w.seen.snapshot, w.seen.decided = w.seen.member.bridge.Snapshot(), time.Now()
				result := plan.Plan(plan.Input{Now: time.Now(), Cluster: w.seen.cluster, Mesos: w.seen.snapshot,
					Inventory: inventory.Take(inventory.Input{Now: time.Now(), Cluster: w.seen.cluster, Devices: w.seen.devices})})
				if settled {
					w.seen.member.ledger.looked = time.Time{}
				}
				_ = w.r.act(context.Background(), w.seen, result)
			}
			if n := len(w.mesos.History()); n > 0 {
				t.Errorf("%d tasks are launched that nobody would remember", n)
			}
			w.ledger.refuses = nil
			w.passes(20 * time.Second)
			if _, runs := w.running()[quobyte.Registry]; !runs {
				t.Error("the registry does not run")
			}
		})
	}
}

// A stop rests on the state that it was decided on: no write comes before it.
func TestStopsDoNotWaitForTheLedger(t *testing.T) {
	inReserved(t, func(w *reserved) {
		w.seen.cluster.Spec.Mesos.Reservation = v1alpha1.ReservationNone
		w.device("registry", v1alpha1.DeviceRegistry)
		w.passes(20 * time.Second)
		w.mesos.AddAgent(mesostest.Agents(2)[1])
		time.Sleep(10 * time.Second)
		var mu sync.Mutex // synctest orders what follows; the race detector does not know
		var killed time.Time
		launched := 0
		w.mesos.OnCall(func(r mesostest.CallRecord) {
			mu.Lock()
			defer mu.Unlock()
			switch r.Call.Type {
			case scheduler.Call_KILL:
				killed = time.Now()
			case scheduler.Call_ACCEPT:
				launched++
			}
		})
		w.ledger.takes = 9 * time.Second
		w.seen.snapshot, w.seen.decided = w.seen.member.bridge.Snapshot(), time.Now()
		spec := quobyte.SpecOf(w.seen.cluster, quobyte.Data)
		result := plan.Result{Kills: []plan.Kill{{TaskID: w.running()[quobyte.Registry].ID, Service: quobyte.Registry, Host: "node1", Cause: "update"}}}
		for id, a := range w.seen.snapshot.Agents {
			for _, o := range a.Offers {
				result.Launches = []plan.Launch{{Spec: spec, Hash: spec.Hash(), Host: a.Host, AgentID: id, Role: o.Role, OfferIDs: []string{o.ID}}}
			}
		}
		if len(result.Launches) == 0 {
			t.Fatal("no offer")
		}
		if err := w.r.act(context.Background(), w.seen, result); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		if waited := killed.Sub(w.seen.decided); waited < 0 || waited > time.Second {
			t.Errorf("it is stopped %s after it was decided", waited)
		}
		if launched > 0 {
			t.Error("what was decided nine seconds ago is launched")
		}
	})
}
