package mesostest

import (
	"container/heap"
	"time"
)

// A timer is one deadline of the cluster. They are kept in one heap, because
// there may be several for each of tens of thousands of tasks.
type timer struct {
	at    time.Time
	seq   uint64 // timers of one moment fire in the order they were made
	fire  func() // called with the lock held
	index int    // in the heap; -1 when it is not there
}

// after calls fire, with the lock held, when d has passed. The lock must be held.
func (c *Cluster) after(d time.Duration, fire func()) *timer {
	return c.at(c.now().Add(d), fire)
}

func (c *Cluster) at(at time.Time, fire func()) *timer {
	c.timerSeq++
	t := &timer{at: at, seq: c.timerSeq, fire: fire}
	heap.Push(&c.timers, t)
	if t.index == 0 {
		c.poke()
	}
	return t
}

// stop forgets a timer; nil and timers that have fired are fine.
func (c *Cluster) stop(t *timer) {
	if t != nil && t.index >= 0 {
		heap.Remove(&c.timers, t.index)
	}
}

// running: it has neither fired nor been stopped; nil does not run.
func (t *timer) running() bool { return t != nil && t.index >= 0 }

// poke makes the loop look at the heap again.
func (c *Cluster) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// loop fires timers until the cluster is closed.
func (c *Cluster) loop() {
	defer c.background.Done()
	for {
		now, next := c.fireDue()
		if next == nil {
			select {
			case <-c.wake:
			case <-c.done:
				return
			}
			continue
		}
		wait := c.clock.NewTimer(next.Sub(now))
		// A fake clock may have been moved between reading it and making the timer,
		// which then would fire late by as much.
		if c.clock.Since(now) > time.Millisecond {
			wait.Stop()
			continue
		}
		select {
		case <-wait.C():
		case <-c.wake:
		case <-c.done:
			wait.Stop()
			return
		}
		wait.Stop()
	}
}

// fireDue fires what is due and returns the time and the next deadline.
func (c *Cluster) fireDue() (now time.Time, next *time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		now = c.now()
		if len(c.timers) == 0 {
			return now, nil
		}
		first := c.timers[0]
		if first.at.After(now) {
			return now, &first.at
		}
		heap.Pop(&c.timers)
		first.fire()
		c.notify()
	}
}

// timerHeap implements heap.Interface.
type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].seq < h[j].seq
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}
