package simulation

import (
	"context"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/quobyte/mesos-operator/internal/simulation/apidouble"
)

// trouble is what is wrong with the API server: the share of requests that it befalls.
type trouble struct {
	// before and after: the request fails, and was carried out or not. conflicts are of
	// writes. hangs: there is no answer for half a minute.
	before, after, conflicts, hangs float64
	// lag of the caches at most.
	lag time.Duration
}

// Requests take this long, and changes as long to be heard of.
const (
	requestTakes = 3 * time.Millisecond
	usualLag     = 30 * time.Millisecond
	hangsFor     = 30 * time.Second
)

// lag of one change.
func (w *world) lag() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(w.dice.Float64() * float64(max(usualLag, w.trouble.lag)))
}

// faulty carries a request out, or not, and tells the truth about it or not.
func (w *world) faulty(ctx context.Context, r apidouble.Request, do func() error) error {
	w.mu.Lock()
	is, n := w.trouble, w.dice.Float64()
	w.mu.Unlock()
	befalls := func(share float64) bool {
		n -= share
		return share > 0 && n < 0
	}
	if err := pause(ctx, requestTakes); err != nil {
		return err
	}
	resource := schema.GroupResource{Resource: r.Kind}
	switch {
	case befalls(is.before):
		return apierrors.NewInternalError(fmt.Errorf("for the simulation"))
	case befalls(is.after):
		if err := do(); err != nil {
			return err
		}
		return apierrors.NewTimeoutError("for the simulation", 1)
	case befalls(is.conflicts) && r.Writes() && r.Verb != "create" && r.Verb != "delete":
		return apierrors.NewConflict(resource, r.Name, fmt.Errorf("for the simulation"))
	case befalls(is.hangs):
		var err error
		if n > -is.hangs/2 {
			err = do()
		}
		if err := pause(ctx, hangsFor); err != nil {
			return err
		}
		if err == nil {
			err = apierrors.NewGenericServerResponse(http.StatusGatewayTimeout, r.Verb, resource, r.Name, "for the simulation", 0, true)
		}
		return err
	}
	return do()
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *world) setTrouble(d dice, change func(t *trouble, share float64)) string {
	lasts, share := d.between(5*time.Second, time.Minute), 0.05+0.4*d.Float64()
	set := func(share float64) {
		w.mu.Lock()
		defer w.mu.Unlock()
		change(&w.trouble, share)
	}
	set(share)
	w.later(lasts, func() { set(0) })
	return fmt.Sprintf("%.0f%% for %s", 100*share, lasts.Round(time.Second))
}

func (w *world) failBefore(d dice) string {
	return w.setTrouble(d, func(t *trouble, share float64) { t.before = share })
}

func (w *world) failAfter(d dice) string {
	return w.setTrouble(d, func(t *trouble, share float64) { t.after = share })
}

func (w *world) makeConflicts(d dice) string {
	return w.setTrouble(d, func(t *trouble, share float64) { t.conflicts = share })
}

func (w *world) hang(d dice) string {
	return w.setTrouble(d, func(t *trouble, share float64) { t.hangs = share / 3 })
}

// goAway has the API server answer nothing.
func (w *world) goAway(d dice) string {
	return w.setTrouble(d, func(t *trouble, share float64) {
		t.before = 0
		if share > 0 {
			t.before = 1
		}
	})
}

func (w *world) lagBehind(d dice) string {
	most := d.between(time.Second, 30*time.Second)
	return fmt.Sprintf("up to %s, ", most.Round(time.Second)) + w.setTrouble(d, func(t *trouble, share float64) {
		t.lag = 0
		if share > 0 {
			t.lag = most
		}
	})
}
