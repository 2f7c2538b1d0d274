package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// expectFor bounds how long a device's finalizer is waited for: the API server
// may refuse it.
const expectFor = time.Minute

// observation is the whole state that one pass works from.
type observation struct {
	key     types.NamespacedName
	cluster *v1alpha1.QuobyteCluster
	devices []*v1alpha1.QuobyteDevice
	// written are the devices as the API server has them, devices as they will be.
	written []*v1alpha1.QuobyteDevice
	// arriving are devices without their finalizer.
	arriving []*v1alpha1.QuobyteDevice
	// prober is what probers are to be; nil: none can run.
	prober *quobyte.Prober
	// hosts and inventory are what the probers and the devices say together.
	hosts     map[string]*inventory.Host
	inventory inventory.Result
	// expected: there are devices that will get their finalizer in a moment.
	expected bool
	// member is nil when the cluster cannot be connected; problem says why.
	member   *member
	problem  mesosbridge.Problem
	snapshot *mesosbridge.Snapshot
	// leaving is the cluster as it will be in a moment, as its namespace is being deleted;
	// nil: it is not.
	leaving *v1alpha1.QuobyteCluster
	// neverRan: no framework id is known anywhere.
	neverRan bool
	// bootstrapped: a registry has run, as is known from elsewhere than the status.
	bootstrapped bool
	// decided is the time of the plan.
	decided time.Time
	// retry is when to look again at something that nothing wakes us for; zero:
	// never.
	retry time.Duration
}

// lookAgain asks for a pass after the delay, if nothing brings one before.
func (o *observation) lookAgain(delay time.Duration) {
	if o.retry == 0 || delay < o.retry {
		o.retry = delay
	}
}

// observe reads the inventory and takes one snapshot of the bridge, which it
// starts when there is none.
func (r *Reconciler) observe(ctx context.Context, cluster *v1alpha1.QuobyteCluster) (*observation, error) {
	seen := &observation{key: client.ObjectKeyFromObject(cluster), cluster: cluster}
	list := &v1alpha1.QuobyteDeviceList{}
	err := r.Client.List(ctx, list, client.InNamespace(cluster.Namespace),
		client.MatchingFields{DevicesByCluster: cluster.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list the devices: %w", err)
	}
	for i := range list.Items {
		// Until the finalizer stands, a deletion would not be seen, and what was
		// started for the device would run on for ever.
		device := &list.Items[i]
		if device.DeletionTimestamp != nil || controllerutil.ContainsFinalizer(device, v1alpha1.FinalizerDevice) {
			seen.devices = append(seen.devices, device)
			continue
		}
		seen.arriving = append(seen.arriving, device)
		seen.expected = seen.expected || r.Clock.Since(device.CreationTimestamp.Time) < expectFor
	}
	seen.written = slices.Clone(seen.devices)
	seen.devices = r.Views.Remember(seen.devices)
	if err := r.connect(ctx, seen); err != nil {
		return nil, err
	}
	if seen.member == nil {
		seen.snapshot = rememberedSnapshot(seen)
		r.takeInventory(seen)
		return seen, nil
	}
	r.logSaidGone(seen)
	seen.member.bridge.DeclareGone(seen.member.asked.goneAgents(cluster.GoneAgents()))
	seen.snapshot = seen.member.bridge.Snapshot()
	if ranBeforeProbing(cluster, seen.member.revisions.specs()) {
		seen.member.bootstrapped = true // also when the status has forgotten it
	}
	seen.bootstrapped = seen.bootstrapped || seen.member.bootstrapped
	if !seen.snapshot.Connected {
		seen.problem = seen.snapshot.Problem
	}
	r.takeNamespace(ctx, seen)
	r.takeInventory(seen)
	return seen, nil
}

// planned is the cluster that is planned for.
func (o *observation) planned() *v1alpha1.QuobyteCluster {
	if o.leaving != nil {
		return o.leaving
	}
	return o.cluster
}

// ranBeforeProbing says that the status was written by a version that knew no probers
// and no first registry, and that a registry was launched then: one that is upgraded
// while it is stopped must not wait for a bootstrap device.
func ranBeforeProbing(c *v1alpha1.QuobyteCluster, launched map[plan.SpecKey]quobyte.Spec) bool {
	if meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady) == nil ||
		meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionProbing) != nil {
		return false
	}
	for key := range launched {
		if key.Service == quobyte.Registry {
			return true
		}
	}
	return false
}

// takeInventory puts together what the devices and the probers say.
func (r *Reconciler) takeInventory(seen *observation) {
	seen.prober = r.proberOf(seen.cluster)
	if seen.member != nil {
		seen.hosts = seen.member.probes.on(seen.snapshot, seen.devices)
	}
	seen.inventory = inventory.Take(inventory.Input{Now: r.Clock.Now(), Cluster: seen.planned(), Devices: seen.devices,
		Arriving: seen.arriving, Taken: r.Views.Taken(seen.key), Probing: seen.probing(), Hosts: seen.hosts})
}

// rememberedSnapshot stands in for a bridge that there is none of: what the
// status names may run, and must not be forgotten.
func rememberedSnapshot(seen *observation) *mesosbridge.Snapshot {
	snapshot := &mesosbridge.Snapshot{Problem: seen.problem, FrameworkID: seen.cluster.Status.FrameworkID,
		Tasks: map[string]*mesosbridge.Task{}}
	for _, task := range rememberedTasks(seen.cluster, seen.devices) {
		snapshot.Tasks[task.TaskID] = &mesosbridge.Task{ID: task.TaskID, AgentID: task.AgentID, State: mesos.TASK_UNKNOWN}
	}
	return snapshot
}

// plan decides on what was seen.
func (o *observation) plan(now time.Time) plan.Result {
	input := plan.Input{Now: now, Cluster: o.planned(), Inventory: o.inventory, Probing: o.probing(), Hosts: o.hosts,
		Prober: o.prober, Mesos: o.snapshot, NeverRan: o.neverRan, Bootstrapped: o.bootstrapped}
	if o.member != nil {
		input.Specs = o.member.revisions.specs()
	}
	return plan.Plan(input)
}

// unwritten adds to the tasks that the status of the cluster is to list those that it lists
// until now, and that the status of a device will list when it is written: this process may
// end before.
func (o *observation) unwritten(tasks []v1alpha1.TaskStatus) []v1alpha1.TaskStatus {
	listed := map[string]bool{}
	for _, t := range tasks {
		listed[t.TaskID] = true
	}
	left := slices.DeleteFunc(slices.Clone(o.cluster.Status.Tasks), func(t v1alpha1.TaskStatus) bool {
		return listed[t.TaskID] || o.snapshot.Tasks[t.TaskID] == nil
	})
	if len(left) == 0 {
		return tasks
	}
	for _, d := range o.written {
		for i := range d.Status.Services {
			listed[d.Status.Services[i].TaskID] = true
		}
	}
	for _, t := range left {
		if !listed[t.TaskID] && len(tasks) < v1alpha1.MaxTasks {
			tasks = append(tasks, t)
			o.lookAgain(ledgerLooks)
		}
	}
	return tasks
}

// deviceChanges lets through only what a plan depends on: the status of a
// device is written from the plan, and need not wake it.
func deviceChanges() builder.WatchesOption {
	return builder.WithPredicates(predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool { return DeviceChanged(e.ObjectOld, e.ObjectNew) },
	})
}

// DeviceChanged says that a change of a device wakes a pass over its cluster.
func DeviceChanged(before, after client.Object) bool {
	return before.GetGeneration() != after.GetGeneration() ||
		(before.GetDeletionTimestamp() == nil) != (after.GetDeletionTimestamp() == nil) ||
		len(before.GetFinalizers()) != len(after.GetFinalizers()) ||
		// The label says whether somebody has declared it.
		before.GetLabels()[v1alpha1.LabelDiscovered] != after.GetLabels()[v1alpha1.LabelDiscovered] ||
		// A restart was asked for, perhaps.
		!maps.Equal(before.GetAnnotations(), after.GetAnnotations()) ||
		// Its service waits until the status remembers the volume.
		volumeState(before) != volumeState(after) ||
		// The services of one that was moved wait until its status says where it is.
		hostOf(before) != hostOf(after) && (hostOf(before) != "" || movedFrom(after) != "") ||
		// What its status remembers keeps a device that is being deleted, and is what
		// is waited for before one is initialised.
		after.GetDeletionTimestamp() != nil || phaseOf(before) != phaseOf(after) && phaseOf(after) == v1alpha1.PhaseInitializing
}

func phaseOf(o client.Object) v1alpha1.DevicePhase {
	if device, ok := o.(*v1alpha1.QuobyteDevice); ok {
		return device.Status.Phase
	}
	return ""
}

// hostOf is where a device's status says that it is; empty: nowhere.
func hostOf(o client.Object) string {
	if device, ok := o.(*v1alpha1.QuobyteDevice); ok {
		return device.Status.Host
	}
	return ""
}

// movedFrom is the host that a device's status says it was moved from; empty: none.
func movedFrom(o client.Object) string {
	if device, ok := o.(*v1alpha1.QuobyteDevice); ok {
		return device.Status.PreviousHost
	}
	return ""
}

// volumeState of a device's status; empty: it has no volume.
func volumeState(o client.Object) string {
	if device, ok := o.(*v1alpha1.QuobyteDevice); ok && device.Status.Volume != nil {
		return device.Status.Volume.State
	}
	return ""
}
