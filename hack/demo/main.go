// The demo: a real API server, a Mesos cluster in memory whose agents run the real
// prober, the operator, and a QuobyteCluster that becomes Ready before your eyes. It
// stays up until Ctrl-C. With -devices it goes through the life of some disks, with
// -tour through updates, failures and maintenance.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/internal/testapi/child"
	"github.com/quobyte/mesos-operator/internal/testapi/controlplane"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// agents is how many hosts the Mesos cluster of the demo has; disks names them.
const agents = 5

func main() {
	d := &demo{began: time.Now(), current: os.Getenv("DEMO_CLUSTER") == "current"}
	flag.BoolVar(&d.once, "once", os.Getenv("CI") != "", "End when all is shown, instead of waiting for Ctrl-C; the default where CI is set.")
	flag.BoolVar(&d.showDevices, "devices", false, "Show what happens to devices: one is added, moved, pulled out and taken out of service.")
	flag.BoolVar(&d.showTour, "tour", false, "Show an update, one that fails and pauses, one that fails and is rolled back, a lost agent, a maintenance window, a restart and a cordon.")
	flag.BoolVar(&d.directories, "directories", false, "Let directories stand for disks, even where real file systems can be mounted.")
	flag.StringVar(&d.dir, "dir", "", "Folder for logs, the kubeconfig, etcd's data and disks; what is in it is removed. Empty: bin/demo.")
	flag.StringVar(&d.program, "operator", "", "The operator's program. Empty: bin/manager.")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := d.run(ctx)
	interrupted := ctx.Err() != nil
	stop() // A second Ctrl-C ends the clean-up.
	failed := err != nil && !interrupted
	if cleanErr := d.clean(failed); cleanErr != nil {
		fmt.Fprintln(os.Stderr, "cleaning up:", cleanErr)
	}
	if failed {
		fmt.Fprintln(os.Stderr, "the demo failed:", err)
		os.Exit(1)
	}
	fmt.Println("The demo has ended; nothing of it runs on.")
}

// demo is what was asked for, and what runs, in the order in which it was started.
type demo struct {
	began time.Time
	// current: use the cluster of the present kubeconfig.
	current, once, showDevices, showTour, directories bool

	root       string
	program    string // the operator's
	dir        string // logs, kubeconfig, etcd's data and disks
	api        *controlplane.ControlPlane
	disks      diskShelf
	mesos      *mesostest.Cluster
	operator   *child.Process
	artifacts  string // host:port from which the agents fetch the prober
	kubectl    string
	kubeconfig string // empty: kubectl finds it as ever
	client     client.WithWatch
	cluster    client.Object // the sample
}

func (d *demo) run(ctx context.Context) error {
	if err := d.findFolders(); err != nil {
		return err
	}
	steps := []func(context.Context) error{d.startKubernetes, d.startMesos, d.startOperator, d.applySample, d.watch, d.show}
	if d.showDevices {
		steps = append(steps, d.diskLife)
	}
	if d.showTour {
		steps = append(steps, d.tour)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if d.once {
		return nil
	}
	d.tellHowToGoOn()
	select {
	case <-ctx.Done():
		fmt.Println()
		return nil
	case <-d.operator.Ended():
		return d.operatorEnded()
	}
}

// findFolders finds the repository, and empties the demo's own folder.
func (d *demo) findFolders() error {
	var err error
	if d.root, err = controlplane.RepositoryRoot(); err != nil {
		return err
	}
	if d.dir == "" {
		d.dir = filepath.Join(d.root, "bin", "demo")
	}
	// Hosts have to find it from wherever they stand.
	if d.dir, err = filepath.Abs(d.dir); err != nil {
		return err
	}
	if d.program == "" {
		d.program = filepath.Join(d.root, "bin", "manager")
	}
	if err := os.RemoveAll(d.dir); err != nil {
		return fmt.Errorf("remove what an earlier demo left: %w", err)
	}
	return os.MkdirAll(d.dir, 0o755)
}

func (d *demo) operatorEnded() error {
	return fmt.Errorf("the operator ended (%s): see operator.log in %s", d.operator.HowItEnded(), d.dir)
}

// step is a part of what is shown.
type step struct {
	title string
	do    func(context.Context) error
}

func (d *demo) steps(ctx context.Context, all []step) error {
	for i, step := range all {
		fmt.Printf("\n== %d. %s\n", i+1, step.title)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// say prints a line of progress with the time since the start.
func (d *demo) say(format string, args ...any) {
	fmt.Printf("%5.1fs  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}
