package cluster

import (
	"context"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// TestEachSpecOfAPassIsStored: also when one service is launched with two.
func TestEachSpecOfAPassIsStored(t *testing.T) {
	store, seen := history(t, 0)
	launches := []plan.Launch{launchOf("1.1.6"), launchOf("1.1.5"), launchOf("1.1.6"), {Prober: &quobyte.Prober{}}}
	for _, wrote := range []bool{true, false} {
		if got, err := (&Reconciler{}).storeRevisions(t.Context(), seen, launches); got != wrote || err != nil {
			t.Errorf("wrote %v, %v, want %v", got, err, wrote)
		}
	}
	if specs := store.load(t).specs(); len(specs) != 2 {
		t.Errorf("stored are %v", specs)
	}
}

func launchOf(version string) plan.Launch {
	spec := dataOf(version)
	return plan.Launch{Spec: spec, Hash: spec.Hash()}
}

// TestOlderSpecOverTheWire: data is launched as it was stored before the cluster asked
// for other ports and another way to find the registries.
func TestOlderSpecOverTheWire(t *testing.T) {
	inReserved(t, func(w *reserved) {
		w.seen.cluster.Spec.Mesos.Reservation = v1alpha1.ReservationNone
		w.seen.cluster.Spec.Mesos.FrameworkName = "quobyte"
		w.seen.cluster.Spec.Registry = v1alpha1.RegistrySpec{Discovery: v1alpha1.DiscoveryInventory}
		older := quobyte.SpecOf(w.seen.cluster, quobyte.Data)
		w.seen.cluster.Spec.Registry = v1alpha1.RegistrySpec{Discovery: v1alpha1.DiscoveryMesosDNS, MesosDNSDomain: "mesos"}
		w.seen.cluster.Spec.Ports.Base = 22000
		w.device("registry", v1alpha1.DeviceRegistry)
		w.device("disk1", v1alpha1.DeviceData)

		for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
			w.seen.snapshot, w.seen.decided = w.seen.member.bridge.Snapshot(), time.Now()
			w.seen.inventory = inventory.Take(inventory.Input{Now: time.Now(), Cluster: w.seen.cluster, Devices: w.seen.devices})
			result := plan.Plan(plan.Input{Now: time.Now(), Cluster: w.seen.cluster, Mesos: w.seen.snapshot, Inventory: w.seen.inventory})
			for i := range result.Launches {
				if result.Launches[i].Spec.Service == quobyte.Data {
					result.Launches[i].Spec, result.Launches[i].Hash = older, older.Hash()
				}
			}
			result.Kills = nil // an update would lead it to what the cluster asks for
			if err := w.r.act(context.Background(), w.seen, result); err != nil {
				w.Fatal(err)
			}
		}
		for service, want := range map[quobyte.Service]struct{ hash, registries, port string }{
			quobyte.Registry: {quobyte.SpecOf(w.seen.cluster, quobyte.Registry).Hash(), "_registry._tcp.quobyte.mesos", "22000"},
			quobyte.Data:     {older.Hash(), "node1:22000", "21004"},
		} {
			record, runs := w.running()[service]
			if !runs {
				w.Errorf("%s does not run", service)
				continue
			}
			id, _ := quobyte.ParseTaskID(record.ID)
			if registries, port := variable(record.Info, "QUOBYTE_REGISTRY"), variable(record.Info, "QUOBYTE_RPC_PORT"); id.Hash != want.hash || registries != want.registries || port != want.port {
				w.Errorf("%s runs as %s with registries %q and port %s, want %+v", service, id.Hash, registries, port, want)
			}
		}
	})
}

func variable(info mesos.TaskInfo, name string) string {
	for _, v := range info.GetCommand().GetEnvironment().GetVariables() {
		if v.Name == name {
			return v.GetValue()
		}
	}
	return ""
}
