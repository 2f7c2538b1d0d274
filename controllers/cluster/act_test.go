package cluster

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

func TestOffersAreKeptWhileDevicesArrive(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name string
		ages []time.Duration
		keep time.Duration
	}{
		{"no device", nil, 0},
		{"old devices", []time.Duration{time.Hour, keepWhileGrowing}, 0},
		{"a young one among them", []time.Duration{time.Hour, 2 * time.Second, time.Minute}, keepWhileGrowing - 2*time.Second},
		{"a clock that is a little ahead", []time.Duration{-time.Second}, keepWhileGrowing},
		{"a clock that is far ahead", []time.Duration{-time.Hour}, 0},
	} {
		var seen observation
		for _, age := range test.ages {
			seen.devices = append(seen.devices, &v1alpha1.QuobyteDevice{
				ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(now.Add(-age))}})
		}
		if got := max(0, seen.growing(now)); got != test.keep {
			t.Errorf("%s: offers are kept for %v, want %v", test.name, got, test.keep)
		}
	}
}

// A label changes no generation, and decides whether a device is used.
func TestChangesOfDevicesThatWakeAPass(t *testing.T) {
	for name, test := range map[string]struct {
		change func(d *v1alpha1.QuobyteDevice)
		wakes  bool
	}{
		"nothing":        {func(*v1alpha1.QuobyteDevice) {}, false},
		"its status":     {func(d *v1alpha1.QuobyteDevice) { d.Status.Phase = v1alpha1.PhaseOnline }, false},
		"its spec":       {func(d *v1alpha1.QuobyteDevice) { d.Generation++ }, true},
		"it is declared": {func(d *v1alpha1.QuobyteDevice) { d.Labels = nil }, true},
		"another label":  {func(d *v1alpha1.QuobyteDevice) { d.Labels["team"] = "storage" }, false},
		"a restart is asked for": {func(d *v1alpha1.QuobyteDevice) {
			d.Annotations = map[string]string{v1alpha1.AnnotationRestartedAt: "2026-11-21T12:00:00Z"}
		}, true},
		"a restart is asked for as it cannot be": {func(d *v1alpha1.QuobyteDevice) {
			d.Annotations = map[string]string{v1alpha1.AnnotationRestartedAt + "-data": "2026-11-21T12:00:00Z"}
		}, true},
		"its finalizer": {func(d *v1alpha1.QuobyteDevice) { d.Finalizers = []string{v1alpha1.FinalizerDevice} }, true},
		"it was moved":  {func(d *v1alpha1.QuobyteDevice) { d.Status.Host = "node2" }, true},
		"it is found":   {func(d *v1alpha1.QuobyteDevice) { d.Status.Host = "node1" }, false},
		"it is found, and was moved": {func(d *v1alpha1.QuobyteDevice) {
			d.Status.Host, d.Status.PreviousHost = "node1", "node2"
		}, true},
		"it is initialised": {func(d *v1alpha1.QuobyteDevice) { d.Status.Phase = v1alpha1.PhaseInitializing }, true},
	} {
		before := &v1alpha1.QuobyteDevice{}
		if name != "it is found" && name != "it is found, and was moved" {
			before.Status.Host = "node1"
		}
		before.Labels = map[string]string{v1alpha1.LabelDiscovered: "true"}
		after := before.DeepCopy()
		test.change(after)
		if got := DeviceChanged(before, after); got != test.wakes {
			t.Errorf("%s: wakes %v, want %v", name, got, test.wakes)
		}
	}
}
