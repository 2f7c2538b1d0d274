package main

import (
	"context"
	"time"
)

// calmAfter is longer than the operator holds any write back, and than services take to
// prove themselves: what ran well is noted when all have run for spec.update.minReady.
const calmAfter = 40 * time.Second

// idle watches the operator while nothing happens.
func (b *bench) idle(ctx context.Context) error {
	if err := pause(ctx, calmAfter); err != nil {
		return err
	}
	watched, err := b.watch(ctx, b.stage.Idle.Duration)
	b.result.Idle = watched
	return err
}

// watch says what the operator does during that time.
func (b *bench) watch(ctx context.Context, during time.Duration) (idleResult, error) {
	var none idleResult
	writesBefore, leasesBefore, err := b.audit.writes()
	if err != nil {
		return none, err
	}
	usedBefore, err := b.operator.usage()
	if err != nil {
		return none, err
	}
	callsBefore, began := b.calls(), time.Now()
	if err := pause(ctx, during); err != nil {
		return none, err
	}
	used, err := b.operator.usage()
	if err != nil {
		return none, err
	}
	took := time.Since(began).Seconds()
	writes, leases, err := b.audit.writes()
	if err != nil {
		return none, err
	}
	return idleResult{
		Seconds: took, Writes: sum(since(writesBefore, writes)), LeaseWrites: leases - leasesBefore,
		CPU: (used.cpu - usedBefore.cpu).Seconds() / took, Calls: since(callsBefore, b.calls()),
	}, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
