package mesosbridge_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// world is a Mesos cluster with bridges, in a bubble of virtual time.
type world struct {
	*testing.T
	mesos     *mesostest.Cluster
	transport *http.Transport

	mu    sync.Mutex
	calls []mesostest.CallRecord
	log   strings.Builder
}

func inWorld(t *testing.T, cfg mesostest.Config, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, mesos: mesostest.New(cfg)}
		w.mesos.StartInMemory()
		w.transport = w.mesos.Transport()
		w.mesos.OnCall(func(r mesostest.CallRecord) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.calls = append(w.calls, r)
		})
		defer func() {
			w.transport.CloseIdleConnections()
			w.mesos.Close()
		}()
		f(w)
	})
}

// bridge is a Bridge that runs.
type bridge struct {
	*mesosbridge.Bridge
	w      *world
	id     *identity
	stop   context.CancelFunc
	result chan error
	ended  bool
	err    error
}

func (w *world) config(id *identity) mesosbridge.Config {
	return mesosbridge.Config{
		Name:    "test",
		Masters: []string{w.mesos.URL()},
		Framework: mesosbridge.Framework{
			Name: "quobyte", User: "root", Roles: []string{"quobyte"},
			FailoverTimeout: 168 * time.Hour, Hostname: "operator", WebUIURL: "http://operator/",
		},
		Identity:  id,
		Transport: w.transport,
		Log:       w.logger(),
	}
}

func (w *world) logger() logr.Logger {
	return funcr.New(func(prefix, args string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		fmt.Fprintln(&w.log, prefix, args)
	}, funcr.Options{Verbosity: 1})
}

// start starts a bridge. It is checked against the cluster after every change.
// The test must end it, or the bubble does not end.
func (w *world) start(cfg mesosbridge.Config) *bridge {
	w.Helper()
	b := &bridge{w: w, result: make(chan error, 1)}
	b.id, _ = cfg.Identity.(*identity)
	check := make(chan struct{}, 1)
	cfg.Wake = func() {
		select {
		case check <- struct{}{}:
		default:
		}
	}
	var err error
	if b.Bridge, err = mesosbridge.New(cfg); err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.stop = cancel
	go func() { b.result <- b.Run(ctx) }()
	go func() {
		for {
			select {
			case <-check:
				b.checkBarriers()
			case <-ctx.Done():
				return
			}
		}
	}()
	return b
}

// end stops the bridge and returns what Run did.
func (b *bridge) end() error {
	b.stop()
	return b.wait()
}

func (b *bridge) wait() error {
	b.w.Helper()
	if !b.ended {
		select {
		case b.err = <-b.result:
			b.ended = true
		case <-time.After(time.Hour):
			b.w.Fatal("Run does not return")
		}
	}
	b.stop()
	return b.err
}

// checkBarriers is rule 2: on an agent behind its barrier no process runs that
// the snapshot does not show.
func (b *bridge) checkBarriers() {
	for _, h := range b.w.mesos.Hosts() {
		before := b.w.mesos.Running(h.Host)
		snap := b.Snapshot()
		after := b.w.mesos.Running(h.Host)
		for _, p := range before {
			a := snap.Agents[p.AgentID]
			still := slices.ContainsFunc(after, func(r mesostest.TaskRecord) bool { return r.ID == p.ID })
			if a != nil && a.Behind && still && snap.Tasks[p.ID] == nil && p.FrameworkID == snap.FrameworkID {
				b.w.Errorf("agent %s is behind its barrier, and the snapshot does not show %s, which runs there", h.Host, p.ID)
			}
		}
	}
}

// until waits for something, at most an hour of virtual time.
func (w *world) until(what string, done func() bool) {
	w.Helper()
	for range 360_000 {
		synctest.Wait()
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.Fatalf("it does not happen: %s", what)
}

// rest lets time pass.
func (w *world) rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (b *bridge) agent(host string) *mesosbridge.Agent {
	for _, a := range b.Snapshot().Agents {
		if a.Host == host && a.Registered {
			return a
		}
	}
	return &mesosbridge.Agent{}
}

func (b *bridge) untilConnected() {
	b.w.Helper()
	b.w.until("the bridge is connected", func() bool { return b.Snapshot().Connected })
}

func (b *bridge) untilReady(hosts ...string) {
	b.w.Helper()
	b.w.until("there are offers behind the barrier", func() bool {
		return !slices.ContainsFunc(hosts, func(h string) bool {
			a := b.agent(h)
			return !a.Behind || len(a.Offers) == 0
		})
	})
}

func (b *bridge) untilState(id string, want mesos.TaskState) {
	b.w.Helper()
	b.w.until(id+" is "+want.String(), func() bool { return b.state(id) == want })
}

// state of a task, ended or not.
func (b *bridge) state(id string) mesos.TaskState {
	snap := b.Snapshot()
	if t := snap.Tasks[id]; t != nil {
		return t.State
	}
	for _, t := range snap.Ended {
		if t.ID == id {
			return t.State
		}
	}
	return -1
}

// launch launches a task on a host.
func (b *bridge) launch(host, id string) error {
	a := b.agent(host)
	if len(a.Offers) == 0 {
		return mesosbridge.ErrStale
	}
	return b.Accept(mesosbridge.Accept{
		AgentID: a.ID, OfferIDs: []string{a.Offers[0].ID}, Tasks: []mesos.TaskInfo{taskInfo(a.ID, id)},
	})
}

func (b *bridge) run(host, id string) {
	b.w.Helper()
	b.untilReady(host)
	if err := b.launch(host, id); err != nil {
		b.w.Fatal(err)
	}
	b.untilState(id, mesos.TASK_RUNNING)
}

func taskInfo(agentID, id string) mesos.TaskInfo {
	cpus := mesos.Resource{Name: "cpus", Type: mesos.SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: 0.1},
		AllocationInfo: &mesos.Resource_AllocationInfo{Role: str("quobyte")}}
	mem := cpus
	mem.Name, mem.Scalar = "mem", &mesos.Value_Scalar{Value: 32}
	return mesos.TaskInfo{
		Name: id, TaskID: mesos.TaskID{Value: id}, AgentID: mesos.AgentID{Value: agentID},
		Resources: []mesos.Resource{cpus, mem},
		Command:   &mesos.CommandInfo{Value: str("sleep 1000")},
	}
}

func str(s string) *string { return &s }

// count counts the calls that the master took of a kind.
func (w *world) count(match func(c *scheduler.Call) bool) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, r := range w.calls {
		if r.Status < 300 && match(r.Call) {
			n++
		}
	}
	return n
}

func ofType(t scheduler.Call_Type) func(*scheduler.Call) bool {
	return func(c *scheduler.Call) bool { return c.Type == t }
}

func implicit(c *scheduler.Call) bool {
	return c.Type == scheduler.Call_RECONCILE && len(c.Reconcile.Tasks) == 0
}

// identity is an Identity in memory.
type identity struct {
	mu      sync.Mutex
	id      string
	err     error // of FrameworkID
	adopt   error
	adopts  []string
	asked   int
	onAdopt func()
}

func (i *identity) FrameworkID(context.Context) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked++
	return i.id, i.err
}

func (i *identity) Adopt(_ context.Context, id string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.adopts = append(i.adopts, id)
	if i.onAdopt != nil {
		i.onAdopt()
	}
	if i.adopt != nil {
		return i.adopt
	}
	if i.id != "" && i.id != id {
		return errors.New("conflict")
	}
	i.id = id
	return nil
}

func (i *identity) set(f func(*identity)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f(i)
}

func (i *identity) times() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}
