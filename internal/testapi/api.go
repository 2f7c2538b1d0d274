package testapi

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/testapi/controlplane"
)

// startTimeout bounds the start of a server, CRDs included.
const startTimeout = 3 * time.Minute

// API is an API server for tests, with the custom resources installed.
type API struct {
	controlPlane *controlplane.ControlPlane
	scheme       *runtime.Scheme
	client       client.WithWatch
}

// Start starts a server for this test alone. It is stopped when the test ends.
// CRDs that the options do not name are those of config/crd/bases.
func Start(t testing.TB, options controlplane.Options) *API {
	t.Helper()
	api, err := start(t.Context(), options)
	if err != nil {
		t.Fatalf("start an API server: %v", err)
	}
	t.Cleanup(func() {
		if err := api.controlPlane.Stop(); err != nil {
			t.Errorf("stop the API server: %v", err)
		}
	})
	return api
}

func start(ctx context.Context, options controlplane.Options) (*API, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if options.CRDs == nil {
		root, err := controlplane.RepositoryRoot()
		if err != nil {
			return nil, err
		}
		options.CRDs = []string{filepath.Join(root, "config", "crd", "bases")}
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("build the scheme: %w", err)
		}
	}
	controlPlane, err := controlplane.Start(ctx, options)
	if err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(controlPlane.Config(), client.Options{Scheme: scheme})
	if err != nil {
		_ = controlPlane.Stop() // the first error says more
		return nil, fmt.Errorf("create a client: %w", err)
	}
	return &API{controlPlane: controlPlane, scheme: scheme, client: c}, nil
}

// Config returns an administrator's access.
func (a *API) Config() *rest.Config { return a.controlPlane.Config() }

// Client returns an administrator's client. It reads from the server, not
// from a cache.
func (a *API) Client() client.WithWatch { return a.client }

// Scheme knows the built-in types and the custom resources.
func (a *API) Scheme() *runtime.Scheme { return a.scheme }

// Kubeconfig returns the path of a file with an administrator's access, for
// other processes.
func (a *API) Kubeconfig() string { return a.controlPlane.Kubeconfig() }

// ConfigOf returns the access of another user, to see what RBAC allows it.
func (a *API) ConfigOf(t testing.TB, user string, groups ...string) *rest.Config {
	t.Helper()
	config, err := a.controlPlane.User(user, groups...)
	if err != nil {
		t.Fatalf("create user %s: %v", user, err)
	}
	return config
}

// KubeconfigOf returns the path of a file with another user's access, for a
// process that is to run with that user's rights.
func (a *API) KubeconfigOf(t testing.TB, user string, groups ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := controlplane.WriteKubeconfig(path, a.ConfigOf(t, user, groups...)); err != nil {
		t.Fatal(err)
	}
	return path
}

// Namespace creates a namespace with a name of its own. Nothing removes it: no
// namespace controller runs here, and the server goes when the tests end.
func (a *API) Namespace(t testing.TB) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: namespacePrefix(t.Name())}}
	if err := a.client.Create(t.Context(), namespace); err != nil {
		t.Fatalf("create a namespace: %v", err)
	}
	return namespace.Name
}

// namespacePrefix tells in kubectl's output which test an object belongs to.
func namespacePrefix(test string) string {
	var prefix strings.Builder
	for _, r := range strings.ToLower(test) {
		if prefix.Len() == 40 {
			break
		}
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			prefix.WriteRune(r)
		}
	}
	return prefix.String() + "-"
}
