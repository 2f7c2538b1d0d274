package device

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/plan"
)

// gather is how long a change of a view waits for the next: a task goes through
// STAGING, STARTING and RUNNING within a second or two, and one write will do.
const gather = 500 * time.Millisecond

// gatherFinds is how long it waits while many objects of devices that were found are
// to be made: services wait for these, and a first status that is written meanwhile
// is written again when the services have started.
const gatherFinds = 5 * time.Second

// Views holds what the last pass of each cluster found out about each device. A
// pass publishes and goes on; the controller's workers write.
type Views struct {
	clock clock.PassiveClock

	mu    sync.Mutex
	views map[types.NamespacedName]view
	// held are devices whose status waits for objects to be made, by cluster.
	held map[types.NamespacedName][]types.NamespacedName
	// finds are what each cluster's last pass asks to be created and deleted.
	finds map[types.NamespacedName]finds
	queue workqueue.TypedRateLimitingInterface[reconcile.Request]
}

// view is what the last pass found out about a device.
type view struct {
	plan.DeviceView
	// since is when this process first saw it in its phase.
	since time.Time
}

// NewViews returns an empty Views.
func NewViews(c clock.PassiveClock) *Views {
	return &Views{clock: c, views: map[types.NamespacedName]view{}, held: map[types.NamespacedName][]types.NamespacedName{}, finds: map[types.NamespacedName]finds{}}
}

// Publish replaces the views of a cluster's devices and what its probes have
// found, and wakes the controller for what changed.
func (v *Views) Publish(cluster types.NamespacedName, views map[string]plan.DeviceView, found inventory.Result) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now, delay := v.clock.Now().Truncate(time.Second), gather
	if len(found.Discovered) > crowd {
		delay = gatherFinds
	} else {
		for _, key := range v.held[cluster] {
			v.wake(key, gather) // nothing has to be waited for any more
		}
		delete(v.held, cluster)
	}
	for name, came := range views {
		key := types.NamespacedName{Namespace: cluster.Namespace, Name: name}
		old, had := v.views[key]
		if had && same(&old.DeviceView, &came) {
			continue
		}
		next := view{DeviceView: came, since: now}
		if had && old.UID == came.UID && old.Phase == came.Phase {
			next.since = old.since
		}
		v.views[key] = next
		v.wake(key, delay)
		if delay == gatherFinds {
			v.held[cluster] = append(v.held[cluster], key)
		}
	}
	v.publishFinds(cluster, views, found)
}

func (v *Views) wake(device types.NamespacedName, after time.Duration) {
	if v.queue != nil {
		v.queue.AddAfter(reconcile.Request{NamespacedName: device}, after)
	}
}

// same compares by hand: a pass compares the views of all devices, and nearly all
// are as before.
func same(a, b *plan.DeviceView) bool {
	return a.UID == b.UID && a.Generation == b.Generation && a.AgentID == b.AgentID && a.Released == b.Released &&
		a.Summary == b.Summary && slices.Equal(a.Tasks, b.Tasks) && slices.Equal(a.Moved, b.Moved) && sameStanding(&a.Standing, &b.Standing) && sameVolume(a.Volume, b.Volume)
}

func sameVolume(a, b *v1alpha1.VolumeStatus) bool {
	return a == b || a != nil && b != nil && *a == *b
}

func sameStanding(a, b *inventory.Standing) bool {
	return a.Phase == b.Phase && a.Host == b.Host && a.Path == b.Path && a.PreviousHost == b.PreviousHost &&
		a.Accepted == b.Accepted && a.Reason == b.Reason && a.Message == b.Message &&
		a.AppearedAt.Equal(b.AppearedAt) && a.Serial == b.Serial && a.Model == b.Model && a.FileSystem == b.FileSystem &&
		a.Capacity == b.Capacity && a.Used == b.Used && a.Bootstrap == b.Bootstrap && slices.Equal(a.Types, b.Types)
}

func (v *Views) of(device types.NamespacedName) (view, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	known, ok := v.views[device]
	return known, ok
}

func (v *Views) forget(device types.NamespacedName) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.views, device)
}

// WakeInto names the queue that wake-ups go to. What was published before the
// controller started wakes it now: nobody publishes it again.
func (v *Views) WakeInto(queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.queue = queue
	for key := range v.views {
		v.wake(key, gather)
	}
	for cluster, f := range v.finds {
		for name := range f.discovered {
			v.wake(types.NamespacedName{Namespace: cluster.Namespace, Name: name}, 0)
		}
	}
}

// DevicesOf maps a cluster to the devices that name it.
func (r *Reconciler) DevicesOf(ctx context.Context, o client.Object) []reconcile.Request {
	list := &v1alpha1.QuobyteDeviceList{}
	if err := r.Client.List(ctx, list, client.InNamespace(o.GetNamespace()), client.UnsafeDisableDeepCopy); err != nil {
		return nil // The cache of this process; it does not fail.
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if list.Items[i].Spec.ClusterRef.Name == o.GetName() {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}

// clusterComesOrGoes leaves out updates: what they mean for a device comes as a
// view.
func clusterComesOrGoes() builder.WatchesOption {
	return builder.WithPredicates(predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }})
}
