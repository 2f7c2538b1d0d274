package simulation

import (
	"context"
	"errors"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// lostAfter is how long a process that another one has taken the lease from goes on,
// when nobody tells it: the leader election notices then.
const lostAfter = 15 * time.Second

// leader is the present process, and starts the next when it has ended.
type leader struct {
	mu       sync.Mutex
	current  *operator
	started  int
	closed   bool
	restart  func() time.Duration
	group    sync.WaitGroup
	stopping chan struct{}
}

// lead starts a process, which holds the lease from now on.
func (w *world) lead() {
	w.leader.mu.Lock()
	defer w.leader.mu.Unlock()
	if w.leader.closed {
		return
	}
	w.leader.started++
	o := newOperator(w, w.leader.started)
	w.leader.current = o
	w.trace.add("process", o.name()+" starts")
	w.leader.group.Go(o.run)
	w.leader.group.Go(func() {
		<-o.ended
		select {
		case <-time.After(w.leader.restart()):
		case <-w.leader.stopping:
			return
		}
		if w.present() == o {
			w.lead()
		}
	})
}

// usurp has another process take the lease while the present one goes on, as when
// that hung for a while.
func (w *world) usurp() {
	old := w.present()
	w.lead()
	w.leader.group.Go(func() {
		select {
		case <-old.ended:
		case <-time.After(lostAfter):
		case <-w.leader.stopping:
		}
		old.kill()
	})
}

func (w *world) present() *operator {
	w.leader.mu.Lock()
	defer w.leader.mu.Unlock()
	return w.leader.current
}

// dismiss ends all processes.
func (w *world) dismiss() {
	w.leader.mu.Lock()
	w.leader.closed = true
	w.leader.mu.Unlock()
	close(w.leader.stopping)
	w.present().kill()
	w.leader.group.Wait()
}

// leases is the lease as a process reads it.
type leases struct{ o *operator }

// Get implements client.Reader.
func (l leases) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if l.o.isDead() {
		return errDead
	}
	holder, seconds := l.o.w.present().name(), int32(60)
	now := metav1.NowMicro()
	into.(*coordinationv1.Lease).Spec = coordinationv1.LeaseSpec{HolderIdentity: &holder, RenewTime: &now, LeaseDurationSeconds: &seconds}
	return nil
}

// List implements client.Reader.
func (leases) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("leases are not listed")
}
