package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// namespace of the sample.
const namespace = "default"

// sample is the cluster alone: the samples beside it declare devices, and those of
// the demo are found.
const sample = "config/samples/01_quobytecluster.yaml"

// applySample applies the sample, with the demo's addresses in place of those that
// it names.
func (d *demo) applySample(ctx context.Context) error {
	content, err := os.ReadFile(filepath.Join(d.root, sample))
	if err != nil {
		return err
	}
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(content, &object.Object); err != nil {
		return fmt.Errorf("read %s: %w", sample, err)
	}
	object.SetNamespace(namespace)
	set := map[string][]string{
		d.mesos.URL():           {"spec", "mesos", "master"},
		"http://" + d.artifacts: {"spec", "mesos", "webUIURL"},
		// In place of half a minute: who looks on wants to see the end of an update.
		"1s": {"spec", "update", "minReady"},
	}
	if d.disks.directory() != deviceDirectory {
		set[d.disks.directory()] = []string{"spec", "hostDeviceDirectory"}
	}
	for value, path := range set {
		if err := unstructured.SetNestedField(object.Object, value, path...); err != nil {
			return fmt.Errorf("%s: %w", sample, err)
		}
	}
	apply := client.ApplyConfigurationFromUnstructured(object)
	if err := d.client.Apply(ctx, apply, client.FieldOwner("demo"), client.ForceOwnership); err != nil {
		return fmt.Errorf("apply %s: %w", sample, err)
	}
	d.cluster = object
	d.say("applied %s, for Mesos at %s", sample, d.mesos.URL())
	return nil
}

// deviceList reads the devices of the sample.
func (d *demo) deviceList(ctx context.Context) ([]v1alpha1.QuobyteDevice, error) {
	list := &v1alpha1.QuobyteDeviceList{}
	ofSample := client.MatchingFields{"spec.clusterRef.name": d.cluster.GetName()}
	if err := d.client.List(ctx, list, client.InNamespace(namespace), ofSample); err != nil {
		return nil, fmt.Errorf("list the devices: %w", err)
	}
	return list.Items, nil
}

// deleteObjects tears the sample cluster down and takes its objects away, while the
// operator still runs to let them go. The cluster goes first: while it is there,
// devices that are mounted come back.
func (d *demo) deleteObjects() error {
	if d.cluster == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"deletionPolicy":"Teardown"}}`))
	if err := d.client.Patch(ctx, d.cluster.DeepCopyObject().(client.Object), patch); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("have the cluster torn down: %w", err)
	}
	if err := d.deleteAll(ctx, d.cluster); err != nil {
		return err
	}
	devices, err := d.deviceList(ctx)
	if err != nil {
		return err
	}
	objects := make([]client.Object, len(devices))
	for i := range devices {
		objects[i] = &devices[i]
	}
	if err := d.deleteAll(ctx, objects...); err != nil {
		return err
	}
	fmt.Println("The demo's objects are deleted; the CRDs stay installed.")
	return nil
}

// deleteAll deletes objects and waits until they are gone.
func (d *demo) deleteAll(ctx context.Context, objects ...client.Object) error {
	for _, object := range objects {
		if err := d.client.Delete(ctx, object); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete %s: %w", object.GetName(), err)
		}
	}
	for _, object := range objects {
		gone := func() (bool, string, error) {
			err := d.client.Get(ctx, client.ObjectKeyFromObject(object), object)
			return apierrors.IsNotFound(err), "it is still there", client.IgnoreNotFound(err)
		}
		if err := d.poll(ctx, object.GetName()+" to go", gone); err != nil {
			return err
		}
	}
	return nil
}
