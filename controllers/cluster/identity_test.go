package cluster

import (
	"context"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/simulation/apidouble"
)

func passes(_ context.Context, _ apidouble.Request, do func() error) error { return do() }

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
	api := apidouble.New(scheme, defaults).Client(nil, passes)
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

// A ConfigMap whose data was taken out by hand is filled again. Else the operator never
// subscribes any more, and Mesos kills the services when the fail-over time-out is over.
func TestEmptiedConfigMapIsFilledAgain(t *testing.T) {
	for name, data := range map[string]map[string]string{"nothing": nil, "no id": {bootstrappedKey: "true"}} {
		t.Run(name, func(t *testing.T) {
			r, cluster := registering(t)
			identity := r.Fleet.identity(client.ObjectKeyFromObject(cluster))
			if err := identity.Adopt(t.Context(), "framework-1"); err != nil {
				t.Fatal(err)
			}
			kept := &corev1.ConfigMap{}
			if err := r.Client.Get(t.Context(), identity.configMap(), kept); err != nil {
				t.Fatal(err)
			}
			kept.Data = data
			if err := r.Client.Update(t.Context(), kept); err != nil {
				t.Fatal(err)
			}
			if id, err := identity.FrameworkID(t.Context()); err != nil || id != "framework-1" {
				t.Errorf("id %q: %v", id, err)
			}
			if err := r.Client.Get(t.Context(), identity.configMap(), kept); err != nil || kept.Data[frameworkIDKey] != "framework-1" || kept.Data[bootstrappedKey] != data[bootstrappedKey] {
				t.Errorf("kept %v: %v", kept.Data, err)
			}
		})
	}
}

// staleList is a client whose lists are from a cache that has heard of nothing yet.
type staleList struct{ client.Client }

func (staleList) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// Two clusters that are applied at once with one framework id: the second one's check
// comes before the cache has heard of the first one's.
func TestTwoClustersAppliedAtOnceDoNotTakeOneFramework(t *testing.T) {
	r, first := registering(t)
	second := reservingCluster()
	second.Name = "second"
	for _, c := range []*v1alpha1.QuobyteCluster{first, second} {
		c.Spec.Mesos.FrameworkID = "framework-1"
	}
	if err := r.Client.Update(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if err := r.Client.Create(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	r.Fleet.client = staleList{r.Client}
	var ids []string
	for _, c := range []*v1alpha1.QuobyteCluster{first, second} {
		id, err := r.Fleet.identity(client.ObjectKeyFromObject(c)).FrameworkID(t.Context())
		if err == nil {
			ids = append(ids, id)
		}
	}
	if len(ids) != 1 {
		t.Errorf("both subscribe as %v", ids)
	}
}

// A process that hung while it forgot a framework, and wakes when its successor has a new
// one, leaves that one's id alone.
func TestForgetLeavesTheNextFrameworksID(t *testing.T) {
	r, cluster := registering(t)
	identity := r.Fleet.identity(client.ObjectKeyFromObject(cluster))
	if err := identity.Adopt(t.Context(), "framework-2"); err != nil {
		t.Fatal(err)
	}
	ledgers := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "storage", Name: "quobyte-tasks", Labels: map[string]string{labelCluster: "quobyte"}}}
	if err := r.Client.Create(t.Context(), ledgers); err != nil {
		t.Fatal(err)
	}
	if err := identity.forget(t.Context(), "framework-1"); err != nil {
		t.Fatal(err)
	}
	kept := &corev1.ConfigMap{}
	if err := r.Client.Get(t.Context(), identity.configMap(), kept); err != nil || kept.Data[frameworkIDKey] != "framework-2" {
		t.Errorf("kept %v: %v", kept.Data, err)
	}
	if err := r.Client.Get(t.Context(), types.NamespacedName{Namespace: "storage", Name: "quobyte-tasks"}, kept); err != nil {
		t.Errorf("the tasks of the next framework: %v", err)
	}
}
