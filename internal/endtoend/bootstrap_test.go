package endtoend

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/testprobers"
)

// TestBootstrapRegistryStartsAlone: the others wait until it runs.
func TestBootstrapRegistryStartsFirstAndAlone(t *testing.T) {
	t.Parallel()
	p := readyProbed(t, 3)
	first := p.launchedOn("registry", "node1")
	for _, task := range p.mesos.History() {
		if task.Info.Name == "registry" && task.Host == "node1" && task.Running.IsZero() {
			t.Fatal("the first registry never ran")
		}
		if task.Info.Name == "registry" && task.Host != "node1" {
			for _, bootstrap := range p.mesos.History() {
				if bootstrap.Info.Name == "registry" && bootstrap.Host == "node1" && task.Launched.Before(bootstrap.Running) {
					t.Errorf("the registry on %s was launched at %s, the bootstrap one runs since %s", task.Host, task.Launched, bootstrap.Running)
				}
			}
		}
	}
	// Later the mark has no meaning.
	p.hosts.Mount("node1", testprobers.Disk("/mnt/registry", "registry-1", "REGISTRY"))
	p.awaitDeviceIs("registry-1", "without the mark", func(d *v1alpha1.QuobyteDevice) bool { return !d.Status.Bootstrap })
	p.patch(`{"spec":{"version":"1.1.6"}}`)
	p.awaitReady()
	if again := p.launchedOn("registry", "node1"); !again.After(first) {
		t.Error("the registry was not updated")
	}
	if !p.cluster().Status.Bootstrapped {
		t.Error("the cluster forgot that a registry has run")
	}
}

func TestNoRegistryStartsWithoutOneBootstrapDevice(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 3)
	for _, host := range []string{"node1", "node2", "node3"} {
		p.hosts.Mount(host, testprobers.Disk("/mnt/registry", "registry-"+host, "REGISTRY"))
	}
	p.startAlone()
	p.applyProbed()
	cluster := p.await("a word that no bootstrap device is there", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonNoBootstrap)
	})
	if message := describe(cluster); !strings.Contains(message, "bootstrap") {
		t.Errorf("it does not say what to do:\n%s", message)
	}
	p.awaitQuiet()
	if n := p.alive("registry"); n != 0 {
		t.Errorf("%d registries run", n)
	}
	p.hosts.Mount("node2", testprobers.Bootstrap("/mnt/registry", "registry-node2"))
	p.awaitMesos("all registries", func() bool { return p.alive("registry") == 3 })
	first := p.launchedOn("registry", "node2")
	if p.launchedOn("registry", "node1").Before(first) || p.launchedOn("registry", "node3").Before(first) {
		t.Error("the bootstrap registry was not the first")
	}
}

func TestTwoBootstrapDevicesStartNothing(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 3)
	p.hosts.Mount("node1", testprobers.Bootstrap("/mnt/registry", "registry-1"))
	p.hosts.Mount("node2", testprobers.Bootstrap("/mnt/registry", "registry-2"))
	p.startAlone()
	p.applyProbed()
	p.await("a word that there are two", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonManyBootstraps)
	})
	p.awaitQuiet()
	if n := p.alive("registry"); n != 0 {
		t.Errorf("%d registries run", n)
	}
	p.hosts.Mount("node2", testprobers.Disk("/mnt/registry", "registry-2", "REGISTRY"))
	p.awaitMesos("both registries", func() bool { return p.alive("registry") == 2 })
	if a, b := p.launchedOn("registry", "node1"), p.launchedOn("registry", "node2"); b.Before(a) {
		t.Error("the bootstrap registry was not the first")
	}
}

// Who deletes a cluster whose registries never started, and applies it again, has not
// said that there is an installation: the framework's id is kept, and tells of none.
func TestTwoBootstrapDevicesStartNothingAfterApplyingAgain(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 2)
	p.hosts.Mount("node1", testprobers.Bootstrap("/mnt/registry", "registry-1"))
	p.hosts.Mount("node2", testprobers.Bootstrap("/mnt/registry", "registry-2"))
	p.startAlone()
	for range 2 {
		p.applyProbed()
		p.await("a word that there are two", func(c *v1alpha1.QuobyteCluster) bool {
			return has(c, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonManyBootstraps)
		})
		p.deleteCluster("true")
	}
	if n := p.alive("registry"); n != 0 {
		t.Errorf("%d registries run", n)
	}
}

// With the framework's id outlives a cluster that a registry has run: when the mark is
// lost with the device that carried it, the others start all the same.
func TestRegistriesThatRanNeedNoBootstrapDeviceAfterApplyingAgain(t *testing.T) {
	t.Parallel()
	p := readyProbed(t, 3)
	p.patch(`{"spec":{"state":"Stopped"}}`)
	p.awaitMesos("the end of all services", func() bool { return p.services() == 0 })
	p.deleteCluster("true")
	p.hosts.Mount("node1", testprobers.Disk("/mnt/registry", "registry-1", "REGISTRY"))
	p.applyProbed()
	p.awaitMesos("all registries", func() bool { return p.alive("registry") == 3 })
}

// TestNewInstallationAfterTeardownNeedsOneBootstrapDevice: who tears a cluster down, makes
// all devices anew, and marks two by mistake, gets none started. The objects of the devices
// that were there do not tell of a registry that ran.
func TestNewInstallationAfterTeardownNeedsOneBootstrapDevice(t *testing.T) {
	t.Parallel()
	p := newProbed(t, 3)
	p.mountCore()
	operator := p.startAlone()
	p.applyProbed("  deletionPolicy: Teardown")
	p.awaitReady()
	p.deleteCluster("true")
	if err := operator.Kill(); err != nil {
		t.Fatal(err)
	}
	if n := p.services(); n != 0 {
		t.Fatalf("%d services run", n)
	}
	for _, d := range p.devices() {
		if len(d.Status.Services) > 0 {
			t.Errorf("after the teardown device %s: %+v", d.Name, d.Status.Services)
		}
	}
	for i, host := range []string{"node1", "node2", "node3"} {
		p.hosts.Unmount(host, "/mnt/registry")
		p.hosts.Unmount(host, "/mnt/metadata")
		p.hosts.Unmount(host, "/mnt/data")
		if i < 2 {
			p.hosts.Mount(host, testprobers.Bootstrap("/mnt/registry", "new-"+host))
		}
	}
	p.startAlone()
	p.applyProbed()
	p.await("a word that there are two", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonManyBootstraps) || p.alive("registry") > 1
	})
	if n := p.alive("registry"); n != 0 {
		t.Errorf("%d registries run, and both are bootstrap devices", n)
	}
}
