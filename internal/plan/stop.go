package plan

import (
	"slices"

	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// kill stops a task, unless it is being stopped.
func (p *pass) kill(t *task, cause string, v verdict) {
	if t.status == halting || !t.Killing.IsZero() {
		return
	}
	returns := false
	if t.kind != prober && t.host.slots[t.kind].task == t {
		if t.runs() {
			p.gate.tallies[t.kind].running-- // what is started below no longer counts on it
		}
		s := &t.host.slots[t.kind]
		if s.wanted && t.outdated {
			p.gate.tallies[t.kind].trying++
		}
		s.killed, returns = true, p.mode == running && s.wanted
		s.hold(waitOn(t.host, codeProgress, "is being stopped: "+cause))
	}
	p.result.Kills = append(p.result.Kills, Kill{
		TaskID:       t.ID,
		Service:      quobyte.Service(t.kind.String()),
		Host:         t.host.name,
		Cause:        cause,
		QuorumAtRisk: v.quorumAtRisk,
		Returns:      returns,
	})
}

// mayStop says that voluntary stops may be decided: what runs is known.
func (p *pass) mayStop() bool { return p.frozen == "" && p.snap.Reconciled }

// releaseLeaving stops services whose device a person has deleted, decommissioned or
// carried to another host: the one way, cluster-wide stops aside, in which a
// device-bound service is taken off its host (rule 12).
func (p *pass) releaseLeaving() {
	for k := range s3 {
		for _, h := range p.active {
			s := &h.slots[k]
			if !s.goes() || s.task.status == halting {
				continue
			}
			if s.duplicate() {
				s.hold(duplicateWait(k, h)) // rule 1: a person's eye first
				continue
			}
			if s.task.status == doubtful {
				// It may serve all the while, as after a failover of the master: the gate
				// can judge it when it is heard of.
				s.hold(p.doubtfulWait(s.task))
				continue
			}
			if !p.mayStop() {
				continue
			}
			if k == registry && p.lastRegistry() {
				s.hold(waitOn(h, codeLeaving, s.leaving+", and it is the last registry: it stops when no metadata and data services are wanted any more, or with spec.state: Stopped"))
				continue
			}
			if v := p.gate.admitForGood(k, h.name, servingTask(s.task)); v.ok {
				p.kill(s.task, s.leaving, v)
			} else {
				s.hold(waitOn(h, codeLeaving, s.leaving+", and stopping it "+v.why))
			}
		}
	}
}

// lastRegistry says that a registry that stops now would leave none, and services
// that cannot do without.
func (p *pass) lastRegistry() bool {
	t := &p.gate.tallies[registry]
	if t.members-t.leaving > 1 || t.wanted > 0 || p.gate.tallies[metadata].wanted+p.gate.tallies[data].wanted == 0 {
		return false
	}
	for _, m := range p.moves {
		if !m.settled[registry] && m.device.Wanted && hasType(m.device, registry) {
			return false // it starts again on another host
		}
	}
	return true
}

// stopSurplus stops floating instances beyond the wanted number, and clients that
// are disabled or second on their host, each only behind the barrier of its agent
// (rule 15).
func (p *pass) stopSurplus() {
	if !p.mayStop() {
		return
	}
	for k := range kinds {
		cause := "one instance too many"
		switch {
		case k == client && !p.in.Cluster.Spec.Services.Client.Enabled:
			cause = "clients are disabled"
		case k.floats() && p.floating[k].want == 0:
			cause = "no instance is wanted any more"
		}
		for _, t := range p.floating[k].surplus {
			if t.status == halting || t.agent == nil || !t.agent.Behind {
				continue
			}
			if v := p.gate.admit(k, t.host.name, servingTask(t)); v.ok {
				p.kill(t, cause, v)
			}
		}
	}
}

// stopAll stops everything in the reverse order of starting, a service after the
// other: data before metadata before registry. It is asked for by a person, and
// does not ask the gate. Tasks that nobody can reach are asked to stop, too, and not
// waited for; those with ids that cannot be read are left to a person. Probers stop
// at a teardown alone: the devices of a stopped cluster are still to be seen.
func (p *pass) stopAll() {
	if !p.mayStop() {
		return
	}
	cause := "state Stopped"
	if p.teardown {
		cause = "the cluster is being deleted"
	}
	for _, k := range slices.Backward(allKinds[:]) {
		waits := false
		for _, h := range p.active {
			s := &h.slots[k]
			if s.task == nil {
				continue
			}
			for _, t := range append([]*task{s.task}, s.sortedMore()...) {
				p.kill(t, cause, verdict{})
				waits = waits || t.status != doubtful
			}
		}
		if waits {
			return
		}
	}
	if p.teardown {
		p.stopProbers(cause)
	}
}
