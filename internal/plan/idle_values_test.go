package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// TestIdleValues wants values that name nothing to be told of, each as a reason, and
// those that are misspelt as a notice.
func TestIdleValues(t *testing.T) {
	gone := func(ids string) func(f *fixture) {
		return func(f *fixture) { f.cluster.Annotations = map[string]string{v1alpha1.AnnotationGoneAgents: ids} }
	}
	tests := map[string]struct {
		change func(f *fixture)
		says   string // empty: nothing
		notice bool
	}{
		"a cordoned host":  {func(f *fixture) { f.cluster.Spec.Placement.CordonedHosts = []string{"node1"} }, "", false},
		"one nobody knows": {func(f *fixture) { f.cluster.Spec.Placement.CordonedHosts = []string{"node1", "nod2"} }, "spec.placement.cordonedHosts: no agent is known with the host name nod2", true},
		"one that is away": {func(f *fixture) {
			f.cluster.Spec.Placement.CordonedHosts = []string{"node1"}
			f.snap.Agents["agent-node1"].Registered = false
		}, "", false},
		"many": {func(f *fixture) {
			f.cluster.Spec.Placement.CordonedHosts = []string{"a", "b", "c", "d", "e", "f", "g"}
		}, "the host name a, b, c, d, e and 2 more", true},
		"a new subscription": {func(f *fixture) {
			f.cluster.Spec.Placement.CordonedHosts, f.cluster.Spec.Update.DomainBy = []string{"nod2"}, "rak"
			f.cluster.Annotations = map[string]string{v1alpha1.AnnotationGoneAgents: "nobody"}
			f.snap.Since = noon.Add(-119 * time.Second)
		}, "", false},
		"not reconciled": {func(f *fixture) {
			f.cluster.Spec.Placement.CordonedHosts = []string{"nod2"}
			f.snap.Reconciled = false
		}, "", false},
		"not connected": {func(f *fixture) {
			f.cluster.Spec.Placement.CordonedHosts = []string{"nod2"}
			f.snap.Connected = false
		}, "", false},
		"a domain": {func(f *fixture) {
			f.cluster.Spec.Update.DomainBy = "rack"
			f.snap.Agents["agent-node3"].Attributes = []mesos.Attribute{{Name: "rack", Type: mesos.TEXT, Text: &mesos.Value_Text{Value: "r1"}}}
		}, "", false},
		"a domain that no agent has": {func(f *fixture) { f.cluster.Spec.Update.DomainBy = "rak" },
			"spec.update.domainBy: no agent has the attribute rak, and updates go host by host", true},
		"a domain, and no agent has offered anything": {func(f *fixture) {
			f.cluster.Spec.Update.DomainBy = "rak"
			for _, a := range f.snap.Agents {
				a.Host = ""
			}
		}, "", false},
		"an agent":         {gone("agent-node3"), "", false},
		"a host":           {gone("node3"), "gone-agents: node3 is a host: name the id of its agent, agent-node3 (which is registered)", true},
		"an unknown agent": {gone("agent-node3, agent-node9"), "nothing is known of agent agent-node9; an entry that has done its work can be taken out", false},
		"one that has done": {func(f *fixture) {
			gone("away")(f)
			f.ended(f.task(data, "away"), mesos.TASK_GONE, noon).AgentID = "away"
		}, "", false},
		"a host that has another agent": {func(f *fixture) {
			gone("node3")(f)
			f.find(data, "node3").AgentID = "before"
			f.find(data, "node3").State = mesos.TASK_UNREACHABLE
			f.find(registry, "node3").AgentID = "before"
			f.find(registry, "node3").State = mesos.TASK_UNREACHABLE
		}, "name the id of its agent, before or agent-node3 (which is registered)", true},
		"state Stopped": {func(f *fixture) {
			f.cluster.Spec.State = v1alpha1.StateStopped
			f.cluster.Spec.Placement.CordonedHosts = []string{"nod2"}
		}, "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := threeHosts(t)
			test.change(f)
			r := f.plan()
			told := slices.ContainsFunc(r.Reasons, func(reason v1alpha1.Reason) bool {
				return test.says != "" && strings.Contains(reason.Message, test.says)
			})
			if told != (test.says != "") {
				t.Errorf("reasons %+v, want %q", r.Reasons, test.says)
			}
			for _, reason := range r.Reasons {
				if test.says == "" && (strings.Contains(reason.Message, "no agent") || strings.Contains(reason.Message, "gone-agents: n")) {
					t.Errorf("says %s", reason.Message)
				}
			}
			if told := noticed(r, NoticeNoEffect); test.notice != (told != "") || test.notice && !strings.Contains(told, test.says) {
				t.Errorf("notice %q", told)
			}
		})
	}
}

// TestIdleValuesAreLookedAtAgain when agents have had the time to turn up.
func TestIdleValuesAreLookedAtAgain(t *testing.T) {
	f := threeHosts(t)
	f.cluster.Spec.Placement.CordonedHosts = []string{"nod2"}
	f.snap.Since = noon.Add(-time.Second)
	if r := f.plan(); r.Recheck.IsZero() || r.Recheck.After(f.snap.Since.Add(settleTime)) {
		t.Errorf("looks again at %v", r.Recheck)
	}
}

func TestRestartInTheFuture(t *testing.T) {
	l := liveCluster(t)
	at := noon.Add(time.Hour)
	l.annotate(v1alpha1.AnnotationRestartedAt, at)
	for _, d := range l.devices[:2] {
		metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.AnnotationRestartedAt, at.Format(time.RFC3339))
	}
	says := func(r Result) []string {
		var out []string
		for _, reason := range r.Reasons {
			out = append(out, reason.Message)
		}
		return out
	}
	want := "annotation mesos.quobyte.com/restarted-at of device dev-001: the restart is due at 2026-11-21T13:00:00Z (2 more: restarts are due later)"
	first := says(l.pass())
	wantList(t, "reasons", first, want)
	l.now = l.now.Add(time.Minute)
	wantList(t, "a minute later", says(l.pass()), first...)
	l.now = at
	if r := l.plan(); len(kills(r)) == 0 || strings.Contains(strings.Join(says(r), ""), "is due at") {
		t.Errorf("when it is due: kills %v, reasons %v", kills(r), says(r))
	}
}
