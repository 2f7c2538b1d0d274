package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// What stands in the ConfigMap <cluster>-framework beside the id, and outlives the cluster
// object as it does.
const (
	// bootstrappedKey: a registry of the framework has run. The id alone does not tell
	// it: a cluster may be deleted before its first registry started.
	bootstrappedKey = "bootstrapped"
	// usedUpKey: agents that a person has declared gone and that were there again, separated
	// by commas. The annotation still names them, and must not count in the next process.
	usedUpKey = "goneAgentsThatCameBack"
)

// keepBootstrapped keeps that a registry has run, once the status tells it.
func (o *observation) keepBootstrapped(ctx context.Context) error {
	m := o.member
	if m == nil || m.bootstrapKept || !o.cluster.Status.Bootstrapped {
		return nil
	}
	err := m.identity.keepBootstrapped(ctx)
	m.bootstrapKept = err == nil
	return err
}

// keepUsedUp keeps which agents that the annotation names have been there since.
func (o *observation) keepUsedUp(ctx context.Context) error {
	m := o.member
	if m == nil {
		return nil
	}
	said := o.cluster.GoneAgents()
	used := slices.DeleteFunc(m.bridge.UsedUp(), func(id string) bool { return !slices.Contains(said, id) })
	if slices.Equal(used, m.usedUp) {
		return nil
	}
	err := m.identity.amend(ctx, "which agents came back", func(data map[string]string) { data[usedUpKey] = strings.Join(used, ",") })
	if err == nil {
		m.usedUp = used
	}
	return err
}

// usedUp are the agents that were there again after a person had declared them gone.
func (i *identity) usedUp(ctx context.Context) ([]string, error) {
	_, kept, err := i.read(ctx)
	return v1alpha1.AgentIDs(kept[usedUpKey]), err
}

func (i *identity) keepBootstrapped(ctx context.Context) error {
	return i.amend(ctx, "that a registry has run", func(data map[string]string) { data[bootstrappedKey] = "true" })
}

// leave makes sure that the ConfigMap holds the id before the cluster object goes, which
// leaves all running: nothing else tells of it then. A namespace that is being deleted
// takes none, and would not keep it.
func (i *identity) leave(ctx context.Context, id string) error {
	cluster, kept, err := i.read(ctx)
	if err != nil {
		return err
	}
	err = i.keep(ctx, cluster, kept, id)
	if err == nil && cluster.Status.Bootstrapped {
		err = i.keepBootstrapped(ctx)
	}
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return nil
	}
	return err
}

// refill puts the data into a ConfigMap that a person has emptied: without the id in it
// nothing would subscribe any more.
func (i *identity) refill(ctx context.Context, data map[string]string) error {
	filled := false
	err := i.amend(ctx, "the framework id", func(kept map[string]string) {
		if filled = kept[frameworkIDKey] == ""; filled {
			maps.Copy(kept, data)
		}
	})
	if err == nil && !filled {
		return fmt.Errorf("ConfigMap %s has just changed", i.configMap().Name) // It is looked at again.
	}
	return err
}

// amend changes the data of the ConfigMap. Where there is none nothing is changed: the one
// that will be made is made with what is known then.
func (i *identity) amend(ctx context.Context, what string, edit func(data map[string]string)) error {
	kept := &corev1.ConfigMap{}
	if err := i.reader.Get(ctx, i.configMap(), kept); err != nil {
		return client.IgnoreNotFound(err)
	}
	before := maps.Clone(kept.Data)
	if kept.Data == nil {
		kept.Data = map[string]string{}
	}
	edit(kept.Data)
	if maps.Equal(before, kept.Data) {
		return nil
	}
	if err := i.client.Update(ctx, kept); err != nil {
		return fmt.Errorf("keep in ConfigMap %s %s: %w", kept.Name, what, err)
	}
	return nil
}
