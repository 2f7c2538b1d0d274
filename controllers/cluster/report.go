package cluster

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

const (
	// progressEvery bounds how often mere progress is written: counts that
	// change with each of thousands of tasks. A condition that changes is
	// written at once.
	progressEvery = time.Second
	// settleFor is how long the last status stands while a new connection
	// gathers what runs: a restart of the operator or a new master is no reason
	// to tell everybody that the storage is not ready.
	settleFor = 30 * time.Second
)

// report writes the status when it changed, and announces what a person would
// want to be told. again says when there is more to write; zero: nothing.
func (r *Reconciler) report(ctx context.Context, seen *observation, result plan.Result, holdup string, actErr error) (again time.Duration, err error) {
	now := r.Clock.Now()
	before := seen.cluster.Status.DeepCopy()
	after := seen.cluster.Status.DeepCopy()
	if r.settling(seen, now) {
		setCondition(after, seen.cluster.Generation, connectedCondition(seen), now)
		again = settleFor
	} else {
		summarise(after, seen, result)
		for _, c := range conditions(seen, result, holdup, actErr) {
			setCondition(after, seen.cluster.Generation, c, now)
		}
	}
	if equality.Semantic.DeepEqual(before, after) {
		return again, nil
	}
	if wait := r.reports.wait(seen.key, before, after, now); wait > 0 {
		return wait, nil
	}
	old := seen.cluster.DeepCopy()
	seen.cluster.Status = *after
	if err := r.Client.Status().Patch(ctx, seen.cluster, client.MergeFrom(old)); err != nil {
		return 0, client.IgnoreNotFound(fmt.Errorf("write the status: %w", err))
	}
	r.reports.wrote(seen.key, now)
	r.announce(seen.cluster, before, after)
	r.logUpdate(seen.key, before.Update, after.Update)
	return again, nil
}

// settling: the status that stands is about this very spec, and the connection
// is too new to know better.
func (r *Reconciler) settling(seen *observation, now time.Time) bool {
	if seen.member == nil || seen.cluster.DeletionTimestamp != nil ||
		seen.cluster.Status.ObservedGeneration != seen.cluster.Generation ||
		meta.FindStatusCondition(seen.cluster.Status.Conditions, v1alpha1.ConditionReady) == nil {
		return false
	}
	if stuck(seen.problem.Reason) {
		return false
	}
	unsettled := seen.member.unsettledFor(seen.snapshot, now)
	known := seen.snapshot.Connected && seen.snapshot.Reconciled
	return !known && unsettled < settleFor
}

// summarise fills all of the status but the conditions.
func summarise(s *v1alpha1.QuobyteClusterStatus, seen *observation, result plan.Result) {
	s.ObservedGeneration = seen.cluster.Generation
	if seen.snapshot.Leader != "" {
		s.Leader = seen.snapshot.Leader
	}
	s.Services, s.Reasons, s.Failures = result.Services, result.Reasons, result.Failures
	s.Devices = 0
	for _, view := range result.Devices {
		if view.Accepted {
			s.Devices++
		}
	}
	wanted, ready, updated := totals(result.Services)
	s.Summary = v1alpha1.ClusterSummary{
		Services: fmt.Sprintf("%d/%d", ready, wanted),
		Updated:  fmt.Sprintf("%d/%d", updated, wanted),
		Update:   updateLine(result.Update),
	}
	s.Revision, s.Good, s.Update = result.Revision, result.Good, result.Update
	s.Tasks = result.Tasks
	s.Maintenance = result.Maintenance
	s.Bootstrapped = s.Bootstrapped || result.Bootstrapped
}

// updateLine is an update in a few words; empty: there is none.
func updateLine(u *v1alpha1.UpdateStatus) string {
	if u == nil {
		return ""
	}
	at := ""
	if u.Service != "" {
		at = fmt.Sprintf("%s %d/%d", u.Service, u.Updated, u.Total)
	}
	if u.Current != "" {
		at += ", " + u.Current
	}
	switch u.State {
	case v1alpha1.UpdateRolledBack:
		return "rolled back to " + u.To
	case v1alpha1.UpdateFailed:
		if u.Current == "" {
			return strings.TrimSuffix("failed: "+u.Service, ": ")
		}
		return "failed: " + u.Service + " on " + u.Current
	case v1alpha1.UpdatePaused:
		return strings.TrimSuffix("paused: "+at, ": ")
	case v1alpha1.UpdateRollingBack:
		return strings.TrimSuffix("back to "+u.To+": "+at, ": ")
	}
	what := u.To
	if plan.IsRestart(u) {
		what = "restart"
	}
	return strings.TrimSuffix(what+": "+at, ": ")
}

func totals(services []v1alpha1.ServiceStatus) (wanted, ready, updated int32) {
	for _, service := range services {
		wanted += service.Wanted
		ready += service.Ready
		updated += service.Updated
	}
	return wanted, ready, updated
}

func setCondition(s *v1alpha1.QuobyteClusterStatus, generation int64, c metav1.Condition, now time.Time) {
	c.ObservedGeneration = generation
	c.LastTransitionTime = metav1.NewTime(now)
	if len(c.Message) > 32768 {
		c.Message = c.Message[:32768]
	}
	meta.SetStatusCondition(&s.Conditions, c)
}

// announce tells of transitions, not of passes.
func (r *Reconciler) announce(cluster *v1alpha1.QuobyteCluster, before, after *v1alpha1.QuobyteClusterStatus) {
	for _, c := range after.Conditions {
		was := meta.FindStatusCondition(before.Conditions, c.Type)
		if was != nil && was.Status == c.Status && was.Reason == c.Reason {
			continue
		}
		kind := corev1.EventTypeNormal
		switch c.Type {
		case v1alpha1.ConditionReady:
			if c.Status == metav1.ConditionUnknown {
				continue // Connected tells it.
			}
		case v1alpha1.ConditionReconciling:
			continue // Ready tells it.
		case v1alpha1.ConditionStalled, v1alpha1.ConditionDegraded:
			if c.Status != metav1.ConditionTrue {
				continue
			}
			kind = corev1.EventTypeWarning
		case v1alpha1.ConditionProbing:
			if c.Status == metav1.ConditionTrue {
				continue
			}
		case v1alpha1.ConditionConnected:
			if c.Status != metav1.ConditionTrue {
				if was == nil {
					continue // The first connection is under way.
				}
				kind = corev1.EventTypeWarning
			}
		}
		r.Events.Eventf(cluster, nil, kind, c.Reason, c.Type, "%s", shorten(c.Message))
	}
	r.announceFailures(cluster, before, after)
}

// announcedFailures bounds the events of one pass.
const announcedFailures = 5

func (r *Reconciler) announceFailures(cluster *v1alpha1.QuobyteCluster, before, after *v1alpha1.QuobyteClusterStatus) {
	known, counts := map[string]bool{}, map[string]int32{}
	for _, f := range before.Failures {
		known[f.TaskID] = true
		counts[instanceOf(f)] = f.Count
	}
	told := 0
	for _, f := range after.Failures {
		restarted := f.Restarts > 0 && f.Count <= counts[instanceOf(f)] // its stop was told of
		if known[f.TaskID] || restarted || told == announcedFailures {
			continue
		}
		told++
		r.Events.Eventf(cluster, nil, corev1.EventTypeWarning, "TaskFailed", "Run "+f.Service+" on "+shortHost(f.Host),
			"%s", shorten(fmt.Sprintf("%s on %s failed (%d): %s", f.Service, f.Host, f.Count, f.Message)))
	}
}

// instanceOf names what failures are counted of: a service on its host, or one that
// floats.
func instanceOf(f v1alpha1.Failure) string {
	if quobyte.Service(f.Service).Floats() {
		return f.Service
	}
	return f.Service + " on " + f.Host
}

// The API server refuses an event with a note over 1024 or an action over 128
// bytes.
func shorten(note string) string { return note[:min(len(note), 1000)] }

func shortHost(host string) string { return host[:min(len(host), 60)] }

// reportLog remembers when each cluster's status was written last.
type reportLog struct {
	mu    sync.Mutex
	times map[types.NamespacedName]time.Time
}

// wait says how long mere progress has to wait; zero: write now.
func (l *reportLog) wait(key types.NamespacedName, before, after *v1alpha1.QuobyteClusterStatus, now time.Time) time.Duration {
	if before.ObservedGeneration != after.ObservedGeneration || len(before.Conditions) != len(after.Conditions) {
		return 0
	}
	for _, c := range after.Conditions {
		was := meta.FindStatusCondition(before.Conditions, c.Type)
		if was == nil || was.Status != c.Status || was.Reason != c.Reason {
			return 0
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(0, progressEvery-now.Sub(l.times[key]))
}

func (l *reportLog) wrote(key types.NamespacedName, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.times == nil {
		l.times = map[types.NamespacedName]time.Time{}
	}
	l.times[key] = now
}

func (l *reportLog) forget(key types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.times, key)
}
