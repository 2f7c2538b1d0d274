package prober

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/quobyte/mesos-operator/internal/probe"
)

// RunConfig says how a prober runs as an executor.
type RunConfig struct {
	Prober      *Prober
	Environment Environment
	// MountInfo is the mount table that is watched.
	MountInfo string
	// Interval between reports when nothing happens; the first one of them comes
	// at a random part of it.
	Interval time.Duration
	Clock    clock.WithTicker
	// Rand returns random numbers in [0, 1).
	Rand func() float64
	Log  *slog.Logger
	// Idle is called when nothing is left to do for now; nil: nothing is.
	Idle func()
}

// Run runs until the agent says to end, or is gone for longer than it should, or
// ctx ends. It returns nil when it was told to end.
func Run(ctx context.Context, cfg RunConfig) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	reports := make(chan *probe.Report)
	l := &loop{RunConfig: cfg, requests: make(chan *probe.Request, maxRequests), changes: make(chan struct{}, 1), reports: reports}
	running.Go(func() {
		// Without it the interval is left, which finds the same, later.
		if err := watch(ctx, cfg.MountInfo, cfg.Clock, l.changed); err != nil {
			cfg.Log.Error("changes of mounts are found at the interval alone", "error", err)
		}
	})
	running.Go(func() { l.run(ctx) })
	e := &executor{agent: newAgent(cfg.Environment), clock: cfg.Clock, rand: cfg.Rand, log: cfg.Log, reports: reports, ask: l.ask}
	defer e.agent.http.CloseIdleConnections()
	return e.run(ctx)
}

// maxRequests that wait.
const maxRequests = 16

// coalescing of changes: a script that mounts 60 disks makes one report, or two.
const coalescing = 250 * time.Millisecond

// loop decides when to probe. The probes are made by the goroutine that calls run.
type loop struct {
	RunConfig
	requests chan *probe.Request // nil: a report that nobody asked for
	changes  chan struct{}
	reports  chan<- *probe.Report
}

// ask never waits. The executor calls it.
func (l *loop) ask(request *probe.Request) {
	select {
	case l.requests <- request:
	default:
		l.Log.Error("too many requests at once, one is ignored", "most", maxRequests)
	}
}

func (l *loop) changed() {
	select {
	case l.changes <- struct{}{}:
	default: // One is waiting.
	}
}

func (l *loop) run(ctx context.Context) {
	interval := l.Clock.NewTimer(time.Duration(l.Rand() * float64(l.Interval)))
	defer interval.Stop()
	var settle clock.Timer // nil: no change is waiting
	for {
		var settled <-chan time.Time
		if settle != nil {
			settled = settle.C()
		}
		select {
		case <-ctx.Done():
			if settle != nil {
				settle.Stop()
			}
			return
		case <-interval.C():
			interval.Reset(l.Interval)
			l.probe(ctx, nil)
		case request := <-l.requests:
			l.probe(ctx, request)
		case <-l.changes:
			if settle == nil {
				settle = l.Clock.NewTimer(coalescing)
			}
		case <-settled:
			settle = nil
			l.probeChanged(ctx)
		}
	}
}

func (l *loop) probeChanged(ctx context.Context) {
	changed, err := l.Prober.Changed()
	if err != nil {
		l.Log.Error("the mount table cannot be compared", "error", err)
		return
	}
	if changed {
		l.probe(ctx, nil)
	}
}

func (l *loop) probe(ctx context.Context, request *probe.Request) {
	report, err := l.Prober.Probe(ctx, request)
	if errors.Is(err, context.Canceled) {
		return
	}
	if err != nil {
		l.Log.Error("there is nothing to report", "error", err)
		return
	}
	select {
	case l.reports <- report:
	case <-ctx.Done():
	}
	if l.Idle != nil {
		l.Idle()
	}
}
