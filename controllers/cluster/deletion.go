package cluster

import (
	"cmp"
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/plan"
)

const (
	// orphanedFor is the fail-over time-out that a framework is left with: ten
	// years, in which nothing of it ends by itself (rule 16).
	orphanedFor = 10 * 365 * 24 * time.Hour
	// mesosCallTimeout bounds the two calls that a deletion waits for.
	mesosCallTimeout = 20 * time.Second
)

// finishDeletion carries out the deletion policy as far as it can be now. gone:
// the object is let go. holdup says what it waits for, and how a person lets go
// without it.
func (r *Reconciler) finishDeletion(ctx context.Context, seen *observation, result plan.Result) (gone bool, holdup string, err error) {
	cluster := seen.cluster
	if cluster.DeletionTimestamp == nil {
		return false, "", nil
	}
	teardown := cluster.Spec.DeletionPolicy == v1alpha1.DeletionTeardown
	switch {
	case seen.neverRan && !seen.snapshot.Connected,
		seen.problem.Reason == v1alpha1.ReasonFrameworkRemoved:
		// Mesos runs nothing for it.
	case cluster.Spec.Suspend:
		return false, "the cluster is suspended: set spec.suspend to false to go on", nil
	case !seen.snapshot.Connected:
		return false, unreachableHoldup(cluster, seen), nil
	case teardown && result.Phase != plan.PhaseStopped:
		holdup := "the services are being stopped before the framework is torn down"
		if len(result.Reasons) > 0 {
			holdup += ": " + result.Reasons[0].Message
		}
		return false, holdup, nil
	case teardown && seen.untold() != "":
		// Nobody writes it when the cluster is gone, and a new installation would take what
		// stands there for traces of a registry that ran.
		seen.lookAgain(time.Second)
		return false, "all services have stopped; the status of device " + seen.untold() + " has yet to tell it", nil
	default:
		if err := r.leaveMesos(ctx, seen, result, teardown); err != nil {
			return false, err.Error(), err
		}
	}
	r.Fleet.Remove(seen.key)
	if teardown {
		if err := r.forgetEverything(ctx, seen); err != nil {
			return false, err.Error(), err
		}
	}
	before := cluster.DeepCopy()
	controllerutil.RemoveFinalizer(cluster, v1alpha1.FinalizerCluster)
	if err := r.Client.Patch(ctx, cluster, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		err = fmt.Errorf("remove the finalizer: %w", err)
		return false, err.Error(), err
	}
	r.reports.forget(seen.key)
	return true, "", nil
}

// untold is a device whose status lists a task that has ended; empty: none does. What is
// on an agent that cannot be reached stays listed.
func (o *observation) untold() string {
	for _, d := range o.written {
		for i := range d.Status.Services {
			if o.snapshot.Tasks[d.Status.Services[i].TaskID] == nil {
				return d.Name
			}
		}
	}
	return ""
}

// stillThere asks the API server, past the cache, whether the object that is being deleted
// is. One that was applied again under its name must not be deleted in its stead, nor its
// framework.
func (r *Reconciler) stillThere(ctx context.Context, cluster *v1alpha1.QuobyteCluster) (bool, error) {
	now := &v1alpha1.QuobyteCluster{}
	if err := r.Reader.Get(ctx, client.ObjectKeyFromObject(cluster), now); err != nil {
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return false, fmt.Errorf("read the cluster that is being deleted: %w", err)
	}
	return now.UID == cluster.UID, nil
}

// leaveMesos is the last call to Mesos: TEARDOWN, or a fail-over time-out that
// leaves everything running.
func (r *Reconciler) leaveMesos(ctx context.Context, seen *observation, result plan.Result, teardown bool) error {
	ctx, cancel := context.WithTimeout(ctx, mesosCallTimeout)
	defer cancel()
	if teardown {
		if err := seen.member.bridge.Teardown(ctx); err != nil {
			return fmt.Errorf("tear down framework %s: %w", seen.snapshot.FrameworkID, err)
		}
		r.Events.Eventf(seen.cluster, nil, corev1.EventTypeNormal, "TornDown", "Teardown",
			"framework %s is removed from Mesos", seen.snapshot.FrameworkID)
		return nil
	}
	if err := seen.member.identity.leave(ctx, seen.snapshot.FrameworkID); err != nil {
		return err
	}
	if err := seen.member.ledger.leaveTasks(ctx, result.Tasks, r.Clock.Now()); err != nil {
		return err
	}
	if err := seen.member.bridge.Release(ctx, orphanedFor); err != nil {
		return fmt.Errorf("leave framework %s to itself: %w", seen.snapshot.FrameworkID, err)
	}
	r.Events.Eventf(seen.cluster, nil, corev1.EventTypeNormal, "Orphaned", "Orphan",
		"framework %s and its services go on in Mesos; ConfigMap %s keeps the id", seen.snapshot.FrameworkID, seen.member.identity.configMap().Name)
	return nil
}

// forgetEverything removes what outlives an orphaned cluster.
func (r *Reconciler) forgetEverything(ctx context.Context, seen *observation) error {
	if err := r.Fleet.identity(seen.key).forget(ctx, cmp.Or(seen.cluster.Status.FrameworkID, seen.snapshot.FrameworkID)); err != nil {
		return err
	}
	stored, err := loadRevisions(ctx, r.Reader, r.Client, seen.key)
	if err != nil {
		return err
	}
	return stored.prune(ctx, nil, true)
}

func unreachableHoldup(cluster *v1alpha1.QuobyteCluster, seen *observation) string {
	what := "Mesos, which cannot be reached (" + seen.problem.Message + ")"
	letGo := fmt.Sprintf("to let go without Mesos, remove the finalizer %s; Mesos then kills the services %s after the operator's last connection",
		v1alpha1.FinalizerCluster, cluster.Spec.Mesos.FailoverTimeout.Duration)
	if cluster.Spec.DeletionPolicy == v1alpha1.DeletionTeardown {
		return fmt.Sprintf("waits for %s to stop the services; to keep them, set spec.deletionPolicy to Orphan; %s", what, letGo)
	}
	return fmt.Sprintf("waits for %s to let the services run on for ten years; %s", what, letGo)
}

// forgetFramework clears a framework id that Mesos has removed, when a person
// says so by annotation. forgot: the pass ends here, and the change wakes the
// next.
func (r *Reconciler) forgetFramework(ctx context.Context, cluster *v1alpha1.QuobyteCluster) (forgot bool, err error) {
	id := cluster.Status.FrameworkID
	if id == "" || cluster.Annotations[v1alpha1.AnnotationForgetFramework] != id || cluster.Spec.Mesos.FrameworkID == id {
		return false, nil
	}
	key := client.ObjectKeyFromObject(cluster)
	m := r.Fleet.Find(key)
	if m == nil || m.bridge.Snapshot().Problem.Reason != v1alpha1.ReasonFrameworkRemoved {
		// Only what Mesos has removed may be forgotten: its tasks are gone.
		return false, nil
	}
	r.Fleet.Remove(key)
	if err := m.identity.forget(ctx, id); err != nil {
		return false, err
	}
	r.Events.Eventf(cluster, nil, corev1.EventTypeNormal, "FrameworkForgotten", "Forget",
		"framework %s is forgotten, as annotated; a new one is registered", id)
	return true, nil
}
