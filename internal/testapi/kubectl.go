package testapi

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Kubectl runs kubectl as an administrator and returns what it prints. The
// test ends when kubectl fails.
func (a *API) Kubectl(t testing.TB, arguments ...string) string {
	t.Helper()
	return a.mustRun(t, "", arguments)
}

// Apply applies a manifest with kubectl, as a person does, and returns what
// kubectl prints. The test ends when it is refused.
func (a *API) Apply(t testing.TB, namespace, manifest string) string {
	t.Helper()
	return a.mustRun(t, manifest, []string{"apply", "-n", namespace, "-f", "-"})
}

// Refused applies a manifest with kubectl and returns what kubectl says
// against it. The test ends when it is accepted.
func (a *API) Refused(t testing.TB, namespace, manifest string) string {
	t.Helper()
	out, message, err := a.RunKubectl(t.Context(), manifest, "apply", "-n", namespace, "-f", "-")
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatalf("kubectl apply: %v", err)
	}
	if err == nil {
		t.Fatalf("kubectl apply accepted what it should refuse: %s%s", out, manifest)
	}
	return message
}

// RunKubectl runs kubectl with the text as its standard input. Its error is an
// *exec.ExitError when kubectl ran and failed.
func (a *API) RunKubectl(ctx context.Context, input string, arguments ...string) (stdout, stderr string, err error) {
	command := exec.CommandContext(ctx, a.controlPlane.Kubectl(), arguments...)
	command.Env = append(os.Environ(),
		"KUBECONFIG="+a.Kubeconfig(),
		// What the person at this machine has configured must not matter.
		"KUBERC=off",
		"KUBECACHEDIR="+filepath.Join(a.controlPlane.Dir(), "kubectl-cache"),
	)
	var out, message bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), &out, &message
	err = command.Run()
	return out.String(), message.String(), err
}

func (a *API) mustRun(t testing.TB, input string, arguments []string) string {
	t.Helper()
	stdout, stderr, err := a.RunKubectl(t.Context(), input, arguments...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s%s", strings.Join(arguments, " "), err, stderr, input)
	}
	return stdout
}
