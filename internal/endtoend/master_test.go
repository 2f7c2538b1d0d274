package endtoend

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// TestMasterForgetsAndAgentsComeBackOneByOne is the recording master-failover:
// the first word of a returned agent is an offer, without a word of its tasks.
func TestMasterForgetsAndAgentsComeBackOneByOne(t *testing.T) {
	t.Parallel()
	for _, restarted := range []bool{false, true} {
		t.Run(fmt.Sprintf("operator restarted %v", restarted), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(6)})
			operator := w.startAlone()
			w.applyCluster()
			w.applyDevices(6)
			framework := w.awaitReadyOf(6).Status.FrameworkID
			w.awaitQuiet()
			launched := len(w.mesos.History())

			if restarted {
				if err := operator.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			w.mesos.FailoverMaster(mesostest.FailoverOptions{})
			if restarted {
				w.startAlone()
			}
			subscribed := func() bool {
				f := w.mesos.Frameworks()
				return len(f) == 1 && f[0].Connected && len(f[0].Subscriptions) > 1
			}
			w.awaitMesos("the framework to subscribe again", subscribed)
			for i := 1; i <= 6; i++ {
				host := fmt.Sprintf("node%d", i)
				w.mesos.StartAgent(host)
				w.awaitMesos(host+" to be offered and declined", func() bool {
					for _, agent := range w.mesos.Hosts() {
						if agent.Host == host {
							return agent.Registered && agent.Offers == 0
						}
					}
					return false
				})
			}
			w.awaitQuiet()
			if got := w.awaitReady().Status.FrameworkID; got != framework {
				t.Errorf("framework %s, want %s", got, framework)
			}
			w.checkNoDuplicates()
			if got := len(w.mesos.History()); got != launched || w.killed() != 0 {
				t.Errorf("%d tasks were launched and %d stopped after a master's failover", got-launched, w.killed())
			}
		})
	}
}

func TestRemovedFrameworkWaitsForAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(3)})
	operator := w.startAlone()
	w.api.Apply(t, w.namespace, fmt.Sprintf(smallest, w.mesos.URL())+"    failoverTimeout: 1m\n")
	w.applyDevices(3)
	framework := w.awaitReadyOf(3).Status.FrameworkID
	launched := len(w.mesos.History())
	if err := operator.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := w.mesos.RemoveFramework(framework); err != nil {
		t.Fatal(err)
	}
	w.startAlone()
	w.await("FrameworkRemoved", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonFrameworkRemoved)
	})
	w.awaitQuiet()
	if got := len(w.mesos.History()); got != launched {
		t.Errorf("a second set of %d services was started", got-launched)
	}
	w.api.Kubectl(t, "-n", w.namespace, "annotate", "quobytecluster", "quobyte", v1alpha1.AnnotationForgetFramework+"="+framework)
	if got := w.awaitReady().Status.FrameworkID; got == framework {
		t.Errorf("the framework is still %s", got)
	}
	w.checkNoDuplicates()
}
