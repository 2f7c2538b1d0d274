package device

import (
	"context"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/plan"
)

// store is what a Reconciler reads, and what it deletes. Any other call of it is a
// nil pointer.
type store struct {
	client.Client
	devices map[string]*v1alpha1.QuobyteDevice
	cluster v1alpha1.QuobyteCluster
	deleted []string
}

func (s *store) Get(_ context.Context, key client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	switch o := o.(type) {
	case *v1alpha1.QuobyteCluster:
		s.cluster.DeepCopyInto(o)
		return nil
	case *v1alpha1.QuobyteDevice:
		if d := s.devices[key.Name]; d != nil {
			d.DeepCopyInto(o)
			return nil
		}
	}
	return apierrors.NewNotFound(v1alpha1.GroupVersion.WithResource("quobytedevices").GroupResource(), key.Name)
}

func (s *store) Delete(_ context.Context, o client.Object, _ ...client.DeleteOption) error {
	s.deleted = append(s.deleted, o.GetName())
	return nil
}

// A process that starts anew, and finds the discovered object deleted and nothing in
// the status of the declared one, would take the deletion for a person's and stop
// the service.
func TestObsoleteObjectGoesWhenItsSuccessorIsWritten(t *testing.T) {
	s := &store{devices: map[string]*v1alpha1.QuobyteDevice{}}
	s.cluster.Name, s.cluster.Namespace = "quobyte", "ns"
	for _, name := range []string{"declared", "found"} {
		d := &v1alpha1.QuobyteDevice{}
		d.Name, d.Namespace, d.UID, d.Generation = name, "ns", types.UID("uid-"+name), 1
		d.Finalizers, d.Spec.ClusterRef.Name = []string{v1alpha1.FinalizerDevice}, "quobyte"
		s.devices[name] = d
	}
	s.devices["found"].Labels = map[string]string{v1alpha1.LabelDiscovered: "true"}
	views := NewViews(clock.RealClock{})
	r := &Reconciler{Client: s, Views: views, Events: events.NewFakeRecorder(10), Clock: clock.RealClock{}}
	views.Publish(types.NamespacedName{Namespace: "ns", Name: "quobyte"}, map[string]plan.DeviceView{
		"declared": {UID: "uid-declared", Generation: 1, Standing: inventory.Standing{Phase: v1alpha1.PhaseOnline, Host: "n1", Path: "/mnt/a", Serial: "serial-1"}},
		"found":    {UID: "uid-found", Generation: 1, Standing: inventory.Standing{Phase: v1alpha1.PhaseConflict}},
	}, inventory.Result{Obsolete: []string{"found"}, Devices: []inventory.Device{{Object: s.devices["found"], Successor: "declared"}}})
	found := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "ns", Name: "found"}}

	result, err := r.Reconcile(t.Context(), found)
	if err != nil || result.RequeueAfter == 0 || len(s.deleted) > 0 {
		t.Fatalf("before: %+v, %v, deleted %v", result, err, s.deleted)
	}
	status := &s.devices["declared"].Status
	status.Phase, status.Host, status.Path, status.Serial = v1alpha1.PhaseOnline, "n1", "/mnt/a", "serial-1"
	if _, err := r.Reconcile(t.Context(), found); err != nil || !slices.Equal(s.deleted, []string{"found"}) {
		t.Fatalf("after: %v, deleted %v", err, s.deleted)
	}
}
