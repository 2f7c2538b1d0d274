package device

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// create makes the object of a device that was found, if the last pass of its
// cluster still asks for it.
func (r *Reconciler) create(ctx context.Context, key types.NamespacedName) error {
	found := r.Views.discovered(key)
	if found == nil {
		return nil
	}
	device := found.DeepCopy()
	if err := r.Client.Create(ctx, device); apierrors.IsAlreadyExists(err) {
		return nil // The cache is behind; its next word wakes a pass.
	} else if err != nil {
		return fmt.Errorf("create the object of a device that was found: %w", err)
	}
	r.Views.created(key)
	return nil
}

// removeObsolete deletes an object that a probe made and that stands for nothing
// any more. Somebody who has just taken its label away wants it. It goes when its
// successor, if there is one, has in its status what it has inherited: should this
// process end in between, the next one would take the deletion for a person's.
func (r *Reconciler) removeObsolete(ctx context.Context, device *v1alpha1.QuobyteDevice, successor string) (ctrl.Result, error) {
	if device.Labels[v1alpha1.LabelDiscovered] == "" || device.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	if successor != "" {
		if inherited, err := r.inherited(ctx, types.NamespacedName{Namespace: device.Namespace, Name: successor}); err != nil {
			return ctrl.Result{}, err
		} else if !inherited {
			return ctrl.Result{RequeueAfter: gather}, nil
		}
	}
	err := r.Client.Delete(ctx, device, client.Preconditions{UID: &device.UID, ResourceVersion: &device.ResourceVersion})
	if apierrors.IsConflict(err) {
		return ctrl.Result{}, nil // It has changed, and its change wakes a pass.
	}
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("delete the object that stands for nothing any more: %w", err)
	}
	r.Events.Eventf(device, nil, corev1.EventTypeNormal, "Obsolete", "Delete", "another object stands for the device, or its place is empty")
	return ctrl.Result{}, nil
}

// inherited says that the status of a device has all that the last pass found out.
func (r *Reconciler) inherited(ctx context.Context, key types.NamespacedName) (bool, error) {
	device := &v1alpha1.QuobyteDevice{}
	if err := r.Client.Get(ctx, key, device); err != nil {
		return false, client.IgnoreNotFound(fmt.Errorf("get the object that stands for the device: %w", err))
	}
	known, ok := r.Views.of(key)
	return ok && known.UID == device.UID && written(device, &known), nil
}

// keepSerial writes the serial of a device that was initialised beside the status:
// a backup may bring back the object without it.
func (r *Reconciler) keepSerial(ctx context.Context, device *v1alpha1.QuobyteDevice, serial string) error {
	if serial == "" || !device.Spec.Initialize || device.Annotations[v1alpha1.AnnotationSerial] == serial {
		return nil
	}
	before := device.DeepCopy()
	if device.Annotations == nil {
		device.Annotations = map[string]string{}
	}
	device.Annotations[v1alpha1.AnnotationSerial] = serial
	if err := r.Client.Patch(ctx, device, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("keep the serial: %w", err)
	}
	return nil
}
