package simulation

import (
	"flag"
	"fmt"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	firstSeed = flag.Uint64("seed", 1, "the first seed")
	seeds     = flag.Uint64("seeds", 12, "how many")
	always    = flag.Bool("trace", false, "write the trace of each seed, whether or not it fails")
	mostFails = flag.Int("failures", 10, "give up after so many seeds that failed")
)

// TestSimulation lives through some seeds, and says what happened in them.
func TestSimulation(t *testing.T) {
	s, c := loadShared(t), &campaign{covered: map[string]int{}}
	began := time.Now()
	t.Run("seeds", func(t *testing.T) {
		for seed := *firstSeed; seed < *firstSeed+*seeds; seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				if c.failed() >= *mostFails {
					t.Skip("enough seeds have failed")
				}
				began := time.Now()
				out := simulate(t, s, seed)
				c.add(out, time.Since(began))
				if len(out.problems) > 0 {
					t.Errorf("%s\nthe whole trace is in %s; again: make simulate SEED=%d SEEDS=1", strings.Join(out.problems, "\n"), out.trace, seed)
				}
			})
		}
	})
	c.report(t, time.Since(began))
}

// campaign sums up many simulations.
type campaign struct {
	mu       sync.Mutex
	covered  map[string]int
	done     int
	failures int
	took     time.Duration
	longest  time.Duration
	virtual  time.Duration
}

func (c *campaign) failed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failures
}

func (c *campaign) add(out outcome, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	c.took += took
	c.longest = max(c.longest, took)
	c.virtual += out.virtual
	if len(out.problems) > 0 {
		c.failures++
	}
	for name, n := range out.covered {
		c.covered[name] += n
	}
}

// enough are so many seeds that everything must have happened in them.
const enough = 200

func (c *campaign) report(t *testing.T, took time.Duration) {
	if c.done == 0 {
		return
	}
	n := time.Duration(c.done)
	fmt.Printf("%d seeds from %d in %s: %s each, %s at most, %s of virtual time each; %d failed\n", c.done, *firstSeed, took.Round(time.Millisecond),
		(c.took / n).Round(time.Millisecond), c.longest.Round(time.Millisecond), (c.virtual / n).Round(time.Second), c.failures)
	if c.done < enough && !testing.Verbose() {
		return
	}
	for _, e := range events() {
		if c.covered[e.name] == 0 && c.done >= enough {
			t.Errorf("in %d seeds it never happened: %s", c.done, e.name)
		}
		fmt.Printf("%8d  %-5s  %s\n", c.covered[e.name], e.side, e.name)
		delete(c.covered, e.name)
	}
	var rest []string
	for name := range c.covered {
		rest = append(rest, name)
	}
	sort.Strings(rest)
	for _, name := range rest {
		fmt.Printf("%8d         %s\n", c.covered[name], name)
	}
}
