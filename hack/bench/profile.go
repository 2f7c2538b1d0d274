package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
)

// startProfile takes CPU profiles of the operator until stop, which takes one of
// the heap too. The files, whose names begin with that of the step, are for
// go tool pprof.
func (b *bench) startProfile(ctx context.Context, step string) (stop func() error) {
	if b.operator.pprof == "" {
		return func() error { return nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	var err error
	group.Go(func() {
		// A profile that is cut short is lost: they are taken one after the other.
		for n := 1; ctx.Err() == nil && err == nil; n++ {
			err = b.fetchProfile("profile?seconds=5", fmt.Sprintf("%s-cpu-%02d.pprof", step, n))
		}
	})
	return func() error {
		cancel()
		group.Wait()
		if err != nil {
			return err
		}
		if err := b.fetchProfile("allocs", step+"-allocs.pprof"); err != nil {
			return err
		}
		return b.fetchProfile("heap", step+"-heap.pprof")
	}
}

func (b *bench) fetchProfile(what, file string) error {
	resp, err := http.Get("http://" + b.operator.pprof + "/debug/pprof/" + what)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("profile %s: %s", what, resp.Status)
	}
	out, err := os.Create(filepath.Join(b.dir, file))
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, resp.Body); err != nil {
		return fmt.Errorf("profile %s: %w", what, err)
	}
	return out.Close()
}
