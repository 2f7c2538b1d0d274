package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// namespace of the samples.
const namespace = "default"

// applySamples applies config/samples, with the demo's Mesos in place of the
// one that they name.
func (d *demo) applySamples(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(d.root, "config", "samples", "*_*.yaml"))
	if err != nil {
		return err
	}
	sort.Strings(files)
	for _, file := range files {
		if err := d.applyFile(ctx, file); err != nil {
			return err
		}
	}
	d.say("applied config/samples: %d objects, for Mesos at %s", len(d.samples), d.mesos.URL())
	return nil
}

func (d *demo) applyFile(ctx context.Context, file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		if len(object.Object) == 0 || object.GetKind() == "Kustomization" {
			continue
		}
		if object.GetNamespace() == "" {
			object.SetNamespace(namespace)
		}
		if object.GetKind() == "QuobyteCluster" {
			if err := unstructured.SetNestedField(object.Object, d.mesos.URL(), "spec", "mesos", "master"); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
		apply := client.ApplyConfigurationFromUnstructured(object)
		if err := d.client.Apply(ctx, apply, client.FieldOwner("demo"), client.ForceOwnership); err != nil {
			return fmt.Errorf("apply %s: %w", file, err)
		}
		d.samples = append(d.samples, object)
	}
}

// deleteSamples tears the sample cluster down and takes its objects away, while
// the operator still runs to let them go.
func (d *demo) deleteSamples() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, object := range d.samples {
		if object.GetObjectKind().GroupVersionKind().Kind == "QuobyteCluster" {
			patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"deletionPolicy":"Teardown"}}`))
			if err := d.client.Patch(ctx, object.DeepCopyObject().(client.Object), patch); err != nil {
				return client.IgnoreNotFound(err)
			}
		}
		if err := d.client.Delete(ctx, object); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	for _, object := range d.samples {
		for {
			err := d.client.Get(ctx, client.ObjectKeyFromObject(object), object)
			if apierrors.IsNotFound(err) {
				break
			}
			if err != nil {
				return fmt.Errorf("wait for %s to go: %w", object.GetName(), err)
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
	fmt.Println("The samples are deleted; the CRDs stay installed.")
	return nil
}
