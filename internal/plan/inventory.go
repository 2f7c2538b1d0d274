package plan

import (
	"path"
	"slices"
	"strings"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// Acceptance says whether a device takes part in the inventory: the condition
// Accepted.
type Acceptance struct {
	Accepted        bool
	Reason, Message string
}

// Inventory says of each device, by object name, whether it takes part. It is
// about what takes more than one object to see: whether the path lies below the
// cluster's device directory, and whether two devices claim one place or one
// serial. The older claim wins. A device that is being deleted still claims: its
// service may still use it.
func Inventory(cluster *v1alpha1.QuobyteCluster, devices []*v1alpha1.QuobyteDevice) map[string]Acceptance {
	accepted := accept(cluster, devices)
	byName := make(map[string]Acceptance, len(devices))
	for i, d := range devices {
		byName[d.Name] = accepted[i]
	}
	return byName
}

// place is where a device is mounted.
type place struct{ host, path string }

// accept is Inventory in the order of the devices. It sorts those alone that
// collide with another one: in a sound inventory of 30,000 devices none.
func accept(cluster *v1alpha1.QuobyteCluster, devices []*v1alpha1.QuobyteDevice) []Acceptance {
	out := make([]Acceptance, len(devices))
	places := make(map[place]int, len(devices))
	serials := make(map[string]int, len(devices))
	disputed := map[int]bool{}
	for i, d := range devices {
		if !below(cluster.Spec.HostDeviceDirectory, d.Spec.Path) {
			out[i] = Acceptance{
				Reason:  v1alpha1.ReasonOutsideDirectory,
				Message: "path " + d.Spec.Path + " does not lie below the cluster's hostDeviceDirectory " + cluster.Spec.HostDeviceDirectory + ", the only directory that the services see",
			}
			continue
		}
		out[i] = Acceptance{Accepted: true, Reason: v1alpha1.ReasonAccepted, Message: "the device takes part in the inventory"}
		at := place{d.Spec.Host, d.Spec.Path}
		if other, taken := places[at]; taken {
			disputed[i], disputed[other] = true, true
		}
		places[at] = i
		if d.Spec.Serial == "" {
			continue
		}
		if other, taken := serials[d.Spec.Serial]; taken {
			disputed[i], disputed[other] = true, true
		}
		serials[d.Spec.Serial] = i
	}
	settleDisputes(devices, disputed, out)
	return out
}

// settleDisputes goes through the devices that collide from the oldest to the
// youngest; one that is refused claims nothing.
func settleDisputes(devices []*v1alpha1.QuobyteDevice, disputed map[int]bool, out []Acceptance) {
	byAge := make([]int, 0, len(disputed))
	for i := range disputed {
		byAge = append(byAge, i)
	}
	slices.SortFunc(byAge, func(a, b int) int { return compareAge(devices[a], devices[b]) })
	places, serials := map[place]string{}, map[string]string{}
	for _, i := range byAge {
		d := devices[i]
		at := place{d.Spec.Host, d.Spec.Path}
		if other, taken := places[at]; taken {
			out[i] = Acceptance{
				Reason:  v1alpha1.ReasonDuplicatePath,
				Message: "device " + other + " is older and declares the same host and path; delete one of the two",
			}
			continue
		}
		if other, taken := serials[d.Spec.Serial]; taken && d.Spec.Serial != "" {
			out[i] = Acceptance{
				Reason:  v1alpha1.ReasonDuplicateSerial,
				Message: "device " + other + " is older and declares the same serial; delete the one that is wrong",
			}
			continue
		}
		places[at], serials[d.Spec.Serial] = d.Name, d.Name
	}
}

func compareAge(a, b *v1alpha1.QuobyteDevice) int {
	if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

// below says that the path is clean and lies strictly below the directory.
func below(directory, p string) bool {
	prefix := strings.TrimSuffix(directory, "/") + "/"
	return len(p) > len(prefix) && strings.HasPrefix(p, prefix) && path.Clean(p) == p
}
