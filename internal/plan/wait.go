package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// code says what kind of reason a wait is. The most important come first.
type code int

const (
	codeDuplicate code = iota
	codeUnreadable
	codeAgents // two agents with one host name
	codeUnreachable
	codeFailing
	codeUnhealthy
	codePorts
	codeResources
	codeNoAgent
	codePlacement
	codeBootstrap
	codeNoDevice
	codeUnclaimed
	codeClaimed
	codeProbers
	codeForeign
	codeMaintenance
	codeFrozen
	codeBarrier
	codeOffers
	codeProbe
	codeOrder
	codeLeaving
	codeProgress
	codeUpdate
	codeRequest
	codeSpread // all runs: it might be safer
	codePlaced
)

// wait is why an instance is not as it should be, in a form that can be
// grouped. Nothing in it moves by itself: the status is written when it changes.
type wait struct {
	code code
	// host that the sentence begins with; empty when it does not.
	host string
	// message of this instance.
	message string
	// generic groups waits whose messages differ, and says what they have in
	// common; empty: those with the same message make a group.
	generic string
}

func waitOn(h *host, c code, message string) *wait {
	return &wait{code: c, host: h.name, message: message}
}

// sentence is the wait of one instance.
func (w *wait) sentence() string {
	if w.host == "" {
		return w.message
	}
	return w.host + ": " + w.message
}

// hold notes why the instance is not as it should be, unless something was
// noted before.
func (s *slot) hold(w *wait) {
	if s.wait == nil {
		s.wait = w
	}
}

func clockTime(t time.Time) string { return t.UTC().Format("15:04:05Z") }

// blocked says why no service can be started on the host; nil when one can.
// Maintenance and offers are not looked at.
func (p *pass) blocked(h *host) *wait {
	if w := p.barred(h); w != nil || !p.cordoned[h.name] {
		return w
	}
	return waitOn(h, codePlacement, "is cordoned (spec.placement.cordonedHosts): nothing is started here")
}

// barred says why not even a prober can be started on the host.
func (p *pass) barred(h *host) *wait {
	if !h.asked {
		h.asked = true
		h.barred = p.whyBarred(h)
	}
	return h.barred
}

func (p *pass) whyBarred(h *host) *wait {
	switch {
	case p.blockedBy != "":
		return &wait{code: codeUnreadable, message: "nothing is started anywhere: the id of task " + p.blockedBy +
			" cannot be read by this version, and nobody knows on which host it runs"}
	case h.unreadable != "":
		return &wait{code: codeUnreadable, host: h.name, message: "nothing is started here: the id of task " + h.unreadable +
			" cannot be read by this version, so that it may be any service", generic: "hosts have such tasks"}
	case !p.mayStart(h):
		return waitOn(h, codePlacement, p.misplaced(h))
	case h.known == nil:
		return waitOn(h, codeNoAgent, "no agent with this host name has offered anything (is it registered with Mesos, and is the name right?)")
	case h.registered > 1:
		return waitOn(h, codeAgents, "two registered agents have this host name, neither is used: stop one of them, or give it another --hostname")
	case h.registered == 0:
		return waitOn(h, codeNoAgent, "its agent is not registered with Mesos at present")
	case !h.agent.Behind:
		return waitOn(h, codeBarrier, "waits until Mesos has told which tasks run there")
	}
	return nil
}

func (p *pass) maintenanceWait(h *host) *wait {
	switch w := h.window; {
	case w == nil, w.end.IsZero() && !w.start.After(p.now):
		return waitOn(h, codeMaintenance, "is in maintenance")
	case w.start.After(p.now):
		return &wait{
			code: codeMaintenance, host: h.name,
			message: "is to be in maintenance from " + w.start.Format(time.RFC3339) + " on, and nothing is started here before", generic: "are to be in maintenance",
		}
	default:
		return &wait{
			code: codeMaintenance, host: h.name,
			message: "is in maintenance until " + w.end.Format(time.RFC3339), generic: "are in maintenance",
		}
	}
}

// taskWait is why an instance with a task is not available; nil when it is.
func (p *pass) taskWait(k kind, h *host) *wait {
	s := &h.slots[k]
	if s.duplicate() {
		return duplicateWait(k, h)
	}
	t := s.task
	switch t.status {
	case doubtful:
		return p.doubtfulWait(t)
	case halting:
		return waitOn(h, codeProgress, "is being stopped")
	case unhealthy:
		if s.wait != nil && s.wait.code == codeUnhealthy {
			return s.wait // which says when it is restarted
		}
		return waitOn(h, codeUnhealthy, unhealthyText)
	case comingUp:
		return waitOn(h, codeProgress, "waits for its first health check")
	case launching:
		if t.Launching {
			return waitOn(h, codeProgress, "is launched, and waits for Mesos to say so")
		}
		return waitOn(h, codeProgress, "is starting ("+stateName(t.State)+")")
	}
	return nil
}

func (p *pass) doubtfulWait(t *task) *wait {
	agent := t.AgentID
	if agent == "" {
		agent = "unknown"
	}
	if !p.snap.Reconciled {
		return waitOn(t.host, codeBarrier, "waits until Mesos has told which tasks run there")
	}
	message := "its agent " + agent + " cannot be reached, and its task may still run; "
	if l := p.lost[t.AgentID]; l != nil && l.note != "" {
		message += l.note + "; "
	}
	if t.kind.floats() && t.host.slots[t.kind].task == t {
		if t.host.slots[t.kind].lost {
			return p.lostWait(t)
		}
		if timeout := p.in.Cluster.Spec.Placement.UnreachableTimeout.Duration; timeout > 0 {
			message += "another instance is started elsewhere at " + clockTime(p.lostSince(t).Add(timeout)) + "; "
		}
	}
	what := "when the machine is gone for good, say so: " + p.sayGone(t.AgentID)
	if slices.Contains(p.gone, t.AgentID) && (t.agent == nil || !t.agent.Registered) {
		what = "the annotation " + v1alpha1.AnnotationGoneAgents + " names it, but it has been there since: when the machine is gone for good now, " +
			"take it out of the annotation, and a few seconds later name it again"
	}
	return &wait{
		code:    codeUnreachable,
		host:    t.host.name,
		message: message + what,
		generic: "their agents cannot be reached",
	}
}

// sayGone is what a person does to let go of an agent. What the annotation names
// already stays named.
func (p *pass) sayGone(agent string) string {
	switch {
	case agent == "" || len(p.gone) > maxNamed:
		return "add the id of the agent to the annotation " + v1alpha1.AnnotationGoneAgents
	case len(p.gone) == 0:
		return "kubectl annotate qbc " + p.in.Cluster.Name + " " + v1alpha1.AnnotationGoneAgents + "=" + agent
	}
	return "kubectl annotate --overwrite qbc " + p.in.Cluster.Name + " " + v1alpha1.AnnotationGoneAgents + "=" +
		strings.Join(p.gone, ",") + "," + agent
}

// lostWait is how it is with a floating instance that another one replaces.
func (p *pass) lostWait(t *task) *wait {
	message := "its agent cannot be reached, another instance was started elsewhere"
	switch f := &p.floating[t.kind]; {
	case f.want == 0:
		message = "its agent cannot be reached, and no instance is wanted any more"
	case len(f.kept)+f.launched >= f.want:
	case f.wait != nil:
		message = "its agent cannot be reached, and no other instance can be started: " + f.wait.sentence()
	default:
		message = "its agent cannot be reached, another instance is to be started elsewhere"
	}
	return &wait{code: codeUnreachable, host: t.host.name, message: message, generic: "their agents cannot be reached"}
}

func duplicateWait(k kind, h *host) *wait {
	s := &h.slots[k]
	ids := s.task.ID
	for _, t := range s.sortedMore() {
		ids += " and " + t.ID
	}
	message := k.String() + " runs more than once: tasks " + ids
	if k.bound() {
		message += "; none is killed automatically, stop the wrong one by hand"
		for _, t := range append([]*task{s.task}, s.sortedMore()...) {
			if t.status == doubtful && t.AgentID != "" {
				message += "; agent " + t.AgentID + " of " + t.ID + " cannot be reached: when nothing of it runs any more, name it in the annotation " +
					v1alpha1.AnnotationGoneAgents
			}
		}
	}
	return &wait{code: codeDuplicate, host: h.name, message: message, generic: "run more than once"}
}
