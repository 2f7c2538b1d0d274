package mesosbridge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/go-logr/logr"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"k8s.io/utils/clock"
)

// Config is what a Bridge needs to run.
type Config struct {
	// Name of the cluster, for the label of the metrics.
	Name string
	// Masters are the http(s) URLs of the masters, tried in turn; a redirect
	// of one that does not lead is followed.
	Masters   []string
	Framework Framework
	// Credential is nil when the master does not authenticate.
	Credential *Credential
	Identity   Identity
	// Remembered are tasks that ran when somebody last looked (from the status
	// of the resources). They count as perhaps running until Mesos says more.
	Remembered []RememberedTask
	// UsedUp are agents that were declared gone and have been there since, as UsedUp
	// told a process before this one: being declared gone again means nothing.
	UsedUp []string
	// Wake is called after every change of the snapshot, from any goroutine; it
	// must not block. nil: nobody is woken.
	Wake func()
	// OnMessage is called for each message of an executor, in the order in which
	// they came, from the session's goroutine and without a lock; it must not
	// block. A message changes no snapshot by itself. nil: messages are dropped.
	OnMessage func(agentID, executorID string, data []byte)
	// Transport for all calls; nil: a transport of the bridge's own.
	Transport http.RoundTripper
	Clock     clock.WithTicker
	// Rand returns a number in [0,1), for jitter and nonces.
	Rand func() float64
	Log  logr.Logger
	// Metrics is shared by all bridges of a process; nil: none are kept.
	Metrics *Metrics
	// Timing is for tests; zero fields have the defaults of DefaultTiming.
	Timing Timing
}

// Timing holds every interval that the bridge goes by.
type Timing struct {
	// CallTimeout is how long an answer to a call may take, and the first event
	// of a subscription.
	CallTimeout time.Duration
	// SilentHeartbeats is how many heartbeat intervals a stream may be silent.
	// Mesos's documentation of the scheduler HTTP API names five.
	SilentHeartbeats int
	// RetryMin and RetryMax bound the back-off between subscriptions.
	RetryMin, RetryMax time.Duration
	// RoundMin and RoundMax bound the distance between the reconciliation rounds
	// that open barriers.
	RoundMin, RoundMax time.Duration
	// LookMin is how long after a subscription the master is asked again what
	// runs, for agents that were late.
	LookMin time.Duration
	// ImplicitEvery is the distance between the implicit reconciliations that
	// happen without a cause.
	ImplicitEvery time.Duration
	// ReconcileMin and ReconcileMax bound the back-off of explicit reconciliation,
	// of tasks as of probes.
	ReconcileMin, ReconcileMax time.Duration
	// KillMin and KillMax bound the back-off of a KILL that is repeated.
	KillMin, KillMax time.Duration
	// ReviveMin is the least distance between two REVIVEs.
	ReviveMin time.Duration
}

// DefaultTiming is what zero fields of a Timing stand for.
func DefaultTiming() Timing {
	return Timing{
		CallTimeout:      15 * time.Second,
		SilentHeartbeats: 5,
		RetryMin:         500 * time.Millisecond,
		RetryMax:         30 * time.Second,
		RoundMin:         50 * time.Millisecond,
		RoundMax:         30 * time.Second,
		LookMin:          30 * time.Second,
		ImplicitEvery:    15 * time.Minute,
		ReconcileMin:     5 * time.Second,
		ReconcileMax:     5 * time.Minute,
		KillMin:          5 * time.Second,
		KillMax:          time.Minute,
		ReviveMin:        500 * time.Millisecond,
	}
}

func (t Timing) withDefaults() Timing {
	d := DefaultTiming()
	for _, f := range []struct{ have, def *time.Duration }{
		{&t.CallTimeout, &d.CallTimeout},
		{&t.RetryMin, &d.RetryMin}, {&t.RetryMax, &d.RetryMax},
		{&t.RoundMin, &d.RoundMin}, {&t.RoundMax, &d.RoundMax},
		{&t.LookMin, &d.LookMin}, {&t.ImplicitEvery, &d.ImplicitEvery},
		{&t.ReconcileMin, &d.ReconcileMin}, {&t.ReconcileMax, &d.ReconcileMax},
		{&t.KillMin, &d.KillMin}, {&t.KillMax, &d.KillMax},
		{&t.ReviveMin, &d.ReviveMin},
	} {
		if *f.have <= 0 {
			*f.have = *f.def
		}
	}
	if t.SilentHeartbeats <= 0 {
		t.SilentHeartbeats = d.SilentHeartbeats
	}
	return t
}

// complete checks the configuration and fills in what was left out.
func (c Config) complete() (Config, error) {
	if c.Identity == nil {
		return c, errors.New("no Identity: nobody guards who speaks as the framework")
	}
	if len(c.Masters) == 0 {
		return c, errors.New("no URL of a master")
	}
	for i, m := range c.Masters {
		// The URL itself is kept out of the errors: it may hold a password.
		u, err := url.Parse(m)
		switch {
		case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
			return c, fmt.Errorf("master %d of the list is not an http or https URL", i+1)
		case u.User != nil:
			return c, fmt.Errorf("master %d of the list holds credentials in its URL: they belong in the Credential", i+1)
		}
	}
	if len(c.Framework.Roles) == 0 {
		c.Framework.Roles = []string{"*"}
	}
	if c.Wake == nil {
		c.Wake = func() {}
	}
	if c.Clock == nil {
		c.Clock = clock.RealClock{}
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	c.Timing = c.Timing.withDefaults()
	return c, nil
}

// Framework is how the framework presents itself to Mesos.
type Framework struct {
	Name            string
	User            string
	Roles           []string
	Principal       string
	FailoverTimeout time.Duration
	WebUIURL        string
	Hostname        string
}

// Credential authenticates the framework by HTTP basic authentication.
type Credential struct {
	Principal string
	Secret    string
}

// Identity guards who may speak as the framework (rules 6 and 10).
type Identity interface {
	// FrameworkID is asked right before every SUBSCRIBE. It confirms that this
	// process may act at all, and returns the id to subscribe with, empty for a
	// new framework. An error means: do not subscribe now; ErrFailedOver, that
	// another process leads and Run ends.
	FrameworkID(ctx context.Context) (string, error)
	// Adopt keeps the id that the master gave to a new framework. It is called
	// before the first offer is used. After an error the new framework is torn
	// down unused.
	Adopt(ctx context.Context, frameworkID string) error
}

// RememberedTask is a task that ran when somebody last looked.
type RememberedTask struct {
	TaskID  string
	AgentID string
}

// Accept uses offers of one agent for operations and launches, of which there must
// be at least one.
type Accept struct {
	AgentID  string
	OfferIDs []string
	// Operations are executed first, in this order. Tasks may use what they make;
	// when one fails, what depends on it fails too (a task with TASK_ERROR).
	Operations []Operation
	Tasks      []mesos.TaskInfo
}

// Operation changes what kind of resources those of an offer are.
type Operation struct {
	// ID by which its end is told; it must not be used again.
	ID string
	// Offer_Operation is a RESERVE, UNRESERVE, CREATE or DESTROY; its own ID is
	// overwritten.
	mesos.Offer_Operation
}

// Errors of Run and of the calls.
var (
	// ErrFailedOver: another process speaks as this framework now. The process must
	// end (rule 10).
	ErrFailedOver = errors.New("another scheduler has taken the framework over")
	// ErrStale: the decision rests on a state that is gone (an offer was
	// rescinded, the subscription ended, the agent's barrier closed). Nothing was
	// sent; plan again.
	ErrStale = errors.New("the state that this was decided on has changed")
)
