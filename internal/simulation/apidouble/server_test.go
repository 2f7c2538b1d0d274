package apidouble

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

func newServer(t *testing.T) *Server {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	defaults, err := LoadDefaults("../../../config/crd/bases")
	if err != nil {
		t.Fatal(err)
	}
	return New(scheme, defaults)
}

func direct(_ context.Context, _ Request, do func() error) error { return do() }

func newCluster() *v1alpha1.QuobyteCluster {
	c := &v1alpha1.QuobyteCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "storage", Name: "quobyte"}}
	c.Spec.Version, c.Spec.Image, c.Spec.Mesos.Master = "1.1.5", "quobyte-server", "http://master:5050"
	return c
}

func TestWritesOfAResource(t *testing.T) {
	ctx, c := t.Context(), newServer(t).Client(nil, direct)
	cluster := newCluster()
	cluster.Status.FrameworkID = "ignored"
	if err := c.Create(ctx, cluster); err != nil {
		t.Fatal(err)
	}
	if cluster.Generation != 1 || cluster.Status.FrameworkID != "" || cluster.Spec.Ports.Base != 21000 || cluster.UID == "" {
		t.Errorf("created: %+v", cluster)
	}
	if err := c.Create(ctx, newCluster()); !apierrors.IsAlreadyExists(err) {
		t.Errorf("created again: %v", err)
	}

	stale := cluster.DeepCopy()
	before := cluster.DeepCopy()
	cluster.Status.FrameworkID, cluster.Spec.Version = "f1", "1.1.6"
	if err := c.Status().Patch(ctx, cluster, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	if cluster.Status.FrameworkID != "f1" || cluster.Spec.Version != "1.1.5" || cluster.Generation != 1 {
		t.Errorf("a status was written: %+v", cluster)
	}
	stale.Status.FrameworkID = "f2"
	if err := c.Status().Update(ctx, stale); !apierrors.IsConflict(err) {
		t.Errorf("an update of an old version: %v", err)
	}
	was := stale.DeepCopy()
	stale.Finalizers = []string{"x"}
	if err := c.Patch(ctx, stale, client.MergeFromWithOptions(was, client.MergeFromWithOptimisticLock{})); !apierrors.IsConflict(err) {
		t.Errorf("a patch of an old version: %v", err)
	}
	if err := c.Patch(ctx, stale, client.MergeFrom(was)); err != nil || stale.Status.FrameworkID != "f1" {
		t.Errorf("a patch of any version: %v, %+v", err, stale)
	}
	version := stale.ResourceVersion
	was = stale.DeepCopy()
	if err := c.Patch(ctx, stale, client.MergeFrom(was)); err != nil || stale.ResourceVersion != version {
		t.Errorf("nothing was changed: %v, version %s after %s", err, stale.ResourceVersion, version)
	}
	stale.Spec.Version = "1.1.6"
	if err := c.Update(ctx, stale); err != nil || stale.Generation != 2 {
		t.Errorf("the spec was changed: %v, generation %d", err, stale.Generation)
	}

	if err := c.Delete(ctx, cluster); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(ctx, client.ObjectKeyFromObject(cluster), cluster); err != nil || cluster.DeletionTimestamp == nil || cluster.Generation != 3 {
		t.Errorf("deleted, with a finalizer: %v, %+v", err, cluster.ObjectMeta)
	}
	was = cluster.DeepCopy()
	cluster.Finalizers = nil
	if err := c.Patch(ctx, cluster, client.MergeFrom(was)); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(ctx, client.ObjectKeyFromObject(cluster), cluster); !apierrors.IsNotFound(err) {
		t.Errorf("without a finalizer: %v", err)
	}
}

func TestPreconditions(t *testing.T) {
	ctx, c := t.Context(), newServer(t).Client(nil, direct)
	cluster := newCluster()
	if err := c.Create(ctx, cluster); err != nil {
		t.Fatal(err)
	}
	other := types.UID("other")
	if err := c.Delete(ctx, cluster, client.Preconditions{UID: &other}); !apierrors.IsConflict(err) {
		t.Errorf("another object: %v", err)
	}
	if err := c.Delete(ctx, cluster, client.Preconditions{UID: &cluster.UID, ResourceVersion: &cluster.ResourceVersion}); err != nil {
		t.Error(err)
	}
}

// A cache is behind by its lag, in order, and what it shows does not change under
// those who read it.
func TestCacheIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		writer := s.Client(nil, direct)
		lags := []time.Duration{time.Second, 10 * time.Second, 0}
		var heard []string
		cache := s.Cache(CacheConfig{
			Kinds: []string{"QuobyteCluster"},
			Lag: func() (lag time.Duration) {
				lag, lags = lags[0], lags[1:]
				return lag
			},
			Heard: func(before, after client.Object) {
				what := ""
				for _, o := range []client.Object{before, after} {
					if o != nil {
						what += o.(*v1alpha1.QuobyteCluster).Spec.Version
					}
					what += " "
				}
				heard = append(heard, what)
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); cache.Run(ctx) }()
		defer func() { cancel(); <-done }()

		c := s.Client(cache, func(context.Context, Request, func() error) error { return errors.New("past the cache") })
		version := func(after time.Duration) string {
			time.Sleep(after)
			synctest.Wait()
			got := newCluster()
			if err := c.Get(ctx, client.ObjectKeyFromObject(got), got); apierrors.IsNotFound(err) {
				return ""
			} else if err != nil {
				t.Fatal(err)
			}
			return got.Spec.Version
		}
		cluster := newCluster()
		if err := writer.Create(ctx, cluster); err != nil {
			t.Fatal(err)
		}
		if got := version(0); got != "" {
			t.Errorf("at once: %q", got)
		}
		if got := version(time.Second); got != "1.1.5" {
			t.Errorf("after a second: %q", got)
		}
		cluster.Spec.Version = "1.1.6"
		if err := writer.Update(ctx, cluster); err != nil {
			t.Fatal(err)
		}
		if err := writer.Delete(ctx, cluster); err != nil {
			t.Fatal(err)
		}
		if got := version(9 * time.Second); got != "1.1.5" {
			t.Errorf("after nine seconds: %q", got)
		}
		if got := version(time.Second); got != "" {
			t.Errorf("after ten seconds: %q", got)
		}
		if len(heard) != 3 || heard[0] != " 1.1.5 " || heard[1] != "1.1.5 1.1.6 " || heard[2] != "1.1.6  " {
			t.Errorf("heard %q", heard)
		}
	})
}
