package cluster

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/mesosbridge"
)

// Lease is the leader election's lease, which is read from the API server right
// before every SUBSCRIBE (rule 10): the leader election itself notices late
// when this process has been stopped for a while.
type Lease struct {
	// Reader reads past the cache.
	Reader client.Reader
	Key    types.NamespacedName
	// Holder is this process's identity.
	Holder string
	Clock  clock.PassiveClock
}

// Confirm fails unless this process holds the lease now, with
// mesosbridge.ErrFailedOver when another one does: then this one has to end. A nil
// Lease, without leader election, always confirms.
func (l *Lease) Confirm(ctx context.Context) error {
	if l == nil {
		return nil
	}
	lease := &coordinationv1.Lease{}
	if err := l.Reader.Get(ctx, l.Key, lease); err != nil {
		return fmt.Errorf("read the leader election lease %s: %w", l.Key, err)
	}
	holder, renewed, seconds := lease.Spec.HolderIdentity, lease.Spec.RenewTime, lease.Spec.LeaseDurationSeconds
	switch {
	case holder == nil || *holder == "":
		return fmt.Errorf("the lease %s is held by nobody", l.Key)
	case *holder != l.Holder:
		return fmt.Errorf("the lease %s is held by %s: %w", l.Key, *holder, mesosbridge.ErrFailedOver)
	}
	if renewed == nil || seconds == nil {
		return fmt.Errorf("the lease %s was never renewed", l.Key)
	}
	if age := l.Clock.Since(renewed.Time); age > time.Duration(*seconds)*time.Second {
		return fmt.Errorf("the lease %s was renewed %s ago, which is too long", l.Key, age.Round(time.Second))
	}
	return nil
}
