package endtoend

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"github.com/quobyte/mesos-operator/internal/testapi/controlplane"
)

// TestDeploymentStartsTheOperator: the flags of config/manager are flags that the
// operator has.
func TestDeploymentStartsTheOperator(t *testing.T) {
	t.Parallel()
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(root, "config", "manager", "deployment.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	deployment := &appsv1.Deployment{}
	if err := yaml.UnmarshalStrict(content, deployment); err != nil {
		t.Fatal(err)
	}
	args := deployment.Spec.Template.Spec.Containers[0].Args
	if len(args) == 0 {
		t.Fatal("the Deployment has no arguments: the fault could not show")
	}
	out, err := exec.CommandContext(t.Context(), binary.path(t), append(args, "--version")...).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
