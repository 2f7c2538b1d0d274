package inventory

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/quobyte/mesos-operator/internal/probe"
)

func TestCapacity(t *testing.T) {
	for bytes, want := range map[uint64]string{
		0: "before", 1: "1", 999: "999", 1000: "1.0Ki", 1536: "1.5Ki", 1 << 20: "1.0Mi",
		8001563222016: "7.3Ti", 16003126444032: "14.6Ti", 1000204886016: "932Gi", 1023 << 30: "1.0Ti", 1 << 50: "1.0Pi", 1 << 63: "8.0Ei",
	} {
		got := capacity(bytes, "before")
		if got != want {
			t.Errorf("%d bytes are %s, want %s", bytes, got, want)
		}
		if _, err := resource.ParseQuantity(got); err != nil && bytes > 0 {
			t.Errorf("%s is no quantity: %v", got, err)
		}
	}
}

func TestUsed(t *testing.T) {
	for _, test := range []struct {
		percent int
		before  string
		want    string
	}{
		{0, "", "0%"}, {2, "", "0%"}, {3, "", "5%"}, {100, "", "100%"}, {41, "", "40%"},
		{43, "40%", "40%"}, {43, "", "45%"}, {44, "40%", "45%"}, {42, "45%", "45%"}, {41, "45%", "40%"},
		{43, "rubbish", "45%"}, {43, "42%", "45%"},
	} {
		if got := used(&probe.Mount{CapacityBytes: 1000, FreeBytes: uint64(1000 - 10*test.percent)}, test.before); got != test.want {
			t.Errorf("%d%% after %q is %s, want %s", test.percent, test.before, got, test.want)
		}
	}
	if got := used(&probe.Mount{}, "40%"); got != "40%" {
		t.Errorf("what could not be asked is %s", got)
	}
	if got := used(&probe.Mount{CapacityBytes: 10, FreeBytes: 20}, ""); got != "0%" {
		t.Errorf("more is free than there is: %s", got)
	}
}
