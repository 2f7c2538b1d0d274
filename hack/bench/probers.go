package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/probe"
	"github.com/quobyte/mesos-operator/internal/testprobers"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

const (
	// mountsEach is how many devices each host has in the scenario found.
	mountsEach = 3
	// coreHosts are the hosts whose devices are one of each type; those of all
	// others are data devices.
	coreHosts = 3
)

// probers are those of all hosts, simulated; their reports are counted.
type probers struct {
	fleet   *testprobers.Fleet
	reports atomic.Int64
}

func newProbers(agents int) *probers {
	p := &probers{fleet: testprobers.New()}
	for i := range agents {
		mounts := make([]probe.Mount, mountsEach)
		for j := range mounts {
			mounts[j] = mounted(i*mountsEach + j)
		}
		p.fleet.Mount(hostName(i+1), mounts...)
	}
	return p
}

// simulate is for mesostest.Config.SimulateExecutor.
func (p *probers) simulate(start mesostest.ExecutorStart, send func([]byte)) mesostest.SimulatedExecutor {
	return p.fleet.Simulate(start, func(data []byte) {
		p.reports.Add(1)
		send(data)
	})
}

// mounted is the device of that index, counted from 0, as a prober sees it: the
// very first one is the bootstrap device.
func mounted(i int) probe.Mount {
	host, disk := i/mountsEach, i%mountsEach
	kind := v1alpha1.DeviceData
	if host < coreHosts {
		kind = []v1alpha1.DeviceType{v1alpha1.DeviceRegistry, v1alpha1.DeviceMetadata, v1alpha1.DeviceData}[disk]
	}
	m := testprobers.Disk(mountPath(disk+1), serial(i), string(kind))
	m.Bootstrap = i == 0
	return m
}

func mountPath(disk int) string { return fmt.Sprintf("/mnt/disk%d", disk) }

// serial is a UUID, as qmkdev makes them.
func serial(i int) string { return fmt.Sprintf("5f1c5e0e-3d1c-4ad0-8a54-%012x", i) }

// foundDevice is the object that is made for a device of mounted.
func foundDevice(namespace string, i int) *v1alpha1.QuobyteDevice {
	return &v1alpha1.QuobyteDevice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: serial(i),
			Labels:     map[string]string{v1alpha1.LabelDiscovered: "true"},
			Finalizers: []string{v1alpha1.FinalizerDevice},
		},
		Spec: v1alpha1.QuobyteDeviceSpec{ClusterRef: v1alpha1.ClusterReference{Name: clusterName}, Serial: serial(i)},
	}
}

// report has each prober report once an interval until stop, which waits for the
// last of them.
func (p *probers) report(ctx context.Context, interval time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { p.fleet.Run(ctx, interval) })
	return func() { cancel(); group.Wait() }
}

// probing watches the operator while probers report what it knows, as often as
// load.Probing says.
func (b *bench) probing(ctx context.Context) error {
	// So that as many come in a second as from all the hosts that the load names.
	interval := time.Duration(float64(b.load.Probing.Interval.Duration) * float64(b.stage.Agents) / float64(b.load.Probing.Hosts))
	defer b.probers.report(ctx, interval)()
	if err := pause(ctx, calmAfter); err != nil {
		return err
	}
	before := b.probers.reports.Load()
	watched, err := b.watch(ctx, b.stage.Idle.Duration)
	if err != nil {
		return err
	}
	reports := b.probers.reports.Load() - before
	if reports == 0 {
		return errors.New("no prober has reported")
	}
	b.result.Probing = &probingResult{
		idleResult: watched, CPUAboveIdle: watched.CPU - b.result.Idle.CPU,
		Reports: reports, PerSecond: float64(reports) / watched.Seconds,
	}
	if !b.profile {
		return nil
	}
	// Profiling costs CPU itself.
	stopProfile := b.startProfile(ctx, "probing")
	if err := pause(ctx, b.stage.Idle.Duration); err != nil {
		return err
	}
	return stopProfile()
}
