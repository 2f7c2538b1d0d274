package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// readyWithin bounds what a stage waits for.
const readyWithin = 20 * time.Minute

// apply applies the cluster and its devices, and takes the time until it is
// Ready with all that they ask for.
func (b *bench) apply(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	stopProfile := b.startProfile(ctx, "apply")
	began := time.Now()
	if err := b.client.Create(ctx, newCluster(operatorNamespace, b.mesos.URL())); err != nil {
		return err
	}
	nothing := func(context.Context, *v1alpha1.QuobyteDevice) error { return nil }
	if err := b.createDevices(ctx, operatorNamespace, nothing); err != nil {
		return err
	}
	b.say("applied after %.2fs", time.Since(began).Seconds())
	if err := b.awaitReady(ctx); err != nil {
		return err
	}
	b.result.Ready = time.Since(began).Seconds()
	b.result.Ratio = b.result.Ready / max(b.result.PlainMesos, b.result.PlainKubernetes)
	b.say("Ready after %.2fs; the plain clients took %.2fs and %.2fs", b.result.Ready, b.result.PlainMesos, b.result.PlainKubernetes)
	if err := b.awaitDevices(ctx); err != nil {
		return err
	}
	b.result.Settled = time.Since(began).Seconds()
	if err := stopProfile(); err != nil {
		return err
	}
	return b.takeStock()
}

// newCluster is the smallest manifest, without the fields that have defaults:
// the Go type would send them as zeros.
func newCluster(namespace, master string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": "QuobyteCluster",
		"metadata": map[string]any{"namespace": namespace, "name": clusterName},
		"spec": map[string]any{
			"version": "1.1.5", "image": "docker-registry.corp:5000/quobyte-server",
			"mesos": map[string]any{"master": master},
		},
	}}
}

// awaitReady watches the cluster. Ready counts once the operator has seen all
// devices: before, it may be Ready with the first of them.
func (b *bench) awaitReady(ctx context.Context) error {
	changes, err := b.client.Watch(ctx, &v1alpha1.QuobyteClusterList{}, client.InNamespace(operatorNamespace))
	if err != nil {
		return err
	}
	defer changes.Stop()
	last := "nothing yet"
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; the cluster says %s", ctx.Err(), last)
		case <-b.operator.process.Ended():
			return errors.New("the operator ended: " + b.operator.process.LastWords())
		case change, ok := <-changes.ResultChan():
			if !ok {
				return fmt.Errorf("the watch of the cluster ended; it says %s", last)
			}
			cluster, ok := change.Object.(*v1alpha1.QuobyteCluster)
			if !ok {
				continue
			}
			if c := meta.FindStatusCondition(cluster.Status.Conditions, v1alpha1.ConditionReady); c != nil {
				last = c.Message
			}
			if b.runs(cluster) {
				return nil
			}
		}
	}
}

func (b *bench) runs(cluster *v1alpha1.QuobyteCluster) bool {
	ready := meta.FindStatusCondition(cluster.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionTrue || ready.ObservedGeneration != cluster.Generation {
		return false
	}
	wanted := 0
	for _, service := range cluster.Status.Services {
		wanted += int(service.Wanted)
	}
	return wanted >= b.stage.services() && int(cluster.Status.Devices) == b.stage.objects()
}

// awaitDevices waits until the status of every device tells of its services.
func (b *bench) awaitDevices(ctx context.Context) error {
	for {
		list := &v1alpha1.QuobyteDeviceList{}
		if err := b.client.List(ctx, list, client.InNamespace(operatorNamespace)); err != nil {
			return err
		}
		running := 0
		for i := range list.Items {
			if allRun(&list.Items[i]) {
				running++
			}
		}
		if running == b.stage.Agents {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; %d devices are in use", ctx.Err(), running)
		case <-time.After(250 * time.Millisecond):
		}
	}
}

func allRun(device *v1alpha1.QuobyteDevice) bool {
	running := 0
	for _, task := range device.Status.Services {
		if task.State == "RUNNING" {
			running++
		}
	}
	return running == servicesEach
}

// takeStock notes what it has cost so far.
func (b *bench) takeStock() error {
	used, err := b.operator.usage()
	if err != nil {
		return err
	}
	b.result.CPU = used.cpu.Seconds()
	if b.result.Writes, _, err = b.audit.writes(); err != nil {
		return err
	}
	b.result.WritesPerObject = float64(sum(b.result.Writes)) / float64(b.result.Objects)
	b.result.Calls = b.calls()
	b.result.CallsPerTask = float64(sum(b.result.Calls)) / float64(b.result.Tasks)
	return nil
}

// calls to Mesos so far, by type.
func (b *bench) calls() map[string]int {
	counts := map[string]int{}
	for kind, n := range b.mesos.Calls() {
		counts[kind.String()] = n
	}
	return counts
}
