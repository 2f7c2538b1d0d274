package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// reserved is a cluster that reserves what its services use, on a master that
// speaks the real wire protocol. There is no API server: the test writes the
// manifests, and the statuses of devices as the device controller would.
type reserved struct {
	*testing.T
	mesos  *mesostest.Cluster
	ledger *ledgerServer
	r      *Reconciler
	seen   *observation
	// changed are devices as the API server has them, where the cache is behind.
	changed map[string]*v1alpha1.QuobyteDevice
}

// Get is that of the API server, past the cache.
func (w *reserved) Get(_ context.Context, key client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	for _, d := range w.seen.devices {
		if d.Name != key.Name {
			continue
		}
		if newer := w.changed[d.Name]; newer != nil {
			d = newer
		}
		d.DeepCopyInto(o.(*v1alpha1.QuobyteDevice))
		return nil
	}
	return apierrors.NewNotFound(v1alpha1.GroupVersion.WithResource("quobytedevices").GroupResource(), key.Name)
}

func (*reserved) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("nothing is to be listed")
}

func inReserved(t *testing.T, f func(w *reserved)) {
	synctest.Test(t, func(t *testing.T) {
		agent := mesostest.Agents(1)[0]
		agent.Mounts = []mesostest.Mount{{Root: "/mnt/disk7", Size: 5000}}
		w := &reserved{T: t, ledger: newLedgerServer(t), mesos: mesostest.New(mesostest.Config{Agents: []mesostest.Agent{agent}})}
		w.mesos.StartInMemory()
		defer w.mesos.Close()
		transport := w.mesos.Transport()
		defer transport.CloseIdleConnections()
		bridge, err := mesosbridge.New(mesosbridge.Config{
			Name: "quobyte", Masters: []string{w.mesos.URL()},
			Framework: mesosbridge.Framework{Name: "quobyte", User: "root", Roles: []string{"quobyte"}, Principal: "keeper", FailoverTimeout: time.Hour},
			Identity:  newIdentity{}, Transport: transport, Log: logr.Discard(),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = bridge.Run(ctx) }()
		defer func() { cancel(); <-done }()
		nonce := 0
		w.r = &Reconciler{Reader: w, Clock: clock.RealClock{}, Events: events.NewFakeRecorder(1000),
			Nonces: func() string { nonce++; return fmt.Sprintf("n%d", nonce) }}
		w.seen = &observation{cluster: reservingCluster(), member: &member{bridge: bridge, ledger: w.ledger.open()}}
		f(w)
	})
}

type newIdentity struct{}

func (newIdentity) FrameworkID(context.Context) (string, error) { return "", nil }
func (newIdentity) Adopt(context.Context, string) error         { return nil }

func reservingCluster() *v1alpha1.QuobyteCluster {
	c := &v1alpha1.QuobyteCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "storage", Name: "quobyte"}}
	c.Spec.Version, c.Spec.Image, c.Spec.State, c.Spec.HostDeviceDirectory = "1.1.5", "quobyte-server", v1alpha1.StateRunning, "/mnt"
	c.Spec.Mesos = v1alpha1.MesosSpec{Role: "quobyte", Principal: "keeper", User: "root", Reservation: v1alpha1.ReservationDynamic}
	c.Spec.Ports = v1alpha1.PortsSpec{Base: 21000, API: 8889, Webconsole: 8888, S3: 80}
	c.Spec.Health = v1alpha1.HealthSpec{Enabled: true, Path: "/", Interval: metav1.Duration{Duration: 15 * time.Second},
		Timeout: metav1.Duration{Duration: 20 * time.Second}, GracePeriod: metav1.Duration{Duration: 2 * time.Minute}}
	q := resource.MustParse
	c.Spec.Services.Registry = v1alpha1.RegistryService{Resources: v1alpha1.RegistryResources{CPUs: q("1"), Memory: q("2Gi"), Disk: q("32Mi")}}
	c.Spec.Services.Data = v1alpha1.DataService{Resources: v1alpha1.DataResources{CPUs: q("4"), Memory: q("4Gi"), Disk: q("32Mi")}}
	return c
}

func (w *reserved) device(name string, types_ ...v1alpha1.DeviceType) *v1alpha1.QuobyteDevice {
	d := &v1alpha1.QuobyteDevice{ObjectMeta: metav1.ObjectMeta{Namespace: "storage", Name: name, UID: types.UID("uid-" + name)}}
	d.Spec = v1alpha1.QuobyteDeviceSpec{Host: "node1", Path: "/mnt/" + name, Types: types_, ReclaimPolicy: v1alpha1.ReclaimRetain}
	w.seen.devices = append(w.seen.devices, d)
	return d
}

// passes lets so much time go by, with a pass each 100 ms.
func (w *reserved) passes(span time.Duration) plan.Result {
	w.Helper()
	var result plan.Result
	for until := time.Now().Add(span); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		w.seen.snapshot, w.seen.decided = w.seen.member.bridge.Snapshot(), time.Now()
		result = plan.Plan(plan.Input{Now: time.Now(), Cluster: w.seen.cluster, Mesos: w.seen.snapshot,
			Inventory: inventory.Take(inventory.Input{Now: time.Now(), Cluster: w.seen.cluster, Devices: w.seen.devices})})
		if err := w.r.act(context.Background(), w.seen, result); err != nil {
			w.Fatal(err)
		}
		w.seen.cluster.Status.Failures = result.Failures
		for _, d := range w.seen.devices {
			d.Status.Volume = result.Devices[d.Name].Volume
		}
	}
	return result
}

// told are the operations that ended since the last call, and how.
func (w *reserved) told(since int) []string {
	var out []string
	for _, o := range w.seen.snapshot.EndedOperations[since:] {
		out = append(out, fmt.Sprintf("%s %s", o.Type, o.State))
	}
	return out
}

func (w *reserved) want(what string, since int, operations ...string) {
	w.Helper()
	if got := w.told(since); !slices.Equal(got, operations) {
		w.Errorf("%s: operations %v, want %v", what, got, operations)
	}
}

// running are the services that run, by the labels of what they use.
func (w *reserved) running() map[quobyte.Service]mesostest.TaskRecord {
	out := map[quobyte.Service]mesostest.TaskRecord{}
	for _, t := range w.mesos.Running("node1") {
		if id, ok := quobyte.ParseTaskID(t.ID); ok {
			out[id.Service] = t
		}
	}
	return out
}

func TestReservationsOverTheWire(t *testing.T) {
	inReserved(t, func(w *reserved) {
		w.device("registry", v1alpha1.DeviceRegistry)
		disk := w.device("disk7", v1alpha1.DeviceData)
		disk.Spec.Source = &v1alpha1.DeviceSource{MesosDisk: v1alpha1.MesosDisk{Root: "/mnt/disk7"}}
		result := w.passes(20 * time.Second)
		if result.Phase != plan.PhaseReady || len(w.running()) != 2 {
			w.Fatalf("%s, %d tasks, reasons %+v", result.Phase, len(w.running()), result.Reasons)
		}
		// One of the registry, one of the data service, two of the disk.
		start := len(w.seen.snapshot.EndedOperations)
		if got := w.told(0); len(got) != 4 || slices.ContainsFunc(w.seen.snapshot.EndedOperations, func(o *mesosbridge.OperationState) bool { return o.State != mesos.OPERATION_FINISHED }) {
			w.Fatalf("operations %v", got)
		}
		if v := disk.Status.Volume; v == nil || v.State != plan.VolumeCreated {
			w.Errorf("volume %+v", v)
		}

		before := w.running()[quobyte.Data].ID
		if err := w.mesos.FailTask(before, "for the test"); err != nil {
			w.Fatal(err)
		}
		w.passes(30 * time.Second)
		if now := w.running()[quobyte.Data].ID; now == before || now == "" {
			w.Errorf("data runs as %q after %q", now, before)
		}
		w.want("it comes back to what it had", start)

		disk.Spec.State = v1alpha1.DeviceDecommissioned
		w.passes(30 * time.Second)
		w.want("decommissioned and retained", start, "UNRESERVE OPERATION_FINISHED")
		if w.running()[quobyte.Data].ID != "" || disk.Status.Volume.State != plan.VolumeCreated {
			w.Errorf("tasks %v, volume %+v", w.running(), disk.Status.Volume)
		}

		// The cache still has a word that was taken back: nothing is destroyed on it.
		w.changed = map[string]*v1alpha1.QuobyteDevice{}
		for what, takeBack := range map[string]func(*v1alpha1.QuobyteDevice){
			"the policy is Retain again": func(d *v1alpha1.QuobyteDevice) { d.Spec.ReclaimPolicy = v1alpha1.ReclaimRetain },
			"it is in service again":     func(d *v1alpha1.QuobyteDevice) { d.Spec.State = v1alpha1.DeviceOnline },
			"it is another object":       func(d *v1alpha1.QuobyteDevice) { d.UID = "uid-other" },
		} {
			disk.Spec.ReclaimPolicy = v1alpha1.ReclaimDelete
			w.changed["disk7"] = disk.DeepCopy()
			takeBack(w.changed["disk7"])
			w.passes(10 * time.Second)
			w.want(what, start+1)
		}
		delete(w.changed, "disk7")

		disk.Spec.ReclaimPolicy = v1alpha1.ReclaimDelete
		w.passes(30 * time.Second)
		w.want("to be deleted", start+1, "DESTROY OPERATION_FINISHED", "UNRESERVE OPERATION_FINISHED")

		w.seen.cluster.DeletionTimestamp, w.seen.cluster.Spec.DeletionPolicy = &metav1.Time{Time: time.Now()}, v1alpha1.DeletionTeardown
		result = w.passes(30 * time.Second)
		if result.Phase != plan.PhaseStopped || len(w.running()) > 0 {
			w.Errorf("%s at a teardown", result.Phase)
		}
		w.want("teardown", start+3, "UNRESERVE OPERATION_FINISHED")
	})
}
