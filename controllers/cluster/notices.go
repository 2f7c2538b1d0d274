package cluster

import (
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/internal/plan"
)

// announceNotices tells each notice once in the life of the process, and again when
// it says something else.
func (r *Reconciler) announceNotices(seen *observation, notices []plan.Notice) {
	m := seen.member
	for _, n := range notices {
		about := n.Reason + "/" + n.Device
		if m.noticed[about] == n.Message {
			continue
		}
		if m.noticed == nil {
			m.noticed = map[string]string{}
		}
		m.noticed[about] = n.Message
		kind := corev1.EventTypeWarning
		if n.Normal {
			kind = corev1.EventTypeNormal
		}
		r.Events.Eventf(seen.regarding(n.Device), nil, kind, n.Reason, "Plan", "%s", shorten(n.Message))
	}
}

// regarding is what an event is about: the device of that name, or the cluster.
func (o *observation) regarding(device string) client.Object {
	for _, d := range o.devices {
		if device != "" && d.Name == device {
			return d
		}
	}
	return o.cluster
}
