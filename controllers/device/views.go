package device

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/plan"
)

// gather is how long a change of a view waits for the next: a task goes through
// STAGING, STARTING and RUNNING within a second or two, and one write will do.
const gather = 500 * time.Millisecond

// Views holds what the last pass of each cluster found out about each device. A
// pass publishes and goes on; the controller's workers write.
type Views struct {
	mu    sync.Mutex
	views map[types.NamespacedName]plan.DeviceView
	queue workqueue.TypedRateLimitingInterface[reconcile.Request]
}

// NewViews returns an empty Views.
func NewViews() *Views {
	return &Views{views: map[types.NamespacedName]plan.DeviceView{}}
}

// Publish replaces the views of a cluster's devices, and wakes the controller
// for those that changed.
func (v *Views) Publish(cluster types.NamespacedName, views map[string]plan.DeviceView) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, view := range views {
		key := types.NamespacedName{Namespace: cluster.Namespace, Name: name}
		old, had := v.views[key]
		if had && same(old, view) {
			continue
		}
		v.views[key] = view
		if v.queue != nil {
			v.queue.AddAfter(reconcile.Request{NamespacedName: key}, gather)
		}
	}
}

// same compares by hand: a pass compares the views of all devices, and nearly all
// are as before.
func same(a, b plan.DeviceView) bool {
	return a.UID == b.UID && a.Generation == b.Generation && a.Accepted == b.Accepted && a.Reason == b.Reason && a.Message == b.Message &&
		a.AgentID == b.AgentID && a.Released == b.Released && a.Summary == b.Summary && slices.Equal(a.Tasks, b.Tasks) &&
		sameVolume(a.Volume, b.Volume)
}

func sameVolume(a, b *v1alpha1.VolumeStatus) bool {
	return a == b || a != nil && b != nil && *a == *b
}

func (v *Views) of(device types.NamespacedName) (plan.DeviceView, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	view, ok := v.views[device]
	return view, ok
}

func (v *Views) forget(device types.NamespacedName) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.views, device)
}

// wakeInto names the queue that wake-ups go to. What was published before the
// controller started wakes it now: nobody publishes it again.
func (v *Views) wakeInto(queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.queue = queue
	for key := range v.views {
		queue.AddAfter(reconcile.Request{NamespacedName: key}, gather)
	}
}

// devicesOf maps a cluster to the devices that name it.
func (r *Reconciler) devicesOf(ctx context.Context, o client.Object) []reconcile.Request {
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
