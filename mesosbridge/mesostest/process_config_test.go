package mesostest_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// Every kind of process is prepared: a command, its health check and an executor.
func TestProcessesArePrepared(t *testing.T) {
	var (
		mu    sync.Mutex
		hosts []string
	)
	dir := t.TempDir()
	_, s, o := withConfig(t, mesostest.Config{Processes: &mesostest.Processes{Dir: dir, Prepare: func(host string, cmd *exec.Cmd) {
		mu.Lock()
		defer mu.Unlock()
		hosts = append(hosts, host)
		cmd.Env = append(cmd.Env, "PREPARED=yes")
		if !cmd.SysProcAttr.Setpgid {
			t.Error("the process would not be ended with all that it starts")
		}
	}}})
	const tell = `test "$PREPARED" = yes && echo prepared > `
	task := shell(o, "t", tell+`command; sleep 1000`)
	check, delay := tell+"check", 0.0
	task.HealthCheck = &mesos.HealthCheck{Type: mesos.HealthCheck_COMMAND, DelaySeconds: &delay, Command: &mesos.CommandInfo{Value: &check}}
	own := onExecutor(o, "t2", "e")
	command := tell + `executor; sleep 1000`
	own.Executor.Command.Value = &command
	call := launch(3600, task, o)
	infos := &call.Accept.Operations[0].Launch.TaskInfos
	*infos = append(*infos, own)
	s.call(call)
	for _, name := range []string{"command", "check", "executor"} {
		if got := written(t, filepath.Join(dir, inAnySandbox, name)); got != "prepared" {
			t.Errorf("%s: %q", name, got)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if slices.ContainsFunc(hosts, func(h string) bool { return h != "node1" }) || len(hosts) < 3 {
		t.Errorf("prepared for %v", hosts)
	}
}

func docker(info *mesos.ContainerInfo) *mesos.ContainerInfo {
	info.Type = mesos.ContainerInfo_DOCKER.Enum()
	info.Docker = &mesos.ContainerInfo_DockerInfo{Image: "quobyte/quobyte-server:1.1.5"}
	return info
}

// Tasks with a Docker container are scripted beside real processes, when that is
// asked for; executors with one are not.
func TestScriptedDocker(t *testing.T) {
	for _, scripted := range []bool{false, true} {
		dir := t.TempDir()
		_, s, o := withConfig(t, mesostest.Config{Processes: &mesostest.Processes{Dir: dir, ScriptDocker: scripted}})
		service := taskInfo(o, "service")
		service.Container = docker(&mesos.ContainerInfo{})
		s.call(launch(0, service, o))
		if scripted {
			s.status(mesos.TASK_RUNNING)
			s.call(kill("service"))
			s.status(mesos.TASK_KILLED)
		} else {
			s.status(mesos.TASK_FAILED)
		}
		// Both together: what is left over, and what the task gave back.
		s.call(&scheduler.Call{Type: scheduler.Call_REVIVE})
		o = s.offer("node1")
		real := shell(o, "real", `echo here > file`)
		own := onExecutor(o, "t", "e")
		own.Executor.Container = docker(&mesos.ContainerInfo{})
		call := launch(3600, real, o)
		infos := &call.Accept.Operations[0].Launch.TaskInfos
		*infos = append(*infos, own)
		s.call(call)
		written(t, filepath.Join(dir, inAnySandbox, "file"))
		if status := s.status(mesos.TASK_FAILED); status.TaskID.Value != "t" {
			t.Errorf("%v; executors with a container cannot be run", status)
		}
	}
}

// An executor that is fetched into its sandbox is started from there, by a path
// that is relative to it.
func TestExecutorIsFetched(t *testing.T) {
	const program = "#!/bin/sh\n" + `echo "$0 $1 $MESOS_EXECUTOR_ID $(test "$PWD" = "$MESOS_SANDBOX" && echo here)" > proof` + "\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/artifacts/1234" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(program))
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	_, s, o := withProcesses(t, dir)
	task := onExecutor(o, "t", "e")
	value, output, yes, no := "./prober", "prober", true, false
	task.Executor.Command = &mesos.CommandInfo{Value: &value, Shell: &no, Arguments: []string{"prober", "-run"},
		URIs: []mesos.CommandInfo_URI{{Value: server.URL + "/artifacts/1234", OutputFile: &output, Executable: &yes}}}
	s.call(launch(3600, task, o))
	if got := written(t, filepath.Join(dir, inAnySandbox, "proof")); got != "./prober -run e here" {
		t.Errorf("the executor wrote %q", got)
	}
}

// The volume of a MOUNT disk is the disk itself.
func TestVolumeOfAMountDisk(t *testing.T) {
	dir, root := t.TempDir(), t.TempDir()
	agent := mesostest.Agents(1)[0]
	agent.Mounts = []mesostest.Mount{{Root: root, Size: 500}}
	_, s, o := withConfig(t, mesostest.Config{Agents: []mesostest.Agent{agent}, Processes: &mesostest.Processes{Dir: dir}})
	whole := dynamic(mountOf(t, o, root))
	task := shell(o, "t", `echo here > data/file`)
	task.Resources = append(task.Resources, volume(whole, "v"))
	s.call(accept(o, reserve("r", whole), create("c", volume(whole, "v")), mesos.Offer_Operation{
		Type: mesos.Offer_Operation_LAUNCH, Launch: &mesos.Offer_Operation_Launch{TaskInfos: []mesos.TaskInfo{task}}}))
	s.status(mesos.TASK_FINISHED)
	if text, err := os.ReadFile(filepath.Join(root, "file")); err != nil || string(text) != "here\n" {
		t.Errorf("%q, %v", text, err)
	}
}
