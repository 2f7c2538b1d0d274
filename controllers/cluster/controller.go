// Package cluster reconciles a QuobyteCluster. One pass has four steps, each a
// file of its own: observe the resources and one snapshot of the bridge, plan,
// act by calls to the bridge, report into status and events. A pass never waits
// for Mesos; what comes back wakes the next one, and each works from the whole
// state.
package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/plan"
)

// DevicesByCluster is the cache index of QuobyteDevices by spec.clusterRef.name.
const DevicesByCluster = "spec.clusterRef.name"

// DeviceViews takes what a pass found out about each device. It must not block:
// a pass does not wait for thirty thousand writes.
type DeviceViews interface {
	Publish(cluster types.NamespacedName, views map[string]plan.DeviceView, found inventory.Result)
	// Remember returns the devices as they are when all that was published of them
	// is written. It changes the list, and not the objects.
	Remember(devices []*v1alpha1.QuobyteDevice) []*v1alpha1.QuobyteDevice
	// Taken are names in the namespace that devices of other clusters have.
	Taken(cluster types.NamespacedName) map[string]bool
}

// Reconciler reconciles QuobyteClusters.
type Reconciler struct {
	Client client.Client
	// Reader reads from the API server, past the cache.
	Reader client.Reader
	Fleet  *Fleet
	Views  DeviceViews
	Events events.EventRecorder
	Clock  clock.WithTicker
	// Nonces returns 8 hexadecimal digits that it is unlikely to return again.
	Nonces  func() string
	Metrics *Metrics
	// Log tells what is done on Mesos, and why.
	Log logr.Logger
	// ArtifactPath is where the prober can be fetched, below spec.mesos.webUIURL;
	// empty: it cannot.
	ArtifactPath string

	reports reportLog
	pace    pace
}

// +kubebuilder:rbac:groups=mesos.quobyte.com,resources=quobyteclusters,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=mesos.quobyte.com,resources=quobyteclusters/status,verbs=update;patch
// +kubebuilder:rbac:groups=mesos.quobyte.com,resources=quobytedevices,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;create;update;delete
// +kubebuilder:rbac:groups=apps,resources=controllerrevisions,verbs=list;create;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// SetupWithManager registers the controller: it wakes for the cluster, for its
// devices and for what its bridge hears.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	err := mgr.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.QuobyteDevice{}, DevicesByCluster,
		func(o client.Object) []string { return []string{o.(*v1alpha1.QuobyteDevice).Spec.ClusterRef.Name} })
	if err != nil {
		return fmt.Errorf("index devices by cluster: %w", err)
	}
	wakeups := source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		r.Fleet.WakeInto(queue)
		return nil
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("quobytecluster").
		For(&v1alpha1.QuobyteCluster{}).
		Watches(&v1alpha1.QuobyteDevice{}, handler.EnqueueRequestsFromMapFunc(clusterOf), deviceChanges()).
		WatchesRawSource(wakeups).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: 2,
			// Nothing wakes a pass that failed for want of the API server, and the
			// default goes up to a quarter of an hour.
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](20*time.Millisecond, 15*time.Second),
		}).
		Complete(r)
}

// clusterOf maps a device to the cluster that it belongs to.
func clusterOf(_ context.Context, o client.Object) []reconcile.Request {
	device, ok := o.(*v1alpha1.QuobyteDevice)
	if !ok {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{
		Namespace: device.Namespace, Name: device.Spec.ClusterRef.Name}}}
}

// Reconcile is one pass.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	began := r.Clock.Now()
	if wait := r.pace.wait(req.NamespacedName, began); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	cluster := &v1alpha1.QuobyteCluster{}
	if err := r.Client.Get(ctx, req.NamespacedName, cluster); err != nil {
		if apierrors.IsNotFound(err) {
			// If it went without its finalizer, a person let go. The services run
			// on, and so does Mesos's fail-over time-out.
			r.letGo(req.NamespacedName)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, fmt.Errorf("get cluster: %w", err)
	}
	cluster = cluster.DeepCopy()
	if cluster.DeletionTimestamp == nil && !controllerutil.ContainsFinalizer(cluster, v1alpha1.FinalizerCluster) {
		return ctrl.Result{}, r.addFinalizer(ctx, cluster)
	}
	if cluster.DeletionTimestamp != nil && !controllerutil.ContainsFinalizer(cluster, v1alpha1.FinalizerCluster) {
		r.letGo(req.NamespacedName) // Somebody else's finalizer holds the object.
		return ctrl.Result{}, nil
	}
	if cluster.DeletionTimestamp != nil {
		if is, err := r.stillThere(ctx, cluster); err != nil || !is {
			return ctrl.Result{RequeueAfter: time.Second}, err
		}
	}
	if forgot, err := r.forgetFramework(ctx, cluster); forgot || err != nil {
		return ctrl.Result{}, err
	}

	seen, err := r.observe(ctx, cluster)
	if err != nil {
		return ctrl.Result{}, err
	}
	seen.decided = r.Clock.Now()
	result := seen.plan(seen.decided)
	result.Tasks = seen.unwritten(result.Tasks)
	wrote, actErr := r.storeRevisions(ctx, seen, result.Launches)
	if wrote {
		// That took its time. What was decided before it is decided anew.
		return ctrl.Result{RequeueAfter: time.Millisecond}, nil
	}
	if actErr == nil {
		actErr = r.act(ctx, seen, result)
	}
	if errors.Is(actErr, errTaken) {
		// Who asks Mesos next asks for the lease before, and reads all anew.
		r.Fleet.Remove(req.NamespacedName)
		return ctrl.Result{}, actErr
	}
	if actErr == nil && result.Phase == plan.PhaseReady {
		actErr = seen.pruneRevisions(ctx)
	}
	r.askProbers(seen, result)
	r.Views.Publish(req.NamespacedName, result.Devices, seen.inventory)
	r.took(seen, began)
	actErr = cmp.Or(actErr, seen.keepBootstrapped(ctx), seen.keepUsedUp(ctx))
	gone, holdup, deletionErr := r.finishDeletion(ctx, seen, result)
	if gone {
		return ctrl.Result{}, nil
	}
	again, err := r.report(ctx, seen, result, holdup, actErr)
	if err := cmp.Or(deletionErr, actErr, err); err != nil {
		return ctrl.Result{}, err
	}
	r.Metrics.pass(req.NamespacedName, r.Clock.Since(began))
	return ctrl.Result{RequeueAfter: r.nextPass(seen, result, again)}, nil
}

// letGo forgets a cluster that is no more.
func (r *Reconciler) letGo(key types.NamespacedName) {
	r.Fleet.Remove(key)
	r.reports.forget(key)
	r.Views.Publish(key, nil, inventory.Result{})
	r.pace.forget(key)
	r.Metrics.forget(key)
}

// took notes how long the pass took, but for what it writes.
func (r *Reconciler) took(seen *observation, began time.Time) {
	now := r.Clock.Now()
	if seen.member != nil {
		seen.member.passTook.Store(int64(now.Sub(began)))
	}
	if seen.growing(now) > 0 {
		r.pace.passed(seen.key, now.Sub(began), now)
	}
}

func (r *Reconciler) addFinalizer(ctx context.Context, cluster *v1alpha1.QuobyteCluster) error {
	before := cluster.DeepCopy()
	controllerutil.AddFinalizer(cluster, v1alpha1.FinalizerCluster)
	if err := r.Client.Patch(ctx, cluster, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("add the finalizer: %w", err)
	}
	return nil
}

// nextPass is how long to wait when nothing wakes the controller before.
func (r *Reconciler) nextPass(seen *observation, result plan.Result, again time.Duration) time.Duration {
	next := again
	if seen.retry > 0 && (next == 0 || seen.retry < next) {
		next = seen.retry
	}
	if !result.Recheck.IsZero() {
		wait := max(result.Recheck.Sub(r.Clock.Now()), time.Millisecond)
		if next == 0 || wait < next {
			next = wait
		}
	}
	return next
}
