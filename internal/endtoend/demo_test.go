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
)

// TestDemoInThePresentCluster runs the demo as DEMO_CLUSTER=current make demo
// does, on an API server of its own: its operator looks after all namespaces.
func TestDemoInThePresentCluster(t *testing.T) {
	t.Parallel()
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	api := testapi.Start(t, controlplane.Options{})
	program := filepath.Join(t.TempDir(), "demo")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/quobyte/mesos-operator/hack/demo").CombinedOutput(); err != nil {
		t.Fatalf("build the demo: %v: %s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	demo := exec.CommandContext(ctx, program, "-once", "-dir", t.TempDir(), "-operator", binary.path(t))
	demo.Dir = root
	demo.Env = append(os.Environ(), "DEMO_CLUSTER=current", "KUBECONFIG="+api.Kubeconfig())
	out, err := demo.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	for _, line := range []string{"Ready: 13 of 13 services run version 1.1.5", "data 1.1.5 running", "nothing of it runs on"} {
		if !strings.Contains(string(out), line) {
			t.Errorf("the demo does not say %q:\n%s", line, out)
		}
	}
	if n := strings.Count(string(out), "\n"); n > 60 {
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
}
