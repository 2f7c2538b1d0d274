package mesosbridge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"k8s.io/utils/clock"
)

// eventsAhead is how many events are decoded before they are applied.
const eventsAhead = 256

// session is one open stream.
type session struct {
	b      *Bridge
	turn   *turn
	sub    *subscription
	events chan *scheduler.Event // closed when the stream ends
	end    error                 // of the stream, once events is closed
	lived  time.Duration
}

func (s *session) run() error {
	var reader sync.WaitGroup
	reader.Go(s.read)
	defer reader.Wait()
	defer s.sub.close()

	id, heartbeat, err := s.subscribed()
	if err != nil {
		return err
	}
	if e := s.turn.ending; e != nil && e.release {
		if s.b.released(e) {
			return errDone
		}
		return errWithdrawn
	}
	if s.sub.frameworkID == "" {
		if err := s.adopt(id); err != nil {
			return err
		}
	}
	return s.serve(id, heartbeat)
}

// read decodes events until the stream ends.
func (s *session) read() {
	defer close(s.events)
	for {
		e := new(scheduler.Event)
		if err := s.sub.Decode(e); err != nil {
			s.end = &problem{reason: reasonConnecting, err: fmt.Errorf("the stream of events broke: %w", err)}
			return
		}
		select {
		case s.events <- e:
		case <-s.turn.ctx.Done():
			s.end = context.Cause(s.turn.ctx)
			return
		}
	}
}

// subscribed waits for the first event, which must be SUBSCRIBED.
func (s *session) subscribed() (id string, heartbeat time.Duration, err error) {
	timer := s.turn.cfg.Clock.NewTimer(s.turn.cfg.Timing.CallTimeout)
	defer timer.Stop()
	var e *scheduler.Event
	select {
	case e = <-s.events:
		if e == nil {
			return "", 0, s.streamEnd()
		}
	case <-timer.C():
		return "", 0, &problem{reason: reasonUnreachable, err: errors.New("the master took the SUBSCRIBE and says nothing")}
	case <-s.turn.ctx.Done():
		return "", 0, context.Cause(s.turn.ctx)
	}
	s.b.metrics.event(e.Type.String())
	switch {
	case e.Type == scheduler.Event_ERROR && e.Error != nil:
		return "", 0, errorEvent(e.Error.Message)
	case e.Type != scheduler.Event_SUBSCRIBED || e.Subscribed == nil:
		return "", 0, &problem{reason: reasonRefused, err: fmt.Errorf("the first event of the subscription is %s", e.Type)}
	}
	id = e.Subscribed.FrameworkID.GetValue()
	if id == "" || s.sub.frameworkID != "" && id != s.sub.frameworkID {
		return "", 0, &problem{reason: reasonRefused, err: fmt.Errorf("the master subscribed framework %q instead of %q", id, s.sub.frameworkID)}
	}
	heartbeat = 15 * time.Second // the master's default
	if secs := e.Subscribed.HeartbeatIntervalSeconds; secs != nil && *secs > 0 {
		heartbeat = time.Duration(*secs * float64(time.Second))
	}
	return id, heartbeat, nil
}

func (s *session) streamEnd() error {
	if err := context.Cause(s.turn.ctx); err != nil {
		return err
	}
	return s.end
}

// adopt has the id of a new framework kept (rule 6). Events wait meanwhile. When
// it cannot be kept, the framework is torn down unused.
func (s *session) adopt(id string) error {
	ctx, cfg := s.turn.ctx, s.turn.cfg
	err := cfg.Identity.Adopt(ctx, id)
	if err == nil {
		return nil
	}
	failed := &problem{reason: reasonFrameworkIDUnknown, err: fmt.Errorf("the id of the new framework could not be kept: %w", err)}
	// An update whose answer was lost may have been made: a framework whose id is
	// kept must not be torn down, or Mesos would never take that id again. If
	// nobody can say, the new framework is left to its fail-over time-out, unused.
	switch kept, askErr := cfg.Identity.FrameworkID(ctx); {
	case askErr != nil:
		cfg.Log.Info("a new framework is left behind unused, as nobody can say whether its id was kept", "framework", id)
		return failed
	case kept == id:
		return nil
	}
	call := &scheduler.Call{Type: scheduler.Call_TEARDOWN}
	call.FrameworkID = frameworkInfo(cfg.Framework, id, 0).ID
	a := s.sub.wire.call(ctx, s.sub.streamID, call)
	s.b.metrics.call(call.Type.String(), a.outcome)
	if a.outcome != accepted {
		cfg.Log.Info("a new framework is left behind unused, as it could not be torn down", "framework", id, "answer", a.text)
	}
	return failed
}

// serve is the session from its first call on.
func (s *session) serve(id string, heartbeat time.Duration) error {
	ctx, cancel := context.WithCancel(s.turn.ctx)
	defer cancel()
	b, clk := s.b, s.turn.cfg.Clock
	send := &sender{
		call: func(ctx context.Context, o *outgoing) answer {
			if o.call.Type == scheduler.Call_TEARDOWN {
				// The master ends the stream, and with it the session, as often
				// before the answer as after it (subscribe.jsonl).
				ctx = s.turn.ctx
			}
			a := s.sub.wire.call(ctx, s.sub.streamID, o.call)
			if log := s.turn.cfg.Log.V(1); log.Enabled() {
				log.Info("call", append(describeCall(o.call), "outcome", a.outcome)...)
			}
			return a
		},
		answered: b.answered,
	}
	send.start(ctx)
	began := clk.Now()
	b.metrics.subscribed()
	s.turn.cfg.Log.Info("subscribed with Mesos", "leader", s.sub.leader, "framework", id)
	b.input(func(st *state, now time.Time) {
		b.sender, b.mayForget = send, false
		st.connected(id, s.sub.leader, heartbeat, now)
		if b.ending != nil && !b.ending.release {
			st.teardown(now)
		}
	})
	err := s.loop(clk)
	b.input(func(st *state, now time.Time) {
		if errors.Is(st.over, ErrFailedOver) {
			err = st.over // whatever else ended the session at the same time
		}
		st.disconnected(problemOf(err), now)
		b.sender = nil
	})
	cancel()
	send.finish()
	s.lived = clk.Since(began)
	if errors.Is(context.Cause(s.turn.ctx), errDone) {
		return errDone
	}
	return err
}

// loop applies events and watches the time.
func (s *session) loop(clk clock.Clock) error {
	b := s.b
	timer := clk.NewTimer(time.Hour)
	defer timer.Stop()
	var armed time.Time
	batch := make([]*scheduler.Event, 0, eventsAhead)
	for {
		b.mu.Lock()
		next := b.state.next()
		b.armed = next
		b.mu.Unlock()
		if !next.Equal(armed) {
			timer.Reset(next.Sub(clk.Now()))
			armed = next
		}
		select {
		case <-s.turn.ctx.Done():
			return context.Cause(s.turn.ctx)
		case e, ok := <-s.events:
			if !ok {
				return s.streamEnd()
			}
			batch = s.ready(append(batch[:0], e))
			if log := s.turn.cfg.Log.V(1); log.Enabled() {
				for _, e := range batch {
					log.Info("event", describeEvent(e)...)
				}
			}
			b.apply(batch)
			clear(batch)
		case <-timer.C():
			armed = time.Time{}
			b.input(func(st *state, now time.Time) { st.tick(now) })
		case <-b.kick:
		}
	}
}

// ready adds the events that are there already.
func (s *session) ready(batch []*scheduler.Event) []*scheduler.Event {
	for len(batch) < cap(batch) {
		select {
		case e, ok := <-s.events:
			if !ok {
				return batch // the next receive says so again
			}
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}
