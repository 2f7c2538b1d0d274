package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// startMesos starts a cluster whose services only pretend to run, while the probers
// are real processes that see the disks of their host.
func (d *demo) startMesos(context.Context) error {
	list := mesostest.Agents(agents)
	var hosts []string
	for _, agent := range list {
		hosts = append(hosts, agent.Host)
	}
	var err error
	if d.disks, err = setUpDisks(d.dir, hosts, d.directories); err != nil {
		return fmt.Errorf("set up the disks: %w", err)
	}
	d.mesos = mesostest.New(mesostest.Config{Agents: list, Script: play, PingTimeout: pingTimeout, Processes: &mesostest.Processes{
		Dir: d.sandboxes(), ScriptDocker: true, Prepare: d.disks.enter,
	}})
	if err := d.mesos.Start(); err != nil {
		return fmt.Errorf("start Mesos: %w", err)
	}
	d.say("a Mesos master in memory runs at %s, with agents node1 to node%d", d.mesos.URL(), agents)
	d.say("their disks are %s", d.disks.what())
	return nil
}

func (d *demo) sandboxes() string { return filepath.Join(d.dir, "mesos") }

// startOperator runs the real binary, as a Deployment would.
func (d *demo) startOperator(ctx context.Context) error {
	// The agents fetch the prober from it.
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("find a free port: %w", err)
	}
	d.artifacts = free.Addr().String()
	if err := free.Close(); err != nil {
		return err
	}
	d.operator, err = child.Start(child.Options{
		Name: "operator", Log: filepath.Join(d.dir, "operator.log"),
		Path: d.program,
		Args: []string{"--leader-elect=false", "--metrics-bind-address=0", "--health-probe-bind-address=0",
			"--artifacts-bind-address=" + d.artifacts},
		Env: d.environment(),
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
	return d.kubectlWith(ctx, "", args...)
}

// kubectlWith is kubectlRun with an input; empty: none.
func (d *demo) kubectlWith(ctx context.Context, input string, args ...string) error {
	if d.current {
		// The present context may have another namespace.
		args = append([]string{"--namespace=" + namespace}, args...)
	}
	line := "kubectl"
	for _, arg := range args {
		if strings.ContainsAny(arg, `{}" *`) {
			arg = "'" + arg + "'"
		}
		line += " " + arg
	}
	if input != "" {
		line += " <<EOF\n" + input + "EOF"
	}
	fmt.Printf("\n$ %s\n", line)
	run := exec.CommandContext(ctx, d.kubectl, args...)
	run.Stdout, run.Stderr = os.Stdout, os.Stderr
	run.Stdin = strings.NewReader(input)
	run.Dir = d.root
	run.Env = d.environment()
	if err := run.Run(); err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	return nil
}

// clean ends what runs, in reverse order. In a cluster that is not the demo's
// own it takes its objects away first. The sandboxes, which hold copies of the operator,
// stay when it failed: the probers' logs are there.
func (d *demo) clean(failed bool) error {
	var errs []error
	if d.current && d.client != nil && d.operator != nil {
		errs = append(errs, d.deleteObjects())
	}
	if d.operator != nil {
		errs = append(errs, d.operator.Stop(5*time.Second))
	}
	if d.mesos != nil {
		d.mesos.Close()
		if !failed {
			errs = append(errs, os.RemoveAll(d.sandboxes()))
		}
	}
	if d.disks != nil {
		d.disks.close()
	}
	if d.api != nil {
		errs = append(errs, d.api.Stop())
	}
	return errors.Join(errs...)
}
