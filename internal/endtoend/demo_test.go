package endtoend

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/testapi"
	"github.com/quobyte/mesos-operator/internal/testapi/controlplane"
	"github.com/quobyte/mesos-operator/internal/testdisks"
)

// runDemo builds the demo and runs it to its end; it returns what it prints.
func runDemo(t *testing.T, env []string, args ...string) string {
	t.Helper()
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "demo")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/quobyte/mesos-operator/hack/demo").CombinedOutput(); err != nil {
		t.Fatalf("build the demo: %v: %s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	demo := exec.CommandContext(ctx, program, append([]string{"-once", "-dir", t.TempDir(), "-operator", binary.path(t)}, args...)...)
	demo.Dir = root
	demo.Env = append(os.Environ(), env...)
	// On a Ctrl-C it takes away what it has made.
	demo.Cancel = func() error { return demo.Process.Signal(os.Interrupt) }
	demo.WaitDelay = 30 * time.Second
	out, err := demo.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return string(out)
}

// mustSay checks that lines with these texts come in this order.
func mustSay(t *testing.T, out string, texts ...string) {
	t.Helper()
	rest := out
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			t.Fatalf("the demo does not say %q where it should:\n%s", text, out)
		}
		rest = after
	}
}

// TestDemoInThePresentCluster runs the demo as DEMO_CLUSTER=current make demo
// does, on an API server of its own: its operator looks after all namespaces.
func TestDemoInThePresentCluster(t *testing.T) {
	t.Parallel()
	api := testapi.Start(t, controlplane.Options{})
	out := runDemo(t, []string{"DEMO_CLUSTER=current", "KUBECONFIG=" + api.Kubeconfig()}, "-directories")
	mustSay(t, out, "directories that stand for disks", "Ready: 13 of 13 services run version 1.1.5", "data 1.1.5 running", "nothing of it runs on")
	if !strings.Contains(out, "11 devices are found on 5 hosts") {
		t.Errorf("the demo does not say that it has found its devices:\n%s", out)
	}
	if n := strings.Count(out, "\n"); n > 60 {
		t.Errorf("the demo prints %d lines, more than 60:\n%s", n, out)
	}
	left := &v1alpha1.QuobyteDeviceList{}
	if err := api.Client().List(t.Context(), left); err != nil || len(left.Items) > 0 {
		t.Errorf("the demo leaves %d devices (%v)", len(left.Items), err)
	}
	clusters := &v1alpha1.QuobyteClusterList{}
	if err := api.Client().List(t.Context(), clusters, client.InNamespace("default")); err != nil || len(clusters.Items) > 0 {
		t.Errorf("the demo leaves %d clusters (%v)", len(clusters.Items), err)
	}
	for line := range strings.Lines(api.Kubectl(t, "get", "configmaps,controllerrevisions", "-n", "default", "-o", "name")) {
		if strings.Contains(line, "/quobyte") {
			t.Errorf("the demo leaves %s", line)
		}
	}
}

// TestDemoTour runs make demo-tour.
func TestDemoTour(t *testing.T) {
	t.Parallel()
	out := runDemo(t, nil, "-tour", "-directories")
	mustSay(t, out,
		"== 1. ", "1.1.6: registry", "Paused: ", "1.1.6: data", "Ready: 13/13 updated",
		"== 2. ", "Stalled, UpdateFailed: ", "manifest unknown", "12 of 13 tasks are those that ran before", "Ready: 13/13 updated",
		"== 3. ", "RollingBack", "Stalled, RolledBack: ", "exited with status 134", "Ready: 13/13 updated",
		"== 4. ", "cannot be reached", "api on node", "Ready: 13/13 updated", "was told to stop", "RUNNING",
		"== 5. ", "leadTime", "curl", "node2: drained", "GET_MAINTENANCE_STATUS", "is ACCEPT", "Ready: 13/13 updated",
		"== 6. ", "restarted-at-metadata=", "restart: metadata", "instances of metadata were restarted",
		"== 7. ", "node1: is cordoned", "Ready: 13/13 updated",
		"goes back to the defaults", "That was all.", "nothing of it runs on")
}

// TestDemoDevices runs make demo-devices, on real file systems where there can be
// some.
func TestDemoDevices(t *testing.T) {
	t.Parallel()
	out := runDemo(t, nil, "-devices")
	disks := "ext4 file systems on loop devices"
	if err := testdisks.Supported(); err != nil {
		disks = "directories that stand for disks (" + err.Error() + ")"
	}
	mustSay(t, out, disks,
		"== 1. ", "disk12 created", "disk12   node4", "Online", "data 1.1.5 running",
		"== 2. ", "disk12   node5", "Online", "data 1.1.5 running",
		"== 3. ", "Missing", "is not found since", "goes on as task", "Online", "data 1.1.5 running",
		"== 4. ", "patched", "Decommissioned", "decommissioned: no service uses it", "12/12",
		"nothing of it runs on")
}
