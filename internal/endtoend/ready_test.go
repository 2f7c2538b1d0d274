package endtoend

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

func TestAppliedClusterBecomesReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(5)})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(5)

	// It may be Ready before it has heard of the last device.
	w.api.Kubectl(t, "-n", w.namespace, "wait", "--for=jsonpath={.status.devices}=5", "--timeout=90s", "quobytecluster/quobyte")
	w.api.Kubectl(t, "-n", w.namespace, "wait", "--for=condition=Ready", "--timeout=90s", "quobytecluster/quobyte")
	if got := w.alive(""); got != services(5) {
		t.Errorf("%d tasks run, want %d:\n%s", got, services(5), taskList(w.mesos.Tasks()))
	}
	w.checkNoDuplicates()

	cluster := w.awaitReady()
	if got, want := cluster.Status.Summary.Services, "13/13"; got != want {
		t.Errorf("services %q, want %q", got, want)
	}
	get := w.api.Kubectl(t, "-n", w.namespace, "get", "quobyteclusters")
	for _, word := range []string{"1.1.5", "Running", "True", "Ready", "13/13"} {
		if !strings.Contains(get, word) {
			t.Errorf("kubectl get quobyteclusters lacks %q:\n%s", word, get)
		}
	}
	w.awaitDevice("node1-disk1", "its three services", func(d *v1alpha1.QuobyteDevice) bool {
		return len(d.Status.Services) == 3 && d.Status.AgentID != "" && strings.Contains(d.Status.Summary, "data 1.1.5")
	})
	devices := w.api.Kubectl(t, "-n", w.namespace, "get", "devices")
	for _, word := range []string{"node1-disk1", "/mnt/disk1", "DATA,METADATA,REGISTRY", "Online"} {
		if !strings.Contains(devices, word) {
			t.Errorf("kubectl get devices lacks %q:\n%s", word, devices)
		}
	}
}

func TestInstancesThatWaitSayWhy(t *testing.T) {
	t.Parallel()
	agents := mesostest.Agents(3)
	agents[1].Ports = []mesostest.PortRange{{Begin: 8888, End: 8889}}
	agents[2].CPUs = 3
	w := newWorld(t, mesostest.Config{Agents: agents})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.api.Apply(t, w.namespace, device("node9", "disk1", v1alpha1.DeviceData))

	cluster := w.await("reasons", func(c *v1alpha1.QuobyteCluster) bool {
		all := ""
		for _, r := range c.Status.Reasons {
			all += r.Message + "\n"
		}
		return strings.Contains(all, "node2 does not offer port") && strings.Contains(all, "node9")
	})
	if !has(cluster, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonStarting) {
		t.Errorf("want Ready=False, Starting:\n%s", describe(cluster))
	}
	// Registry and metadata take the three cpus of node3.
	w.await("the lack of cpus on node3", func(c *v1alpha1.QuobyteCluster) bool {
		for _, r := range c.Status.Reasons {
			if strings.Contains(r.Message, "node3") && strings.Contains(r.Message, "cpus") {
				return true
			}
		}
		return false
	})
	description := w.api.Kubectl(t, "-n", w.namespace, "describe", "quobytecluster", "quobyte")
	if !strings.Contains(description, "node2 does not offer port") {
		t.Errorf("kubectl describe does not say why:\n%s", description)
	}
}

func TestIdleClusterWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3), HeartbeatInterval: time.Second})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.awaitReadyOf(3)
	w.awaitQuiet()
	before, calls := w.resourceVersions(), w.mesos.Calls()
	time.Sleep(3 * time.Second) // Nothing is what is waited for.
	after := w.resourceVersions()
	for name, version := range before {
		if after[name] != version {
			t.Errorf("%s was written while nothing happened", name)
		}
	}
	for call, n := range w.mesos.Calls() {
		if n != calls[call] {
			t.Errorf("%d %s calls while nothing happened", n-calls[call], call)
		}
	}
	for _, host := range w.mesos.Hosts() {
		if host.Offers > 0 {
			t.Errorf("%d offers of %s are held while nothing is wanted of them", host.Offers, host.Host)
		}
	}
}
