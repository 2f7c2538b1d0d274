package mesostest

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// Processes says how tasks run as real processes. It wants the real clock.
type Processes struct {
	// Dir holds the sandboxes and volumes; empty: a directory that is removed by
	// Close.
	Dir string
	// Prepare is called before a process of a host (a command, an executor, a
	// health check) is started, on the goroutine that starts it, with no lock held.
	// It may change all of cmd; SysProcAttr holds what ends the process with all
	// that it starts, and is to be added to, not replaced. nil: nothing is changed.
	Prepare func(host string, cmd *exec.Cmd)
	// ScriptDocker has tasks with a Docker container do what Config.Script says.
	// Otherwise they fail, as on an agent without Docker, and as executors with one do.
	ScriptDocker bool
}

// runs says whether a task's command is run as a process; it is not when p is nil.
func (p *Processes) runs(info mesos.TaskInfo) bool {
	return p != nil && !(p.ScriptDocker && info.Container != nil && info.Container.GetType() == mesos.ContainerInfo_DOCKER)
}

// running is what belongs to real processes.
type running struct {
	dir       string // of the sandboxes
	temporary bool
	closed    bool
	processes map[*process]bool
	tcp       bool
	listeners []net.Listener // of the agents
}

// process is a process group: a command, an executor or a health check, and all
// that it starts.
type process struct {
	cmd *exec.Cmd
}

// kill ends all of the group at once; nil is fine.
func (p *process) kill() { p.signal(syscall.SIGKILL) }

func (p *process) signal(s syscall.Signal) {
	if p != nil && p.cmd.Process != nil {
		_ = syscall.Kill(-p.cmd.Process.Pid, s) // it may have ended
	}
}

// start prepares a process of a host on a goroutine of its own and has it run.
// started and ended are called with the lock held; started not when the process
// could not be started, ended in any case but Close's.
func (c *Cluster) start(host string, prepare func() (*exec.Cmd, error), started func(*process), ended func(syscall.WaitStatus, error)) {
	if c.running.closed {
		return
	}
	c.background.Go(func() {
		// The thread that starts a child must stay as long as the child: on Linux
		// the child gets its death signal when that thread ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		cmd, err := prepare()
		defer closeOutput(cmd)
		if err == nil {
			cmd.SysProcAttr = processAttributes()
			if c.cfg.Processes.Prepare != nil {
				c.cfg.Processes.Prepare(host, cmd)
			}
		}
		p := &process{cmd: cmd}
		closed := false
		c.change(func() {
			if closed = c.running.closed; closed {
				return
			}
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				ended(0, err)
				return
			}
			if c.running.processes == nil {
				c.running.processes = map[*process]bool{}
			}
			c.running.processes[p] = true
			started(p)
		})
		if closed || err != nil {
			return
		}
		_ = cmd.Wait() // the status tells
		p.kill()       // what it has left behind
		c.change(func() {
			delete(c.running.processes, p)
			if !c.running.closed {
				ended(cmd.ProcessState.Sys().(syscall.WaitStatus), nil)
			}
		})
	})
}

// closeOutput closes this process' copies of the files that a child writes to.
func closeOutput(cmd *exec.Cmd) {
	if cmd == nil {
		return
	}
	for _, w := range []io.Writer{cmd.Stdout, cmd.Stderr} {
		if f, ok := w.(*os.File); ok {
			_ = f.Close()
		}
	}
}

// killProcesses lets nothing live on that was started.
func (c *Cluster) killProcesses() {
	c.change(func() {
		c.running.closed = true
		for p := range c.running.processes {
			p.kill()
		}
	})
}

// workDir is where sandboxes are.
func (c *Cluster) workDir() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running.dir == "" {
		dir := c.cfg.Processes.Dir
		if dir == "" {
			var err error
			if dir, err = os.MkdirTemp("", "mesostest-"); err != nil {
				return "", fmt.Errorf("make a directory for sandboxes: %w", err)
			}
			c.running.temporary = true
		}
		absolute, err := filepath.Abs(dir)
		if err != nil {
			return "", err
		}
		c.running.dir = absolute
	}
	return c.running.dir, nil
}

func (r *running) cleanUp() {
	if r.temporary {
		_ = os.RemoveAll(r.dir)
	}
}

// howItEnded is WSTRINGIFY in 3rdparty/stout/include/stout/os/wait.hpp.
func howItEnded(status syscall.WaitStatus) string {
	if status.Exited() {
		return fmt.Sprintf("exited with status %d", status.ExitStatus())
	}
	name := status.Signal().String()
	return "terminated with signal " + strings.ToUpper(name[:1]) + name[1:]
}
