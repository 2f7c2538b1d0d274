package cluster

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// How often it is asked whether the namespace is being deleted: while devices have been
// for less than namespaceSettles, and later.
const (
	namespaceLooks   = time.Second
	namespaceSettles = time.Minute
	namespaceSeldom  = time.Hour
)

// takeNamespace finds out whether devices are deleted because their whole namespace is.
// Then the cluster is, too, in a moment, and its deletion policy says what becomes of the
// services, not the deletion of the devices: they go in no order. The API server is asked
// whether it would still take an object, which needs no right to read namespaces.
func (r *Reconciler) takeNamespace(ctx context.Context, seen *observation) {
	m := seen.member
	leaves, every := false, namespaceSeldom
	for _, d := range seen.devices {
		if d.DeletionTimestamp == nil {
			continue
		}
		leaves = true
		if r.Clock.Since(d.DeletionTimestamp.Time) < namespaceSettles {
			every = namespaceLooks
			break
		}
	}
	if m == nil || seen.cluster.DeletionTimestamp != nil || !leaves {
		return
	}
	if !m.namespaceEnds && m.asked.due("namespace", every, r.Clock.Now()) {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		err := r.Client.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
			Namespace: seen.key.Namespace, GenerateName: seen.key.Name + "-"}}, client.DryRunAll)
		m.namespaceEnds = apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
	}
	if m.namespaceEnds {
		seen.leaving = seen.cluster.DeepCopy()
		now := metav1.NewTime(r.Clock.Now())
		seen.leaving.DeletionTimestamp = &now
		seen.lookAgain(namespaceLooks)
	}
}
