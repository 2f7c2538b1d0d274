package cluster

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// paceShare is how much of a core the passes over one cluster may take while
	// devices are added: what they do not take is left to those who are waited for.
	paceShare = 0.1
	// paceBurst is what passes may take at once beyond that, so that a few devices
	// never wait.
	paceBurst = 300 * time.Millisecond
)

// pace spreads the passes over a large cluster while it grows: everything that
// changes wakes one, and ten thousand hosts change all the time while they start.
type pace struct {
	mu    sync.Mutex
	debts map[types.NamespacedName]debt
}

// debt is the time that passes took and that has not worn off at the time at.
type debt struct {
	took time.Duration
	at   time.Time
}

func (d debt) left(now time.Time) time.Duration {
	return max(0, d.took-time.Duration(paceShare*float64(now.Sub(d.at))))
}

// passed notes how long a pass took.
func (p *pace) passed(key types.NamespacedName, took time.Duration, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.debts == nil {
		p.debts = map[types.NamespacedName]debt{}
	}
	p.debts[key] = debt{took: p.debts[key].left(now) + took, at: now}
}

// wait says how long the next pass has to wait; zero: not at all.
func (p *pace) wait(key types.NamespacedName, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	over := p.debts[key].left(now) - paceBurst
	if over <= 0 {
		return 0
	}
	return time.Duration(float64(over) / paceShare)
}

func (p *pace) forget(key types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.debts, key)
}
