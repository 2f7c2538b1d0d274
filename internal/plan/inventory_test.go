package plan

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

func testDevice(name, host, path, serial string, age time.Duration) *v1alpha1.QuobyteDevice {
	d := &v1alpha1.QuobyteDevice{}
	d.Name = name
	d.CreationTimestamp = metav1.NewTime(noon.Add(-age))
	d.Spec = v1alpha1.QuobyteDeviceSpec{Host: host, Path: path, Serial: serial, Types: allTypes}
	return d
}

func TestInventory(t *testing.T) {
	h := time.Hour
	tests := map[string]struct {
		devices []*v1alpha1.QuobyteDevice
		// want is the reason of each device by name, and a word of the message.
		want map[string][2]string
	}{
		"sound": {
			devices: []*v1alpha1.QuobyteDevice{testDevice("a", "n1", "/mnt/1", "s-aaa", h), testDevice("b", "n1", "/mnt/2", "s-bbb", h), testDevice("c", "n2", "/mnt/1", "", h), testDevice("d", "n3", "/mnt/1", "", h)},
			want:    map[string][2]string{"a": {"Accepted"}, "b": {"Accepted"}, "c": {"Accepted"}, "d": {"Accepted"}},
		},
		"outside": {
			devices: []*v1alpha1.QuobyteDevice{testDevice("itself", "n", "/mnt", "", h), testDevice("beside", "n", "/mnt2/1", "", h), testDevice("unclean", "n", "/mnt/../etc", "", h), testDevice("slash", "n", "/mnt/1/", "", h), testDevice("deep", "n", "/mnt/a/b", "", h)},
			want:    map[string][2]string{"itself": {"OutsideHostDeviceDirectory", "/mnt"}, "beside": {"OutsideHostDeviceDirectory", "/mnt2/1"}, "unclean": {"OutsideHostDeviceDirectory"}, "slash": {"OutsideHostDeviceDirectory"}, "deep": {"Accepted"}},
		},
		"the older path wins": {
			devices: []*v1alpha1.QuobyteDevice{testDevice("young", "n1", "/mnt/1", "", h), testDevice("old", "n1", "/mnt/1", "", 2*h)},
			want:    map[string][2]string{"old": {"Accepted"}, "young": {"DuplicatePath", "old"}},
		},
		"of one age, the first name wins": {
			devices: []*v1alpha1.QuobyteDevice{testDevice("b", "n1", "/mnt/1", "s-same", h), testDevice("a", "n2", "/mnt/1", "s-same", h)},
			want:    map[string][2]string{"a": {"Accepted"}, "b": {"DuplicateSerial", "device a"}},
		},
		"who is refused claims nothing": {
			devices: []*v1alpha1.QuobyteDevice{testDevice("a", "n1", "/mnt/1", "", 3*h), testDevice("b", "n1", "/mnt/1", "s-same", 2*h), testDevice("c", "n2", "/mnt/1", "s-same", h)},
			want:    map[string][2]string{"a": {"Accepted"}, "b": {"DuplicatePath"}, "c": {"Accepted"}},
		},
		"outside claims nothing": {
			devices: []*v1alpha1.QuobyteDevice{testDevice("a", "n1", "/srv/1", "s-same", 3*h), testDevice("b", "n1", "/mnt/1", "s-same", 2*h)},
			want:    map[string][2]string{"a": {"OutsideHostDeviceDirectory"}, "b": {"Accepted"}},
		},
		"three of one serial": {
			devices: []*v1alpha1.QuobyteDevice{testDevice("a", "n1", "/mnt/1", "s-same", h), testDevice("b", "n2", "/mnt/1", "s-same", 3*h), testDevice("c", "n3", "/mnt/1", "s-same", 2*h)},
			want:    map[string][2]string{"a": {"DuplicateSerial", "device b"}, "b": {"Accepted"}, "c": {"DuplicateSerial", "device b"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := Inventory(testCluster(), test.devices)
			for device, want := range test.want {
				if a := got[device]; a.Reason != want[0] || !strings.Contains(a.Message, want[1]) || a.Accepted != (want[0] == "Accepted") {
					t.Errorf("device %s: %+v, want %v", device, a, want)
				}
			}
		})
	}
}

func TestInventoryDeletingStillClaims(t *testing.T) {
	old := testDevice("old", "n1", "/mnt/1", "", 2*time.Hour)
	deleting(old)
	got := Inventory(testCluster(), []*v1alpha1.QuobyteDevice{testDevice("new", "n1", "/mnt/1", "", time.Hour), old})
	if got["new"].Reason != "DuplicatePath" || !got["old"].Accepted {
		t.Errorf("got %+v", got)
	}
}

func TestKindsAreTheServices(t *testing.T) {
	for k := range kinds {
		if back, ok := kindOf(services[k]); !ok || back != k {
			t.Errorf("kind %d is %s", k, services[k])
		}
		if k.floats() != (k >= s3) {
			t.Errorf("%s floats: %v", k, k.floats())
		}
		if dk, ok := kindOfDevice(k.deviceType()); !k.floats() && (!ok || dk != k) {
			t.Errorf("devices of %s serve %s", k, dk)
		}
	}
}
