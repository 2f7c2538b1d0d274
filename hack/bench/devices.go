package main

import (
	"context"
	"fmt"
	"strings"
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

// newDevice describes the device of that index, counted from 0.
func (b *bench) newDevice(namespace string, i int) *v1alpha1.QuobyteDevice {
	if b.stage.Scenario == found {
		return foundDevice(namespace, i)
	}
	return newDevice(namespace, i+1)
}

// hostName of an agent, as mesostest.Agents names it.
func hostName(i int) string { return fmt.Sprintf("node%d", i) }

// createDevices creates all devices, as many at once as there are clients.
func (b *bench) createDevices(ctx context.Context, namespace string, then func(context.Context, *v1alpha1.QuobyteDevice) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(b.load.Clients)
	for i := range b.stage.objects() {
		group.Go(func() error {
			device := b.newDevice(namespace, i)
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
		device.Status = b.fullStatus(device)
		if err := b.client.Status().Update(ctx, device); err != nil {
			return fmt.Errorf("write the status of %s: %w", device.Name, err)
		}
		return nil
	})
	b.result.PlainKubernetes = time.Since(began).Seconds()
	return err
}

// fullStatus is as large as that of a device in use.
func (b *bench) fullStatus(device *v1alpha1.QuobyteDevice) v1alpha1.QuobyteDeviceStatus {
	if b.stage.Scenario == found {
		status := statusInUse(device, hostName(1), v1alpha1.DeviceData)
		status.Path, status.Serial = mountPath(1), device.Spec.Serial
		status.Model, status.FileSystem, status.Capacity, status.Used = "TESTDISK", "xfs", "8Ti", "25%"
		return status
	}
	status := statusInUse(device, device.Spec.Host, device.Spec.Types...)
	status.Path = device.Spec.Path
	return status
}

// statusInUse is that of a device on a host where services of its types run.
func statusInUse(device *v1alpha1.QuobyteDevice, host string, types ...v1alpha1.DeviceType) v1alpha1.QuobyteDeviceStatus {
	const agent = "5999771f-18d5-4913-951e-29202cd4bd59-S1000"
	now := metav1.Now()
	status := v1alpha1.QuobyteDeviceStatus{
		ObservedGeneration: device.Generation, Phase: v1alpha1.PhaseOnline, PhaseSince: &now,
		Host: host, AgentID: agent, DeviceTypes: types,
	}
	var words, running []string
	for _, t := range types {
		service := strings.ToLower(string(t))
		words, running = append(words, string(t)), append(running, service+" 1.1.5 running")
		status.Services = append(status.Services, v1alpha1.TaskStatus{
			Service: service, TaskID: "quobyte-" + service + "-" + host + "-0123456789-0123456789abc",
			Host: host, AgentID: agent, Version: "1.1.5", State: "RUNNING",
		})
	}
	status.Types, status.Summary = strings.Join(words, ","), strings.Join(running, ", ")
	for _, kind := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionInUse} {
		status.Conditions = append(status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue,
			Reason: kind, Message: status.Summary, ObservedGeneration: device.Generation, LastTransitionTime: now})
	}
	return status
}
