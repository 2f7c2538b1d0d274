package device

import (
	"maps"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/plan"
)

// finds are objects of devices that were found, and names of those that stand for
// nothing any more.
type finds struct {
	discovered map[string]*v1alpha1.QuobyteDevice
	obsolete   map[string]obsolete
	// taken are names of discovered that an object of another cluster has.
	taken map[string]bool
}

// obsolete is an object that stands for nothing any more.
type obsolete struct {
	uid types.UID
	// successor is the object that stands for its device; empty: none does.
	successor string
}

func (v *Views) publishFinds(cluster types.NamespacedName, views map[string]plan.DeviceView, found inventory.Result) {
	old := v.finds[cluster]
	if len(found.Discovered) == 0 && len(found.Obsolete) == 0 {
		delete(v.finds, cluster)
		return
	}
	next := finds{taken: old.taken, discovered: make(map[string]*v1alpha1.QuobyteDevice, len(found.Discovered)), obsolete: make(map[string]obsolete, len(found.Obsolete))}
	for _, device := range found.Discovered {
		next.discovered[device.Name] = device
		if old.discovered[device.Name] == nil {
			v.wake(types.NamespacedName{Namespace: cluster.Namespace, Name: device.Name}, 0)
		}
	}
	successors := map[string]string{}
	for i := range found.Devices {
		if d := &found.Devices[i]; d.Successor != "" {
			successors[d.Object.Name] = d.Successor
		}
	}
	for _, name := range found.Obsolete {
		next.obsolete[name] = obsolete{uid: views[name].UID, successor: successors[name]}
		if old.obsolete[name] != next.obsolete[name] {
			v.wake(types.NamespacedName{Namespace: cluster.Namespace, Name: name}, 0)
		}
	}
	v.finds[cluster] = next
}

// discovered returns the object that is to be made under that name; nil: none.
func (v *Views) discovered(device types.NamespacedName) *v1alpha1.QuobyteDevice {
	v.mu.Lock()
	defer v.mu.Unlock()
	for cluster, f := range v.finds {
		if cluster.Namespace == device.Namespace && f.discovered[device.Name] != nil {
			return f.discovered[device.Name]
		}
	}
	return nil
}

// Taken implements the cluster controller's DeviceViews.
func (v *Views) Taken(cluster types.NamespacedName) map[string]bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.finds[cluster].taken)
}

// exists notes that a name under which an object is to be made belongs to another
// cluster: the next pass asks for another name.
func (v *Views) exists(device types.NamespacedName, cluster string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, f := range v.finds {
		if key.Namespace != device.Namespace || key.Name == cluster || f.discovered[device.Name] == nil {
			continue
		}
		if f.taken == nil {
			f.taken = map[string]bool{}
		}
		f.taken[device.Name] = true
		v.finds[key] = f
	}
}

// created notes that the object was made: it is not asked for again.
func (v *Views) created(device types.NamespacedName) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for cluster, f := range v.finds {
		if cluster.Namespace == device.Namespace {
			delete(f.discovered, device.Name)
		}
	}
}

// obsolete says that the object stands for nothing any more, and who does in its
// place; empty: nobody.
func (v *Views) obsolete(device types.NamespacedName, uid types.UID) (is bool, successor string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for cluster, f := range v.finds {
		if o, is := f.obsolete[device.Name]; is && cluster.Namespace == device.Namespace && o.uid == uid {
			return true, o.successor
		}
	}
	return false, ""
}
