package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/quobyte/mesos-operator/internal/testapi/child"
)

// Options say how to run a control plane; the zero value is good for a test.
type Options struct {
	// Assets are the programs to run. Zero: those that FindAssets finds.
	Assets Assets
	// Dir holds etcd's data, certificates, logs (etcd.log, kube-apiserver.log)
	// and the kubeconfig. The data of an earlier control plane in it is served
	// again. Empty: a new temporary folder, removed by Stop.
	Dir string
	// CRDs are files, or folders of files, to install. Nil: none.
	CRDs []string
	// APIServerFlags are added to the API server's command line.
	APIServerFlags []string
	// StartTimeout bounds each start of a process. Zero: two minutes, for
	// machines that are busy.
	StartTimeout time.Duration
}

// ControlPlane is a running API server with its etcd. Its methods may be
// called from several goroutines.
type ControlPlane struct {
	options   Options
	dir       string
	ownDir    bool
	authority *authority
	files     serverFiles
	etcdPort  int
	apiPort   int
	admin     *rest.Config

	mu        sync.Mutex // guards what follows
	etcd      *child.Process
	apiServer *child.Process
}

// Start starts a control plane and returns when its API server is ready and
// the CRDs are established. The context bounds the start alone.
func Start(ctx context.Context, options Options) (_ *ControlPlane, err error) {
	if options.Assets == (Assets{}) {
		if options.Assets, err = FindAssets(); err != nil {
			return nil, err
		}
	}
	if options.StartTimeout == 0 {
		options.StartTimeout = 2 * time.Minute
	}
	c := &ControlPlane{options: options, dir: options.Dir}
	if c.dir == "" {
		if c.dir, err = os.MkdirTemp("", "controlplane-"); err != nil {
			return nil, fmt.Errorf("create a folder for the control plane: %w", err)
		}
		c.ownDir = true
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Stop())
		}
	}()
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the control plane's folder: %w", err)
	}
	if c.authority, err = newAuthority(); err != nil {
		return nil, err
	}
	if c.files, err = c.authority.writeServerFiles(c.dir); err != nil {
		return nil, err
	}
	if err := c.startEtcd(ctx); err != nil {
		return nil, err
	}
	if c.apiPort, err = freePort(); err != nil {
		return nil, err
	}
	if c.admin, err = c.User("admin", "system:masters"); err != nil {
		return nil, err
	}
	if err := c.StartAPIServer(ctx); err != nil {
		return nil, err
	}
	if err := WriteKubeconfig(c.Kubeconfig(), c.admin); err != nil {
		return nil, err
	}
	if len(options.CRDs) > 0 {
		if _, err := envtest.InstallCRDs(c.Config(), envtest.CRDInstallOptions{Paths: options.CRDs, ErrorIfPathMissing: true}); err != nil {
			return nil, fmt.Errorf("install CRDs: %w", err)
		}
	}
	return c, nil
}

// Stop ends both processes and removes the folder when Start created it.
// Stopping again does nothing.
func (c *ControlPlane) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	if c.apiServer != nil {
		errs = append(errs, c.apiServer.Kill())
		c.apiServer = nil
	}
	if c.etcd != nil {
		// etcd writes its last snapshot of the log when asked to end.
		errs = append(errs, c.etcd.Stop(5*time.Second))
		c.etcd = nil
	}
	if c.ownDir {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}

// Config returns an administrator's access, without a limit on requests.
func (c *ControlPlane) Config() *rest.Config { return rest.CopyConfig(c.admin) }

// Kubeconfig returns the path of a file with an administrator's access.
func (c *ControlPlane) Kubeconfig() string { return filepath.Join(c.dir, "kubeconfig") }

// Dir returns the folder of data and logs.
func (c *ControlPlane) Dir() string { return c.dir }

// Kubectl returns the path of the kubectl program.
func (c *ControlPlane) Kubectl() string { return c.options.Assets.Kubectl }

// User returns the access of a user in the groups, to see what RBAC allows it.
// Access of service accounts has the user name that Kubernetes gives them,
// system:serviceaccount:<namespace>:<name>.
func (c *ControlPlane) User(name string, groups ...string) (*rest.Config, error) {
	pair, err := c.authority.issueUser(name, groups...)
	if err != nil {
		return nil, err
	}
	return &rest.Config{
		Host: fmt.Sprintf("https://127.0.0.1:%d", c.apiPort),
		TLSClientConfig: rest.TLSClientConfig{
			CAData:   c.authority.pem,
			CertData: pair.certificate,
			KeyData:  pair.key,
		},
		QPS: -1,
	}, nil
}

// StopAPIServer kills the API server: connections break, new ones are refused.
func (c *ControlPlane) StopAPIServer() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.apiServer == nil {
		return nil
	}
	// It has no state but etcd's, and its orderly shutdown waits for watches.
	if err := c.apiServer.Kill(); err != nil {
		return err
	}
	c.apiServer = nil
	return nil
}

// StartAPIServer starts the API server at its address, and returns when it is
// ready. It does nothing when it runs.
func (c *ControlPlane) StartAPIServer(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.apiServer != nil && c.apiServer.Running() {
		return nil
	}
	p, err := child.Start(child.Options{
		Name: "kube-apiserver",
		Log:  filepath.Join(c.dir, "kube-apiserver.log"),
		Path: c.options.Assets.APIServer,
		Args: c.apiServerArguments(),
	})
	if err != nil {
		return err
	}
	c.apiServer = p
	return c.awaitAPIServer(ctx, p)
}

// PauseAPIServer stops the API server's clock, as a hung machine does:
// connections stay open and nothing answers.
func (c *ControlPlane) PauseAPIServer() error {
	return c.withAPIServer((*child.Process).Pause)
}

// ResumeAPIServer lets a paused API server go on.
func (c *ControlPlane) ResumeAPIServer() error {
	return c.withAPIServer(func(p *child.Process) error { return p.Signal(syscall.SIGCONT) })
}

func (c *ControlPlane) withAPIServer(do func(*child.Process) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.apiServer == nil {
		return errors.New("the API server does not run")
	}
	return do(c.apiServer)
}
