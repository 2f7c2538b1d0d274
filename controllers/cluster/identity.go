package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// identity keeps the framework id of one cluster, in its status and in a
// ConfigMap without owner, which outlives the cluster object and is read when
// the status is empty: a restored backup has lost it (rule 6).
type identity struct {
	key    types.NamespacedName
	reader client.Reader // past the cache
	writer client.Client
	lease  *Lease
}

// frameworkIDKey is the key in the ConfigMap <cluster>-framework.
const frameworkIDKey = "frameworkID"

// FrameworkID confirms that this process leads and returns the id to subscribe
// with; empty for a cluster that never had a framework.
func (i *identity) FrameworkID(ctx context.Context) (string, error) {
	if err := i.lease.Confirm(ctx); err != nil {
		return "", err
	}
	cluster := &v1alpha1.QuobyteCluster{}
	if err := i.reader.Get(ctx, i.key, cluster); err != nil {
		return "", fmt.Errorf("read the cluster's framework id: %w", err)
	}
	if id := cluster.Status.FrameworkID; id != "" {
		return id, i.keep(ctx, cluster, id)
	}
	id, err := i.kept(ctx)
	if err != nil {
		return "", err
	}
	if id == "" {
		id = cluster.Spec.Mesos.FrameworkID
	}
	if id == "" {
		return "", nil
	}
	return id, i.Adopt(ctx, id)
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
			return i.writer.Status().Update(ctx, cluster)
		}
		return fmt.Errorf("the cluster runs as framework %s already", cluster.Status.FrameworkID)
	})
	if err != nil {
		return fmt.Errorf("keep framework id %s in the status: %w", id, err)
	}
	return i.keep(ctx, cluster, id)
}

// kept returns the id in the ConfigMap, empty when there is none.
func (i *identity) kept(ctx context.Context) (string, error) {
	kept := &corev1.ConfigMap{}
	err := i.reader.Get(ctx, i.configMap(), kept)
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read ConfigMap %s: %w", i.configMap().Name, err)
	}
	return kept.Data[frameworkIDKey], nil
}

// keep makes sure that the ConfigMap holds the id.
func (i *identity) keep(ctx context.Context, cluster *v1alpha1.QuobyteCluster, id string) error {
	have, err := i.kept(ctx)
	if err != nil {
		return err
	}
	if have == id {
		return nil
	}
	if have != "" {
		return fmt.Errorf("ConfigMap %s names framework %s, the cluster's status %s: delete the one that is wrong",
			i.configMap().Name, have, id)
	}
	err = i.writer.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: i.key.Namespace, Name: i.configMap().Name,
			Labels: map[string]string{labelCluster: cluster.Name},
		},
		Data: map[string]string{frameworkIDKey: id},
	})
	if err != nil {
		return fmt.Errorf("create ConfigMap %s: %w", i.configMap().Name, err)
	}
	return nil
}

// forget removes the id, at a person's word. The ConfigMap goes first: while the
// status holds the id, nothing starts a new framework.
func (i *identity) forget(ctx context.Context, id string) error {
	err := i.writer.Delete(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: i.key.Namespace, Name: i.configMap().Name}})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete ConfigMap %s: %w", i.configMap().Name, err)
	}
	cluster := &v1alpha1.QuobyteCluster{}
	if err := i.reader.Get(ctx, i.key, cluster); err != nil {
		return client.IgnoreNotFound(err)
	}
	if cluster.Status.FrameworkID != id {
		return nil
	}
	cluster.Status.FrameworkID = ""
	if err := i.writer.Status().Update(ctx, cluster); err != nil {
		return fmt.Errorf("clear the framework id in the status: %w", err)
	}
	return nil
}

func (i *identity) configMap() types.NamespacedName {
	return types.NamespacedName{Namespace: i.key.Namespace, Name: i.key.Name + "-framework"}
}
