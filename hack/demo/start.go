package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/testapi/child"
	"github.com/quobyte/mesos-operator/internal/testapi/controlplane"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// startKubernetes starts a control plane of the demo's own, or finds the present
// one, and installs the CRDs.
func (d *demo) startKubernetes(ctx context.Context) error {
	crds := []string{filepath.Join(d.root, "config", "crd", "bases")}
	if d.current {
		config, err := ctrl.GetConfig()
		if err != nil {
			return fmt.Errorf("DEMO_CLUSTER=current: find the present cluster: %w", err)
		}
		if d.kubectl, err = exec.LookPath("kubectl"); err != nil {
			assets, err := controlplane.FindAssets()
			if err != nil {
				return fmt.Errorf("DEMO_CLUSTER=current: find kubectl: %w", err)
			}
			d.kubectl = assets.Kubectl
		}
		if _, err := envtest.InstallCRDs(config, envtest.CRDInstallOptions{Paths: crds}); err != nil {
			return fmt.Errorf("install the CRDs: %w", err)
		}
		d.say("use the Kubernetes cluster at %s", config.Host)
		return d.connect(config)
	}
	assets, err := controlplane.FindAssets()
	if err != nil {
		return err
	}
	d.api, err = controlplane.Start(ctx, controlplane.Options{Assets: assets, Dir: filepath.Join(d.dir, "kubernetes"), CRDs: crds})
	if err != nil {
		return fmt.Errorf("start the API server: %w", err)
	}
	d.kubectl, d.kubeconfig = assets.Kubectl, d.api.Kubeconfig()
	d.say("kube-apiserver and etcd run, the CRDs are installed")
	return d.connect(d.api.Config())
}

func (d *demo) connect(config *rest.Config) error {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	var err error
	d.client, err = client.NewWithWatch(config, client.Options{Scheme: scheme})
	return err
}

func (d *demo) startMesos(context.Context) error {
	// A real image takes longer to start; this much can be followed by eye.
	script := mesostest.Delayed(time.Second, mesostest.Healthy)
	d.mesos = mesostest.New(mesostest.Config{Agents: mesostest.Agents(agents), Script: script})
	if err := d.mesos.Start(); err != nil {
		return fmt.Errorf("start Mesos: %w", err)
	}
	d.say("a Mesos master in memory runs at %s, with agents node1 to node%d", d.mesos.URL(), agents)
	return nil
}

// startOperator runs the real binary, as a Deployment would.
func (d *demo) startOperator(ctx context.Context) error {
	var err error
	d.operator, err = child.Start(child.Options{
		Name: "operator", Log: filepath.Join(d.dir, "operator.log"),
		Path: d.program,
		Args: []string{"--leader-elect=false", "--metrics-bind-address=0", "--health-probe-bind-address=0"},
		Env:  d.environment(),
	})
	if err != nil {
		return fmt.Errorf("start the operator (make build): %w", err)
	}
	d.say("the operator runs")
	return nil
}

// environment leads the operator and kubectl to the demo's cluster.
func (d *demo) environment() []string {
	if d.kubeconfig == "" {
		return os.Environ()
	}
	return append(os.Environ(), "KUBECONFIG="+d.kubeconfig)
}

// kubectlRun prints a command as a user would type it, and its output.
func (d *demo) kubectlRun(ctx context.Context, args ...string) error {
	fmt.Printf("\n$ kubectl")
	for _, arg := range args {
		fmt.Printf(" %s", arg)
	}
	fmt.Println()
	run := exec.CommandContext(ctx, d.kubectl, args...)
	run.Stdout, run.Stderr = os.Stdout, os.Stderr
	run.Dir = d.root
	run.Env = d.environment()
	if err := run.Run(); err != nil {
		return fmt.Errorf("kubectl %s: %w", args[0], err)
	}
	return nil
}

// clean ends what runs, in reverse order. In a cluster that is not the demo's
// own it takes its objects away first.
func (d *demo) clean() error {
	var errs []error
	if d.current && d.client != nil && d.operator != nil {
		errs = append(errs, d.deleteSamples())
	}
	if d.operator != nil {
		errs = append(errs, d.operator.Stop(5*time.Second))
	}
	if d.mesos != nil {
		d.mesos.Close()
	}
	if d.api != nil {
		errs = append(errs, d.api.Stop())
	}
	return errors.Join(errs...)
}
