package mesostest

import (
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// EventRecord is an event that is being written to a framework.
type EventRecord struct {
	Time        time.Time
	FrameworkID string
	// Stream is the id of the subscription.
	Stream string
	Event  *scheduler.Event
}

// OnEvent has f called with each event right before it is written to its stream:
// what a stalled stream holds back comes later, what is queued on one that breaks
// never. It is called without a lock, on the goroutine that serves the stream, and
// must not change the event.
func (c *Cluster) OnEvent(f func(EventRecord)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onEvent = append(c.onEvent, f)
}

// observed is an encoding that tells those who asked of each event.
func (c *Cluster) observed(s *stream[*scheduler.Event], encode encodeFunc) encodeFunc {
	c.mu.Lock()
	hooks := c.onEvent
	c.mu.Unlock()
	if len(hooks) == 0 {
		return encode
	}
	frameworkID := ""
	return func(e *scheduler.Event) ([]byte, error) {
		if e.Type == scheduler.Event_SUBSCRIBED {
			frameworkID = e.GetSubscribed().GetFrameworkID().GetValue()
		}
		for _, f := range hooks {
			f(EventRecord{Time: c.now(), FrameworkID: frameworkID, Stream: s.id, Event: e})
		}
		return encode(e)
	}
}
