// The demo: a real API server, a Mesos cluster in memory, the operator, and a
// QuobyteCluster that becomes Ready before your eyes. It stays up until Ctrl-C.
package main

import (
	"context"
	"errors"
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

// agents is how many hosts the Mesos cluster of the demo has; the samples name
// them.
const agents = 5

func main() {
	once := flag.Bool("once", false, "End as soon as the cluster is Ready, instead of waiting for Ctrl-C.")
	dir := flag.String("dir", "", "Folder for logs, the kubeconfig and etcd's data; what is in it is removed. Empty: bin/demo.")
	operator := flag.String("operator", "", "The operator's program. Empty: bin/manager.")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d := &demo{began: time.Now(), dir: *dir, program: *operator, current: os.Getenv("DEMO_CLUSTER") == "current"}
	err := d.run(ctx, *once)
	interrupted := ctx.Err() != nil
	stop() // A second Ctrl-C ends the clean-up.
	if cleanErr := d.clean(); cleanErr != nil {
		fmt.Fprintln(os.Stderr, "cleaning up:", cleanErr)
	}
	if err != nil && !interrupted {
		fmt.Fprintln(os.Stderr, "the demo failed:", err)
		os.Exit(1)
	}
	fmt.Println("The demo has ended; nothing of it runs on.")
}

// demo is what runs, in the order in which it was started.
type demo struct {
	began time.Time
	// current: use the cluster of the present kubeconfig.
	current bool

	root       string
	program    string // the operator's
	dir        string // logs, kubeconfig and etcd's data
	api        *controlplane.ControlPlane
	mesos      *mesostest.Cluster
	operator   *child.Process
	kubectl    string
	kubeconfig string // empty: kubectl finds it as ever
	client     client.WithWatch
	samples    []client.Object
}

func (d *demo) run(ctx context.Context, once bool) error {
	var err error
	if d.root, err = controlplane.RepositoryRoot(); err != nil {
		return err
	}
	if d.dir == "" {
		d.dir = filepath.Join(d.root, "bin", "demo")
	}
	if d.program == "" {
		d.program = filepath.Join(d.root, "bin", "manager")
	}
	if err := os.RemoveAll(d.dir); err != nil {
		return fmt.Errorf("remove what an earlier demo left: %w", err)
	}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{d.startKubernetes, d.startMesos, d.startOperator, d.applySamples, d.watch, d.show} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if once {
		return nil
	}
	d.tellHowToGoOn()
	select {
	case <-ctx.Done():
		fmt.Println()
		return nil
	case <-d.operator.Ended():
		return errors.New("the operator ended: " + d.operator.LastWords())
	}
}

// say prints a line of progress with the time since the start.
func (d *demo) say(format string, args ...any) {
	fmt.Printf("%5.1fs  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}
