package cluster

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// conditions sums up the pass. Of Reconciling and Stalled at most one is true,
// and neither when Ready is: kstatus takes the first that it meets.
func conditions(seen *observation, result plan.Result, holdup string, actErr error) []metav1.Condition {
	ready := readyCondition(seen, result, holdup)
	reconciling := condition(v1alpha1.ConditionReconciling, false, v1alpha1.ReasonAsExpected, "")
	stalled := condition(v1alpha1.ConditionStalled, false, v1alpha1.ReasonAsExpected, "")
	switch {
	case ready.Status == metav1.ConditionTrue:
	case stuck(seen.problem.Reason):
		stalled = condition(v1alpha1.ConditionStalled, true, seen.problem.Reason, problemMessage(seen))
	case seen.cluster.Spec.Suspend && seen.snapshot.Connected, seen.problem.Reason == v1alpha1.ReasonSuspended:
		stalled = condition(v1alpha1.ConditionStalled, true, v1alpha1.ReasonSuspended,
			"spec.suspend is true: nothing is changed on Mesos; set it to false to go on")
	case halted(result.Phase):
		stalled = condition(v1alpha1.ConditionStalled, true, ready.Reason, ready.Message+"; "+wayOn(result))
	case unbootstrapped(result) != nil:
		stalled = condition(v1alpha1.ConditionStalled, true, unbootstrapped(result).Reason, unbootstrapped(result).Message)
	default:
		reconciling = condition(v1alpha1.ConditionReconciling, true, ready.Reason, ready.Message)
	}
	return []metav1.Condition{ready, reconciling, stalled, degradedCondition(result, actErr), connectedCondition(seen), probingCondition(seen, result)}
}

func readyCondition(seen *observation, result plan.Result, holdup string) metav1.Condition {
	wanted, ready, updated := totals(result.Services)
	no := func(reason, message string) metav1.Condition {
		return condition(v1alpha1.ConditionReady, false, reason, message)
	}
	switch {
	case seen.cluster.DeletionTimestamp != nil:
		return no(v1alpha1.ReasonDeleting, holdup)
	case stuck(seen.problem.Reason):
		return no(seen.problem.Reason, problemMessage(seen))
	case !seen.snapshot.Connected:
		return metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionUnknown,
			Reason: v1alpha1.ReasonNotConnected, Message: "what runs is not known: " + problemMessage(seen)}
	}
	waits := ""
	if len(result.Reasons) > 0 {
		waits = ": " + result.Reasons[0].Message
	}
	switch result.Phase {
	case plan.PhaseReady:
		reason, message := v1alpha1.ReasonReady, fmt.Sprintf("%d of %d services run version %s%s", ready, wanted, seen.cluster.Spec.Version, unasked(result))
		if seen.cluster.Spec.Suspend {
			reason, message = v1alpha1.ReasonSuspended, message+"; spec.suspend is true: nothing that ends is started again"
		}
		return condition(v1alpha1.ConditionReady, true, reason, message)
	case plan.PhaseStopped:
		return condition(v1alpha1.ConditionReady, true, v1alpha1.ReasonStopped, "all services are stopped, as asked")
	case plan.PhaseStopping:
		if seen.cluster.Spec.Suspend {
			return no(v1alpha1.ReasonSuspended, "the services are to be stopped, and spec.suspend is true: nothing is")
		}
		return no(v1alpha1.ReasonStopping, "the services are being stopped"+waits)
	case plan.PhaseUpdating:
		reason := updateReason(result.Update)
		if reason == v1alpha1.ReasonUpdateFailed || reason == v1alpha1.ReasonRollingBack {
			return no(reason, result.Update.Message)
		}
		if reason == v1alpha1.ReasonRestarting {
			return no(reason, fmt.Sprintf("%s: %d of %d services are ready", updateLine(result.Update), ready, wanted))
		}
		return no(v1alpha1.ReasonUpdating, fmt.Sprintf("%d of %d services are updated, %d are ready%s", updated, wanted, ready, waits))
	case plan.PhaseFailed, plan.PhaseRolledBack:
		return no(updateReason(result.Update), result.Update.Message)
	case plan.PhasePaused:
		return no(v1alpha1.ReasonPaused, pausedMessage(result, wanted, ready, updated, waits))
	case plan.PhaseEmpty:
		if p := result.Probers; seen.probing() && len(seen.devices) == 0 && p.Reporting < max(p.Wanted, 1) {
			return no(v1alpha1.ReasonStarting, "no device is found yet: "+probingCondition(seen, result).Message)
		}
		return no(v1alpha1.ReasonNoDevices, noDevices(seen, result))
	}
	if alert := unbootstrapped(result); alert != nil {
		return no(alert.Reason, alert.Message)
	}
	return no(whyAway(result, seen.snapshot.Reconciled), fmt.Sprintf("%d of %d services are ready%s", ready, wanted, waits))
}

// whyAway is the reason of a cluster that is not Ready: the one that all share that is
// missing, so that a window or a lost agent is told apart from a start. Before Mesos has
// told what runs nothing has been heard of anybody.
func whyAway(result plan.Result, reconciled bool) string {
	down := map[string]bool{}
	for _, m := range result.Maintenance {
		if m.State == v1alpha1.MaintenanceDraining || m.State == v1alpha1.MaintenanceDrained {
			down[m.Host] = true
		}
	}
	missing, maintained, unreachable := false, true, reconciled
	for i := range result.Instances {
		if instance := &result.Instances[i]; instance.Wanted && !instance.Available {
			missing = true
			maintained = maintained && down[instance.Host]
			unreachable = unreachable && len(instance.Tasks) == 1 && mesosbridge.Doubtful(instance.Tasks[0].State)
		}
	}
	switch {
	case missing && maintained:
		return v1alpha1.ReasonMaintenance
	case missing && unreachable:
		return v1alpha1.ReasonUnreachable
	}
	return v1alpha1.ReasonStarting
}

// pausedMessage says what is paused, and what is the matter beside.
func pausedMessage(result plan.Result, wanted, ready, updated int32, waits string) string {
	what := fmt.Sprintf("%d of %d services are updated", updated, wanted)
	if u := result.Update; u != nil && u.Failed != nil {
		what = fmt.Sprintf("version %s failed, and its rollback is not done", u.Failed.Version)
	}
	if ready < wanted {
		what += fmt.Sprintf(", %d are ready%s", ready, waits)
	}
	return what + "; spec.update.paused is true"
}

// halted says that an update is not over, and that nothing goes on by itself.
func halted(phase plan.Phase) bool {
	return phase == plan.PhaseFailed || phase == plan.PhasePaused || phase == plan.PhaseRolledBack
}

// updateReason is the reason of conditions while an update is in its state.
func updateReason(u *v1alpha1.UpdateStatus) string {
	switch {
	case u == nil:
	case u.State == v1alpha1.UpdateFailed:
		return v1alpha1.ReasonUpdateFailed
	case u.State == v1alpha1.UpdateRollingBack:
		return v1alpha1.ReasonRollingBack
	case u.State == v1alpha1.UpdateRolledBack:
		return v1alpha1.ReasonRolledBack
	case plan.IsRestart(u):
		return v1alpha1.ReasonRestarting
	}
	return v1alpha1.ReasonUpdating
}

// wayOn is what a person can do about an update that is halted.
func wayOn(result plan.Result) string {
	switch {
	case result.Phase == plan.PhasePaused:
		return "set it to false to go on"
	case result.Update.Failed != nil:
		return "change spec.version, or what else of the spec failed; to try the same again set spec.update.onFailure to Pause"
	}
	return "it goes on when the service comes up, or when the spec is changed: back to what ran, or to what can run"
}

func connectedCondition(seen *observation) metav1.Condition {
	if seen.snapshot.Connected {
		return condition(v1alpha1.ConditionConnected, true, v1alpha1.ReasonConnected,
			fmt.Sprintf("subscribed to %s as framework %s", seen.snapshot.Leader, seen.snapshot.FrameworkID))
	}
	reason := seen.problem.Reason
	if reason == "" {
		reason = v1alpha1.ReasonConnecting
	}
	return condition(v1alpha1.ConditionConnected, false, reason, problemMessage(seen))
}

func degradedCondition(result plan.Result, actErr error) metav1.Condition {
	const told = 5
	if len(result.Alerts) == 0 {
		if actErr != nil {
			return condition(v1alpha1.ConditionDegraded, true, "ActionFailed", actErr.Error())
		}
		return condition(v1alpha1.ConditionDegraded, false, v1alpha1.ReasonAsExpected, "")
	}
	var messages []string
	for _, alert := range result.Alerts[:min(told, len(result.Alerts))] {
		messages = append(messages, alert.Message)
	}
	if more := len(result.Alerts) - told; more > 0 {
		messages = append(messages, fmt.Sprintf("and %d more", more))
	}
	if actErr != nil {
		messages = append(messages, actErr.Error()) // it may be why nothing gets better
	}
	return condition(v1alpha1.ConditionDegraded, true, result.Alerts[0].Reason, strings.Join(messages, "; "))
}

// unbootstrapped is the alert that no registry can be the first; nil: one can, or
// has been.
func unbootstrapped(result plan.Result) *plan.Alert {
	for i := range result.Alerts {
		if a := &result.Alerts[i]; a.Reason == v1alpha1.ReasonNoBootstrap || a.Reason == v1alpha1.ReasonManyBootstraps {
			return a
		}
	}
	return nil
}

// unasked tells of services that run, and that no device in service asks for.
func unasked(result plan.Result) string {
	n := 0
	for i := range result.Instances {
		instance := &result.Instances[i]
		bound := instance.Service.DeviceType() != "" // else it is surplus, and is about to stop
		if bound && !instance.Wanted && len(instance.Tasks) > 0 {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %d more run on for devices that are not in service (status.reasons)", n)
}

func noDevices(seen *observation, result plan.Result) string {
	switch {
	case !seen.probing():
		return "no accepted QuobyteDevice belongs to this cluster; " + probingCondition(seen, result).Message
	case len(seen.devices) > 0:
		return fmt.Sprintf("none of %d QuobyteDevices is in service: kubectl get devices tells why%s", len(seen.devices), unasked(result))
	}
	return fmt.Sprintf("no device was found on the hosts (%s); make some with qmkdev, or apply QuobyteDevices with initialize: true", probingCondition(seen, result).Message)
}

// reasonIdentityConflict is a framework id that the cluster must not speak as.
const reasonIdentityConflict = "FrameworkIDConflict"

// stuck: only a person can go on.
func stuck(problem string) bool {
	switch problem {
	case v1alpha1.ReasonNotSupported, v1alpha1.ReasonSecretNotFound, v1alpha1.ReasonFrameworkRemoved, "Unauthorized",
		reasonIdentityConflict:
		return true
	}
	return false
}

func problemMessage(seen *observation) string {
	if seen.problem.Reason == v1alpha1.ReasonFrameworkRemoved {
		id := seen.cluster.Status.FrameworkID
		first := ""
		if seen.cluster.Spec.Mesos.FrameworkID == id {
			first = "clear spec.mesos.frameworkID, then "
		}
		return fmt.Sprintf("Mesos has removed framework %s and told its tasks to end; no second set of services is started by itself. "+
			"When none of them runs any more, start anew: %skubectl annotate quobytecluster %s %s=%s",
			id, first, seen.cluster.Name, v1alpha1.AnnotationForgetFramework, id)
	}
	if seen.problem.Message == "" {
		return "connecting to Mesos"
	}
	return seen.problem.Message
}

func condition(kind string, is bool, reason, message string) metav1.Condition {
	status := metav1.ConditionFalse
	if is {
		status = metav1.ConditionTrue
	}
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}
