package testapi_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/internal/testapi"
	"github.com/quobyte/mesos-operator/internal/testapi/controlplane"
)

func TestServerGoesAwayAndComesBackWithItsData(t *testing.T) {
	api := testapi.Start(t, controlplane.Options{})
	namespace := api.Namespace(t)
	kept := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "kept"}}
	if err := api.Client().Create(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	read := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return api.Client().Get(ctx, client.ObjectKeyFromObject(kept), &corev1.ConfigMap{})
	}

	api.StopServer(t)
	if err := read(); err == nil {
		t.Error("read from a stopped server")
	}
	api.StartServer(t)
	if err := read(); err != nil {
		t.Errorf("read after the server came back: %v", err)
	}

	api.PauseServer(t)
	if err := read(); err == nil {
		t.Error("read from a paused server")
	}
	api.ResumeServer(t)
	if out := api.Kubectl(t, "get", "configmap", "kept", "-n", namespace, "-o", "name"); out != "configmap/kept\n" {
		t.Errorf("kubectl printed %q", out)
	}
}

func TestDataServesANewControlPlane(t *testing.T) {
	options := controlplane.Options{Dir: t.TempDir()}
	first, err := controlplane.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(first.Config(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kept"}}); err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}

	second := testapi.Start(t, options)
	if err := second.Client().Get(t.Context(), client.ObjectKey{Name: "kept"}, &corev1.Namespace{}); err != nil {
		t.Errorf("read what the first control plane stored: %v", err)
	}
}

// TestNoProcessSurvivesItsParent runs itself as a child that starts a control
// plane and is killed, as a test that panics or times out is.
func TestNoProcessSurvivesItsParent(t *testing.T) {
	const variable = "TESTAPI_CHILD_DIR"
	if dir := os.Getenv(variable); dir != "" {
		if _, err := controlplane.Start(t.Context(), controlplane.Options{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "started"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		t.Fatal("nobody killed this process")
	}
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Skip("only Linux ties a child's life to its parent's")
	}

	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestNoProcessSurvivesItsParent$")
	child.Env = append(os.Environ(), variable+"="+dir)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if !eventually(t, func() bool { return exists(filepath.Join(dir, "started")) }) {
		t.Error("the child has not started a control plane")
	}
	if n := len(processesNaming(t, dir)); n != 2 {
		t.Errorf("%d processes of the control plane run, want etcd and the API server", n)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	if !eventually(t, func() bool { return len(processesNaming(t, dir)) == 0 }) {
		t.Errorf("processes %v outlived their parent", processesNaming(t, dir))
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func eventually(t *testing.T, condition func() bool) bool {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if condition() {
			return true
		}
	}
	return false
}

// processesNaming returns the ids of processes with the text in their command line.
func processesNaming(t *testing.T, text string) []int {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var ids []int
	for _, line := range lines {
		content, err := os.ReadFile(line)
		if err != nil || !strings.Contains(string(content), text) {
			continue // the process has ended, or is another
		}
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(line)))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}
