package plan

import "testing"

func TestKindsAreTheServices(t *testing.T) {
	for k := range kinds {
		if back, ok := kindOf(services[k]); !ok || back != k {
			t.Errorf("kind %d is %s", k, services[k])
		}
		if k.floats() != (k >= s3 && k < client) {
			t.Errorf("%s floats: %v", k, k.floats())
		}
		if dk, ok := kindOfDevice(k.deviceType()); ok != k.bound() || ok && dk != k {
			t.Errorf("devices of %s serve %s: %v", k, dk, ok)
		}
		if allKinds[k] != k {
			t.Errorf("kind %s stands in the place of %s", allKinds[k], k)
		}
	}
}
