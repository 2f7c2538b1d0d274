package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// clusterName is the name of the one QuobyteCluster.
const clusterName = "quobyte"

// newDevice describes the device of an agent, counted from 1.
func newDevice(namespace string, i int) *v1alpha1.QuobyteDevice {
	host := hostName(i)
	return &v1alpha1.QuobyteDevice{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: host + "-disk1"},
		Spec: v1alpha1.QuobyteDeviceSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: clusterName}, Host: host, Path: "/mnt/disk1",
			Types: []v1alpha1.DeviceType{v1alpha1.DeviceRegistry, v1alpha1.DeviceMetadata, v1alpha1.DeviceData},
		},
	}
}

// hostName of an agent, as mesostest.Agents names it.
func hostName(i int) string { return fmt.Sprintf("node%d", i) }

// createDevices creates all devices, as many at once as there are clients.
func (b *bench) createDevices(ctx context.Context, namespace string, then func(context.Context, *v1alpha1.QuobyteDevice) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(b.load.Clients)
	for i := range b.stage.Agents {
		group.Go(func() error {
			device := newDevice(namespace, i+1)
			if err := b.client.Create(ctx, device); err != nil {
				return fmt.Errorf("create device %s: %w", device.Name, err)
			}
			return then(ctx, device)
		})
	}
	return group.Wait()
}

// plainKubernetes takes the time in which a plain client creates the devices and
// writes the status of each once: whoever reports on them needs that long.
func (b *bench) plainKubernetes(ctx context.Context) error {
	began := time.Now()
	err := b.createDevices(ctx, plainNamespace, func(ctx context.Context, device *v1alpha1.QuobyteDevice) error {
		device.Status = fullStatus(device)
		if err := b.client.Status().Update(ctx, device); err != nil {
			return fmt.Errorf("write the status of %s: %w", device.Name, err)
		}
		return nil
	})
	b.result.PlainKubernetes = time.Since(began).Seconds()
	return err
}

// fullStatus is as large as that of a device in use.
func fullStatus(device *v1alpha1.QuobyteDevice) v1alpha1.QuobyteDeviceStatus {
	const agent = "5999771f-18d5-4913-951e-29202cd4bd59-S1000"
	const summary = "registry 1.1.5 running, metadata 1.1.5 running, data 1.1.5 running"
	status := v1alpha1.QuobyteDeviceStatus{
		ObservedGeneration: device.Generation, AgentID: agent, Types: "DATA,METADATA,REGISTRY", Summary: summary,
	}
	for _, service := range []string{"registry", "metadata", "data"} {
		status.Services = append(status.Services, v1alpha1.TaskStatus{
			Service: service, TaskID: "quobyte-" + service + "-" + device.Spec.Host + "-0123456789-0123456789abc",
			Host: device.Spec.Host, AgentID: agent, Version: "1.1.5", State: "RUNNING",
		})
	}
	for _, kind := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionInUse} {
		status.Conditions = append(status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue,
			Reason: kind, Message: summary, ObservedGeneration: device.Generation, LastTransitionTime: metav1.Now()})
	}
	return status
}
