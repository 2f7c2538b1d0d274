package plan

import "testing"

// TestRegistryPortIsThatOfTheRegistries: whatever is launched is told of it.
func TestRegistryPortIsThatOfTheRegistries(t *testing.T) {
	f := newFixture(t)
	if got := f.plan().RegistryPort; got != 21000 {
		t.Errorf("port %d, want 21000", got)
	}
	f.cluster.Spec.Ports.Base = 31000
	if got := f.plan().RegistryPort; got != 31000 {
		t.Errorf("port %d, want 31000", got)
	}
}
