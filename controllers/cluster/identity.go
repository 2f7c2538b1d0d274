package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// identity keeps the framework id of one cluster, in its status and in a
// ConfigMap without owner, which outlives the cluster object and is read when
// the status is empty: a restored backup has lost it (rule 6).
type identity struct {
	key    types.NamespacedName
	reader client.Reader // past the cache
	client client.Client
	lease  *Lease
	// taking is held while a framework is looked up among the other clusters and taken: of
	// two that are applied at once with one id, one gets it.
	taking *sync.Mutex
}

// frameworkIDKey is the key in the ConfigMap <cluster>-framework. Beside it stands what
// cannot change during the framework's life (rule 9), and what kept.go has.
const frameworkIDKey = "frameworkID"

// conflict is an identity that the cluster must not take. Only a person can go
// on.
type conflict struct{ error }

// ProblemReason names the reason of the condition Connected.
func (conflict) ProblemReason() string { return reasonIdentityConflict }

// FrameworkID confirms that this process leads and returns the id to subscribe
// with; empty for a cluster that never had a framework.
func (i *identity) FrameworkID(ctx context.Context) (string, error) {
	if err := i.lease.Confirm(ctx); err != nil {
		return "", err
	}
	cluster, kept, err := i.read(ctx)
	if err != nil {
		return "", err
	}
	deleting := cluster.DeletionTimestamp != nil
	if deleting && !controllerutil.ContainsFinalizer(cluster, v1alpha1.FinalizerCluster) {
		return "", errors.New("the cluster is deleted, and its framework let go")
	}
	if id := cluster.Status.FrameworkID; id != "" {
		if deleting {
			// A namespace that is being deleted takes no new ConfigMap.
			return id, nil
		}
		return id, i.keep(ctx, cluster, kept, id)
	}
	id := kept[frameworkIDKey]
	if id == "" {
		id = cluster.Spec.Mesos.FrameworkID
	} else if err := i.sameFramework(cluster, kept); err != nil {
		return "", err
	}
	if id == "" {
		return "", nil
	}
	i.taking.Lock()
	defer i.taking.Unlock()
	if err := i.unused(ctx, id); err != nil {
		return "", err
	}
	return id, i.Adopt(ctx, id)
}

// Known returns the id that the cluster has or would take; empty when nothing
// of it can run in Mesos. bootstrapped: a registry of it has run.
func (i *identity) Known(ctx context.Context) (id string, bootstrapped bool, err error) {
	cluster, kept, err := i.read(ctx)
	if err != nil {
		return "", false, err
	}
	return cmp.Or(cluster.Status.FrameworkID, kept[frameworkIDKey], cluster.Spec.Mesos.FrameworkID),
		kept[bootstrappedKey] == "true", nil
}

// Adopt writes the id over an empty one and over nothing else.
func (i *identity) Adopt(ctx context.Context, id string) error {
	var cluster *v1alpha1.QuobyteCluster
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		cluster = &v1alpha1.QuobyteCluster{}
		if err := i.reader.Get(ctx, i.key, cluster); err != nil {
			return err
		}
		switch cluster.Status.FrameworkID {
		case id:
			return nil
		case "":
			cluster.Status.FrameworkID = id
			return i.client.Status().Update(ctx, cluster)
		}
		return conflict{fmt.Errorf("the cluster runs as framework %s already", cluster.Status.FrameworkID)}
	})
	if err != nil {
		return fmt.Errorf("keep framework id %s in the status: %w", id, err)
	}
	_, kept, err := i.read(ctx)
	if err != nil {
		return err
	}
	return i.keep(ctx, cluster, kept, id)
}

// read returns the cluster, and the data of its ConfigMap, nil when there is
// none.
func (i *identity) read(ctx context.Context) (*v1alpha1.QuobyteCluster, map[string]string, error) {
	cluster := &v1alpha1.QuobyteCluster{}
	if err := i.reader.Get(ctx, i.key, cluster); err != nil {
		return nil, nil, fmt.Errorf("read the cluster's framework id: %w", err)
	}
	kept := &corev1.ConfigMap{}
	if err := i.reader.Get(ctx, i.configMap(), kept); client.IgnoreNotFound(err) != nil {
		return nil, nil, fmt.Errorf("read ConfigMap %s: %w", i.configMap().Name, err)
	}
	return cluster, kept.Data, nil
}

// keep makes sure that the ConfigMap holds the id.
func (i *identity) keep(ctx context.Context, cluster *v1alpha1.QuobyteCluster, kept map[string]string, id string) error {
	switch have := kept[frameworkIDKey]; have {
	case id:
		return nil
	case "":
	default:
		return conflict{fmt.Errorf("ConfigMap %s names framework %s, the cluster's status %s: delete the ConfigMap if it is wrong, or the cluster",
			i.configMap().Name, have, id)}
	}
	data := immutable(cluster)
	data[frameworkIDKey] = id
	if cluster.Status.Bootstrapped {
		data[bootstrappedKey] = "true"
	}
	err := i.client.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: i.key.Namespace, Name: i.configMap().Name,
			Labels: map[string]string{labelCluster: cluster.Name},
		},
		Data: data,
	})
	if apierrors.IsAlreadyExists(err) {
		return i.refill(ctx, data)
	}
	if err != nil {
		return fmt.Errorf("create ConfigMap %s: %w", i.configMap().Name, err)
	}
	return nil
}

// immutable is what cannot change once there is a framework id.
func immutable(cluster *v1alpha1.QuobyteCluster) map[string]string {
	mesos := cluster.Spec.Mesos
	return map[string]string{"frameworkName": mesos.FrameworkName, "role": mesos.Role, "user": mesos.User, "principal": mesos.Principal}
}

// sameFramework compares a new object with what its framework was: the CRD
// forbids a change of one object alone.
func (i *identity) sameFramework(cluster *v1alpha1.QuobyteCluster, kept map[string]string) error {
	for field, value := range immutable(cluster) {
		if was, ok := kept[field]; ok && was != value {
			return conflict{fmt.Errorf("spec.mesos.%s is %q, and framework %s, which ConfigMap %s keeps, runs with %q, its services perhaps as well: set it to that",
				field, value, kept[frameworkIDKey], i.configMap().Name, was)}
		}
	}
	return nil
}

// unused refuses an id that another cluster runs as: the two would take the
// framework from each other for ever.
func (i *identity) unused(ctx context.Context, id string) error {
	list := &v1alpha1.QuobyteClusterList{}
	if err := i.reader.List(ctx, list); err != nil {
		return fmt.Errorf("look for another cluster with framework %s: %w", id, err)
	}
	for _, other := range list.Items {
		if client.ObjectKeyFromObject(&other) != i.key && other.Status.FrameworkID == id {
			return conflict{fmt.Errorf("framework %s is that of QuobyteCluster %s/%s", id, other.Namespace, other.Name)}
		}
	}
	return nil
}

// forget removes the id, at a person's word. The ConfigMap goes first: while the
// status holds the id, nothing starts a new framework. What is kept of another framework
// stays: a process that hung may be late.
func (i *identity) forget(ctx context.Context, id string) error {
	kept := &corev1.ConfigMap{}
	if err := i.reader.Get(ctx, i.configMap(), kept); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read ConfigMap %s: %w", i.configMap().Name, err)
	}
	if has := kept.Data[frameworkIDKey]; has != "" && has != id {
		return nil
	}
	if err := dropLedger(ctx, i.reader, i.client, i.key); err != nil {
		return err
	}
	if kept.ResourceVersion != "" {
		err := i.client.Delete(ctx, kept, client.Preconditions{UID: &kept.UID, ResourceVersion: &kept.ResourceVersion})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete ConfigMap %s: %w", i.configMap().Name, err)
		}
	}
	cluster := &v1alpha1.QuobyteCluster{}
	if err := i.reader.Get(ctx, i.key, cluster); err != nil {
		return client.IgnoreNotFound(err)
	}
	if cluster.Status.FrameworkID != id {
		return nil
	}
	cluster.Status.FrameworkID = ""
	if err := i.client.Status().Update(ctx, cluster); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("clear the framework id in the status: %w", err)
	}
	return nil
}

func (i *identity) configMap() types.NamespacedName {
	return types.NamespacedName{Namespace: i.key.Namespace, Name: i.key.Name + "-framework"}
}
