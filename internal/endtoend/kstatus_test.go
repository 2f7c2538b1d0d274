package endtoend

import (
	"fmt"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// kstatus is what Flux, Argo and kpt would make of the cluster.
func kstatus(t *testing.T, cluster *v1alpha1.QuobyteCluster) status.Status {
	t.Helper()
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(cluster)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: object}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("QuobyteCluster"))
	result, err := status.Compute(u)
	if err != nil {
		t.Fatal(err)
	}
	return result.Status
}

// TestKstatusTellsTheTruth looks at every state that a cluster can be in.
func TestKstatusTellsTheTruth(t *testing.T) {
	t.Parallel()
	type state struct {
		name   string
		bring  func(w *world)
		reason string // of Ready
		ready  metav1.ConditionStatus
		want   status.Status
	}
	run := func(name string, script mesostest.Script, states ...state) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3), Script: script})
			w.startAlone()
			for _, s := range states {
				s.bring(w)
				cluster := w.await(s.name, func(c *v1alpha1.QuobyteCluster) bool {
					return has(c, v1alpha1.ConditionReady, s.ready, s.reason) && c.Status.ObservedGeneration == c.Generation
				})
				if got := kstatus(t, cluster); got != s.want {
					t.Errorf("%s: kstatus says %s, want %s\n%s", s.name, got, s.want, describe(cluster))
				}
			}
		})
	}
	apply := func(w *world) { w.applyCluster() }
	devices := func(w *world) { w.applyDevices(3) }
	both := func(w *world) { apply(w); devices(w) }
	patch := func(p string) func(*world) { return func(w *world) { w.patch(p) } }
	hang := mesostest.Script(func(task mesos.TaskInfo) mesostest.Play {
		if task.Name == "data" {
			return mesostest.NeverStarts(task)
		}
		return mesostest.Healthy(task)
	})

	run("from nothing to stopped", nil,
		state{"no devices", apply, v1alpha1.ReasonNoDevices, metav1.ConditionFalse, status.InProgressStatus},
		state{"ready", devices, v1alpha1.ReasonReady, metav1.ConditionTrue, status.CurrentStatus},
		state{"stopped", patch(`{"spec":{"state":"Stopped"}}`), v1alpha1.ReasonStopped, metav1.ConditionTrue, status.CurrentStatus},
		state{"running", patch(`{"spec":{"state":"Running"}}`), v1alpha1.ReasonReady, metav1.ConditionTrue, status.CurrentStatus},
	)
	run("starting for ever", hang,
		state{"starting", both, v1alpha1.ReasonStarting, metav1.ConditionFalse, status.InProgressStatus},
		state{"suspended", patch(`{"spec":{"suspend":true}}`), v1alpha1.ReasonStarting, metav1.ConditionFalse, status.FailedStatus},
	)
	run("updating", nil,
		state{"ready", both, v1alpha1.ReasonReady, metav1.ConditionTrue, status.CurrentStatus},
		state{"updating", func(w *world) { w.patch(`{"spec":{"version":"1.1.6"}}`) }, v1alpha1.ReasonUpdating, metav1.ConditionFalse, status.InProgressStatus},
		state{"updated", func(*world) {}, v1alpha1.ReasonReady, metav1.ConditionTrue, status.CurrentStatus},
	)
	run("without Mesos", nil,
		state{"not supported", func(w *world) {
			w.api.Apply(t, w.namespace, fmt.Sprintf(smallest, "zk://zk.corp:2181/mesos"))
		}, v1alpha1.ReasonNotSupported, metav1.ConditionFalse, status.FailedStatus},
		state{"no secret", func(w *world) {
			w.patch(fmt.Sprintf(`{"spec":{"mesos":{"master":%q,"principal":"fw","secretRef":{"name":"mesos"}}}}`, w.mesos.URL()))
		}, v1alpha1.ReasonSecretNotFound, metav1.ConditionFalse, status.FailedStatus},
		state{"no master", func(w *world) {
			w.patch(`{"spec":{"mesos":{"master":"http://127.0.0.1:1","secretRef":null}}}`)
		}, v1alpha1.ReasonNotConnected, metav1.ConditionUnknown, status.InProgressStatus},
	)
	run("suspended, then lost", nil,
		state{"ready", both, v1alpha1.ReasonReady, metav1.ConditionTrue, status.CurrentStatus},
		state{"suspended", patch(`{"spec":{"suspend":true}}`), v1alpha1.ReasonSuspended, metav1.ConditionTrue, status.CurrentStatus},
		state{"lost", func(w *world) {
			w.mesos.RefuseConnections(true)
			w.mesos.BreakStreams()
		}, v1alpha1.ReasonNotConnected, metav1.ConditionUnknown, status.InProgressStatus},
	)
	run("framework removed", nil,
		state{"ready", both, v1alpha1.ReasonReady, metav1.ConditionTrue, status.CurrentStatus},
		state{"removed", func(w *world) {
			if err := w.mesos.RemoveFramework(w.cluster().Status.FrameworkID); err != nil {
				t.Error(err)
			}
		}, v1alpha1.ReasonFrameworkRemoved, metav1.ConditionFalse, status.FailedStatus},
	)
	run("stopping for long", mesostest.IgnoresKill,
		state{"ready", both, v1alpha1.ReasonReady, metav1.ConditionTrue, status.CurrentStatus},
		state{"stopping", patch(`{"spec":{"state":"Stopped"}}`), v1alpha1.ReasonStopping, metav1.ConditionFalse, status.InProgressStatus},
	)
	run("deleting", nil,
		state{"ready", both, v1alpha1.ReasonReady, metav1.ConditionTrue, status.CurrentStatus},
		state{"deleting", func(w *world) {
			w.mesos.RefuseConnections(true)
			w.mesos.BreakStreams()
			w.deleteCluster("false")
		}, v1alpha1.ReasonDeleting, metav1.ConditionFalse, status.TerminatingStatus},
	)
}
