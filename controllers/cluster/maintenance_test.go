package cluster

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"k8s.io/client-go/tools/events"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// told are the events since the last call.
func told(r *events.FakeRecorder) []string {
	var list []string
	for {
		select {
		case e := <-r.Events:
			list = append(list, e)
		default:
			return list
		}
	}
}

// TestAnswersAreAnnouncedOnce: the master asks again and again, and is answered each
// time; people are told when the answer changes, and of the next window anew.
func TestAnswersAreAnnouncedOnce(t *testing.T) {
	bridge, err := mesosbridge.New(mesosbridge.Config{
		Name: "quobyte", Masters: []string{"http://127.0.0.1:1"}, Framework: mesosbridge.Framework{Name: "quobyte", User: "root", Roles: []string{"*"}},
		Identity: newIdentity{}, Log: logr.Discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	recorder := events.NewFakeRecorder(100)
	r := &Reconciler{Events: recorder}
	snapshot := &mesosbridge.Snapshot{Connected: true, Agents: map[string]*mesosbridge.Agent{}}
	seen := &observation{cluster: &v1alpha1.QuobyteCluster{}, member: &member{bridge: bridge}, snapshot: snapshot}
	window := func(agent string, w *mesos.Unavailability) {
		snapshot.Agents[agent] = &mesosbridge.Agent{ID: agent, Unavailability: w}
	}
	window("a1", &mesos.Unavailability{})
	waits := plan.InverseAnswer{AgentID: "a1", Host: "node1", OfferIDs: []string{"i"}, Why: "data waits for data on node2, which is not available"}
	accepted := plan.InverseAnswer{AgentID: "a1", Host: "node1", OfferIDs: []string{"i"}, Accept: true}
	for i, step := range []struct {
		answer plan.InverseAnswer
		before func()
		want   string
	}{
		{waits, nil, "Normal MaintenanceDeclined node1 must not go down yet: data waits for data on node2, which is not available"},
		{waits, nil, ""},
		{accepted, nil, "Normal MaintenanceAccepted node1 may go down: no service runs there"},
		{accepted, nil, ""},
		{accepted, func() { snapshot.Connected = false; window("a1", nil) }, ""},
		{accepted, func() { snapshot.Connected = true; window("a1", &mesos.Unavailability{}) }, ""},
		{accepted, func() { window("a1", nil) }, "Normal MaintenanceAccepted"},
		{waits, func() { window("a1", &mesos.Unavailability{}) }, "Normal MaintenanceDeclined"},
	} {
		if step.before != nil {
			step.before()
		}
		r.answerInverse(context.Background(), seen, []plan.InverseAnswer{step.answer})
		got := told(recorder)
		if step.want == "" && len(got) > 0 || step.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], step.want)) {
			t.Errorf("step %d: events %q, want %q", i, got, step.want)
		}
	}
	var many []plan.InverseAnswer
	for i := range 20 {
		many = append(many, plan.InverseAnswer{AgentID: fmt.Sprint("b", i), Host: fmt.Sprint("host", i), Accept: true})
		window(fmt.Sprint("b", i), &mesos.Unavailability{})
	}
	r.answerInverse(context.Background(), seen, many)
	if got := told(recorder); len(got) != announcedAnswers {
		t.Errorf("%d events of one pass", len(got))
	}
	if len(seen.member.answered) != 21 {
		t.Errorf("%d answers are known", len(seen.member.answered))
	}
	clear(snapshot.Agents)
	r.answerInverse(context.Background(), seen, nil)
	if len(seen.member.answered) != 0 {
		t.Errorf("%d answers are kept", len(seen.member.answered))
	}
}

// TestRestartsAreNoFailures: that an unhealthy service was stopped was told then.
func TestRestartsAreNoFailures(t *testing.T) {
	failures := func(list ...v1alpha1.Failure) *v1alpha1.QuobyteClusterStatus {
		return &v1alpha1.QuobyteClusterStatus{Failures: list}
	}
	data := func(task string, count, restarts int32) v1alpha1.Failure {
		return v1alpha1.Failure{Service: "data", Host: "node1", TaskID: task, Count: count, Restarts: restarts}
	}
	api := func(host, task string, count, restarts int32) v1alpha1.Failure {
		return v1alpha1.Failure{Service: "api", Host: host, TaskID: task, Count: count, Restarts: restarts}
	}
	for name, test := range map[string]struct {
		before, after *v1alpha1.QuobyteClusterStatus
		want          int
	}{
		"the first failure":        {failures(), failures(data("t1", 1, 0)), 1},
		"the same":                 {failures(data("t1", 1, 0)), failures(data("t1", 1, 0)), 0},
		"the first restart":        {failures(), failures(data("t1", 0, 1)), 0},
		"a restart after failures": {failures(data("t1", 2, 0)), failures(data("t2", 2, 1)), 0},
		"a failure after restarts": {failures(data("t1", 0, 2)), failures(data("t2", 1, 2)), 1},
		"a restart elsewhere":      {failures(api("node1", "t1", 1, 0)), failures(api("node2", "t2", 1, 1)), 0},
		"a failure elsewhere":      {failures(api("node1", "t1", 1, 1)), failures(api("node2", "t2", 2, 1)), 1},
	} {
		recorder := events.NewFakeRecorder(10)
		(&Reconciler{Events: recorder}).announceFailures(&v1alpha1.QuobyteCluster{}, test.before, test.after)
		if got := told(recorder); len(got) != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
