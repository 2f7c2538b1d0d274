package cluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quobyte/mesos-operator/internal/plan"
)

// announcedAnswers bounds the events of one pass: a window of a whole rack is no news
// of each host. The log has all.
const announcedAnswers = 5

// answerInverse answers inverse offers. The master asks again and again; what it is
// told is announced when it changes for a host.
func (r *Reconciler) answerInverse(ctx context.Context, seen *observation, answers []plan.InverseAnswer) {
	m := seen.member
	m.forgetAnswers(seen)
	told := 0
	for i := range answers {
		a := &answers[i]
		if m.answered[a.AgentID] != answerText(a) {
			if m.answered == nil {
				m.answered = map[string]string{}
			}
			m.answered[a.AgentID] = answerText(a)
			log.FromContext(ctx).Info("inverse offer", "host", a.Host, "agent", a.AgentID, "accepted", a.Accept, "why", a.Why)
			if told++; told <= announcedAnswers {
				r.announceAnswer(seen, a)
			}
		}
		m.bridge.AnswerInverse(a.OfferIDs, a.Accept, a.Refuse)
	}
}

func answerText(a *plan.InverseAnswer) string {
	if a.Accept {
		return "accepted"
	}
	return a.Why
}

func (r *Reconciler) announceAnswer(seen *observation, a *plan.InverseAnswer) {
	host := a.Host
	if host == "" {
		host = "agent " + a.AgentID
	}
	reason, note := "MaintenanceDeclined", host+" must not go down yet: "+a.Why
	if a.Accept {
		reason, note = "MaintenanceAccepted", host+" may go down: no service runs there"
	}
	r.Events.Eventf(seen.cluster, nil, corev1.EventTypeNormal, reason, "Answer for "+shortHost(host), "%s", shorten(note))
}

// forgetAnswers forgets what was said of agents that have no window any more: of the
// next one it is news again.
func (m *member) forgetAnswers(seen *observation) {
	for id := range m.answered {
		if a := seen.snapshot.Agents[id]; seen.snapshot.Connected && (a == nil || a.Unavailability == nil) {
			delete(m.answered, id)
		}
	}
}
