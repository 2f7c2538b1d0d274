package plan

import "github.com/quobyte/mesos-operator/api/v1alpha1"

// reportPhase sums up.
func (p *pass) reportPhase() {
	switch {
	case p.mode == stopping && p.stopped():
		p.result.Phase = PhaseStopped
	case p.mode == stopping:
		p.result.Phase = PhaseStopping
	case p.empty():
		p.result.Phase = PhaseEmpty
	default:
		p.result.Phase = p.updatePhase(p.runningPhase())
	}
}

// updatePhase says how an update or a restart stands: who waits for the cluster to
// become Ready waits until it is over, and has to know when it does not go on by itself.
func (p *pass) updatePhase(phase Phase) Phase {
	u := p.result.Update
	if u == nil || p.frozen != "" {
		return phase
	}
	switch u.State {
	case v1alpha1.UpdateProgressing, v1alpha1.UpdateRollingBack:
		return PhaseUpdating
	case v1alpha1.UpdateFailed:
		if u.Failed == nil || p.course.back != nil { // else it is rolled back
			return PhaseFailed
		}
		return PhaseUpdating
	case v1alpha1.UpdatePaused:
		if phase == PhaseUpdating || phase == PhaseReady || phase == PhaseStarting {
			return PhasePaused // whatever else comes back by itself, this does not
		}
	case v1alpha1.UpdateRolledBack:
		if phase == PhaseUpdating {
			return PhaseRolledBack
		}
	}
	return phase
}

// stopped says that no task runs, as far as can be known: before Mesos has told
// what runs, only a framework that never was has none for certain. Tasks with ids
// that cannot be read end with the framework, at a teardown, and not before.
func (p *pass) stopped() bool {
	if !p.snap.Reconciled && p.snap.FrameworkID+p.in.Cluster.Status.FrameworkID+p.in.Cluster.Spec.Mesos.FrameworkID != "" {
		return false
	}
	for k := range kinds {
		if p.gate.tallies[k].members > 0 {
			return false
		}
	}
	if p.teardown {
		return !p.probers.stopping() && p.reservationsFreed()
	}
	return len(p.unreadable) == 0
}

// runningPhase tells an update from a start: in an update everything runs or is
// being replaced.
func (p *pass) runningPhase() Phase {
	ready, absent, replacing := true, false, false
	for k := range kinds {
		for _, h := range p.active {
			s := &h.slots[k]
			switch {
			case s.moving != nil && !s.wanted:
				ready, absent = false, true
				continue
			case !s.wanted && !s.launched:
				continue
			case s.task == nil:
				ready = false
				if p.replaced(keyOf(k, h.key), p.specs[k].hash) {
					replacing = true
				} else {
					absent = true
				}
				continue
			}
			if other := s.task.outdated || !p.current(s.task); other || !s.available(k) || s.duplicate() {
				ready = false
				replacing = replacing || other || p.replaced(keyOf(k, h.key), p.specs[k].hash)
				absent = absent || !other && !s.task.runs() && !p.replaced(keyOf(k, h.key), p.specs[k].hash)
			}
		}
		if p.floating[k].missing() > 0 {
			ready = false
			back := p.replaced(keyOf(k, ""), p.specs[k].hash)
			replacing, absent = replacing || back, absent || !back
		}
	}
	switch {
	case ready:
		return PhaseReady
	case replacing && !absent:
		return PhaseUpdating
	}
	return PhaseStarting
}
