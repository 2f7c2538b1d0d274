package cluster

import (
	"context"
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// creates takes every object.
type creates struct{ client.Client }

func (creates) Create(context.Context, client.Object, ...client.CreateOption) error { return nil }

// What this process has stored it knows as well as one that reads it later: on which
// ports a task of an earlier spec listens is asked for when its agent is lost.
func TestStoredRevisionIsKnownWhole(t *testing.T) {
	r := &revisions{cluster: types.NamespacedName{Namespace: "storage", Name: "quobyte"}, client: creates{}, known: map[plan.SpecKey]revision{}}
	spec := quobyte.SpecOf(reservingCluster(), quobyte.Data)
	if wrote, err := r.store(t.Context(), spec); err != nil || !wrote {
		t.Fatalf("wrote %v, %v", wrote, err)
	}
	key := plan.SpecKey{Service: quobyte.Data, Hash: spec.Hash()}
	if got := r.specs()[key]; !reflect.DeepEqual(got.Ports(), spec.Ports()) || len(spec.Ports()) == 0 || got.Version != "1.1.5" {
		t.Errorf("known: %+v, want %+v", got, spec)
	}
}
