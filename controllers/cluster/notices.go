package cluster

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/quobyte/mesos-operator/internal/plan"
)

// announceNotices tells each notice once in the life of the process, and again when
// it says something else.
func (r *Reconciler) announceNotices(seen *observation, notices []plan.Notice) {
	m := seen.member
	for _, n := range notices {
		if m.noticed[n.Reason] == n.Message {
			continue
		}
		if m.noticed == nil {
			m.noticed = map[string]string{}
		}
		m.noticed[n.Reason] = n.Message
		kind := corev1.EventTypeWarning
		if n.Normal {
			kind = corev1.EventTypeNormal
		}
		r.Events.Eventf(seen.cluster, nil, kind, n.Reason, "Plan", "%s", shorten(n.Message))
	}
}
