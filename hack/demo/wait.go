package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// stepWithin bounds the wait for each step: what is waited for takes seconds.
const stepWithin = 90 * time.Second

// inUse says that a device is found and that the service on it runs, as its column
// STATUS shows it.
func inUse(d *v1alpha1.QuobyteDevice) bool {
	return d.Status.Phase == v1alpha1.PhaseOnline && d.Status.PreviousHost == "" &&
		len(d.Status.Services) > 0 && strings.HasSuffix(d.Status.Summary, " running")
}

// inUseAnew is inUse by another task than one that ran before.
func inUseAnew(before string) func(*v1alpha1.QuobyteDevice) bool {
	return func(d *v1alpha1.QuobyteDevice) bool { return inUse(d) && d.Status.Services[0].TaskID != before }
}

// poll asks until it is so; state says how it stands, for when it takes too long.
func (d *demo) poll(ctx context.Context, what string, is func() (done bool, state string, err error)) error {
	deadline := time.NewTimer(stepWithin)
	defer deadline.Stop()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		done, state, err := is()
		if err != nil {
			return fmt.Errorf("wait for %s: %w", what, err)
		}
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-deadline.C:
			return fmt.Errorf("waited %v in vain for %s: %s (see operator.log in %s)", stepWithin, what, state, d.dir)
		case <-d.operator.Ended():
			return d.operatorEnded()
		case <-ticker.C:
		}
	}
}

// awaitDevice says what it waits for, and waits until a device is so.
func (d *demo) awaitDevice(ctx context.Context, name, what string, is func(*v1alpha1.QuobyteDevice) bool) error {
	what = fmt.Sprintf("device/%s to be %s", name, what)
	d.say("wait for %s", what)
	return d.poll(ctx, what, func() (bool, string, error) {
		device := &v1alpha1.QuobyteDevice{}
		err := d.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, device)
		if apierrors.IsNotFound(err) {
			return false, "it is not there", nil
		}
		if err != nil {
			return false, "", err
		}
		s := &device.Status
		current := s.ObservedGeneration == device.Generation
		return current && is(device), fmt.Sprintf("it is %s on %s, %s", s.Phase, s.Host, s.Summary), nil
	})
}

// awaitReady waits until the cluster is Ready with so many services.
func (d *demo) awaitReady(ctx context.Context, services string) error {
	what := fmt.Sprintf("quobytecluster/%s to be Ready with %s services", d.cluster.GetName(), services)
	return d.poll(ctx, what, func() (bool, string, error) {
		cluster := &v1alpha1.QuobyteCluster{}
		if err := d.client.Get(ctx, client.ObjectKeyFromObject(d.cluster), cluster); err != nil {
			return false, "", err
		}
		line, ready := readiness(cluster)
		return ready && cluster.Status.Summary.Services == services, line, nil
	})
}

// serviceOf is the task of a service on a host, from Mesos; empty: none runs.
func (d *demo) serviceOf(service, host string) string {
	for _, task := range d.mesos.Tasks() {
		if task.Host == host && task.Info.Name == service {
			return task.Info.TaskID.Value
		}
	}
	return ""
}
