package simulation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/simulation/checker"
	"github.com/quobyte/mesos-operator/internal/testprobers"
)

// addDisk declares a device, or mounts it.
func (w *world) addDisk(d *disk) {
	w.disks = append(w.disks, d)
	w.showDisk(d)
	w.act(d.act(checker.DeviceAppears))
}

func (d *disk) act(kind checker.Kind) checker.Act {
	a := checker.Act{Kind: kind, Device: d.name, Host: d.host}
	for _, t := range d.types {
		a.Types = append(a.Types, strings.ToLower(t))
	}
	return a
}

func (w *world) showDisk(d *disk) {
	if w.plan.probed {
		m := testprobers.Disk(d.path, d.serial(), d.types...)
		m.Bootstrap = d.bootstrap
		w.probers.Mount(d.host, m)
		return
	}
	o := &v1alpha1.QuobyteDevice{ObjectMeta: metav1.ObjectMeta{Namespace: clusterKey().Namespace, Name: d.name}}
	o.Spec.ClusterRef.Name = clusterKey().Name
	o.Spec.Host, o.Spec.Path = d.host, d.path
	for _, t := range d.types {
		o.Spec.Types = append(o.Spec.Types, v1alpha1.DeviceType(t))
	}
	w.must(w.user.Create(context.Background(), o))
}

// object of a disk; nil: there is none.
func (w *world) object(d *disk) *v1alpha1.QuobyteDevice {
	list := w.devices()
	for i := range list {
		o := &list[i]
		if o.Name == d.name || w.plan.probed && (o.Spec.Serial == d.serial() || o.Status.Serial == d.serial()) {
			return o
		}
	}
	return nil
}

// inService are the disks that ask for their services.
func (w *world) inService() []*disk {
	return slices.DeleteFunc(slices.Clone(w.disks), func(d *disk) bool { return d.leaves || d.vanished })
}

// spare are disks without which each type has another host left.
func (w *world) spare() []*disk {
	hosts := map[string]map[string]bool{}
	for _, d := range w.inService() {
		for _, t := range d.types {
			if hosts[t] == nil {
				hosts[t] = map[string]bool{}
			}
			hosts[t][d.host] = true
		}
	}
	return slices.DeleteFunc(w.inService(), func(d *disk) bool {
		return d.bootstrap || slices.ContainsFunc(d.types, func(t string) bool { return len(hosts[t]) < 2 })
	})
}

func (w *world) declareDevice(d dice) string {
	n := len(w.disks) + 1
	fresh := &disk{name: fmt.Sprintf("disk%d", n), host: pick(d, w.plan.hosts), path: fmt.Sprintf("/mnt/disk%d", n),
		types: []string{pick(d, []string{"REGISTRY", "METADATA", "DATA", "DATA"})}}
	w.addDisk(fresh)
	return fmt.Sprintf("%s on %s: %s", fresh.name, fresh.host, fresh.types[0])
}

func (w *world) deleteDevice(d dice) string {
	one := pick(d, w.spare())
	// Without its cluster a device is let go, and nobody is told to stop anything.
	if one == nil || w.plan.probed || w.wants.saved != nil {
		return ""
	}
	o := w.object(one)
	if o == nil || w.user.Delete(context.Background(), o) != nil {
		return ""
	}
	one.leaves, one.deleted = true, true
	w.act(one.act(checker.DeviceLeaves))
	return one.name + " on " + one.host
}

func (w *world) decommission(d dice) string {
	one := pick(d, w.spare())
	if one == nil || !w.setState(one, v1alpha1.DeviceDecommissioned) {
		return ""
	}
	one.leaves = true
	w.act(one.act(checker.DeviceLeaves))
	return one.name + " on " + one.host
}

func (w *world) recommission(d dice) string {
	one := pick(d, slices.DeleteFunc(slices.Clone(w.disks), func(d *disk) bool { return !d.leaves || d.deleted || d.vanished }))
	if one == nil || !w.setState(one, v1alpha1.DeviceOnline) {
		return ""
	}
	one.leaves = false
	w.act(one.act(checker.DeviceAppears))
	return one.name + " on " + one.host
}

func (w *world) setState(d *disk, state v1alpha1.DeviceState) bool {
	o := w.object(d)
	if o == nil || o.DeletionTimestamp != nil {
		return false
	}
	o.Spec.State = state
	return w.user.Update(context.Background(), o) == nil
}

// vanish takes an object away as a restored backup does, or a disk out of its host.
func (w *world) vanish(d dice) string {
	one := pick(d, w.inService())
	if one == nil {
		return ""
	}
	if w.plan.probed {
		w.probers.Unmount(one.host, one.path)
	} else if !w.removeObject(one) {
		return ""
	}
	one.vanished = true
	w.act(one.act(checker.DeviceVanishes))
	return one.name + " on " + one.host
}

// removeObject removes an object past its finalizer.
func (w *world) removeObject(d *disk) bool {
	o := w.object(d)
	if o == nil || o.DeletionTimestamp != nil {
		return false
	}
	o.Finalizers = nil
	return w.user.Update(context.Background(), o) == nil && w.user.Delete(context.Background(), o) == nil
}

// restore brings back what vanished.
func (w *world) restore(d dice) string {
	one := pick(d, slices.DeleteFunc(slices.Clone(w.disks), func(d *disk) bool { return !d.vanished }))
	if one == nil {
		return ""
	}
	w.bringBack(one)
	return one.name + " on " + one.host
}

func (w *world) bringBack(d *disk) {
	d.vanished = false
	w.showDisk(d)
	w.act(d.act(checker.DeviceAppears))
}

// moveDisk carries a disk to another host.
func (w *world) moveDisk(d dice) string {
	one, to := pick(d, w.inService()), pick(d, w.plan.hosts)
	if !w.plan.probed || one == nil || one.host == to {
		return ""
	}
	from := one.host
	w.probers.Unmount(from, one.path)
	one.host = to
	a := one.act(checker.DeviceMoved)
	a.From = from
	w.act(a)
	w.showDisk(one)
	return fmt.Sprintf("%s from %s to %s", one.name, from, to)
}
