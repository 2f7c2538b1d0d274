package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// use is what the offers of one agent and role are used for.
type use struct {
	agentID, host, role string
	offerIDs            []string
	operations          []plan.Operation
	launches            []plan.Launch
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

// accept sends one Accept for the operations and launches of one agent and role.
func (r *Reconciler) accept(seen *observation, result plan.Result) error {
	if len(result.Operations)+len(result.Launches) == 0 {
		return nil
	}
	hashes := map[quobyte.Service]string{}
	address := quobyte.RegistryAddress(seen.cluster, registryHosts(seen))
	for _, u := range usesOf(result) {
		accept := mesosbridge.Accept{AgentID: u.agentID, OfferIDs: u.offerIDs}
		for _, o := range u.operations {
			accept.Operations = append(accept.Operations, mesosbridge.Operation{
				ID: operationID(o.Operation.Type, quobyte.NewNonce(r.Clock.Now(), r.Nonces())), Offer_Operation: o.Operation})
		}
		for _, l := range u.launches {
			if l.Prober == nil && hashes[l.Spec.Service] == "" {
				hashes[l.Spec.Service] = l.Spec.Hash()
			}
			accept.Tasks = append(accept.Tasks, r.task(l, hashes[l.Spec.Service], address))
		}
		if err := seen.member.bridge.Accept(accept); err != nil && !errors.Is(err, mesosbridge.ErrStale) {
			return fmt.Errorf("use the offers of %s: %w", u.host, err)
		}
	}
	return nil
}

// operationID is an id for people who read the log of the master.
func operationID(t mesos.Offer_Operation_Type, nonce string) string {
	return "quobyte." + strings.ToLower(t.String()) + "." + nonce
}
