package plan

import (
	"testing"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// TestRegistryPortIsThatOfTheRegistries: it is the one that they are led to, and while
// a rollback is in force that is the one of what ran well last.
func TestRegistryPortIsThatOfTheRegistries(t *testing.T) {
	f := newFixture(t)
	if got := f.plan().RegistryPort; got != 21000 {
		t.Errorf("port %d, want 21000", got)
	}
	older := quobyte.SpecOf(f.cluster, quobyte.Registry)
	f.cluster.Spec.Ports.Base = 31000
	result := f.plan()
	if result.RegistryPort != 31000 {
		t.Errorf("port %d, want 31000", result.RegistryPort)
	}

	f.specs = map[SpecKey]quobyte.Spec{{Service: quobyte.Registry, Hash: older.Hash()}: older}
	f.cluster.Spec.Update.OnFailure = v1alpha1.FailureRollback
	f.cluster.Status.Good = &v1alpha1.GoodRevision{Revision: "before", Version: older.Version,
		Specs: []v1alpha1.SpecRevision{{Service: "registry", Hash: older.Hash()}}}
	f.cluster.Status.Update = &v1alpha1.UpdateStatus{State: v1alpha1.UpdateFailed, Failed: &v1alpha1.FailedUpdate{Revision: result.Revision}}
	if got := f.plan().RegistryPort; got != 21000 {
		t.Errorf("port %d while a rollback is in force, want 21000", got)
	}
	f.cluster.Spec.Update.OnFailure = v1alpha1.FailurePause
	if got := f.plan().RegistryPort; got != 31000 {
		t.Errorf("port %d after the rollback was called off, want 31000", got)
	}
}
