package mesostest_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// withProcesses has a client with an offer of node1 on a cluster that runs
// commands for real, with its work in dir.
func withProcesses(t *testing.T, dir string) (*mesostest.Cluster, *client, mesos.Offer) {
	t.Helper()
	return withConfig(t, mesostest.Config{Processes: &mesostest.Processes{Dir: dir}})
}

func withConfig(t *testing.T, cfg mesostest.Config) (*mesostest.Cluster, *client, mesos.Offer) {
	t.Helper()
	if cfg.Agents == nil {
		cfg.Agents = mesostest.Agents(2)
	}
	c := mesostest.New(cfg)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	s := newClient(t, c)
	s.subscribe()
	return c, s, s.offer("node1")
}

func shell(o mesos.Offer, id, command string) mesos.TaskInfo {
	task := taskInfo(o, id)
	task.Command.Value = &command
	return task
}

// written waits for a file that a command writes, and returns what is in it.
func written(t *testing.T, pattern string) string {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 1 {
			if text, err := os.ReadFile(files[0]); err == nil && strings.HasSuffix(string(text), "\n") {
				return strings.TrimSpace(string(text))
			}
		}
	}
	t.Fatalf("nothing was written to %s", pattern)
	return ""
}

func alive(t *testing.T, pid string) bool {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return syscall.Kill(n, 0) == nil && (err != nil || !strings.Contains(string(stat), ") Z "))
}

const inAnySandbox = "*/slaves/*/frameworks/*/executors/*/runs/*/"

func TestProcessHasItsEnvironmentAndSandbox(t *testing.T) {
	dir := t.TempDir()
	_, s, o := withProcesses(t, dir)
	task := shell(o, "t", `echo "$WORD $MESOS_EXECUTOR_ID $(test "$PWD" = "$MESOS_SANDBOX" && echo here)"; exit 3`)
	word := "hello"
	task.Command.Environment = &mesos.Environment{Variables: []mesos.Environment_Variable{{Name: "WORD", Value: &word}}}
	s.call(launch(3600, task, o))
	if status := s.status(mesos.TASK_FAILED); status.GetMessage() != "Command exited with status 3" {
		t.Error(status)
	}
	if got := written(t, filepath.Join(dir, inAnySandbox, "stdout")); got != "hello t here" {
		t.Errorf("the command wrote %q", got)
	}
}

// What ignores the first signal gets the last one at the end of its grace period.
func TestKillPolicy(t *testing.T) {
	dir := t.TempDir()
	_, s, o := withProcesses(t, dir)
	task := shell(o, "deaf", `trap '' TERM; echo $$ > pid; while :; do sleep 0.01; done`)
	task.KillPolicy = &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{Nanoseconds: int64(300 * time.Millisecond)}}
	s.call(launch(3600, task, o))
	pid := written(t, filepath.Join(dir, inAnySandbox, "pid"))
	start := time.Now()
	s.call(kill("deaf"))
	s.status(mesos.TASK_KILLING)
	if status := s.status(mesos.TASK_KILLED); status.GetMessage() != "Command terminated with signal Killed" {
		t.Error(status)
	}
	if took := time.Since(start); took < 300*time.Millisecond || alive(t, pid) {
		t.Errorf("after %v; alive %v", took, alive(t, pid))
	}
}

func TestCloseLeavesNoProcess(t *testing.T) {
	dir := t.TempDir()
	c, s, o := withProcesses(t, dir)
	s.call(launch(3600, shell(o, "t", `trap '' TERM; (while :; do sleep 0.01; done) & echo $! > child; echo $$ > pid; wait`), o))
	pids := []string{written(t, filepath.Join(dir, inAnySandbox, "pid")), written(t, filepath.Join(dir, inAnySandbox, "child"))}
	c.Close()
	for _, pid := range pids {
		// The last signal has been sent; a child of a child dies in its own time.
		for deadline := time.Now().Add(10 * time.Second); alive(t, pid); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("process %s is alive", pid)
			}
		}
	}
}

// A process lives on when its agent has lost its memory, until the host is cleaned.
func TestOrphanedProcess(t *testing.T) {
	dir := t.TempDir()
	c, s, o := withProcesses(t, dir)
	s.call(launch(3600, shell(o, "t", `echo $$ > pid; sleep 1000`), o))
	s.status(mesos.TASK_RUNNING)
	pid := written(t, filepath.Join(dir, inAnySandbox, "pid"))
	c.ReplaceAgent("node1")
	s.status(mesos.TASK_LOST)
	if !alive(t, pid) {
		t.Fatal("the process ended with its agent")
	}
	c.KillOrphans("node1")
	for end := time.Now().Add(10 * time.Second); alive(t, pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the process is still alive")
		}
	}
}

func TestHTTPHealthCheck(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	status := make(chan int, 1)
	status <- http.StatusOK
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code := <-status
		status <- code
		w.WriteHeader(code)
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Shutdown(context.Background()) })
	_, s, o := withProcesses(t, t.TempDir())
	task := shell(o, "t", "sleep 1000")
	delay, interval, failures, path := 0.0, 0.05, uint32(2), "/health"
	task.HealthCheck = &mesos.HealthCheck{Type: mesos.HealthCheck_HTTP, DelaySeconds: &delay, IntervalSeconds: &interval,
		ConsecutiveFailures: &failures, HTTP: &mesos.HealthCheck_HTTPCheckInfo{
			Port: uint32(l.Addr().(*net.TCPAddr).Port), Path: &path}}
	s.call(launch(3600, task, o))
	s.status(mesos.TASK_RUNNING)
	if healthy := s.status(mesos.TASK_RUNNING); !healthy.GetHealthy() {
		t.Error(healthy)
	}
	<-status
	status <- http.StatusServiceUnavailable
	if sick := s.status(mesos.TASK_RUNNING); sick.Healthy == nil || *sick.Healthy {
		t.Error(sick)
	}
	if end := s.status(mesos.TASK_KILLED); end.Healthy == nil || *end.Healthy {
		t.Error(end)
	}
}
