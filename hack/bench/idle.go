package main

import (
	"context"
	"time"
)

// calmAfter is longer than the operator holds any write back.
const calmAfter = 5 * time.Second

// idle watches the operator while nothing happens.
func (b *bench) idle(ctx context.Context) error {
	if err := pause(ctx, calmAfter); err != nil {
		return err
	}
	writesBefore, leasesBefore, err := b.audit.writes()
	if err != nil {
		return err
	}
	usedBefore, err := b.operator.usage()
	if err != nil {
		return err
	}
	callsBefore, began := b.calls(), time.Now()
	if err := pause(ctx, b.stage.Idle.Duration); err != nil {
		return err
	}
	used, err := b.operator.usage()
	if err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	writes, leases, err := b.audit.writes()
	if err != nil {
		return err
	}
	b.result.Idle = idleResult{
		Seconds: took, Writes: sum(since(writesBefore, writes)), LeaseWrites: leases - leasesBefore,
		CPU: (used.cpu - usedBefore.cpu).Seconds() / took, Calls: since(callsBefore, b.calls()),
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
