package endtoend

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// TestPrincipalAuthenticates: a wrong secret stalls the cluster, the right one
// heals it, and no secret is in a log, a status, an event or a task.
func TestPrincipalAuthenticates(t *testing.T) {
	t.Parallel()
	const right = "correct-horse-battery"
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3), Credentials: map[string]string{"fw": right}})
	w.startOperator("--leader-elect=false", "--verbose")
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "mesos"},
		StringData: map[string]string{"secret": "wrong-pony-staple"},
	}
	if err := w.api.Client().Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	w.api.Apply(t, w.namespace, fmt.Sprintf(smallest, w.mesos.URL())+"    principal: fw\n    secretRef: {name: mesos}\n")
	w.applyDevices(3)
	refused := w.await("Unauthorized", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionStalled, metav1.ConditionTrue, "Unauthorized")
	})
	if got := kstatus(t, refused); got != status.FailedStatus {
		t.Errorf("kstatus says %s of a refused secret, want Failed", got)
	}
	secret.StringData = map[string]string{"secret": right + "\n"}
	if err := w.api.Client().Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	w.awaitReady()
	everything := w.api.Kubectl(t, "-n", w.namespace, "get", "quobyteclusters,devices,events,configmaps,controllerrevisions", "-o", "yaml")
	logs, err := filepath.Glob(filepath.Join(w.dir, "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("logs: %v, %v", logs, err)
	}
	for _, log := range logs {
		content, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		everything += string(content)
	}
	for _, task := range w.mesos.History() {
		everything += task.Info.String()
	}
	for _, word := range []string{right, "wrong-pony-staple"} {
		if strings.Contains(everything, word) {
			t.Errorf("the secret %q stands in a log, a status, an event or a task", word)
		}
	}
}
