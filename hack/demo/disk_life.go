package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// newDisk is the one that is added, and the name of its object.
const newDisk = "disk12"

// diskLife goes through the life of some disks.
func (d *demo) diskLife(ctx context.Context) error {
	err := d.steps(ctx, []step{
		{"A new disk. It is empty, and mounted on node4 at " + d.disks.at(newDisk) + ".", d.addDisk},
		{"The disk is moved: unmounted on node4, mounted on node5.", d.moveDisk},
		{"A disk is pulled out of node1, and put back.", d.pullDisk},
		{"A disk is taken out of service. It is the last one for data on node4.", d.decommissionDisk},
	})
	if err == nil {
		fmt.Println("\nThat was all. No marker and no data was removed.")
	}
	return err
}

// addDisk: a manifest makes a device of an empty file system.
func (d *demo) addDisk(ctx context.Context) error {
	if err := d.disks.make(disk{name: newDisk}); err != nil {
		return err
	}
	if err := d.disks.mount("node4", newDisk); err != nil {
		return err
	}
	before := d.serviceOf("data", "node4")
	manifest := fmt.Sprintf(`apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata: {name: %s}
spec:
  clusterRef: {name: %s}
  host: node4
  path: %s
  types: [DATA]
  initialize: true
`, newDisk, d.cluster.GetName(), d.disks.at(newDisk))
	if err := d.kubectlWith(ctx, manifest, "apply", "-f", "-"); err != nil {
		return err
	}
	if err := d.awaitDevice(ctx, newDisk, "Online and in use", inUseAnew(before)); err != nil {
		return err
	}
	d.say("the data service of node4 was restarted for it, one instance at a time")
	return d.showDevice(ctx, "13/13", newDisk)
}

// moveDisk: the object follows the disk.
func (d *demo) moveDisk(ctx context.Context) error {
	before := d.serviceOf("data", "node5")
	if err := d.disks.unmount("node4", newDisk); err != nil {
		return err
	}
	if err := d.disks.mount("node5", newDisk); err != nil {
		return err
	}
	if err := d.awaitDevice(ctx, newDisk, "in use on node5", func(device *v1alpha1.QuobyteDevice) bool {
		return inUseAnew(before)(device) && device.Status.Host == "node5" && device.Status.Services[0].Host == "node5"
	}); err != nil {
		return err
	}
	d.say("the object went along; the data service of node5 was restarted for it, that of node4 has another disk")
	return d.showDevice(ctx, "13/13", newDisk)
}

// pullDisk: absence is not an instruction.
func (d *demo) pullDisk(ctx context.Context) error {
	const name, serial = "disk3", "wd-33b05d"
	before := d.serviceOf("data", "node1")
	if err := d.disks.unmount("node1", name); err != nil {
		return err
	}
	missing := func(device *v1alpha1.QuobyteDevice) bool { return device.Status.Phase == v1alpha1.PhaseMissing }
	if err := d.awaitDevice(ctx, serial, "Missing", missing); err != nil {
		return err
	}
	if err := d.kubectlRun(ctx, "get", "devices", serial); err != nil {
		return err
	}
	if now := d.serviceOf("data", "node1"); now != before {
		return fmt.Errorf("the data service of node1 was %s and is %q: want no change", before, now)
	}
	d.say("the data service of node1 goes on as task %s", before)
	d.say("the disk is mounted again")
	if err := d.disks.mount("node1", name); err != nil {
		return err
	}
	if err := d.awaitDevice(ctx, serial, "Online and in use again", inUseAnew(before)); err != nil {
		return err
	}
	return d.showDevice(ctx, "13/13", serial)
}

// decommissionDisk: with the last device of its type the service of a host stops.
func (d *demo) decommissionDisk(ctx context.Context) error {
	const serial = "wd-a1f08e"
	if err := d.kubectlRun(ctx, "patch", "device", serial, "--type", "merge", "-p", `{"spec":{"state":"Decommissioned"}}`); err != nil {
		return err
	}
	if err := d.awaitDevice(ctx, serial, "Decommissioned", func(device *v1alpha1.QuobyteDevice) bool {
		return device.Status.Phase == v1alpha1.PhaseDecommissioned
	}); err != nil {
		return err
	}
	if d.serviceOf("data", "node4") != "" {
		return errors.New("the data service of node4 still runs")
	}
	if err := d.showDevice(ctx, "12/12", serial); err != nil {
		return err
	}
	return d.kubectlRun(ctx, "get", "quobyteclusters")
}

// showDevice shows a device when the cluster is Ready with so many services.
func (d *demo) showDevice(ctx context.Context, services, name string) error {
	if err := d.awaitReady(ctx, services); err != nil {
		return err
	}
	return d.kubectlRun(ctx, "get", "devices", name)
}
