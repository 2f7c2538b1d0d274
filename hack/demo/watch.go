package main

import (
	"context"
	"errors"
	"fmt"
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
	maxLines = 12
)

// watch prints how devices are found and the sample cluster becomes Ready.
func (d *demo) watch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	changes, err := d.client.Watch(ctx, &v1alpha1.QuobyteClusterList{}, client.InNamespace(namespace))
	if err != nil {
		return fmt.Errorf("watch the cluster: %w", err)
	}
	defer changes.Stop()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	last, lines, found, ready := "", 0, false, false
	// Not all devices are there before all probers have reported.
	for !ready || !found {
		select {
		case <-ctx.Done():
			return errors.New("the cluster did not become Ready in time: see operator.log in " + d.dir)
		case <-d.operator.Ended():
			return d.operatorEnded()
		case <-look.C:
			if !found {
				if found, err = d.sayFound(ctx); err != nil {
					return err
				}
			}
		case change, ok := <-changes.ResultChan():
			if !ok || change.Type == watch.Error {
				return errors.New("the watch of the cluster ended")
			}
			cluster, ok := change.Object.(*v1alpha1.QuobyteCluster)
			if !ok || cluster.Name != d.cluster.GetName() {
				continue
			}
			var line string
			line, ready = readiness(cluster)
			if line != "" && line != last && (lines < maxLines || ready) {
				d.say("quobytecluster/%s: %s", cluster.Name, line)
				last, lines = line, lines+1
			}
		}
	}
	return nil
}

// readiness of a cluster in a line; empty: nothing is known yet.
func readiness(cluster *v1alpha1.QuobyteCluster) (line string, ready bool) {
	condition := meta.FindStatusCondition(cluster.Status.Conditions, v1alpha1.ConditionReady)
	if condition == nil || condition.ObservedGeneration != cluster.Generation || condition.Status == metav1.ConditionUnknown {
		return "", false
	}
	return condition.Reason + ": " + condition.Message, condition.Status == metav1.ConditionTrue
}

// sayFound says so when all disks of the demo have been found.
func (d *demo) sayFound(ctx context.Context) (bool, error) {
	devices, err := d.deviceList(ctx)
	if err != nil {
		return false, err
	}
	hosts, online := map[string]bool{}, 0
	for _, device := range devices {
		if device.Status.Phase == v1alpha1.PhaseOnline {
			hosts[device.Status.Host] = true
			online++
		}
	}
	if online < len(disks()) {
		return false, nil
	}
	d.say("%d devices are found on %d hosts", online, len(hosts))
	return true, nil
}

func (d *demo) show(ctx context.Context) error {
	// The devices' status is written shortly after the cluster's.
	err := d.poll(ctx, "the devices to be in use", func() (bool, string, error) {
		devices, err := d.deviceList(ctx)
		if err != nil {
			return false, "", err
		}
		for i := range devices {
			if !inUse(&devices[i]) {
				return false, devices[i].Name + ": " + devices[i].Status.Summary, nil
			}
		}
		return true, "", nil
	})
	if err != nil {
		return err
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
	name, another := d.cluster.GetName(), goodVersion
	if d.showTour {
		another = nextVersion // the tour has ended with the good one
	}
	for _, command := range []string{
		"kubectl get devices -o wide",
		"kubectl describe quobytecluster " + name,
		`kubectl patch quobytecluster ` + name + ` --type merge -p '{"spec":{"version":"` + another + `"}}'   # another version`,
		`kubectl patch quobytecluster ` + name + ` --type merge -p '{"spec":{"state":"Stopped"}}'    # stop all services`,
		`kubectl patch quobytecluster ` + name + ` --type merge -p '{"spec":{"state":"Running"}}'    # and start them again`,
		"kubectl wait --for=condition=Ready quobytecluster/" + name,
	} {
		fmt.Println("  " + command)
	}
	fmt.Printf("The operator's log is %s\n", d.fromHere(filepath.Join(d.dir, "operator.log")))
	if !d.showTour {
		fmt.Println("make demo-tour shows updates, good and bad, a lost agent, maintenance, a restart and a cordon.")
	}
	if !d.showDevices {
		fmt.Println("make demo-devices shows how disks are added, moved, pulled out and taken out of service.")
	}
}

// fromHere shortens a path for a terminal in the repository.
func (d *demo) fromHere(path string) string {
	if below, err := filepath.Rel(d.root, path); err == nil && filepath.IsLocal(below) {
		return "$PWD/" + below
	}
	return path
}
