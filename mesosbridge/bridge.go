// Package mesosbridge speaks the Mesos v1 scheduler protocol for one framework:
// it finds the leading master, subscribes, holds offers, knows the tasks and the
// operations, passes on messages and sends calls. What it knows is one Snapshot,
// which is read without waiting for anybody; what its user decides goes back by
// Accept, Kill, Decline and so on, none of which waits for the network either.
//
// Deciding is pure and lies in state and the files about its parts (offers, accept,
// inverse_offers, tasks, operations, messages, barrier, reconcile, kills); doing is
// thin: Run and its sessions read events, watch the time and send what the state
// wants sent.
package mesosbridge

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// Bridge connects one framework to Mesos.
type Bridge struct {
	transport *http.Transport // of its own; Config.Transport goes first
	kick      chan struct{}   // the session looks at the time anew

	mu        sync.Mutex // guards what follows; never held while anybody waits
	cfg       *Config
	state     *state
	metrics   *clusterMetrics
	running   bool
	removed   bool      // Mesos has removed the framework; Reconfigure tries again
	mayForget bool      // it was removed once: a new one may follow
	left      bool      // Teardown or Release is done
	epoch     uint64    // counts reasons for Run to begin anew
	armed     time.Time // when the session looks at the time next
	sender    *sender   // of the present session, or nil
	ending    *ending   // Teardown or Release, or nil
	shown     uint64    // revision that somebody was woken for
	// interrupt ends what Run does at present, and makes it begin anew.
	interrupt context.CancelCauseFunc

	// master is the index of the URL that led to the leader last. Only Run uses it.
	master int
}

// New makes a bridge, which does nothing before Run.
func New(cfg Config) (*Bridge, error) {
	c, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	b := &Bridge{
		transport: newTransport(),
		kick:      make(chan struct{}, 1),
		cfg:       &c,
		state:     newState(c.Timing, c.Rand),
		metrics:   c.Metrics.forCluster(c.Name),
		interrupt: func(error) {},
	}
	b.state.remember(c.Remembered, c.Clock.Now())
	for _, id := range c.UsedUp {
		b.state.declared[id] = false
	}
	b.state.notes = nil
	return b, nil
}

// Snapshot is what the bridge knows now. It does not wait for the network, and
// costs next to nothing when nothing has changed.
func (b *Bridge) Snapshot() *Snapshot {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state.snapshot()
}

// Accept starts operations and launches tasks on offers of one agent, all with one
// call. When it returns nil the operations are in the snapshot, and so are the
// tasks, Launching; the call is under way. After an error nothing was sent.
func (b *Bridge) Accept(a Accept) error {
	var err error
	b.input(func(s *state, now time.Time) { err = s.accept(a, now) })
	return err
}

// Kill asks Mesos to end a task, again and again until it has ended.
func (b *Bridge) Kill(taskID string) {
	b.input(func(s *state, now time.Time) { s.kill(taskID, now) })
}

// Message sends data to an executor, after the calls for its agent that were made
// before. It is best effort: without a subscription, or when Mesos does not reach
// the executor, the message is lost.
func (b *Bridge) Message(agentID, executorID string, data []byte) {
	b.input(func(s *state, now time.Time) { s.messageTo(agentID, executorID, data, now) })
}

// Shutdown asks an executor to end, and its agent to end it when it does not. It
// is sent once, and lost as a Message is.
func (b *Bridge) Shutdown(agentID, executorID string) {
	b.input(func(s *state, now time.Time) { s.shutdown(agentID, executorID, now) })
}

// Decline gives offers back; their resources are not offered again for the time
// given, unless there are more of them or a Revive comes first.
func (b *Bridge) Decline(offerIDs []string, refuse time.Duration) {
	b.input(func(s *state, now time.Time) { s.decline(offerIDs, refuse, now) })
}

// AnswerInverse accepts or declines inverse offers: whether the framework has left
// their agents, or will have. Ids that are not held are passed over. The master asks
// again after refuse, as long as the window is scheduled.
func (b *Bridge) AnswerInverse(ids []string, accept bool, refuse time.Duration) {
	b.input(func(s *state, now time.Time) { s.answerInverse(ids, accept, refuse, now) })
}

// Revive asks for what was declined in these roles.
func (b *Bridge) Revive(roles []string) {
	b.input(func(s *state, now time.Time) { s.revive(roles, now) })
}

// DeclareGone is a person's word that these agents, and no others, are gone for
// good (rule 5). It may be repeated. Their tasks end, as do tasks that are heard of
// later, once the master does not say that the agent is registered. When it does
// afterwards, the person was wrong: the tasks are back, and the word is used up
// until a call leaves the agent out and a later one names it again.
func (b *Bridge) DeclareGone(agentIDs []string) {
	b.input(func(s *state, now time.Time) { s.declareGone(agentIDs, now) })
}

// UsedUp are the agents that are declared gone by a word that is used up, sorted. Who
// starts anew has to know them: the word still stands where it was said.
func (b *Bridge) UsedUp() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ids []string
	for id, waits := range b.state.declared {
		if !waits && !b.state.gone[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Reconfigure ends the present subscription and begins a new one by the new
// configuration. What is known stays. Clock, Rand, Timing and Metrics stay those
// of New.
func (b *Bridge) Reconfigure(cfg Config) error {
	b.mu.Lock()
	old := b.cfg
	b.mu.Unlock()
	cfg.Clock, cfg.Rand, cfg.Timing, cfg.Metrics = old.Clock, old.Rand, old.Timing, old.Metrics
	c, err := cfg.complete()
	if err != nil {
		return err
	}
	b.input(func(s *state, now time.Time) {
		b.cfg, b.removed = &c, false
		s.remember(c.Remembered, now)
		b.restart(errReconfigured)
	})
	return nil
}

var errReconfigured = errors.New("the configuration has changed")

// input lets f change the state, and does what follows from it. f may use what
// mu guards.
func (b *Bridge) input(f func(s *state, now time.Time)) {
	b.mu.Lock()
	f(b.state, b.cfg.Clock.Now())
	notes, wake := b.flush()
	messages := b.state.messages
	b.state.messages = nil
	cfg := b.cfg
	b.mu.Unlock()
	if cfg.OnMessage != nil {
		for _, m := range messages {
			cfg.OnMessage(m.agentID, m.executorID, m.data)
		}
	}
	for _, n := range notes {
		cfg.Log.Info(n.message, n.values...)
	}
	if wake {
		cfg.Wake()
	}
}

// flush hands out what the state wants done. It returns what is left to do
// without the lock.
func (b *Bridge) flush() (notes []note, wake bool) {
	s := b.state
	for _, o := range s.out {
		// There is a sender: the state sends only while it is connected.
		b.sender.enqueue(o)
	}
	clear(s.out)
	s.out = s.out[:0]
	if s.over != nil {
		b.interrupt(s.over)
	}
	if s.tornDown != nil {
		b.teardownAnswered(*s.tornDown)
		s.tornDown = nil
	}
	if next := s.next(); !next.IsZero() && next.Before(b.armed) {
		select {
		case b.kick <- struct{}{}:
		default:
		}
	}
	notes, s.notes = s.notes, nil
	if b.shown == s.head.Revision {
		return notes, false
	}
	b.shown = s.head.Revision
	if b.running {
		b.metrics.show(s.head.Connected, len(s.offers), s.taskStates)
	}
	return notes, true
}

// answered takes in what became of a call.
func (b *Bridge) answered(o *outgoing, a answer) {
	b.metrics.call(o.call.Type.String(), a.outcome)
	b.input(func(s *state, now time.Time) { s.answer(o, a, now) })
}

// apply takes in events, many at once.
func (b *Bridge) apply(events []*scheduler.Event) {
	b.input(func(s *state, now time.Time) {
		for _, e := range events {
			b.metrics.event(e.Type.String())
			s.event(e, now)
		}
	})
}

func (b *Bridge) httpClient(cfg *Config) *http.Client {
	var t http.RoundTripper = b.transport
	if cfg.Transport != nil {
		t = cfg.Transport
	}
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
