package device

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/plan"
)

// Remember returns the devices as they will be when all that was found out about
// them is written: a pass that works from a status of seconds ago would have
// forgotten where a device was. The list is changed, the objects are not.
//
// Three things rest on what is written and on nothing else: a device is initialised,
// its volume is taken, and it counts as moved to another host, only when its status
// says so. A process that starts anew knows no more, and would look for what uses the
// disk on the host before.
func (v *Views) Remember(devices []*v1alpha1.QuobyteDevice) []*v1alpha1.QuobyteDevice {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, d := range devices {
		known, ok := v.views[types.NamespacedName{Namespace: d.Namespace, Name: d.Name}]
		if !ok || known.UID != d.UID || known.Phase == v1alpha1.PhaseInitializing || written(d, &known) {
			continue
		}
		ahead := *d
		ahead.Status.Conditions = nil // fill must not write into those of the cache
		fill(&ahead, known)
		if s := &d.Status; s.Host != known.Host && (known.PreviousHost != "" || s.Host != "" && s.FileSystem != "") {
			ahead.Status.Host, ahead.Status.Path, ahead.Status.PreviousHost = s.Host, s.Path, s.PreviousHost
		}
		if v := known.Volume; v != nil && (v.State == plan.VolumeCreating || v.State == plan.VolumeCreated) {
			ahead.Status.Volume = d.Status.Volume
		}
		devices[i] = &ahead
	}
	return devices
}

// written says that the status has what later passes go by.
func written(d *v1alpha1.QuobyteDevice, known *view) bool {
	s := &d.Status
	at := s.AppearedAt
	return s.Phase == known.Phase && s.Host == known.Host && s.Path == known.Path && s.PreviousHost == known.PreviousHost &&
		s.Serial == known.Serial && s.Used == known.Used && s.Bootstrap == known.Bootstrap &&
		(at == nil && known.AppearedAt.IsZero() || at != nil && at.Time.Equal(known.AppearedAt)) &&
		sameVolume(s.Volume, known.Volume) && len(s.Services) == len(known.Tasks) && slices.Equal(s.MovedServices, known.Moved) && len(s.DeviceTypes) == len(known.Types)
}
