package mesostest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/recordio"
)

// session is one connection of the recording: a stream, and what was called on it.
type session struct {
	streamID string
	answers  []answer // that nobody has compared yet
	body     io.Closer
	closing  sync.Once
	closed   bool // by the client

	mu      sync.Mutex
	changed chan struct{}
	events  []received // neither heartbeats nor offers
	offers  []received // one by one
	beats   int
	end     error
}

// received is an event, or one offer of an event.
type received struct {
	at   time.Time
	body map[string]any
}

type answer struct {
	status  int
	text    string
	headers http.Header
}

func (s *session) hangUp() {
	if s.body != nil {
		s.closing.Do(func() { _ = s.body.Close() })
	}
}

// read takes what comes on the stream apart.
func (s *session) read(body io.Reader) {
	frames := recordio.NewReader(body)
	for {
		frame, err := frames.ReadFrame()
		var event map[string]any
		if err == nil {
			err = json.Unmarshal(frame, &event)
		}
		s.mu.Lock()
		switch {
		case err != nil:
			s.end = err
		case event["type"] == "HEARTBEAT":
			s.beats++
		case event["type"] == "OFFERS":
			for _, o := range event["offers"].(map[string]any)["offers"].([]any) {
				s.offers = append(s.offers, received{time.Now(), o.(map[string]any)})
			}
		default:
			s.events = append(s.events, received{time.Now(), event})
		}
		s.mu.Unlock()
		select {
		case s.changed <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// await returns when ready says so, which is asked with the session locked.
func (s *session) await(ready func() bool) error {
	deadline := time.After(patience + 10*time.Second)
	for {
		s.mu.Lock()
		ok := ready()
		s.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-s.changed:
		case <-deadline:
			return errors.New("it did not come")
		}
	}
}

// nothingLeft fails for all that came and was not in the recording.
func (s *session) nothingLeft(t *testing.T, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return // what was on its way then is nobody's concern
	}
	for _, a := range s.answers {
		t.Errorf("session %s: unexpected answer %v", name, a)
	}
	for _, e := range slices.Concat(s.events, s.offers) {
		t.Errorf("session %s: unexpected %v", name, e.body)
	}
	if s.beats != 0 {
		t.Errorf("session %s: %d unexpected heartbeats", name, s.beats)
	}
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.text) }
