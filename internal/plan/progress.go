package plan

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// reportUpdate says how far the update or restart is that is under way.
func (p *pass) reportUpdate() {
	status := &p.in.Cluster.Status
	same := status.Revision == p.course.revision
	switch {
	case p.mode == stopping:
		// What failed is remembered, so that it is not started next time.
		if u := status.Update; same && u != nil && u.Failed != nil {
			p.result.Update = u.DeepCopy()
			p.result.Update.Service, p.result.Update.Current, p.result.Update.Updated, p.result.Update.Total = "", "", 0, 0
		}
	case !p.mayStop() && same:
		p.result.Update = p.suspendedUpdate(status.Update.DeepCopy()) // nobody knows better
	case p.course.back != nil:
		p.result.Update = p.rollbackStatus()
	default:
		p.result.Update = p.updateStatus()
	}
	p.noticeUpdate()
}

// suspendedUpdate says of an update that would go on that it does not.
func (p *pass) suspendedUpdate(u *v1alpha1.UpdateStatus) *v1alpha1.UpdateStatus {
	if u != nil && p.in.Cluster.Spec.Suspend && (u.State == v1alpha1.UpdateProgressing || u.State == v1alpha1.UpdateRollingBack) {
		u.State = v1alpha1.UpdatePaused
		if !IsRestart(u) {
			u.Message = "spec.suspend is true"
		}
	}
	return u
}

// updateStatus is the progress of an update to what is asked for, or of a restart;
// nil: there is none.
func (p *pass) updateStatus() *v1alpha1.UpdateStatus {
	w := p.work(&updates)
	if w == nil && p.course.failed.message == "" {
		return p.restartStatus()
	}
	u := &v1alpha1.UpdateStatus{State: v1alpha1.UpdateProgressing, To: p.in.Cluster.Spec.Version}
	u.From = p.replacedVersion()
	w.tell(u)
	switch {
	case p.course.failed.message != "":
		p.course.failed.tell(u)
		p.askRollback(u)
	case p.in.Cluster.Spec.Update.Paused && !updates.none(p):
		u.State, u.Message = v1alpha1.UpdatePaused, p.course.halted
	}
	return u
}

// replacedVersion is the version that an update leads away from: of most of what is to
// be replaced when it begins, else what ran well last.
func (p *pass) replacedVersion() string {
	if u := p.recorded(); u != nil && u.Failed == nil {
		return u.From
	}
	counts := map[string]int{}
	for k := range kinds {
		for _, h := range p.active {
			if s := &h.slots[k]; s.wanted && s.task != nil && s.task.outdated {
				counts[p.versionOf(s.task)]++
			}
		}
	}
	from, most := "", 0
	for version, n := range counts {
		if n > most || n == most && version < from {
			from, most = version, n
		}
	}
	if good := p.in.Cluster.Status.Good; most == 0 && good != nil {
		return good.Version
	}
	return from
}

// askRollback has the failure remembered, if there is something to go back to. What
// follows from it waits until the status tells of it.
func (p *pass) askRollback(u *v1alpha1.UpdateStatus) {
	good := p.in.Cluster.Status.Good
	switch {
	case p.in.Cluster.Spec.Update.OnFailure != v1alpha1.FailureRollback:
	case good == nil:
		u.Message += "; there is nothing to roll back to: not all services have run well before"
	case !p.course.leadsBack(good):
	case p.course.unstored != "":
		u.Message += "; it cannot be rolled back: ControllerRevision " + p.course.unstored + " is missing, or of another version of the operator"
	default:
		u.Failed = &v1alpha1.FailedUpdate{Revision: p.course.revision, Version: p.in.Cluster.Spec.Version, Message: u.Message,
			Time: &metav1.Time{Time: p.failedAt()}}
		u.Message += "; rolling back to " + good.Version
	}
}

// rollbackStatus is the progress of a rollback.
func (p *pass) rollbackStatus() *v1alpha1.UpdateStatus {
	back, to := p.course.back, p.in.Cluster.Status.Good.Version
	u := &v1alpha1.UpdateStatus{State: v1alpha1.UpdateRolledBack, From: back.Version, To: to, Failed: back.DeepCopy(),
		Message: "rolled back to " + to + ": " + back.Message}
	w := p.work(&updates)
	recorded := p.recorded()
	switch {
	case p.course.unstored != "":
		p.course.failed.tell(u)
	case p.course.failed.message != "":
		w.tell(u)
		p.course.failed.tell(u)
		u.Message = p.rollbackFailed() + u.Message
	case w != nil && p.in.Cluster.Spec.Update.Paused:
		w.tell(u)
		u.State, u.Message = v1alpha1.UpdatePaused, p.course.halted
	case w != nil && (!updates.none(p) || recorded == nil || recorded.State != v1alpha1.UpdateRolledBack):
		message := u.Message
		w.tell(u)
		u.State = v1alpha1.UpdateRollingBack
		u.Message = strings.Replace(message, "rolled", "rolling", 1)
	}
	return u
}

// tell says where the update has failed. What is counted is of the same service, or of
// nothing.
func (f *failedInstance) tell(u *v1alpha1.UpdateStatus) {
	if u.Service != f.service {
		u.Updated, u.Total = 0, 0
	}
	u.State, u.Message, u.Service, u.Current = v1alpha1.UpdateFailed, f.message, f.service, f.host
}

// restartStatus is the progress of restarts on request; nil: none is under way.
func (p *pass) restartStatus() *v1alpha1.UpdateStatus {
	w := p.work(&restarts)
	if w == nil {
		return nil
	}
	version := p.in.Cluster.Spec.Version
	u := &v1alpha1.UpdateStatus{State: v1alpha1.UpdateProgressing, From: version, To: version}
	w.tell(u)
	if p.in.Cluster.Spec.Update.Paused && p.course.restarts.due {
		u.State, u.Message = v1alpha1.UpdatePaused, p.course.halted
	}
	u.Message = sayRestart(u.Message)
	return u
}

// work is what a rollout has to do for one service.
type work struct {
	kind           kind
	updated, total int
	current        string
	// message is why the current one does not come up, when it has failed, or else why the
	// first one by name is not done yet; empty: nothing says why.
	message string
}

// tell fills in what is known.
func (w *work) tell(u *v1alpha1.UpdateStatus) {
	if w == nil {
		return
	}
	u.Service, u.Updated, u.Total, u.Current = w.kind.String(), int32(w.updated), int32(w.total), w.current
	if w.message != "" {
		u.Message = w.message
	}
}

// work finds the service that a rollout is at: the first one, in the order of the
// update, on which something can be done or is being done, else the first on which
// something is left; nil: all is done.
func (p *pass) work(r *rollout) *work {
	goesOn := p.goesOn(r)
	if r.none(p) && !goesOn {
		return nil
	}
	var left *work
	for _, k := range p.course.order {
		w, active, open := p.workOn(r, k, goesOn)
		if active {
			return w
		}
		if open && left == nil {
			left = w
		}
	}
	return left
}

// goesOn says that what was replaced may still have to prove itself: the status tells
// of the rollout, or it began so recently that it does not yet.
func (p *pass) goesOn(r *rollout) bool {
	u := p.in.Cluster.Status.Update
	same := u != nil && p.in.Cluster.Status.Revision == p.course.revision
	if r == &restarts {
		return same && IsRestart(u)
	}
	return same && !IsRestart(u) || p.replacedOfLate()
}

func (p *pass) replacedOfLate() bool {
	found := false
	for key, e := range p.ends {
		// All are looked at, so that the next look does not depend on their order.
		if p.replaced(key, p.specs[key.kind].hash) && p.changes(key.kind) && p.recent(e.task.Since) {
			found = true
		}
	}
	return found
}

// workOn looks at one service. active: something can be done there, or is being done.
// open: something is left to do.
func (p *pass) workOn(r *rollout, k kind, goesOn bool) (w *work, active, open bool) {
	w = &work{kind: k}
	trouble := ""
	tell := func(h *host, s *slot) string { return k.String() + " on " + h.name + ": " + s.wait.message }
	for _, h := range p.active {
		s := &h.slots[k]
		if !s.wanted || r == &restarts && p.restartAsked(k, h).IsZero() {
			continue
		}
		w.total++
		due := s.task != nil && r.due(p, s)
		moving := due && (s.killed || s.task.status == halting) || !due && goesOn && p.concerns(r, k) && p.slotUnsettled(k, h)
		switch {
		case moving:
			active = true
			if w.current == "" {
				w.current = h.name
				if c := p.counters[keyOf(k, h.key)]; c != nil && c.Count > 0 && !s.available(k) && s.wait != nil {
					trouble = tell(h, s)
				}
			}
		case !due && s.available(k):
			w.updated++
		}
		if due {
			open = true
			active = active || p.blocked(h) == nil && s.task.status != doubtful
			if s.wait != nil && w.message == "" && !s.killed {
				w.message = tell(h, s)
			}
		}
	}
	f := &p.floating[k]
	w.total += f.missing() + f.launched
	if f.missing() > 0 || f.launched > 0 {
		active = active || goesOn && p.concerns(r, k) && (f.launched > 0 || p.homelessUnsettled(k))
	}
	if trouble != "" {
		w.message = trouble
	}
	return w, active, open
}
