package mesostest

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"k8s.io/utils/clock"
)

// Config says what a Cluster is like. The zero value works: no agents, real time.
type Config struct {
	// Clock is where all time comes from; nil: the real one.
	Clock clock.Clock
	// Agents that are registered from the start. AddAgent adds more.
	Agents []Agent
	// Script decides how each task behaves; nil: Healthy.
	Script Script
	// Processes has tasks and executors run as real processes; nil: tasks do what
	// Script says.
	Processes *Processes
	// StartExecutor starts executors of the frameworks' own, when Processes does
	// not: it is told of each, with the cluster locked, and has ExecutorEnded
	// called in the end. Nil: a task with such an executor is scripted, too.
	StartExecutor func(ExecutorStart)
	// SimulateExecutor is asked first about each executor of a framework's own that
	// is to start: nil is answered when it shall not be simulated, and is run as
	// without SimulateExecutor. It is called with the cluster locked and must not
	// call the cluster. send delivers a message to the framework, as long as the
	// executor lives and its agent is connected; it returns at once and may be
	// called from any goroutine, and here and in Message, too.
	SimulateExecutor func(start ExecutorStart, send func(data []byte)) SimulatedExecutor
	// Admin serves what is below /admin/ on the masters' addresses, for faults on
	// request; nil: nobody does.
	Admin http.Handler
	// Credentials of principals and their secrets; nil: nobody is authenticated.
	Credentials map[string]string

	// AllocationInterval between rounds of offers; zero: 500ms.
	AllocationInterval time.Duration
	// HeartbeatInterval on the streams; zero: 15s.
	HeartbeatInterval time.Duration
	// PingTimeout is how long an agent is away before it counts as
	// unreachable; zero: 15s, as in the recordings (5 pings of 3s).
	PingTimeout time.Duration
	// ReregisterTimeout is how long a new master waits for the agents of its
	// registry before they are unreachable; zero: 10 minutes.
	ReregisterTimeout time.Duration
	// RegistrationDelay is how long an agent that was started needs to register.
	RegistrationDelay time.Duration
	// Rand is the source of all ids and of the order of agents; nil: a random seed.
	Rand *rand.Rand
}

// Cluster is a Mesos cluster in memory. Its methods may be called from any
// goroutine at any time.
type Cluster struct {
	cfg   Config
	clock clock.Clock

	mu       sync.Mutex
	rand     *rand.Rand
	timers   timerHeap
	timerSeq uint64
	master   *master
	hosts    []string          // in the order they were added
	agents   map[string]*agent // the present agent of each host
	history  history
	faults   faults
	started  time.Time     // rounds of allocation are counted from here
	watchers chan struct{} // closed on a change; nil when nobody waits
	onCall   []func(CallRecord)
	onEvent  []func(EventRecord)
	running  running

	simulations simulations

	server     server
	wake       chan struct{}
	done       chan struct{}
	background sync.WaitGroup
	lifetime   context.Context // until Close
	end        context.CancelFunc
}

// New makes a cluster. It is not reachable, and no time passes in it, before Start.
func New(cfg Config) *Cluster {
	cfg.setDefaults()
	c := &Cluster{
		cfg:    cfg,
		clock:  cfg.Clock,
		rand:   cfg.Rand,
		agents: map[string]*agent{},
		wake:   make(chan struct{}, 1),
		done:   make(chan struct{}),

		simulations: simulations{wake: make(chan struct{}, 1)},
	}
	c.lifetime, c.end = context.WithCancel(context.Background())
	c.started = c.now()
	c.history.init()
	c.master = newMaster(c.uuid(), c.started)
	for _, a := range cfg.Agents {
		c.AddAgent(a)
	}
	return c
}

func (cfg *Config) setDefaults() {
	if cfg.Clock == nil {
		cfg.Clock = clock.RealClock{}
	}
	if cfg.Script == nil {
		cfg.Script = Healthy
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&cfg.AllocationInterval, 500 * time.Millisecond},
		{&cfg.HeartbeatInterval, 15 * time.Second},
		{&cfg.PingTimeout, 15 * time.Second},
		{&cfg.ReregisterTimeout, 10 * time.Minute},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
}

// change runs f with the lock held and tells those in Wait that something changed.
func (c *Cluster) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	c.notify()
}

// notify wakes those in Wait. The lock must be held.
func (c *Cluster) notify() {
	if c.watchers != nil {
		close(c.watchers)
		c.watchers = nil
	}
}

func (c *Cluster) now() time.Time { return c.clock.Now() }

// seconds is a time as Mesos writes it in JSON and protobuf.
func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// uuid from the cluster's source of randomness (RFC 9562, version 4).
func (c *Cluster) uuid() uuid.UUID {
	var id uuid.UUID
	for i := 0; i < len(id); i += 8 {
		n := c.rand.Uint64()
		for j := range 8 {
			id[i+j] = byte(n >> (8 * j))
		}
	}
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}
