package mesosbridge

import (
	"context"
	"hash/fnv"
	"sync"
)

// lanes is how many calls may be under way at once. A master handles calls one
// after the other; a few at once keep it busy over the network's latency.
const lanes = 8

// sender sends the calls of one session. Calls of one agent go through one lane
// and so keep their order; calls without an agent have the first lane for
// themselves.
type sender struct {
	lanes    []*lane
	call     func(ctx context.Context, o *outgoing) answer
	answered func(o *outgoing, a answer)
	wg       sync.WaitGroup
}

// lane is an unbounded queue, so that deciding never waits for sending. It is
// bounded by what there is to decide: offers, tasks and updates.
type lane struct {
	mu     sync.Mutex
	queue  []*outgoing
	closed bool
	wake   chan struct{}
}

// start starts the lanes, which send until ctx ends. finish must follow.
func (s *sender) start(ctx context.Context) {
	for range 1 + lanes {
		l := &lane{wake: make(chan struct{}, 1)}
		s.lanes = append(s.lanes, l)
		s.wg.Go(func() { s.run(ctx, l) })
	}
}

// enqueue does not block.
func (s *sender) enqueue(o *outgoing) {
	l := s.lanes[0]
	if o.agent != "" {
		h := fnv.New32a()
		_, _ = h.Write([]byte(o.agent))
		l = s.lanes[1+h.Sum32()%lanes]
	}
	l.mu.Lock()
	l.queue = append(l.queue, o)
	l.mu.Unlock()
	l.signal()
}

// finish waits until every call that was enqueued has its answer. ctx has ended,
// and nothing is enqueued any more.
func (s *sender) finish() {
	for _, l := range s.lanes {
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		l.signal()
	}
	s.wg.Wait()
}

func (l *lane) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (s *sender) run(ctx context.Context, l *lane) {
	for {
		l.mu.Lock()
		queue, closed := l.queue, l.closed
		l.queue = nil
		l.mu.Unlock()
		for _, o := range queue {
			a := answer{outcome: unsent, text: "the subscription ended before"}
			if ctx.Err() == nil {
				a = s.call(ctx, o)
			}
			s.answered(o, a)
		}
		if len(queue) > 0 {
			continue
		}
		if closed {
			return
		}
		<-l.wake
	}
}
