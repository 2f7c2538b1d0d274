package endtoend

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// Each test of this file failed once: they are the defects that a review of the
// rules of safety found, by making the fault happen.

// Rules 1 and 5: a pass without a bridge (spec.mesos.master is zk://, or the
// secret is missing at the start) forgets the tasks that the devices' status
// remembers. Nobody else remembers those of a replaced agent.
func TestPassWithoutBridgeKeepsTheMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(4), PingTimeout: time.Second})
	operator := w.startAlone()
	w.applyCluster()
	w.applyDevices(4)
	w.awaitReadyOf(4)
	w.awaitDevice("node4-disk1", "its task", func(d *v1alpha1.QuobyteDevice) bool { return d != nil && len(d.Status.Services) == 1 })
	w.awaitQuiet()
	launched := len(w.mesos.History())

	w.patch(`{"spec":{"mesos":{"master":"zk://zk.corp:2181/mesos"}}}`)
	w.await("NotSupported", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonNotSupported)
	})
	w.awaitQuiet()
	d := &v1alpha1.QuobyteDevice{}
	if err := w.api.Client().Get(t.Context(), w.key("node4-disk1"), d); err != nil {
		t.Fatal(err)
	}
	if len(d.Status.Services) != 1 {
		t.Errorf("the device's status has forgotten its task, which runs: %+v", d.Status)
	}
	if err := operator.Kill(); err != nil {
		t.Fatal(err)
	}
	w.mesos.ReplaceAgent("node4") // containers live
	w.patch(fmt.Sprintf(`{"spec":{"mesos":{"master":%q}}}`, w.mesos.URL()))
	w.startAlone()
	w.await("connected", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionConnected, metav1.ConditionTrue, "")
	})
	w.awaitQuiet()
	if got := len(w.mesos.History()); got != launched {
		t.Errorf("%d tasks were launched beside containers that live", got-launched)
	}
	w.checkNoDuplicates()
}

// Rules 5 and 12: a service whose device object is not there is remembered, too.
func TestUnclaimedServiceIsRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(4), PingTimeout: time.Second})
	operator := w.startAlone()
	w.applyCluster()
	w.applyDevices(4)
	w.awaitReadyOf(4)
	w.awaitQuiet()
	d := &v1alpha1.QuobyteDevice{}
	d.Namespace, d.Name = w.namespace, "node4-disk1"
	if err := operator.Kill(); err != nil {
		t.Fatal(err)
	}
	// A restored backup: the object is not there.
	if err := w.api.Client().Patch(t.Context(), d, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))); err != nil {
		t.Fatal(err)
	}
	if err := w.api.Client().Delete(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	operator = w.startAlone()
	w.await("Unclaimed", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionDegraded, metav1.ConditionTrue, "Unclaimed")
	})
	if err := operator.Kill(); err != nil {
		t.Fatal(err)
	}
	w.mesos.ReplaceAgent("node4") // its containers live
	w.startAlone()
	w.applyDevices(4)
	w.awaitQuiet()
	w.awaitQuiet()
	w.checkNoDuplicates()
}

// Rule 6 and 16: a restored backup has no status; the ConfigMap knows the
// framework. Deleting it while Mesos is away must not say that there is none.
func TestRestoredBackupDeletedWithoutMesos(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.awaitReadyOf(3)
	w.deleteCluster("true") // Orphan
	// The secret was not restored with it (or not yet): there is no bridge.
	w.api.Apply(t, w.namespace, fmt.Sprintf(smallest, w.mesos.URL())+"    principal: fw\n    secretRef: {name: mesos}\n  deletionPolicy: Teardown\n")
	w.await("a condition", func(c *v1alpha1.QuobyteCluster) bool { return len(c.Finalizers) == 1 })
	w.deleteCluster("false")
	w.awaitQuiet()
	err := w.api.Client().Get(t.Context(), w.key("quobyte-framework"), &corev1.ConfigMap{})
	if apierrors.IsNotFound(err) {
		t.Errorf("the framework id is lost, and %d services run", w.alive(""))
	}
}

// kubectl delete namespace: no ConfigMap can be made there any more.
func TestNamespaceIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.awaitReadyOf(3)
	w.awaitQuiet()
	w.api.Kubectl(t, "delete", "namespace", w.namespace, "--wait=false")
	w.api.Kubectl(t, "-n", w.namespace, "delete", "configmap", "quobyte-framework")
	w.deleteCluster("false")
	w.api.Kubectl(t, "-n", w.namespace, "wait", "--for=delete", "quobytecluster/quobyte", "--timeout=90s")
	tenYears := 10 * 365 * 24 * time.Hour
	if got := w.mesos.Frameworks()[0].Info.GetFailoverTimeout(); got != tenYears.Seconds() || w.alive("") != services(3) {
		t.Errorf("fail-over time-out %v s, %d services run", got, w.alive(""))
	}
}

// An agent that a person declared gone comes back with its tasks.
func TestDeclaredGoneComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(4), PingTimeout: time.Second})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(4)
	w.awaitReadyOf(4)
	old := ""
	for _, task := range w.mesos.Running("node4") {
		old = task.AgentID
	}
	w.mesos.StopAgent("node4")
	w.await("node4 unreachable", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionDegraded, metav1.ConditionTrue, "Unreachable")
	})
	w.api.Kubectl(t, "-n", w.namespace, "annotate", "quobytecluster", "quobyte", v1alpha1.AnnotationGoneAgents+"="+old)
	w.awaitQuiet()
	w.mesos.StartAgent("node4")
	w.awaitQuiet()
	w.api.Kubectl(t, "-n", w.namespace, "annotate", "quobytecluster", "quobyte", v1alpha1.AnnotationGoneAgents+"-")
	w.awaitQuiet()
	if got := w.alive("data"); got != 4 {
		t.Fatalf("%d data services run", got)
	}
	w.await("a status with 4 data services", func(c *v1alpha1.QuobyteCluster) bool {
		return slices.ContainsFunc(c.Status.Services, func(s v1alpha1.ServiceStatus) bool { return s.Name == "data" && s.Running == 4 })
	})
	w.api.Kubectl(t, "-n", w.namespace, "delete", "device", "node4-disk1", "--wait=false")
	w.awaitQuiet()
	err := w.api.Client().Get(t.Context(), w.key("node4-disk1"), &v1alpha1.QuobyteDevice{})
	if apierrors.IsNotFound(err) && w.alive("data") == 4 {
		t.Error("the device was let go, and its service runs")
	}
}

// Two clusters as one framework: the whole operator ends, again and again.
func TestTwoClustersOneFramework(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	op := w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	id := w.awaitReadyOf(3).Status.FrameworkID
	second := strings.Replace(fmt.Sprintf(smallest, w.mesos.URL()), "name: quobyte\n", "name: other\n", 1) + "    frameworkID: " + id + "\n"
	w.api.Apply(t, w.namespace, second)
	select {
	case <-op.Ended():
		t.Error("a second QuobyteCluster with the same frameworkID ends the operator")
	case <-time.After(10 * time.Second):
	}
}

// Rule 9 after Orphan: another role and name with the kept framework id.
func TestRecreatedWithAnotherName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.awaitReadyOf(3)
	w.deleteCluster("true")
	w.api.Apply(t, w.namespace, fmt.Sprintf(smallest, w.mesos.URL())+"    frameworkName: storage\n    user: quobyte\n    role: prod\n")
	cluster := w.await("FrameworkIDConflict", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionStalled, metav1.ConditionTrue, "FrameworkIDConflict")
	})
	if text := describe(cluster); !strings.Contains(text, "set it to that") {
		t.Errorf("the status does not say what to do:\n%s", text)
	}
	if f := w.mesos.Frameworks()[0]; f.Info.Name != "quobyte" {
		t.Errorf("framework name changed to %s", f.Info.Name)
	}
}

// forget-framework with spec.mesos.frameworkID set.
func TestForgetLoops(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	id := w.awaitReadyOf(3).Status.FrameworkID
	w.patch(fmt.Sprintf(`{"spec":{"mesos":{"frameworkID":%q}}}`, id))
	if err := w.mesos.RemoveFramework(id); err != nil {
		t.Fatal(err)
	}
	w.await("removed", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonFrameworkRemoved)
	})
	w.api.Kubectl(t, "-n", w.namespace, "annotate", "quobytecluster", "quobyte", v1alpha1.AnnotationForgetFramework+"="+id)
	w.awaitQuiet()
	events := w.api.Kubectl(t, "-n", w.namespace, "get", "events", "--field-selector=reason=FrameworkForgotten", "-o", "name")
	if n := len(strings.Fields(events)); n > 1 {
		t.Errorf("the framework was forgotten %d times within seconds", n)
	}
}

// The comment in connect.go: "With a bridge that stands, a secret that is gone
// changes nothing now."
func TestSecretTypoDropsNoConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3), Credentials: map[string]string{"fw": "pw-pw-pw"}})
	w.startAlone()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "mesos"}, StringData: map[string]string{"secret": "pw-pw-pw"}}
	if err := w.api.Client().Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	w.api.Apply(t, w.namespace, fmt.Sprintf(smallest, w.mesos.URL())+"    principal: fw\n    secretRef: {name: mesos}\n")
	w.applyDevices(3)
	w.awaitReadyOf(3)
	w.patch(`{"spec":{"mesos":{"secretRef":{"name":"meso"}}}}`)
	w.awaitQuiet()
	f := w.mesos.Frameworks()[0]
	if !f.Connected || len(f.Subscriptions) != 1 {
		t.Errorf("connected %v, %d subscriptions\n%s", f.Connected, len(f.Subscriptions), describe(w.cluster()))
	}
}

// suspend: change nothing on Mesos.
func TestSuspendedFromTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(1)})
	w.startAlone()
	w.api.Apply(t, w.namespace, strings.Replace(fmt.Sprintf(smallest, w.mesos.URL()), "spec:\n", "spec:\n  suspend: true\n", 1))
	w.await("a status", func(c *v1alpha1.QuobyteCluster) bool { return len(c.Status.Conditions) > 0 })
	w.awaitQuiet()
	if n := len(w.mesos.Frameworks()); n != 0 {
		t.Errorf("%d frameworks were registered", n)
	}
}

// A device of a cluster that never reached Mesos.
func TestDeviceOfAClusterWithoutMesosCanGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(1)})
	w.startAlone()
	w.api.Apply(t, w.namespace, fmt.Sprintf(smallest, "http://127.0.0.1:1"))
	w.applyDevices(1)
	w.awaitDevice("node1-disk1", "accepted", accepted(true, v1alpha1.ReasonAccepted))
	w.api.Kubectl(t, "-n", w.namespace, "delete", "device", "node1-disk1", "--wait=false")
	w.api.Kubectl(t, "-n", w.namespace, "wait", "--for=delete", "device/node1-disk1", "--timeout=90s")
}

// A ConfigMap that has the name of the one in which launches are written down, and is
// somebody else's: nothing is launched, the condition says why, and it stays as it is.
func TestForeignLedger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	foreign := &corev1.ConfigMap{Data: map[string]string{"mine": "yes"}}
	foreign.Namespace, foreign.Name = w.namespace, "quobyte-tasks"
	if err := w.api.Client().Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	w.startAlone()
	w.applyCluster()
	w.applyDevices(3)
	w.await("Degraded for the ConfigMap", func(c *v1alpha1.QuobyteCluster) bool {
		d := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionDegraded)
		return d != nil && d.Status == metav1.ConditionTrue && strings.Contains(d.Message, "ConfigMap quobyte-tasks") &&
			has(c, v1alpha1.ConditionConnected, metav1.ConditionTrue, "")
	})
	if n := len(w.mesos.History()); n > 0 {
		t.Errorf("%d tasks were launched", n)
	}
	if err := w.api.Client().Get(t.Context(), w.key("quobyte-tasks"), foreign); err != nil || foreign.Data["mine"] != "yes" {
		t.Fatalf("it is %v: %v", foreign.Data, err)
	}
	if err := w.api.Client().Delete(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	w.awaitReady()
}
