package mesosbridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// turn is one run through Run's loop: what it goes by, and what ends it.
type turn struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	cfg    *Config
	ending *ending
	epoch  uint64
}

func (b *Bridge) newTurn(ctx context.Context) *turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := &turn{cfg: b.cfg, ending: b.ending, epoch: b.epoch}
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	b.interrupt = t.cancel
	return t
}

// Run keeps a subscription until ctx ends (nil: the stream is dropped and the
// framework goes on), until Teardown or Release is done (nil), or until another
// scheduler has taken the framework over (an ErrFailedOver). A framework that Mesos
// has removed does not end it: nothing is sent until Reconfigure.
func (b *Bridge) Run(ctx context.Context) error {
	b.mu.Lock()
	if b.running {
		b.mu.Unlock()
		return errors.New("the bridge runs already")
	}
	b.running, b.left = true, false
	b.mu.Unlock()
	defer b.stopped()

	var delay time.Duration
	for {
		t := b.newTurn(ctx)
		if b.isRemoved() {
			if t.ending != nil {
				b.noteLeft()
				return nil
			}
			<-t.ctx.Done()
			if ctx.Err() != nil {
				return nil
			}
			continue
		}
		lived, err := b.subscribeAndServe(t)
		b.input(func(s *state, now time.Time) { s.disconnected(problemOf(err), now) })
		t.cancel(nil)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errDone):
			b.noteLeft()
			return nil
		case errors.Is(err, ErrFailedOver):
			return err
		case errors.Is(err, errReconfigured), errors.Is(err, errEnding), errors.Is(err, errWithdrawn):
			delay = 0
			continue
		case problemOf(err).Reason == reasonFrameworkRemoved:
			b.noteRemoved()
		}
		if lived > t.cfg.Timing.RetryMax {
			delay = 0
		}
		delay = min(max(2*delay, t.cfg.Timing.RetryMin), t.cfg.Timing.RetryMax)
		t.cfg.Log.Error(err, "no subscription with Mesos", "reason", problemOf(err).Reason, "retryWithin", delay)
		b.rest(ctx, t, delay)
	}
}

// rest waits before the next attempt, with jitter, so that the schedulers of a
// master that comes back do not come all at once.
func (b *Bridge) rest(ctx context.Context, last *turn, delay time.Duration) {
	t := b.newTurn(ctx)
	defer t.cancel(nil)
	if t.epoch != last.epoch || b.isRemoved() {
		return // there is news already, or nothing to wait for
	}
	b.mu.Lock()
	jitter := b.cfg.Rand()
	b.mu.Unlock()
	timer := t.cfg.Clock.NewTimer(delay/2 + time.Duration(jitter*float64(delay/2)))
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-t.ctx.Done():
	}
}

func (b *Bridge) stopped() {
	b.transport.CloseIdleConnections()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running = false
	b.finish(errStopped)
	b.metrics.hide()
}

func (b *Bridge) isRemoved() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.removed
}

func (b *Bridge) noteRemoved() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.removed, b.mayForget = true, true
}

// noteLeft notes that the framework was left as it was asked for.
func (b *Bridge) noteLeft() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = true
	b.finish(nil)
}

// checkFrameworkID refuses to become a second framework beside the one that is
// known, unless Mesos has removed that.
func (b *Bridge) checkFrameworkID(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch known := b.state.head.FrameworkID; {
	case id != "":
		return nil
	case known != "" && !b.mayForget:
		return fmt.Errorf("it was %s and is said to be empty now", known)
	case b.ending != nil:
		return errDone // there is nothing to leave
	}
	return nil
}

// subscribeAndServe lives as long as one subscription, and says how long that
// was and why it ended.
func (b *Bridge) subscribeAndServe(t *turn) (lived time.Duration, err error) {
	failover := t.cfg.Framework.FailoverTimeout
	if t.ending != nil && t.ending.release {
		failover = t.ending.failover
	}
	sub, err := b.findLeader(t.ctx, t.cfg, failover)
	if err != nil {
		if cause := context.Cause(t.ctx); cause != nil {
			err = cause
		}
		return 0, err
	}
	s := &session{b: b, turn: t, sub: sub, events: make(chan *scheduler.Event, eventsAhead)}
	err = s.run()
	return s.lived, err
}
