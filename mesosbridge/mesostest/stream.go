package mesostest

import (
	"errors"
	"net/http"
	"sync"

	"github.com/mesos/mesos-go/api/v1/lib/recordio"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// stream is the answer to one SUBSCRIBE, of a framework or an executor: events
// until either side ends it. The cluster appends to it; the goroutine of the HTTP
// request writes it out.
type stream[E any] struct {
	id     string
	wake   chan struct{}
	beat   *timer
	mu     sync.Mutex
	queue  []E
	silent bool
	ending ending
}

func newStream[E any]() *stream[E] { return &stream[E]{wake: make(chan struct{}, 1)} }

type ending int

const (
	open ending = iota
	ended
	broken // the connection is cut, without the end of the HTTP body
)

func (s *stream[E]) send(events ...E) {
	s.update(func() {
		if s.ending == open {
			s.queue = append(s.queue, events...)
		}
	})
}

// end closes the stream after what is queued (the client sees EOF).
func (s *stream[E]) end() { s.update(func() { s.ending = max(s.ending, ended) }) }

// cut closes the connection at once (the client sees an unexpected EOF).
func (s *stream[E]) cut() { s.update(func() { s.ending = broken }) }

// stall makes the stream hold back all that comes, while it stays open.
func (s *stream[E]) stall(silent bool) { s.update(func() { s.silent = silent }) }

func (s *stream[E]) update(f func()) {
	s.mu.Lock()
	f()
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// next is what there is to write.
func (s *stream[E]) next() ([]E, ending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending == broken {
		return nil, broken
	}
	if s.silent {
		return nil, open
	}
	events := s.queue
	s.queue = nil
	return events, s.ending
}

var errCut = errors.New("stream cut")

// write writes events as RecordIO frames until the stream ends, the client goes
// away or stop is closed.
func (s *stream[E]) write(w http.ResponseWriter, r *http.Request, encode func(E) ([]byte, error), stop <-chan struct{}) error {
	frames := recordio.NewWriter(w)
	flush := http.NewResponseController(w)
	if err := flush.Flush(); err != nil {
		return err
	}
	for {
		events, ending := s.next()
		for _, e := range events {
			frame, err := encode(e)
			if err != nil {
				return err
			}
			if err := frames.WriteFrame(frame); err != nil {
				return err
			}
		}
		if len(events) > 0 {
			if err := flush.Flush(); err != nil {
				return err
			}
		}
		switch ending {
		case ended:
			return nil
		case broken:
			return errCut
		}
		select {
		case <-s.wake:
		case <-r.Context().Done():
			return r.Context().Err()
		case <-stop:
			return errCut
		}
	}
}

// heartbeat sends the first HEARTBEAT now, and one each interval from then on.
func (c *Cluster) heartbeat(s *stream[*scheduler.Event]) {
	s.send(&scheduler.Event{Type: scheduler.Event_HEARTBEAT})
	s.beat = c.after(c.cfg.HeartbeatInterval, func() { c.heartbeat(s) })
}
