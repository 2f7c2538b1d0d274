package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// confirmTimeout bounds how long a pass waits for the API server to confirm that a
// volume is to be destroyed.
const confirmTimeout = 10 * time.Second

// use is what the offers of one agent and role are used for.
type use struct {
	agentID, host, role string
	offerIDs            []string
	operations          []plan.Operation
	launches            []plan.Launch
	accept              mesosbridge.Accept
}

// usesOf gathers what goes into one Accept: the plan lists launches by service, and
// the second Accept of an agent would find its offers used.
func usesOf(result plan.Result) []*use {
	type key struct{ agent, role string }
	byKey := map[key]*use{}
	at := func(agent, host, role string, offers []string) *use {
		u := byKey[key{agent, role}]
		if u == nil {
			u = &use{agentID: agent, host: host, role: role, offerIDs: offers}
			byKey[key{agent, role}] = u
		}
		return u
	}
	for _, o := range result.Operations {
		u := at(o.AgentID, o.Host, o.Role, o.OfferIDs)
		u.operations = append(u.operations, o)
	}
	for _, l := range result.Launches {
		u := at(l.AgentID, l.Host, l.Role, l.OfferIDs)
		u.launches = append(u.launches, l)
	}
	uses := make([]*use, 0, len(byKey))
	for _, u := range byKey {
		uses = append(uses, u)
	}
	slices.SortFunc(uses, func(a, b *use) int {
		return cmp.Or(strings.Compare(a.agentID, b.agentID), strings.Compare(a.role, b.role))
	})
	return uses
}

// accept sends one Accept for the operations and launches of one agent and role. No task
// is launched that is not written down, and nothing that was decided long ago.
func (r *Reconciler) accept(ctx context.Context, seen *observation, result plan.Result) error {
	if len(result.Operations)+len(result.Launches) == 0 {
		return nil
	}
	var unconfirmed error
	result.Operations, unconfirmed = r.confirmDestroying(ctx, seen, result.Operations)
	written, fresh, ids := r.acceptsOf(seen, result)
	if err := r.send(seen, written); err != nil {
		return err
	}
	now := r.Clock.Now()
	if err := seen.member.ledger.note(ctx, ids, now); err != nil {
		return cmp.Or(unconfirmed, err)
	}
	if took := r.Clock.Since(now); took > sentWithin {
		r.Log.Info("the API server is slow to write down what is launched", "cluster", seen.key.String(), "took", took, "tasks", len(ids))
	}
	return cmp.Or(unconfirmed, r.send(seen, fresh))
}

// sentWithin is how long after the plan a launch may be sent: after a longer write it is
// decided anew.
const sentWithin = time.Second

// send sends what is written down.
func (r *Reconciler) send(seen *observation, uses []*use) error {
	if len(uses) > 0 && r.Clock.Since(seen.decided) > sentWithin {
		seen.lookAgain(time.Millisecond)
		return nil
	}
	var launches []sentLaunch
	defer func() { r.logLaunches(seen.key, launches) }()
	for _, u := range uses {
		err := seen.member.bridge.Accept(u.accept)
		if errors.Is(err, mesosbridge.ErrStale) {
			continue
		}
		for i := range u.launches {
			delete(seen.member.ledger.unsent, keyOfLaunch(&u.launches[i]))
		}
		if err != nil {
			return fmt.Errorf("use the offers of %s: %w", u.host, err)
		}
		for i := range u.launches {
			launches = append(launches, sentLaunch{&u.launches[i], u.accept.Tasks[i].TaskID.Value})
		}
	}
	return nil
}

// acceptsOf makes the calls: those whose tasks were all written down before, when the
// same was decided, and the others, with the agents of what is to be written by task id.
func (r *Reconciler) acceptsOf(seen *observation, result plan.Result) (written, fresh []*use, ids map[string]string) {
	// Of one service several specs may be launched: what is missing while an update is
	// halted comes back as it was.
	addresses := map[plan.SpecKey]string{}
	ledger, ids := seen.member.ledger, map[string]string{}
	for _, u := range usesOf(result) {
		u.accept = mesosbridge.Accept{AgentID: u.agentID, OfferIDs: u.offerIDs}
		for _, o := range u.operations {
			u.accept.Operations = append(u.accept.Operations, mesosbridge.Operation{
				ID: operationID(o.Operation.Type, quobyte.NewNonce(r.Clock.Now(), r.Nonces())), Offer_Operation: o.Operation})
		}
		before := len(ids)
		for i := range u.launches {
			l := &u.launches[i]
			key := plan.SpecKey{Service: l.Spec.Service, Hash: l.Hash}
			if _, known := addresses[key]; !known && l.Prober == nil {
				addresses[key] = quobyte.RegistryAddress(l.Spec, seen.cluster.Spec.Mesos.FrameworkName, result.RegistryPort, registryHosts(seen, l.Spec))
			}
			task := r.task(*l, addresses[key], ledger.unsent[keyOfLaunch(l)].id)
			u.accept.Tasks = append(u.accept.Tasks, task)
			if id := task.TaskID.Value; l.Prober == nil && !ledger.stored[id] {
				ids[id] = u.agentID
				ledger.unsent[keyOfLaunch(l)] = unsentTask{id, r.Clock.Now()}
			}
		}
		switch {
		case len(ids) == before:
			written = append(written, u)
		case len(ids) <= ledger.room():
			fresh = append(fresh, u)
		default:
			seen.lookAgain(ledgerLooks) // statuses will list others by then
			for i := range u.launches {
				delete(ids, u.accept.Tasks[i].TaskID.Value)
			}
		}
	}
	return written, fresh, ids
}

func keyOfLaunch(l *plan.Launch) launchKey {
	return launchKey{service: string(l.Spec.Service), host: l.Host, hash: l.Hash, agent: l.AgentID}
}

// confirmDestroying leaves out what would destroy the volume of a device that the API
// server does not have as given up: the cache may be behind a person who has just
// changed their mind, and what is destroyed does not come back.
func (r *Reconciler) confirmDestroying(ctx context.Context, seen *observation, operations []plan.Operation) ([]plan.Operation, error) {
	ctx, cancel := context.WithTimeout(ctx, confirmTimeout)
	defer cancel()
	var problem error
	confirmed := map[string]bool{}
	kept := make([]plan.Operation, 0, len(operations))
	for _, o := range operations {
		if o.Destroys == "" {
			kept = append(kept, o)
			continue
		}
		may, asked := confirmed[o.Destroys]
		if !asked {
			var err error
			if may, err = r.mayDestroy(ctx, seen, o); err != nil {
				problem = err
			}
			confirmed[o.Destroys] = may
		}
		if may {
			kept = append(kept, o)
			continue
		}
		seen.lookAgain(time.Second)
	}
	return kept, problem
}

// mayDestroy asks the API server, past the cache.
func (r *Reconciler) mayDestroy(ctx context.Context, seen *observation, o plan.Operation) (bool, error) {
	device := &v1alpha1.QuobyteDevice{}
	err := r.Reader.Get(ctx, types.NamespacedName{Namespace: seen.cluster.Namespace, Name: o.Destroys}, device)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read device %s before its volume is destroyed: %w", o.Destroys, err)
	}
	// The id is that of one object: the one that is there may be another one.
	own := slices.ContainsFunc(o.Operation.GetDestroy().GetVolumes(), func(v mesos.Resource) bool {
		return v.GetDisk().GetPersistence().GetID() == plan.PersistenceID(device)
	})
	return own && plan.MayDestroy(device), nil
}

// operationID is an id for people who read the log of the master.
func operationID(t mesos.Offer_Operation_Type, nonce string) string {
	return "quobyte." + strings.ToLower(t.String()) + "." + nonce
}
