// Package device reconciles a QuobyteDevice: it makes objects of the devices that
// were found, writes what a pass over their cluster has found out about each, and
// holds a deleted device until the planner has taken its services through the
// gate. What a device's phase is decides internal/inventory, with a file for each.
package device

import (
	"context"
	"fmt"
	"time"

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
)

// Reconciler reconciles QuobyteDevices.
type Reconciler struct {
	Client client.Client
	Views  *Views
	Events events.EventRecorder
	Clock  clock.PassiveClock

	rush rush
}

// +kubebuilder:rbac:groups=mesos.quobyte.com,resources=quobytedevices,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=mesos.quobyte.com,resources=quobytedevices/status,verbs=patch

// SetupWithManager registers the controller. It wakes for a device, for what a
// pass of its cluster found out about it, and for clusters that come and go.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	views := source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		r.Views.WakeInto(queue)
		return nil
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("quobytedevice").
		For(&v1alpha1.QuobyteDevice{}).
		Watches(&v1alpha1.QuobyteCluster{}, handler.EnqueueRequestsFromMapFunc(r.DevicesOf), clusterComesOrGoes()).
		WatchesRawSource(views).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: 8,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](20*time.Millisecond, 15*time.Second),
		}).
		Complete(r)
}

// Reconcile brings one device's finalizer and status up to what is known.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	device := &v1alpha1.QuobyteDevice{}
	if err := r.Client.Get(ctx, req.NamespacedName, device); err != nil {
		if apierrors.IsNotFound(err) {
			r.Views.forget(req.NamespacedName)
			return ctrl.Result{}, r.create(ctx, req.NamespacedName)
		}
		return ctrl.Result{}, fmt.Errorf("get the device: %w", err)
	}
	r.Views.exists(req.NamespacedName, device.Spec.ClusterRef.Name)
	cluster := &v1alpha1.QuobyteCluster{}
	err := r.Client.Get(ctx, types.NamespacedName{Namespace: device.Namespace, Name: device.Spec.ClusterRef.Name}, cluster)
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("get cluster %s of the device: %w", device.Spec.ClusterRef.Name, err)
	}
	orphan := apierrors.IsNotFound(err)
	view, known := r.Views.of(req.NamespacedName)
	known = known && !orphan && view.UID == device.UID && view.Generation == device.Generation
	if device.DeletionTimestamp != nil {
		// Without its cluster nobody is left who could stop anything for it.
		if orphan || (known && view.Released) {
			return ctrl.Result{}, r.removeFinalizer(ctx, device)
		}
	} else if !controllerutil.ContainsFinalizer(device, v1alpha1.FinalizerDevice) {
		return ctrl.Result{}, r.addFinalizer(ctx, device)
	}
	switch {
	case orphan:
		view = unknownCluster(device, r.Clock.Now())
	case !known:
		// The cluster's next pass publishes a view of this generation.
		return ctrl.Result{}, nil
	}
	if is, successor := r.Views.obsolete(req.NamespacedName, device.UID); is && !orphan {
		return r.removeObsolete(ctx, device, successor)
	}
	if err := r.keepSerial(ctx, device, view.Serial); err != nil {
		return ctrl.Result{}, err
	}
	if r.rush.on(r.Clock.Now()) {
		return ctrl.Result{RequeueAfter: yieldFor}, nil
	}
	return ctrl.Result{}, r.report(ctx, device, view)
}

func (r *Reconciler) addFinalizer(ctx context.Context, device *v1alpha1.QuobyteDevice) error {
	r.rush.arrived(r.Clock.Now())
	before := device.DeepCopy()
	controllerutil.AddFinalizer(device, v1alpha1.FinalizerDevice)
	if err := r.Client.Patch(ctx, device, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("add the finalizer: %w", err)
	}
	return nil
}

func (r *Reconciler) removeFinalizer(ctx context.Context, device *v1alpha1.QuobyteDevice) error {
	before := device.DeepCopy()
	if !controllerutil.RemoveFinalizer(device, v1alpha1.FinalizerDevice) {
		return nil
	}
	if err := r.Client.Patch(ctx, device, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("remove the finalizer: %w", err)
	}
	return nil
}
