package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// find applies the cluster alone, and takes the time until the objects of all
// devices that are mounted exist and are Online, and all services run.
func (b *bench) find(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	devices, stop, err := b.followDevices(ctx)
	if err != nil {
		return err
	}
	defer stop()
	// One that says nothing for some intervals is restarted.
	defer b.probers.report(ctx, b.load.Probing.Interval.Duration)()
	stopProfile := b.startProfile(ctx, "found")
	began := time.Now()
	cluster := newCluster(operatorNamespace, b.mesos.URL())
	// Nothing is fetched by simulated agents. The interval is the operator's
	// business alone: simulated probers report when they are told to.
	err = unstructured.SetNestedMap(cluster.Object, map[string]any{
		"artifactURL": "http://files.corp/quobyte-prober", "interval": b.load.Probing.Interval.Duration.String(),
	}, "spec", "prober")
	if err != nil {
		return err
	}
	if err := b.client.Create(ctx, cluster); err != nil {
		return err
	}
	if err := b.awaitReady(ctx); err != nil {
		return fmt.Errorf("%w; %s", err, devices)
	}
	b.result.Ready = time.Since(began).Seconds()
	for _, s := range []state{exists, online, used} {
		if err := b.awaitAll(ctx, devices, s); err != nil {
			return err
		}
	}
	b.result.Found = &foundResult{Listed: devices.reached[exists].Sub(began).Seconds(), Online: devices.reached[online].Sub(began).Seconds()}
	b.result.Found.All = max(b.result.Ready, b.result.Found.Online)
	b.result.Settled = max(b.result.Ready, devices.reached[used].Sub(began).Seconds())
	b.result.Ratio = b.result.Found.All / b.result.PlainKubernetes
	b.say("listed after %.2fs, Online after %.2fs, Ready after %.2fs; the plain client took %.2fs",
		b.result.Found.Listed, b.result.Found.Online, b.result.Ready, b.result.PlainKubernetes)
	if err := stopProfile(); err != nil {
		return err
	}
	return b.takeStock()
}

// state is how far a device has come.
type state int

const (
	exists state = iota
	online
	used // its status tells of a service that runs
	states
)

// stateOf returns the furthest state of a device.
func stateOf(d *v1alpha1.QuobyteDevice) state {
	switch {
	case d.Status.Phase != v1alpha1.PhaseOnline:
		return exists
	case len(d.Status.Services) == 0 || d.Status.Services[0].State != "RUNNING":
		return online
	}
	return used
}

// deviceStates counts how far devices have come. They are told by a watch: listing
// tens of thousands again and again would slow down what is measured.
type deviceStates struct {
	all int

	mu     sync.Mutex
	states map[string]state
	counts [states]int // those that have come so far, or further
	// reached is when all devices had first come so far; zero: not yet.
	reached [states]time.Time
	changed chan struct{} // holds a word when reached has changed
}

// followDevices watches the devices of the operator's namespace until stop, which
// waits for the watch to end.
func (b *bench) followDevices(ctx context.Context) (_ *deviceStates, stop func(), err error) {
	devices := &deviceStates{all: b.stage.objects(), states: map[string]state{}, changed: make(chan struct{}, 1)}
	watched, err := cache.New(b.api.Config(), cache.Options{
		Scheme:            b.client.Scheme(),
		DefaultNamespaces: map[string]cache.Config{operatorNamespace: {}},
		DefaultTransform:  cache.TransformStripManagedFields(),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("watch the devices: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { _ = watched.Start(ctx) }) // It fails only when started twice.
	stop = func() { cancel(); group.Wait() }
	informer, err := watched.GetInformer(ctx, &v1alpha1.QuobyteDevice{})
	if err == nil {
		_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    devices.note,
			UpdateFunc: func(_, now any) { devices.note(now) },
		})
	}
	if err != nil {
		stop()
		return nil, nil, fmt.Errorf("watch the devices: %w", err)
	}
	return devices, stop, nil
}

func (d *deviceStates) note(object any) {
	device, ok := object.(*v1alpha1.QuobyteDevice)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	was, known := d.states[device.Name]
	is := stateOf(device)
	d.states[device.Name] = is
	for s := range states {
		before, now := known && was >= s, is >= s
		if now && !before {
			d.counts[s]++
		} else if before && !now {
			d.counts[s]--
		}
		if d.counts[s] == d.all && d.reached[s].IsZero() {
			d.reached[s] = time.Now()
			select {
			case d.changed <- struct{}{}:
			default:
			}
		}
	}
}

func (d *deviceStates) has(s state) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.reached[s].IsZero()
}

// String says how many have come how far.
func (d *deviceStates) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprintf("of %d devices %d exist, %d are Online, %d are in use", d.all, d.counts[exists], d.counts[online], d.counts[used])
}

func (b *bench) awaitAll(ctx context.Context, devices *deviceStates, s state) error {
	for !devices.has(s) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; %s", ctx.Err(), devices)
		case <-b.operator.process.Ended():
			return errors.New("the operator ended: " + b.operator.process.LastWords())
		case <-devices.changed:
		}
	}
	return nil
}
