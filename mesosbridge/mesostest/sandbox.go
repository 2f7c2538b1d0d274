package mesostest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// sandboxOf is the directory of a container, below that of all sandboxes, as an
// agent names it (slave/paths.cpp).
func (c *Cluster) sandboxOf(a *agent, frameworkID, executorID, containerID string) string {
	return filepath.Join(c.running.dir, a.host, "slaves", a.id, "frameworks", frameworkID,
		"executors", executorID, "runs", containerID)
}

// command prepares what a task says: its sandbox, environment and files.
func (c *Cluster) command(t *task) (*exec.Cmd, error) {
	if t.info.Command == nil {
		return nil, errors.New("the task has no command")
	}
	key := executorKey{t.frameworkID, t.id}
	return c.prepare(t.agent, t.framework, key, t.containerStatus.ContainerID.Value, t.info.Command, t.resources)
}

func (c *Cluster) executorCommand(e *executor) (*exec.Cmd, error) {
	if problem := unsupportedContainer(e.info.Container); problem != "" {
		return nil, errors.New(problem)
	}
	if e.info.Command == nil {
		return nil, errors.New("the executor has no command")
	}
	return c.prepare(e.agent, e.framework, e.key, e.containerID, e.info.Command, e.resources)
}

func (c *Cluster) prepare(a *agent, framework mesos.FrameworkInfo, key executorKey, containerID string,
	command *mesos.CommandInfo, has resources,
) (*exec.Cmd, error) {
	if _, err := c.workDir(); err != nil {
		return nil, err
	}
	sandbox := c.sandboxOf(a, key.frameworkID, key.executorID, containerID)
	if err := os.MkdirAll(sandbox, 0o755); err != nil {
		return nil, fmt.Errorf("make the sandbox: %w", err)
	}
	if err := c.linkVolumes(a, sandbox, has); err != nil {
		return nil, err
	}
	for i := range command.URIs {
		if err := c.fetch(&command.URIs[i], sandbox); err != nil {
			return nil, fmt.Errorf("fetch %s: %w", command.URIs[i].Value, err)
		}
	}
	return inSandbox(sandbox, command, environment(command, executorEnvironment(a, framework, key, sandbox)))
}

// inSandbox makes the process of a command, with its output in files there.
func inSandbox(sandbox string, command *mesos.CommandInfo, env []string) (*exec.Cmd, error) {
	cmd := exec.Command("/bin/sh", "-c", command.GetValue())
	if !command.GetShell() {
		cmd = exec.Command(command.GetValue())
		if len(command.Arguments) > 0 {
			cmd.Args = command.Arguments // with the name of the program first
		}
	}
	cmd.Dir, cmd.Env = sandbox, env
	for name, file := range map[string]*io.Writer{"stdout": &cmd.Stdout, "stderr": &cmd.Stderr} {
		f, err := os.OpenFile(filepath.Join(sandbox, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, err
		}
		*file = f
	}
	return cmd, nil
}

// environment: that of the agent but for what concerns the agent itself, then
// what Mesos sets, then what the command says.
func environment(command *mesos.CommandInfo, set map[string]string) []string {
	all := map[string]string{}
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "MESOS_") && !strings.HasPrefix(name, "LIBPROCESS_") {
			all[name] = value
		}
	}
	maps.Copy(all, set)
	for _, v := range command.GetEnvironment().GetVariables() {
		all[v.Name] = v.GetValue()
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+"="+all[name])
	}
	return list
}

// linkVolumes shows persistent volumes in a sandbox, by symbolic links, as the
// posix file system isolator does (docs/persistent-volume.md).
func (c *Cluster) linkVolumes(a *agent, sandbox string, has resources) error {
	for _, q := range has {
		persistence := q.volume.GetPersistence()
		if persistence == nil {
			continue
		}
		// The volume of a MOUNT disk is the disk's own root (docs/multiple-disk.md).
		dir := q.volume.GetSource().GetMount().GetRoot()
		if dir == "" {
			dir = filepath.Join(c.running.dir, a.host, "volumes", "roles", q.role(), persistence.ID)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return fmt.Errorf("make the volume: %w", err)
			}
		}
		link := filepath.Join(sandbox, filepath.Clean("/"+q.volume.Volume.ContainerPath))
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			return fmt.Errorf("show the volume: %w", err)
		}
		if err := os.Symlink(dir, link); err != nil {
			return fmt.Errorf("show the volume: %w", err)
		}
	}
	return nil
}

// fetch copies a file into a sandbox, by HTTP or from this host. Archives are not
// unpacked.
func (c *Cluster) fetch(uri *mesos.CommandInfo_URI, sandbox string) error {
	name := path.Base(uri.Value)
	if uri.GetOutputFile() != "" {
		name = uri.GetOutputFile()
	}
	mode := os.FileMode(0o644)
	if uri.GetExecutable() {
		mode = 0o755
	}
	from, err := c.openURI(uri.Value)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(sandbox, filepath.Clean("/"+name)), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

func (c *Cluster) openURI(uri string) (io.ReadCloser, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "", "file":
		return os.Open(u.Path)
	case "http", "https":
		return c.download(uri)
	}
	return nil, fmt.Errorf("the scheme %s is not supported", u.Scheme)
}

func (c *Cluster) download(uri string) (io.ReadCloser, error) {
	ctx, cancel := context.WithTimeout(c.lifetime, time.Minute)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		cancel()
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	body := &downloading{resp.Body, cancel}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.Join(errors.New(resp.Status), body.Close())
	}
	return body, nil
}

type downloading struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (d *downloading) Close() error {
	defer d.cancel()
	return d.ReadCloser.Close()
}
