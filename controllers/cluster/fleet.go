package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// wakeDelay gathers what Mesos says in a burst into one pass: a task that failed
// and the offer of what it gave back, for one. Where passes are long it lasts for
// half of one, up to wakeDelayMost: who comes too late waits for a whole one.
const (
	wakeDelay     = 10 * time.Millisecond
	wakeDelayMost = 50 * time.Millisecond
)

// Fleet owns the bridges, one for each QuobyteCluster. It is a manager's
// Runnable that runs on the leader alone, and ends when another process has
// taken over one of its frameworks: then this one leads no more (rule 10).
type Fleet struct {
	client client.Client
	reader client.Reader
	lease  *Lease
	clock  clock.WithTicker
	rand   func() float64
	log    logr.Logger
	// transport of all bridges; nil: each has its own.
	transport http.RoundTripper
	metrics   *mesosbridge.Metrics
	taking    sync.Mutex // see identity

	run    context.Context
	cancel context.CancelFunc
	fatal  chan error
	group  sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	members map[types.NamespacedName]*member
	queue   workqueue.TypedRateLimitingInterface[reconcile.Request]
}

// member is one cluster's bridge.
type member struct {
	uid       types.UID // of the cluster object
	bridge    *mesosbridge.Bridge
	identity  *identity
	ledger    *ledger
	revisions *revisions
	probes    *probes
	asked     asked
	endpoint  Endpoint
	secretRef v1alpha1.SecretKeyReference
	// bootstrapped: a registry of the framework has run, as is known from elsewhere than
	// the status; bootstrapKept: the ConfigMap says so.
	bootstrapped, bootstrapKept bool
	cancel                      context.CancelFunc
	// namespaceEnds: the namespace is being deleted, which nothing undoes.
	namespaceEnds bool
	// done is closed when the bridge has ended.
	done chan struct{}
	// passTook is how long the last pass took, in nanoseconds.
	passTook atomic.Int64
	// unsettled is when a pass first did not know what runs; zero while it is
	// known.
	unsettled time.Time
	// noticed are the notices that were told, message by reason and device.
	noticed map[string]string
	// saidGone are the agents that a person has declared gone, as the log tells.
	saidGone []string
	// usedUp are the agents that were there again after a person had declared them gone,
	// as the ConfigMap has them.
	usedUp []string
	// answered is what was said last of the maintenance of agents, by agent id.
	answered map[string]string
}

// unsettledFor is how long it has not been known what runs.
func (m *member) unsettledFor(s *mesosbridge.Snapshot, now time.Time) time.Duration {
	switch {
	case s.Connected && s.Reconciled:
		m.unsettled = time.Time{}
		return 0
	case m.unsettled.IsZero():
		m.unsettled = now
	}
	return now.Sub(m.unsettled)
}

// Endpoint is where and as whom to subscribe. A change of it subscribes anew.
type Endpoint struct {
	Masters    []string
	Framework  mesosbridge.Framework
	Credential *mesosbridge.Credential
}

// FleetConfig is what a Fleet needs.
type FleetConfig struct {
	Client client.Client
	Reader client.Reader // past the cache
	// Lease is nil without leader election.
	Lease     *Lease
	Clock     clock.WithTicker
	Rand      func() float64
	Log       logr.Logger
	Transport http.RoundTripper
	Metrics   *mesosbridge.Metrics
}

// NewFleet returns a Fleet without bridges.
func NewFleet(c FleetConfig) *Fleet {
	run, cancel := context.WithCancel(context.Background())
	return &Fleet{
		client: c.Client, reader: c.Reader, lease: c.Lease, clock: c.Clock, rand: c.Rand,
		log: c.Log, transport: c.Transport, metrics: c.Metrics,
		run: run, cancel: cancel, fatal: make(chan error, 1),
		members: map[types.NamespacedName]*member{},
	}
}

// NeedLeaderElection keeps the bridges to the leader.
func (f *Fleet) NeedLeaderElection() bool { return true }

// Start waits until ctx ends or a framework is taken over, and then for all
// bridges to end. Their frameworks go on in Mesos.
func (f *Fleet) Start(ctx context.Context) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-f.fatal:
	}
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel()
	f.group.Wait()
	return err
}

// WakeInto names the queue that wake-ups go to.
func (f *Fleet) WakeInto(queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue = queue
}

func (f *Fleet) wake(key types.NamespacedName) {
	f.mu.Lock()
	queue, delay := f.queue, wakeDelay
	if m := f.members[key]; m != nil {
		delay = min(max(time.Duration(m.passTook.Load()/2), wakeDelay), wakeDelayMost)
	}
	f.mu.Unlock()
	if queue != nil {
		queue.AddAfter(reconcile.Request{NamespacedName: key}, delay)
	}
}

// Find returns the cluster's bridge, nil when there is none.
func (f *Fleet) Find(key types.NamespacedName) *member {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.members[key]
}

// Ensure returns the cluster's bridge, started or led to a new endpoint when
// that is needed.
func (f *Fleet) Ensure(ctx context.Context, cluster *v1alpha1.QuobyteCluster, endpoint Endpoint) (*member, error) {
	key := client.ObjectKeyFromObject(cluster)
	have := f.Find(key)
	if have != nil {
		if !reflect.DeepEqual(have.endpoint, endpoint) {
			if err := have.bridge.Reconfigure(f.bridgeConfig(key, have, nil, endpoint)); err != nil {
				return nil, fmt.Errorf("subscribe anew: %w", err)
			}
			have.endpoint = endpoint
		}
		have.secretRef = secretRefOf(cluster)
		return have, nil
	}
	return f.start(ctx, cluster, endpoint)
}

// start starts the bridge of a cluster. It remembers the tasks of the status:
// after a restart of the operator and of Mesos nobody else does.
func (f *Fleet) start(ctx context.Context, cluster *v1alpha1.QuobyteCluster, endpoint Endpoint) (*member, error) {
	key := client.ObjectKeyFromObject(cluster)
	// Before the statuses: what goes from here was written there before.
	launched, err := openLedger(ctx, f.reader, f.client, key, fmt.Sprintf("%016x", uint64(f.rand()*(1<<53))))
	if err != nil {
		return nil, err
	}
	remembered, err := f.remember(ctx, key)
	if err != nil {
		return nil, err
	}
	remembered = append(remembered, launched.remembered()...)
	m := &member{
		uid:       cluster.UID,
		identity:  f.identity(key),
		ledger:    launched,
		endpoint:  endpoint,
		secretRef: secretRefOf(cluster),
		done:      make(chan struct{}),
		probes:    newProbes(f.log.WithValues("cluster", key.String()), func() { f.wake(key) }),
	}
	if m.revisions, err = loadRevisions(ctx, f.reader, f.client, key); err != nil {
		return nil, err
	}
	if m.usedUp, err = m.identity.usedUp(ctx); err != nil {
		return nil, err
	}
	if m.bridge, err = mesosbridge.New(f.bridgeConfig(key, m, remembered, endpoint)); err != nil {
		return nil, fmt.Errorf("configure the bridge: %w", err)
	}
	run, cancel := context.WithCancel(f.run)
	m.cancel = cancel

	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		cancel()
		return nil, errors.New("the operator is shutting down")
	}
	f.members[key] = m
	f.group.Go(func() {
		defer close(m.done)
		defer cancel()
		if err := m.bridge.Run(run); err != nil && run.Err() == nil {
			f.fail(key, err)
		}
		f.wake(key)
	})
	return m, nil
}

// fail ends the process: a scheduler that was taken over must not act again.
func (f *Fleet) fail(key types.NamespacedName, err error) {
	select {
	case f.fatal <- fmt.Errorf("cluster %s: %w", key, err):
	default: // One reason to end is enough.
	}
}

// Remove ends the cluster's bridge, if there is one, and waits for it. The
// framework goes on in Mesos.
func (f *Fleet) Remove(key types.NamespacedName) {
	f.mu.Lock()
	m := f.members[key]
	delete(f.members, key)
	f.mu.Unlock()
	if m != nil {
		m.cancel()
		<-m.done
	}
}

func (f *Fleet) bridgeConfig(key types.NamespacedName, m *member, remembered []mesosbridge.RememberedTask, e Endpoint) mesosbridge.Config {
	return mesosbridge.Config{
		Name:    key.String(),
		Masters: e.Masters, Framework: e.Framework, Credential: e.Credential,
		Identity: m.identity, Remembered: remembered, UsedUp: m.usedUp,
		Wake: func() { f.wake(key) },
		OnMessage: func(agentID, executorID string, data []byte) {
			m.probes.take(agentID, executorID, data, f.clock.Now())
		},
		Transport: f.transport, Clock: f.clock, Rand: f.rand, Metrics: f.metrics,
		Log: f.log.WithValues("cluster", key.String()),
	}
}

func (f *Fleet) identity(key types.NamespacedName) *identity {
	return &identity{key: key, reader: f.reader, client: f.client, lease: f.lease, taking: &f.taking}
}

// remember collects the tasks that the status of the cluster and of its devices
// named last. It reads past the cache: the cache may be behind a write of the
// leader before us.
func (f *Fleet) remember(ctx context.Context, key types.NamespacedName) ([]mesosbridge.RememberedTask, error) {
	cluster := &v1alpha1.QuobyteCluster{}
	if err := f.reader.Get(ctx, key, cluster); err != nil {
		return nil, fmt.Errorf("read the cluster: %w", err)
	}
	list := &v1alpha1.QuobyteDeviceList{}
	if err := f.reader.List(ctx, list, client.InNamespace(key.Namespace)); err != nil {
		return nil, fmt.Errorf("list the devices: %w", err)
	}
	devices := make([]*v1alpha1.QuobyteDevice, 0, len(list.Items))
	for i := range list.Items {
		if list.Items[i].Spec.ClusterRef.Name == key.Name {
			devices = append(devices, &list.Items[i])
		}
	}
	return rememberedTasks(cluster, devices), nil
}

// rememberedTasks are those that the status names.
func rememberedTasks(cluster *v1alpha1.QuobyteCluster, devices []*v1alpha1.QuobyteDevice) []mesosbridge.RememberedTask {
	known := map[string]bool{}
	var tasks []mesosbridge.RememberedTask
	add := func(statuses []v1alpha1.TaskStatus) {
		for _, s := range statuses {
			if !known[s.TaskID] {
				known[s.TaskID] = true
				tasks = append(tasks, mesosbridge.RememberedTask{TaskID: s.TaskID, AgentID: s.AgentID})
			}
		}
	}
	add(cluster.Status.Tasks)
	for _, device := range devices {
		add(device.Status.Services)
	}
	return tasks
}

func secretRefOf(cluster *v1alpha1.QuobyteCluster) v1alpha1.SecretKeyReference {
	if ref := cluster.Spec.Mesos.SecretRef; ref != nil {
		return *ref
	}
	return v1alpha1.SecretKeyReference{}
}

// LastProbes says when each host was heard of last, by cluster and host.
func (f *Fleet) LastProbes() map[types.NamespacedName]map[string]time.Time {
	f.mu.Lock()
	members := maps.Clone(f.members)
	f.mu.Unlock()
	times := make(map[types.NamespacedName]map[string]time.Time, len(members))
	for key, m := range members {
		times[key] = m.probes.latest()
	}
	return times
}
