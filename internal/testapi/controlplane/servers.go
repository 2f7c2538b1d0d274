package controlplane

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/client-go/rest"

	"github.com/quobyte/mesos-operator/internal/testapi/child"
)

func (c *ControlPlane) startEtcd(ctx context.Context) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	peerPort, err := freePort()
	if err != nil {
		return err
	}
	client := fmt.Sprintf("http://127.0.0.1:%d", port)
	peer := fmt.Sprintf("http://127.0.0.1:%d", peerPort)
	p, err := child.Start(child.Options{
		Name: "etcd",
		Log:  filepath.Join(c.dir, "etcd.log"),
		Path: c.options.Assets.Etcd,
		Args: []string{
			"--data-dir=" + filepath.Join(c.dir, "etcd"),
			"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
			"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
			"--initial-cluster=default=" + peer,
			// The data has to survive these processes, not the machine.
			"--unsafe-no-fsync",
			"--log-level=warn",
		},
	})
	if err != nil {
		return err
	}
	c.etcd, c.etcdPort = p, port
	return c.await(ctx, "etcd", p, http.DefaultClient, client+"/health")
}

func (c *ControlPlane) apiServerArguments() []string {
	return append([]string{
		"--etcd-servers=" + fmt.Sprintf("http://127.0.0.1:%d", c.etcdPort),
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(c.apiPort),
		"--cert-dir=" + c.dir,
		"--tls-cert-file=" + c.files.certificate,
		"--tls-private-key-file=" + c.files.key,
		"--client-ca-file=" + c.files.authority,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.files.serviceAccountKey,
		"--service-account-signing-key-file=" + c.files.serviceAccountKey,
		"--service-cluster-ip-range=10.0.0.0/24",
		"--authorization-mode=RBAC",
		"--allow-privileged=true",
		// No controller manager creates the default service account that this
		// plugin asks for in every namespace.
		"--disable-admission-plugins=ServiceAccount",
	}, c.options.APIServerFlags...)
}

func (c *ControlPlane) awaitAPIServer(ctx context.Context, p *child.Process) error {
	client, err := rest.HTTPClientFor(c.admin)
	if err != nil {
		return fmt.Errorf("create a client of the API server: %w", err)
	}
	defer client.CloseIdleConnections()
	return c.await(ctx, "kube-apiserver", p, client, c.admin.Host+"/readyz")
}

// await returns when the address answers 200, with an error when the process
// ends or the time is up before.
func (c *ControlPlane) await(ctx context.Context, name string, p *child.Process, client *http.Client, url string) error {
	ctx, cancel := context.WithTimeout(ctx, c.options.StartTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if answersOK(ctx, client, url) {
			return nil
		}
		select {
		case <-p.Ended():
			return fmt.Errorf("%s ended while it started; its last words:\n%s", name, p.LastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; its last words:\n%s", name, ctx.Err(), p.LastWords())
		case <-tick.C:
		}
	}
}

func answersOK(ctx context.Context, client *http.Client, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	// Read to the end, so that the connection is used again.
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode == http.StatusOK
}
