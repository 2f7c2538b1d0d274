package prober

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// workers do what may hang in the kernel for ever, such as a stat on a disk that
// does not answer. Nothing can end such a call; so it is left behind, nothing else
// is begun at the same place before it returns, and the end of the process does
// not wait for it.
type workers struct {
	clock    clock.Clock
	deadline time.Duration

	mu   sync.Mutex
	busy map[string]bool // by place
}

const (
	// At once; each takes a thread for as long as the kernel does.
	maxWorkers = 16
	// Left behind, at most; each keeps its thread.
	maxHanging = 64
)

// inTime has work done at a place. The error says that it was not, or not yet:
// what it gives later is lost.
func inTime[T any](ctx context.Context, w *workers, place string, work func() T) (T, error) {
	var none T
	if err := w.begin(place); err != nil {
		return none, err
	}
	done := make(chan T, 1)
	go func() {
		result := work()
		w.end(place) // before the result, so that the next may begin with it
		done <- result
	}()
	timer := w.clock.NewTimer(w.deadline)
	defer timer.Stop()
	select {
	case result := <-done:
		return result, nil
	case <-timer.C():
		return none, w.hangs()
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// hangs is the same however long it has lasted, so that reports do not differ.
func (w *workers) hangs() error { return fmt.Errorf("hangs: no answer for %v", w.deadline) }

func (w *workers) begin(place string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy[place] {
		return w.hangs()
	}
	if len(w.busy) >= maxHanging+maxWorkers {
		return fmt.Errorf("was not looked at: %d other places hang", len(w.busy))
	}
	if w.busy == nil {
		w.busy = map[string]bool{}
	}
	w.busy[place] = true
	return nil
}

func (w *workers) end(place string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.busy, place)
}

// each calls f for 0 to n-1, some at once, and waits for all.
func each(n int, f func(i int)) {
	next := make(chan int)
	var running sync.WaitGroup
	for range min(n, maxWorkers) {
		running.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	running.Wait()
}
