package device

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/plan"
)

// report writes the status when it changed, and tells of a phase that did.
func (r *Reconciler) report(ctx context.Context, device *v1alpha1.QuobyteDevice, known view) error {
	before := device.DeepCopy()
	fill(device, known)
	if equality.Semantic.DeepEqual(before.Status, device.Status) {
		return nil
	}
	if err := r.Client.Status().Patch(ctx, device, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	r.announce(before, device)
	return nil
}

// fill makes the status what the view says.
func fill(device *v1alpha1.QuobyteDevice, view view) {
	status := &device.Status
	status.ObservedGeneration = device.Generation
	if status.Phase != view.Phase || status.PhaseSince == nil {
		status.Phase = view.Phase
		status.PhaseSince = &metav1.Time{Time: view.since}
	}
	status.Host, status.Path, status.PreviousHost = view.Host, view.Path, view.PreviousHost
	status.MovedServices = view.Moved
	if view.AppearedAt.IsZero() {
		status.AppearedAt = nil
	} else if status.AppearedAt == nil || !status.AppearedAt.Time.Equal(view.AppearedAt) {
		status.AppearedAt = &metav1.MicroTime{Time: view.AppearedAt}
	}
	status.AgentID = view.AgentID
	status.Serial, status.Model, status.FileSystem = view.Serial, view.Model, view.FileSystem
	status.Capacity, status.Used, status.Bootstrap = view.Capacity, view.Used, view.Bootstrap
	status.DeviceTypes = view.Types
	status.Types = typesInAWord(view.Types)
	status.Summary = view.Summary
	status.Services, status.Volume = view.Tasks, view.Volume
	accepted := metav1.Condition{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionFalse,
		Reason: view.Reason, Message: view.Message, ObservedGeneration: device.Generation}
	if view.Accepted {
		accepted.Status = metav1.ConditionTrue
	}
	meta.SetStatusCondition(&status.Conditions, accepted)
	inUse := metav1.Condition{Type: v1alpha1.ConditionInUse, Status: metav1.ConditionFalse,
		Reason: v1alpha1.ReasonNotInUse, Message: "no service of the cluster uses the device", ObservedGeneration: device.Generation}
	if len(view.Tasks) > 0 {
		inUse.Status, inUse.Reason, inUse.Message = metav1.ConditionTrue, v1alpha1.ReasonInUse, view.Summary
	}
	meta.SetStatusCondition(&status.Conditions, inUse)
}

// announce tells of phases that a person would want to know of, beside those that
// all devices go through.
func (r *Reconciler) announce(before, after *v1alpha1.QuobyteDevice) {
	was, is := before.Status.Phase, after.Status.Phase
	moved := before.Status.Host != "" && before.Status.Host != after.Status.Host
	if moved {
		r.Events.Eventf(after, nil, corev1.EventTypeNormal, "Moved", "Follow", "moved from %s to %s", before.Status.Host, after.Status.Host)
	}
	if was == is || was == "" && is == v1alpha1.PhaseOnline {
		return
	}
	kind := corev1.EventTypeNormal
	switch is {
	case v1alpha1.PhaseMissing, v1alpha1.PhaseReplaced, v1alpha1.PhaseConflict:
		kind = corev1.EventTypeWarning
	case v1alpha1.PhasePending:
		if was == "" {
			return
		}
	}
	message := "in use"
	if c := meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionAccepted); c != nil {
		message = c.Message
	}
	r.Events.Eventf(after, nil, kind, string(is), "Probe", "%s", message[:min(len(message), 1000)])
}

func unknownCluster(device *v1alpha1.QuobyteDevice, now time.Time) view {
	message := fmt.Sprintf("spec.clusterRef: there is no QuobyteCluster %q in namespace %q", device.Spec.ClusterRef.Name, device.Namespace)
	s := &device.Status
	known := plan.DeviceView{
		Summary: message,
		// What was known and what ran when the cluster was let go still is so, as
		// far as anyone knows.
		AgentID: s.AgentID, Tasks: s.Services, Volume: s.Volume, Moved: s.MovedServices,
		Standing: inventory.Standing{
			Phase: s.Phase, Host: s.Host, Path: s.Path, PreviousHost: s.PreviousHost,
			Types: s.DeviceTypes, Serial: s.Serial, Model: s.Model, FileSystem: s.FileSystem,
			Capacity: s.Capacity, Used: s.Used, Bootstrap: s.Bootstrap,
			Reason: v1alpha1.ReasonUnknownCluster, Message: message,
		},
	}
	if known.Phase == "" {
		known.Phase = v1alpha1.PhasePending
	}
	if s.AppearedAt != nil {
		known.AppearedAt = s.AppearedAt.Time
	}
	return view{DeviceView: known, since: now.Truncate(time.Second)}
}

func typesInAWord(types []v1alpha1.DeviceType) string {
	words := make([]string, len(types))
	for i, t := range types {
		words[i] = string(t)
	}
	slices.Sort(words)
	return strings.Join(words, ",")
}
