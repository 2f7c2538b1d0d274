package cluster

import (
	"context"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/simulation/apidouble"
)

// registering is a cluster whose framework is about to get its id.
func registering(t *testing.T) (r *Reconciler, cluster *v1alpha1.QuobyteCluster) {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	defaults, err := apidouble.LoadDefaults("../../config/crd/bases")
	if err != nil {
		t.Fatal(err)
	}
	api := apidouble.New(scheme, defaults).Client(nil, func(_ context.Context, _ apidouble.Request, do func() error) error { return do() })
	cluster = reservingCluster()
	if err := api.Create(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
	fleet := NewFleet(FleetConfig{Client: api, Reader: api, Clock: clock.RealClock{}, Rand: func() float64 { return 0 }, Log: logr.Discard()})
	return &Reconciler{Client: api, Reader: api, Fleet: fleet, Clock: clock.RealClock{}}, cluster
}

// A pass with a cache that is behind finds the id in the ConfigMap a moment after the
// subscription has written it. It is new all the same: no registry has ever run.
func TestIDThatWasJustWrittenTellsOfNoRegistry(t *testing.T) {
	r, cached := registering(t)
	identity := r.Fleet.identity(client.ObjectKeyFromObject(cached))
	if err := identity.Adopt(t.Context(), "framework-1"); err != nil {
		t.Fatal(err)
	}
	cached.Spec.Mesos.Master = "zk://zookeeper:2181/mesos" // starts no bridge
	seen := &observation{key: identity.key, cluster: cached}
	if err := r.connect(t.Context(), seen); err != nil {
		t.Fatal(err)
	}
	if seen.neverRan || seen.bootstrapped {
		t.Errorf("never ran: %v; a registry has run: %v", seen.neverRan, seen.bootstrapped)
	}
}

// What is kept beside the id outlives the cluster object.
func TestRegistryThatRanIsKeptWithTheID(t *testing.T) {
	for name, early := range map[string]bool{"known when the id is kept": true, "known later": false} {
		t.Run(name, func(t *testing.T) {
			r, cluster := registering(t)
			identity := r.Fleet.identity(client.ObjectKeyFromObject(cluster))
			bootstrap := func() {
				cluster.Status.Bootstrapped = true
				if err := r.Client.Status().Update(t.Context(), cluster); err != nil {
					t.Fatal(err)
				}
				seen := &observation{cluster: cluster, member: &member{identity: identity}}
				if err := seen.keepBootstrapped(t.Context()); err != nil || !seen.member.bootstrapKept {
					t.Fatal(seen.member.bootstrapKept, err)
				}
			}
			if early {
				bootstrap()
			}
			if err := identity.Adopt(t.Context(), "framework-1"); err != nil {
				t.Fatal(err)
			}
			if !early {
				if err := r.Client.Get(t.Context(), identity.key, cluster); err != nil {
					t.Fatal(err)
				}
				bootstrap()
			}
			kept := &corev1.ConfigMap{}
			if err := r.Client.Get(t.Context(), identity.configMap(), kept); err != nil || kept.Data[frameworkIDKey] != "framework-1" {
				t.Fatal(kept.Data, err)
			}
			if err := r.Client.Delete(t.Context(), cluster); err != nil {
				t.Fatal(err)
			}
			again := reservingCluster()
			if err := r.Client.Create(t.Context(), again); err != nil {
				t.Fatal(err)
			}
			if id, bootstrapped, err := identity.Known(t.Context()); err != nil || id != "framework-1" || !bootstrapped {
				t.Errorf("id %q, bootstrapped %v: %v", id, bootstrapped, err)
			}
		})
	}
}
