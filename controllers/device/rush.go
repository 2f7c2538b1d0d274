package device

import (
	"sync"
	"time"
)

const (
	// crowd is how many devices that arrive within rushLasts are a rush.
	crowd     = 32
	rushLasts = time.Second
	// yieldFor is how long a status waits while there is one.
	yieldFor = 2 * time.Second
)

// rush tells when devices arrive by the hundreds. Services wait for the
// finalizers of their devices, people can wait for statuses; and a status that is
// written in the rush is written again when the services have started.
type rush struct {
	mu    sync.Mutex
	times [crowd]time.Time // of the last finalizers, in a ring
	next  int
}

// arrived notes that a device got its finalizer.
func (r *rush) arrived(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times[r.next] = now
	r.next = (r.next + 1) % crowd
}

// on says whether there is a rush.
func (r *rush) on(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	oldest := r.times[r.next]
	return !oldest.IsZero() && now.Sub(oldest) < rushLasts
}
