package cluster

import (
	"errors"
	"strings"
	"testing"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// TestConditionsOfAnUpdate wants kstatus to wait for what goes on by itself, and to say
// that it failed where only a person can go on.
func TestConditionsOfAnUpdate(t *testing.T) {
	failed := &v1alpha1.FailedUpdate{Revision: "r", Version: "1.1.6", Message: "data on node5 did not come up"}
	tests := map[string]struct {
		phase     plan.Phase
		update    *v1alpha1.UpdateStatus
		reason    string // of Ready, and of what is true beside it
		condition string // that is true: Reconciling or Stalled
		says      string
	}{
		"under way": {plan.PhaseUpdating, &v1alpha1.UpdateStatus{State: v1alpha1.UpdateProgressing},
			v1alpha1.ReasonUpdating, v1alpha1.ConditionReconciling, "1 of 3 services are updated"},
		"paused": {plan.PhasePaused, &v1alpha1.UpdateStatus{State: v1alpha1.UpdatePaused},
			v1alpha1.ReasonPaused, v1alpha1.ConditionStalled, "1 of 3 services are updated, 2 are ready; spec.update.paused is true; set it to false to go on"},
		"paused on the way back": {plan.PhasePaused, &v1alpha1.UpdateStatus{State: v1alpha1.UpdatePaused, Failed: &v1alpha1.FailedUpdate{Version: "1.1.6"}},
			v1alpha1.ReasonPaused, v1alpha1.ConditionStalled, "version 1.1.6 failed, and its rollback is not done, 2 are ready; spec.update.paused is true; set it to false to go on"},
		"failed": {plan.PhaseFailed, &v1alpha1.UpdateStatus{State: v1alpha1.UpdateFailed, Message: "data on node5 did not come up"},
			v1alpha1.ReasonUpdateFailed, v1alpha1.ConditionStalled, "data on node5 did not come up; it goes on when the service comes up"},
		"about to be rolled back": {plan.PhaseUpdating, &v1alpha1.UpdateStatus{State: v1alpha1.UpdateFailed, Message: "data on node5; rolling back to 1.1.5", Failed: failed},
			v1alpha1.ReasonUpdateFailed, v1alpha1.ConditionReconciling, "rolling back to 1.1.5"},
		"rolling back": {plan.PhaseUpdating, &v1alpha1.UpdateStatus{State: v1alpha1.UpdateRollingBack, Message: "rolling back to 1.1.5", Failed: failed},
			v1alpha1.ReasonRollingBack, v1alpha1.ConditionReconciling, "rolling back to 1.1.5"},
		"the rollback failed": {plan.PhaseFailed, &v1alpha1.UpdateStatus{State: v1alpha1.UpdateFailed, Message: "the rollback to 1.1.5 failed", Failed: failed},
			v1alpha1.ReasonUpdateFailed, v1alpha1.ConditionStalled, "to try the same again set spec.update.onFailure to Pause"},
		"rolled back": {plan.PhaseRolledBack, &v1alpha1.UpdateStatus{State: v1alpha1.UpdateRolledBack, Message: "rolled back to 1.1.5", Failed: failed},
			v1alpha1.ReasonRolledBack, v1alpha1.ConditionStalled, "rolled back to 1.1.5; change spec.version"},
		"rolled back, and one is away": {plan.PhaseStarting, &v1alpha1.UpdateStatus{State: v1alpha1.UpdateRolledBack, Failed: failed},
			v1alpha1.ReasonStarting, v1alpha1.ConditionReconciling, "2 of 3 services are ready"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			seen := &observation{cluster: &v1alpha1.QuobyteCluster{}, snapshot: &mesosbridge.Snapshot{Connected: true}}
			result := plan.Result{Phase: test.phase, Update: test.update,
				Services: []v1alpha1.ServiceStatus{{Name: "data", Wanted: 3, Ready: 2, Updated: 1}}}
			got := conditions(seen, result, "", nil)
			if ready := meta.FindStatusCondition(got, v1alpha1.ConditionReady); ready.Status != metav1.ConditionFalse || ready.Reason != test.reason {
				t.Errorf("%+v", ready)
			}
			for _, kind := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
				c := meta.FindStatusCondition(got, kind)
				if is := c.Status == metav1.ConditionTrue; is != (kind == test.condition) {
					t.Errorf("%+v", c)
				} else if is && (c.Reason != test.reason || !strings.Contains(c.Message, test.says)) {
					t.Errorf("%+v, want %q", c, test.says)
				}
			}
		})
	}
}

// TestWhyAway wants a window and a lost agent to be told apart from a start that does not
// come to an end.
func TestWhyAway(t *testing.T) {
	missing := func(hosts ...string) []plan.Instance {
		list := []plan.Instance{{Service: "data", Host: "node1", Wanted: true, Available: true}, {Service: "data", Host: "node2"}}
		for _, host := range hosts {
			list = append(list, plan.Instance{Service: "data", Host: host, Wanted: true})
		}
		return list
	}
	runs := func(list []plan.Instance, states ...mesos.TaskState) []plan.Instance {
		last := &list[len(list)-1]
		for _, state := range states {
			last.Tasks = append(last.Tasks, &mesosbridge.Task{State: state})
		}
		return list
	}
	window := func(state v1alpha1.MaintenanceState) []v1alpha1.MaintenanceStatus {
		return []v1alpha1.MaintenanceStatus{{Host: "node3", State: state}}
	}
	tests := map[string]struct {
		result plan.Result
		want   string
	}{
		"nothing is missing":    {plan.Result{Instances: missing()}, v1alpha1.ReasonStarting},
		"no window":             {plan.Result{Instances: missing("node3")}, v1alpha1.ReasonStarting},
		"it is to come":         {plan.Result{Instances: missing("node3"), Maintenance: window(v1alpha1.MaintenanceScheduled)}, v1alpha1.ReasonStarting},
		"it has come":           {plan.Result{Instances: missing("node3"), Maintenance: window(v1alpha1.MaintenanceDrained)}, v1alpha1.ReasonMaintenance},
		"it comes":              {plan.Result{Instances: missing("node3"), Maintenance: window(v1alpha1.MaintenanceDraining)}, v1alpha1.ReasonMaintenance},
		"another is down too":   {plan.Result{Instances: missing("node3", "node4"), Maintenance: window(v1alpha1.MaintenanceDrained)}, v1alpha1.ReasonStarting},
		"one without a host":    {plan.Result{Instances: missing("node3", ""), Maintenance: window(v1alpha1.MaintenanceDrained)}, v1alpha1.ReasonStarting},
		"its agent is lost":     {plan.Result{Instances: runs(missing("node3"), mesos.TASK_UNREACHABLE)}, v1alpha1.ReasonUnreachable},
		"it runs, unhealthy":    {plan.Result{Instances: runs(missing("node3"), mesos.TASK_RUNNING)}, v1alpha1.ReasonStarting},
		"two tasks":             {plan.Result{Instances: runs(missing("node3"), mesos.TASK_UNREACHABLE, mesos.TASK_RUNNING)}, v1alpha1.ReasonStarting},
		"another one is absent": {plan.Result{Instances: runs(missing("node3", "node4"), mesos.TASK_UNREACHABLE)}, v1alpha1.ReasonStarting},
	}
	for name, test := range tests {
		if got := whyAway(test.result, true); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
		if got := whyAway(test.result, false); got == v1alpha1.ReasonUnreachable {
			t.Errorf("%s, and nothing was heard yet: %v", name, got)
		}
	}
}

// TestUnasked counts what runs on for devices: what floats and is one too many has none.
func TestUnasked(t *testing.T) {
	ran := []*mesosbridge.Task{{}}
	result := plan.Result{Instances: []plan.Instance{
		{Service: "data", Wanted: true, Tasks: ran},
		{Service: "data"},
		{Service: "s3", Tasks: ran},
		{Service: "client", Tasks: ran},
	}}
	if got := unasked(result); got != "" {
		t.Errorf("says %q", got)
	}
	result.Instances = append(result.Instances, plan.Instance{Service: "metadata", Tasks: ran})
	if got := unasked(result); got != "; 1 more run on for devices that are not in service (status.reasons)" {
		t.Errorf("says %q", got)
	}
}

func TestUpdateInALine(t *testing.T) {
	at := func(state v1alpha1.UpdateState, message, current string) *v1alpha1.UpdateStatus {
		return &v1alpha1.UpdateStatus{State: state, From: "1.1.5", To: "1.1.6", Service: "data", Updated: 4, Total: 12, Current: current, Message: message}
	}
	restart := at(v1alpha1.UpdateProgressing, "restart on request", "")
	restart.From = restart.To
	tests := map[string]*v1alpha1.UpdateStatus{
		"":                         nil,
		"1.1.6: data 4/12, node5":  at(v1alpha1.UpdateProgressing, "", "node5"),
		"1.1.6: data 4/12":         at(v1alpha1.UpdateProgressing, "", ""),
		"restart: data 4/12":       restart,
		"paused: data 4/12":        at(v1alpha1.UpdatePaused, "", ""),
		"failed: data on node5":    at(v1alpha1.UpdateFailed, "", "node5"),
		"failed: data":             at(v1alpha1.UpdateFailed, "", ""),
		"failed":                   {State: v1alpha1.UpdateFailed},
		"back to 1.1.6: data 4/12": at(v1alpha1.UpdateRollingBack, "", ""),
		"rolled back to 1.1.6":     at(v1alpha1.UpdateRolledBack, "", ""),
		"paused":                   {State: v1alpha1.UpdatePaused},
		"1.1.7":                    {State: v1alpha1.UpdateProgressing, To: "1.1.7"},
	}
	for want, update := range tests {
		if got := updateLine(update); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestTheStatusKeepsWhatThePlanRemembers wants the next plan to find all that it goes by.
func TestTheStatusKeepsWhatThePlanRemembers(t *testing.T) {
	result := plan.Result{
		Revision: "r2",
		Good:     &v1alpha1.GoodRevision{Revision: "r1", Version: "1.1.5"},
		Update:   &v1alpha1.UpdateStatus{State: v1alpha1.UpdateFailed, Failed: &v1alpha1.FailedUpdate{Revision: "r2"}},
		Failures: []v1alpha1.Failure{{Service: "data", First: &metav1.Time{}}},
	}
	s := &v1alpha1.QuobyteClusterStatus{}
	summarise(s, &observation{cluster: &v1alpha1.QuobyteCluster{}, snapshot: &mesosbridge.Snapshot{}}, result)
	if s.Revision != "r2" || s.Good.Version != "1.1.5" || s.Update.Failed.Revision != "r2" || s.Failures[0].First == nil || s.Summary.Update != "failed" {
		t.Errorf("%+v", s)
	}
}

// Why nothing is launched is told also when something else is the matter.
func TestDegradedTellsOfAFailedActionBesideAlerts(t *testing.T) {
	result := plan.Result{Alerts: []plan.Alert{{Reason: "Unclaimed", Message: "data on node1 runs without a device object"}}}
	c := degradedCondition(result, errors.New("ConfigMap quobyte-tasks is not as the operator wrote it: nothing is launched"))
	if !strings.Contains(c.Message, "nothing is launched") || !strings.Contains(c.Message, "node1") {
		t.Errorf("%s: %s", c.Reason, c.Message)
	}
}
