package device

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
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
// any more. Somebody who has just taken its label away wants it.
func (r *Reconciler) removeObsolete(ctx context.Context, device *v1alpha1.QuobyteDevice) error {
	if device.Labels[v1alpha1.LabelDiscovered] == "" || device.DeletionTimestamp != nil {
		return nil
	}
	err := r.Client.Delete(ctx, device, client.Preconditions{UID: &device.UID, ResourceVersion: &device.ResourceVersion})
	if apierrors.IsConflict(err) {
		return nil // It has changed, and its change wakes a pass.
	}
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete the object that stands for nothing any more: %w", err)
	}
	r.Events.Eventf(device, nil, corev1.EventTypeNormal, "Obsolete", "Delete", "another object stands for the device, or its place is empty")
	return nil
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
