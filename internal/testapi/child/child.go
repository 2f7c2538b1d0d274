// Package child runs a program as a child process that never outlives its
// parent, with its output in a log file.
package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Options say what to run.
type Options struct {
	// Name for errors.
	Name string
	// Log is the file that the output is appended to.
	Log  string
	Path string
	Args []string
	// Env is the whole environment; nil: that of this process.
	Env []string
}

// Process is a running child, or one that has ended.
type Process struct {
	name string
	log  string
	cmd  *exec.Cmd
	// ended is closed once the process has been waited for.
	ended chan struct{}
}

// Start starts the program.
func Start(o Options) (*Process, error) {
	output, err := os.OpenFile(o.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", o.Name, err)
	}
	p := &Process{name: o.Name, log: o.Log, cmd: exec.Command(o.Path, o.Args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = output, output
	p.cmd.Env = o.Env
	p.cmd.SysProcAttr = attributes()

	started := make(chan error, 1)
	go func() {
		// The thread that starts the child must stay as long as the child: on
		// Linux the child gets its death signal when that thread ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer output.Close()
		defer close(p.ended)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // How it ended stands in its log.
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Name, err)
	}
	return p, nil
}

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// HowItEnded waits for the end, and says how it was: "exit status 1", "signal: killed".
func (p *Process) HowItEnded() string {
	<-p.ended
	return p.cmd.ProcessState.String()
}

// Running says that the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Signal sends a signal; one that has ended takes it as done.
func (p *Process) Signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	return nil
}

// pauseTimeout bounds how long Pause waits: a thread in the kernel stops late.
const pauseTimeout = 10 * time.Second

// Pause stops the process where it is, until SIGCONT. On Linux it returns when
// every thread stands still: the signal alone leaves them time for another answer.
func (p *Process) Pause() error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for deadline := time.Now().Add(pauseTimeout); p.moves(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not stand still", p.name)
		}
	}
	return nil
}

// moves says that a thread is not stopped yet, where /proc tells.
func (p *Process) moves() bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.cmd.Process.Pid))
	if err != nil {
		return false
	}
	for _, thread := range threads {
		stat, err := os.ReadFile(thread)
		if err != nil {
			continue // The thread has ended.
		}
		// The state follows the name, which stands in parentheses.
		if _, rest, ok := strings.Cut(string(stat), ") "); ok && !strings.HasPrefix(rest, "T") {
			return true
		}
	}
	return false
}

// Kill ends the process at once, also one that is paused, and waits for it.
func (p *Process) Kill() error {
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.ended
	return nil
}

// Stop asks the process to end, and kills it when it has not after a while.
func (p *Process) Stop(patience time.Duration) error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(patience):
		return p.Kill()
	}
}

// LastWords returns the end of the log.
func (p *Process) LastWords() string {
	const lines = 15
	content, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	parts := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	if len(parts) > lines {
		parts = parts[len(parts)-lines:]
	}
	return string(bytes.Join(parts, []byte("\n")))
}
