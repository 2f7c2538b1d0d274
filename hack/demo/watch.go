package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

const (
	// readyWithin bounds the demo; the simulated services start in seconds.
	readyWithin = 2 * time.Minute
	// maxLines keeps the whole demo under 60 lines.
	maxLines = 15
)

// watch prints how the sample cluster becomes Ready.
func (d *demo) watch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	changes, err := d.client.Watch(ctx, &v1alpha1.QuobyteClusterList{}, client.InNamespace(namespace))
	if err != nil {
		return fmt.Errorf("watch the cluster: %w", err)
	}
	defer changes.Stop()
	last, lines := "", 0
	for {
		select {
		case <-ctx.Done():
			return errors.New("the cluster did not become Ready in time: see operator.log in " + d.dir)
		case <-d.operator.Ended():
			return errors.New("the operator ended: " + d.operator.LastWords())
		case change, ok := <-changes.ResultChan():
			if !ok || change.Type == watch.Error {
				return errors.New("the watch of the cluster ended")
			}
			cluster, ok := change.Object.(*v1alpha1.QuobyteCluster)
			if !ok || cluster.Name != d.clusterName() {
				continue
			}
			ready := meta.FindStatusCondition(cluster.Status.Conditions, v1alpha1.ConditionReady)
			if ready == nil || ready.ObservedGeneration != cluster.Generation {
				continue
			}
			line := fmt.Sprintf("quobytecluster/%s: %s: %s", cluster.Name, ready.Reason, ready.Message)
			if line != last && lines < maxLines && ready.Status != metav1.ConditionUnknown {
				d.say("%s", line)
				last, lines = line, lines+1
			}
			if ready.Status == metav1.ConditionTrue {
				return nil
			}
		}
	}
}

func (d *demo) clusterName() string {
	for _, object := range d.samples {
		if object.GetObjectKind().GroupVersionKind().Kind == "QuobyteCluster" {
			return object.GetName()
		}
	}
	return ""
}

func (d *demo) show(ctx context.Context) error {
	// The devices' status is written shortly after the cluster's.
	wait := exec.CommandContext(ctx, d.kubectl, "wait", "--for=condition=InUse", "devices", "--all", "-n", namespace, "--timeout=30s")
	wait.Env = d.environment()
	if out, err := wait.CombinedOutput(); err != nil {
		return fmt.Errorf("wait for the devices: %w: %s", err, out)
	}
	if err := d.kubectlRun(ctx, "get", "quobyteclusters"); err != nil {
		return err
	}
	return d.kubectlRun(ctx, "get", "devices")
}

func (d *demo) tellHowToGoOn() {
	fmt.Println("\nIt stays up until Ctrl-C. In another terminal:")
	if d.kubeconfig != "" {
		fmt.Printf("  export KUBECONFIG=%s\n", d.fromHere(d.kubeconfig))
		fmt.Printf("  alias kubectl=%s   # if you have none\n", d.fromHere(d.kubectl))
	}
	name := d.clusterName()
	for _, command := range []string{
		"kubectl get devices",
		"kubectl describe quobytecluster " + name,
		`kubectl patch quobytecluster ` + name + ` --type merge -p '{"spec":{"version":"1.1.6"}}'   # another version`,
		`kubectl patch quobytecluster ` + name + ` --type merge -p '{"spec":{"state":"Stopped"}}'    # stop all services`,
		`kubectl patch quobytecluster ` + name + ` --type merge -p '{"spec":{"state":"Running"}}'    # and start them again`,
		"kubectl wait --for=condition=Ready quobytecluster/" + name,
	} {
		fmt.Println("  " + command)
	}
	fmt.Printf("The operator's log is %s\n", d.fromHere(filepath.Join(d.dir, "operator.log")))
}

// fromHere shortens a path for a terminal in the repository.
func (d *demo) fromHere(path string) string {
	if below, err := filepath.Rel(d.root, path); err == nil && filepath.IsLocal(below) {
		return "$PWD/" + below
	}
	return path
}
