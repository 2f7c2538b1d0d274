package mesosbridge

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ending is a wish to leave Mesos: by TEARDOWN, or with everything running.
type ending struct {
	release  bool
	failover time.Duration // with release
	done     chan struct{}
	err      error // once done is closed
}

var (
	errDone      = errors.New("the framework was left as it was asked for")
	errEnding    = errors.New("the framework is to be left")
	errWithdrawn = errors.New("the framework is not to be left any more")
	errStopped   = errors.New("the bridge has stopped before")
)

// Teardown asks Mesos to end all tasks and to remove the framework. It returns
// nil when the master has accepted that, or when there is no framework; Run then
// returns nil. When ctx ends before, the wish is withdrawn; a TEARDOWN that was
// sent already may still take effect.
func (b *Bridge) Teardown(ctx context.Context) error {
	return b.leave(ctx, &ending{done: make(chan struct{})})
}

// Release leaves the framework with everything running: Mesos keeps it for the
// given time without a scheduler. It returns nil when the master knows the
// time-out; Run then returns nil. When ctx ends before, the wish is withdrawn.
func (b *Bridge) Release(ctx context.Context, failoverTimeout time.Duration) error {
	return b.leave(ctx, &ending{release: true, failover: failoverTimeout, done: make(chan struct{})})
}

func (b *Bridge) leave(ctx context.Context, e *ending) error {
	busy, left := false, false
	b.input(func(s *state, now time.Time) {
		busy, left = b.ending != nil, b.left
		if busy || left {
			return
		}
		b.ending = e
		if s.head.Connected && !e.release {
			s.teardown(now)
			return
		}
		// A new SUBSCRIBE tells the time-out, which every master since 1.0
		// takes; UPDATE_FRAMEWORK came with 1.9.
		b.restart(errEnding)
	})
	switch {
	case left:
		return nil
	case busy:
		return errors.New("the framework is being left already")
	}
	select {
	case <-e.done:
		return e.err
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-e.done:
		return e.err
	default:
		b.ending = nil
		return ctx.Err()
	}
}

// restart makes Run begin anew. mu is held.
func (b *Bridge) restart(why error) {
	b.epoch++
	b.interrupt(why)
}

// finish tells who waits for the ending. mu is held.
func (b *Bridge) finish(err error) {
	if b.ending == nil {
		return
	}
	b.ending.err = err
	close(b.ending.done)
	b.ending = nil
}

// released says that the master has taken the time-out of a Release that still is wanted.
// Of one that was withdrawn meanwhile nobody would hear that the framework was left.
func (b *Bridge) released(e *ending) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ending != e {
		return false
	}
	b.left = true
	b.finish(nil)
	return true
}

// teardownAnswered takes in the answer to a TEARDOWN. mu is held.
func (b *Bridge) teardownAnswered(a answer) {
	switch {
	case a.outcome == accepted && b.ending == nil: // it was withdrawn too late
		b.interrupt(&problem{reason: reasonFrameworkRemoved, err: errors.New("the framework was torn down, as was asked for")})
	case a.outcome == accepted:
		b.finish(nil)
		b.interrupt(errDone)
	case a.outcome == refused && !a.endsSubscription():
		b.finish(fmt.Errorf("the master refused TEARDOWN: %s", a.text))
	}
	// Else the subscription ends, and the next one sends it again.
}
