package endtoend

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/testdisks"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// machines is a world whose agents run the real prober, which the operator
// serves, each in a mount namespace with real file systems on loop devices.
type machines struct {
	*probed
	directory string // hostDeviceDirectory, the same path on each
	images    string
	hosts     map[string]*testdisks.Host
	disks     int
}

func newMachines(t *testing.T, n int) *machines {
	t.Helper()
	m := &machines{directory: filepath.Join(t.TempDir(), "mnt"), images: t.TempDir(), hosts: map[string]*testdisks.Host{}}
	agents := mesostest.Agents(n)
	for _, a := range agents {
		m.hosts[a.Host] = testdisks.NewHost(t, m.directory)
	}
	m.probed = &probed{world: newWorld(t, mesostest.Config{Agents: agents, Processes: &mesostest.Processes{
		Dir: t.TempDir(), ScriptDocker: true,
		Prepare: func(host string, cmd *exec.Cmd) { m.hosts[host].Enter(cmd) },
	}})}
	return m
}

// disk makes a disk; its marker has the serial and types, and further lines.
func (m *machines) disk(fileSystem, serial string, types []string, more ...string) *testdisks.Disk {
	m.t.Helper()
	mib := 64
	if fileSystem == "xfs" {
		mib = 320
	}
	m.disks++
	disk, err := testdisks.MakeDisk(filepath.Join(m.images, fmt.Sprintf("disk%d", m.disks)), fileSystem, mib)
	if err != nil {
		m.t.Fatal(err)
	}
	if serial == "" {
		return disk
	}
	lines := []string{"# Quobyte device identifier file", "device.serial=" + serial, "device.model=LOOP"}
	for _, t := range types {
		lines = append(lines, "device.type="+t)
	}
	if err := disk.Mark(strings.Join(append(lines, more...), "\n") + "\n"); err != nil {
		m.t.Fatal(err)
	}
	return disk
}

func (m *machines) at(name string) string { return filepath.Join(m.directory, name) }

func (m *machines) mount(host, name string, disk *testdisks.Disk) {
	m.t.Helper()
	if err := os.MkdirAll(m.at(name), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := m.hosts[host].Mount(disk, m.at(name)); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machines) unmount(host, name string) {
	m.t.Helper()
	if err := m.hosts[host].Unmount(m.at(name)); err != nil {
		m.t.Fatal(err)
	}
}

// on runs a command on a host and returns what it prints.
func (m *machines) on(host, name string, args ...string) string {
	m.t.Helper()
	out, err := m.hosts[host].Command(name, args...).Output()
	if err != nil {
		m.t.Fatalf("%s on %s: %v", name, host, err)
	}
	return string(out)
}

// operate starts the operator, which serves its own program to the agents.
func (m *machines) operate() {
	m.t.Helper()
	address := freeAddress(m.t)
	m.startOperator("--leader-elect=false", "--artifacts-bind-address="+address)
	m.api.Apply(m.t, m.namespace, fmt.Sprintf(`
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteCluster
metadata:
  name: quobyte
spec:
  version: "1.1.5"
  image: docker-registry.corp:5000/quobyte-server
  hostDeviceDirectory: %s
  prober: {interval: 5s}
  update: {minReady: 0s}
  mesos:
    master: %s
    webUIURL: http://%s
`, m.directory, m.mesos.URL(), address))
}

var allTypes = []string{"DIR_DEVICE", "METADATA_DEVICE", "DATA_DEVICE"}

// TestRealProberOnRealDisks goes through the life of devices, as a person with
// disks in the hand would.
func TestRealProberOnRealDisks(t *testing.T) {
	t.Parallel()
	m := newMachines(t, 4)
	for i := 1; i <= 3; i++ {
		m.mount(fmt.Sprintf("node%d", i), "disk1", m.disk("ext4", fmt.Sprintf("core-%d", i), allTypes, fmt.Sprintf("device.bootstrap=%v", i == 2)))
	}
	m.operate()
	m.awaitReadyOf(3)
	if n := m.alive("prober"); n != 4 {
		t.Errorf("%d probers run, want one on each of 4 hosts", n)
	}
	d := m.awaitDeviceIs("core-2", "in use", func(d *v1alpha1.QuobyteDevice) bool { return len(d.Status.Services) == 3 })
	if s := d.Status; s.FileSystem != "ext4" || s.Capacity == "" || s.Path != m.at("disk1") || s.Model != "LOOP" || !s.Bootstrap {
		t.Errorf("found %+v", s)
	}

	t.Run("AddedWhileItRuns", func(t *testing.T) {
		kind := "xfs"
		if err := testdisks.SupportedFileSystem(kind); err != nil {
			t.Logf("ext4 in place of xfs: %v", err)
			kind = "ext4"
		}
		before := m.taskOf("data", "node1")
		added := m.disk(kind, "added", allTypes[2:])
		m.mount("node1", "added", added)
		d := m.awaitPhase("added", v1alpha1.PhaseOnline)
		if d.Status.FileSystem != kind || d.Status.Host != "node1" {
			t.Errorf("found %+v", d.Status)
		}
		m.awaitMesos("the data service restarted", func() bool {
			now := m.taskOf("data", "node1")
			return now != "" && now != before
		})
		m.awaitReady()

		m.unmount("node1", "added")
		m.mount("node4", "elsewhere", added)
		m.awaitDeviceIs("added", "in use on node4", func(d *v1alpha1.QuobyteDevice) bool {
			return d.Status.Host == "node4" && d.Status.Path == m.at("elsewhere") && len(d.Status.Services) == 1
		})
		if n := m.alive("data"); n != 4 {
			t.Errorf("%d data services run, want 4", n)
		}
	})

	t.Run("Initialized", func(t *testing.T) {
		m.mount("node3", "fresh", m.disk("ext4", "", nil))
		m.mount("node3", "full", m.disk("ext4", "", nil))
		if err := m.hosts["node3"].WriteFile(filepath.Join(m.at("full"), "thesis.tex"), "the only copy"); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"fresh", "full"} {
			m.api.Apply(t, m.namespace, fmt.Sprintf(`
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteDevice
metadata: {name: init-%s}
spec: {clusterRef: {name: quobyte}, host: node3, path: %s, types: [DATA], initialize: true}
`, name, m.at(name)))
		}
		d := m.awaitPhase("init-fresh", v1alpha1.PhaseOnline)
		marker := m.on("node3", "cat", filepath.Join(m.at("fresh"), "QUOBYTE_DEV_SETUP"))
		for _, line := range []string{"device.serial=" + d.Status.Serial + "\n", "device.type=DATA_DEVICE\n"} {
			if !strings.Contains(marker, line) {
				t.Errorf("the marker lacks %q:\n%s", line, marker)
			}
		}
		d = m.awaitDeviceIs("init-full", "refused", func(d *v1alpha1.QuobyteDevice) bool {
			reason, _ := why(d)
			return reason == v1alpha1.ReasonInitializeRefused
		})
		if _, message := why(d); !strings.Contains(message, "empty") || !strings.Contains(message, m.at("full")) {
			t.Errorf("the refusal says %q", message)
		}
		if got := m.on("node3", "ls", m.at("full")); got != "lost+found\nthesis.tex\n" {
			t.Errorf("on the disk that is not empty there are now %q", got)
		}
	})

	t.Run("AgentRestarts", func(t *testing.T) {
		before := m.taskOf("prober", "node2")
		m.mesos.StopAgent("node2")
		m.mesos.StartAgent("node2")
		m.mount("node2", "later", m.disk("ext4", "later-2", allTypes[2:]))
		m.awaitPhase("later-2", v1alpha1.PhaseOnline)
		if now := m.taskOf("prober", "node2"); now != before {
			t.Errorf("prober %s took the place of %s, which should have survived the agent's restart", now, before)
		}
	})

	t.Run("Vanished", func(t *testing.T) {
		m.awaitReady()
		m.unmount("node2", "later")
		m.awaitPhase("later-2", v1alpha1.PhaseMissing)
		if m.taskOf("data", "node2") == "" {
			t.Error("the service of a vanished device was stopped")
		}
	})
	m.checkNoDuplicates()
}
