package cluster

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// loggedActions bounds the lines of one pass: of more launches or kills it tells how
// many there are.
const loggedActions = 20

// sentLaunch is a task that a call launches.
type sentLaunch struct {
	*plan.Launch
	taskID string
}

func (r *Reconciler) logLaunches(cluster types.NamespacedName, launches []sentLaunch) {
	if len(launches) > loggedActions {
		r.Log.Info("launch", "cluster", cluster.String(), "count", len(launches))
		return
	}
	for _, l := range launches {
		service, version := string(l.Spec.Service), l.Spec.Version
		if l.Prober != nil {
			service = string(quobyte.ProberService)
		}
		r.Log.Info("launch", "cluster", cluster.String(), "service", service, "host", l.Host, "task", l.taskID,
			"version", version, "agent", l.AgentID)
	}
}

func (r *Reconciler) logKills(cluster types.NamespacedName, kills []plan.Kill) {
	if len(kills) > loggedActions {
		r.Log.Info("kill", "cluster", cluster.String(), "count", len(kills), "cause", kills[0].Cause)
		return
	}
	for _, k := range kills {
		r.Log.Info("kill", "cluster", cluster.String(), "service", k.Service, "host", k.Host, "task", k.TaskID, "cause", k.Cause)
	}
}

// logSaidGone tells once which agents a person has declared gone.
func (r *Reconciler) logSaidGone(seen *observation) {
	said := seen.cluster.GoneAgents()
	for _, id := range said {
		if !slices.Contains(seen.member.saidGone, id) {
			r.Log.Info("declare agent gone", "cluster", seen.key.String(), "agent", id, "why", "annotation "+v1alpha1.AnnotationGoneAgents)
		}
	}
	seen.member.saidGone = said
}

// logUpdate tells when an update, a rollback or a restart on request begins, ends, or
// stands otherwise.
func (r *Reconciler) logUpdate(cluster types.NamespacedName, before, after *v1alpha1.UpdateStatus) {
	what := func(u *v1alpha1.UpdateStatus) string {
		switch {
		case u.State == v1alpha1.UpdateRollingBack || u.State == v1alpha1.UpdateRolledBack:
			return "rollback"
		case plan.IsRestart(u):
			return "restart on request"
		}
		return "update"
	}
	switch {
	case after == nil && before == nil:
	case after == nil:
		r.Log.Info(what(before)+" is over", "cluster", cluster.String(), "from", before.From, "to", before.To)
	case before == nil || before.State != after.State || before.From != after.From || before.To != after.To:
		r.Log.Info(what(after), "cluster", cluster.String(), "from", after.From, "to", after.To, "state", after.State,
			"service", after.Service, "host", after.Current, "message", after.Message)
	}
}
