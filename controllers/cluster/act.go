package cluster

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	corev1 "k8s.io/api/core/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// declineFor is how long Mesos keeps back what nothing waits for. New agents and
// freed resources come through that at once, and REVIVE ends it.
const declineFor = time.Hour

// keepWhileGrowing is how long after the youngest device was created no offer is
// declined, nor while devices wait for their finalizers, unless all runs before:
// while thousands of devices are applied, the next one wants what the last one
// did not, and each REVIVE brings the offers of all hosts.
const keepWhileGrowing = 5 * time.Second

// growing says how long offers are still kept; zero: they are not.
func (o *observation) growing(now time.Time) time.Duration {
	if o.expected {
		return keepWhileGrowing
	}
	var youngest time.Time
	for _, device := range o.devices {
		if device.CreationTimestamp.After(youngest) {
			youngest = device.CreationTimestamp.Time
		}
	}
	age := now.Sub(youngest)
	if age < -keepWhileGrowing {
		return 0 // The API server's clock is ahead, and says nothing.
	}
	return min(keepWhileGrowing, keepWhileGrowing-age)
}

// act carries out the decisions. Nothing here waits for Mesos; what rests on a
// state that is gone is dropped, and the change that made it stale wakes the
// next pass.
func (r *Reconciler) act(ctx context.Context, seen *observation, result plan.Result) error {
	if seen.member == nil {
		return nil
	}
	bridge := seen.member.bridge
	r.announceNotices(seen, result.Notices) // before the stop that one warns of
	for _, kill := range result.Kills {
		r.announceKill(seen.cluster, kill, len(result.Kills))
		bridge.Kill(kill.TaskID)
	}
	r.logKills(seen.key, result.Kills)
	// After the stops, which must not rest on a state of before a write.
	settleErr := seen.settleLedger(ctx, r.Clock.Now())
	if errors.Is(settleErr, errTaken) {
		return settleErr
	}
	err := cmp.Or(r.accept(ctx, seen, result), settleErr)
	// With a REVIVE the held part of a host must go too, so that both come back
	// as one offer.
	if keep := seen.growing(r.Clock.Now()); keep > 0 && result.Phase == plan.PhaseStarting && len(result.Revives) == 0 {
		seen.lookAgain(keep)
	} else if len(result.Declines) > 0 {
		bridge.Decline(result.Declines, declineFor)
	}
	r.answerInverse(ctx, seen, result.InverseAnswers)
	// Last: what was declined in this pass comes back with the rest.
	if len(result.Revives) > 0 {
		bridge.Revive(result.Revives)
	}
	return err
}

// storeTimeout bounds how long a pass waits for the API server to store a spec.
const storeTimeout = 10 * time.Second

// storeRevisions stores the specs of the launches, before the first task of a
// spec is launched (rule 8). wrote: one was new.
func (r *Reconciler) storeRevisions(ctx context.Context, seen *observation, launches []plan.Launch) (wrote bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	looked := map[plan.SpecKey]bool{}
	for _, l := range launches {
		key := plan.SpecKey{Service: l.Spec.Service, Hash: l.Hash}
		if l.Prober != nil || looked[key] {
			continue
		}
		looked[key] = true
		stored, err := seen.member.revisions.store(ctx, l.Spec)
		if err != nil {
			return wrote, err
		}
		wrote = wrote || stored
	}
	return wrote, nil
}

// task is the task of a launch, with an id that was written down for it, or a new one.
func (r *Reconciler) task(l plan.Launch, registries, id string) mesos.TaskInfo {
	at := quobyte.Placement{TaskID: id, AgentID: l.AgentID, Host: l.Host, Resources: l.Resources, Registry: registries}
	nonce := quobyte.NewNonce(r.Clock.Now(), r.Nonces())
	switch {
	case l.Prober != nil:
		at.TaskID = quobyte.NewTaskID(quobyte.ProberService, l.Host, l.Prober.Hash(), nonce)
		return l.Prober.TaskInfo(at)
	case id == "":
		at.TaskID = quobyte.NewTaskID(l.Spec.Service, l.Host, l.Hash, nonce)
	}
	return quobyte.TaskInfo(l.Spec, at)
}

// registryHosts are the hosts of registry devices that take part, when what is
// launched with the spec is told of them.
func registryHosts(seen *observation, spec quobyte.Spec) []string {
	if spec.Registry.Discovery != v1alpha1.DiscoveryInventory {
		return nil
	}
	var hosts []string
	for i := range seen.inventory.Devices {
		d := &seen.inventory.Devices[i]
		// One that is missing is still served, as far as anyone knows.
		if (d.Wanted || d.Claims) && slices.Contains(d.Types, v1alpha1.DeviceRegistry) {
			hosts = append(hosts, d.Host)
		}
	}
	return hosts
}

// announcedKills bounds the events of one pass: that all is stopped is no news
// of each task.
const announcedKills = 5

func (r *Reconciler) announceKill(cluster *v1alpha1.QuobyteCluster, kill plan.Kill, all int) {
	if kill.QuorumAtRisk {
		r.Events.Eventf(cluster, nil, corev1.EventTypeWarning, "RegistryQuorumAtRisk", "Stop",
			"the registry on %s stops (%s); with fewer than three registries none is left to take over", kill.Host, kill.Cause)
	}
	if all > announcedKills {
		return
	}
	// Events of one reason and action are counted together, so that the action
	// has to tell them apart.
	r.Events.Eventf(cluster, nil, corev1.EventTypeNormal, "Stopping", "Stop "+string(kill.Service)+" on "+shortHost(kill.Host),
		"%s on %s stops: %s", kill.Service, kill.Host, kill.Cause)
}
