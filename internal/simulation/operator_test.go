package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/controllers/cluster"
	"github.com/quobyte/mesos-operator/controllers/device"
	"github.com/quobyte/mesos-operator/internal/simulation/apidouble"
	"github.com/quobyte/mesos-operator/internal/simulation/checker"
)

// errDead is what a dead process's calls come to: nothing of it reaches anybody.
var errDead = errors.New("the process has ended")

// operator is one process of the operator. What it knows ends with it.
type operator struct {
	w      *world
	number int
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{} // closed when all its goroutines have ended

	fleet    *cluster.Fleet
	clusters *cluster.Reconciler
	devices  *device.Reconciler
	cache    *apidouble.Cache
	// wakeups of both controllers.
	clusterQueue, deviceQueue workqueue.TypedRateLimitingInterface[reconcile.Request]
	transport                 *http.Transport

	mu    sync.Mutex
	dead  bool
	conns map[net.Conn]bool
	crash *crash
	// launched is called when Mesos has taken a launch, and the process dies; nil: it
	// lives on.
	launched func(agentID string)
}

// crash is when a process dies: at a call to the API server or to Mesos.
type crash struct {
	// calls that are left to it.
	calls int
	// after: the call is carried out, and its answer not seen.
	after bool
}

// newOperator makes a process as main does, without a manager.
func newOperator(w *world, number int) *operator {
	o := &operator{w: w, number: number, ended: make(chan struct{}), conns: map[net.Conn]bool{}}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	o.clusterQueue, o.deviceQueue = newQueue(), newQueue()
	o.transport = w.mesos.Transport()
	dial := o.transport.DialContext
	o.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return o.keep(conn)
	}
	o.cache = w.api.Cache(apidouble.CacheConfig{
		Kinds: []string{"QuobyteCluster", "QuobyteDevice"},
		Lag:   w.lag, Heard: o.heard,
		Indexes: map[string]func(client.Object) string{
			cluster.DevicesByCluster: func(o client.Object) string { return o.(*v1alpha1.QuobyteDevice).Spec.ClusterRef.Name },
		},
	})
	api := w.api.Client(o.cache, o.viaAPI)
	views, events := device.NewViews(clock.RealClock{}), recorder{w: w, operator: number}
	o.fleet = cluster.NewFleet(cluster.FleetConfig{
		Client: api, Reader: api.Reader(), Lease: &cluster.Lease{Reader: leases{o}, Holder: o.name(), Clock: clock.RealClock{}},
		Clock: clock.RealClock{}, Rand: w.float, Log: w.trace.logger(number), Transport: o,
	})
	o.clusters = &cluster.Reconciler{
		Client: api, Reader: api.Reader(), Fleet: o.fleet, Views: views, Events: events, Clock: clock.RealClock{},
		Nonces: func() string { return fmt.Sprintf("%08x", uint32(w.uint64())) },
	}
	o.devices = &device.Reconciler{Client: api, Views: views, Events: events, Clock: clock.RealClock{}}
	o.fleet.WakeInto(o.clusterQueue)
	views.WakeInto(o.deviceQueue)
	return o
}

// newQueue is one as SetupWithManager has it.
func newQueue() workqueue.TypedRateLimitingInterface[reconcile.Request] {
	return workqueue.NewTypedRateLimitingQueue(
		workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](20*time.Millisecond, 15*time.Second))
}

func (o *operator) name() string { return fmt.Sprintf("operator-%d", o.number) }

// run is the process's life. It returns when nothing of it is left.
func (o *operator) run() {
	defer close(o.ended)
	var parts sync.WaitGroup
	parts.Go(func() { o.cache.Run(o.ctx) })
	parts.Go(func() {
		if err := o.fleet.Start(o.ctx); err != nil {
			o.w.trace.add("process", o.name()+" ends: "+err.Error())
		}
		o.kill()
	})
	parts.Go(func() { o.work("cluster", o.clusterQueue, o.clusters) })
	for range 2 {
		parts.Go(func() { o.work("device", o.deviceQueue, o.devices) })
	}
	<-o.ctx.Done()
	o.clusterQueue.ShutDown()
	o.deviceQueue.ShutDown()
	parts.Wait()
	o.transport.CloseIdleConnections()
}

// work reconciles what is in the queue, as a controller does.
func (o *operator) work(name string, queue workqueue.TypedRateLimitingInterface[reconcile.Request], r reconcile.Reconciler) {
	for {
		request, down := queue.Get()
		if down {
			return
		}
		result, err := r.Reconcile(o.ctx, request)
		switch {
		case err != nil:
			if o.ctx.Err() == nil {
				o.w.trace.add("reconcile", fmt.Sprintf("%s: %s %s: %v", o.name(), name, request, err))
			}
			queue.AddRateLimited(request)
		case result.RequeueAfter > 0:
			queue.Forget(request)
			queue.AddAfter(request, result.RequeueAfter)
		default:
			queue.Forget(request)
		}
		queue.Done(request)
	}
}

// heard wakes the controllers for a change in the cache, as their watches do.
func (o *operator) heard(before, after client.Object) {
	is := after
	if is == nil {
		is = before
	}
	self := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(is)}
	d, ok := is.(*v1alpha1.QuobyteDevice)
	if !ok {
		o.clusterQueue.Add(self)
		if before == nil || after == nil {
			for _, request := range o.devices.DevicesOf(o.ctx, is) {
				o.deviceQueue.Add(request)
			}
		}
		return
	}
	o.deviceQueue.Add(self)
	if before == nil || after == nil || cluster.DeviceChanged(before, after) {
		key := client.ObjectKey{Namespace: d.Namespace, Name: d.Spec.ClusterRef.Name}
		o.clusterQueue.Add(reconcile.Request{NamespacedName: key})
	}
}

// kill ends the process as SIGKILL does: nothing of it reaches anybody from now on.
func (o *operator) kill() {
	o.mu.Lock()
	conns := o.conns
	o.dead, o.conns = true, nil
	o.mu.Unlock()
	for conn := range conns {
		_ = conn.Close()
	}
	o.cancel()
}

func (o *operator) isDead() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dead
}

func (o *operator) keep(conn net.Conn) (net.Conn, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dead {
		_ = conn.Close()
		return nil, errDead
	}
	o.conns[conn] = true
	return conn, nil
}

// crashAt has the process die at one of its next calls.
func (o *operator) crashAt(c crash) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.crash = &c
}

func (o *operator) crashAtLaunch(then func(agentID string)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.launched = then
}

// diesOf says whether the process dies of an answered call, and does what goes with it.
func (o *operator) diesOf(call *scheduler.Call) bool {
	if call.Type != scheduler.Call_ACCEPT {
		return false
	}
	for i := range call.Accept.Operations {
		tasks := call.Accept.Operations[i].GetLaunch().GetTaskInfos()
		if len(tasks) == 0 || tasks[0].Name == "prober" {
			continue
		}
		o.mu.Lock()
		then := o.launched
		o.launched = nil
		o.mu.Unlock()
		if then != nil && !o.isDead() {
			o.w.trace.add("process", o.name()+" dies after a launch")
			o.kill()
			then(tasks[0].AgentID.Value)
			return true
		}
	}
	return false
}

// calling counts a call that is about to be made. It says whether the process dies
// before it, or after.
func (o *operator) calling() (before, after bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dead || o.crash == nil {
		return o.dead, false
	}
	if o.crash.calls--; o.crash.calls >= 0 {
		return false, false
	}
	c := o.crash
	o.crash = nil
	return !c.after, c.after
}

// guarded makes a call, unless the process dies before.
func (o *operator) guarded(what func() string, call func() error) error {
	before, after := o.calling()
	if before {
		if !o.isDead() {
			o.w.trace.add("process", o.name()+" dies before "+what())
			o.kill()
		}
		return errDead
	}
	err := call()
	if after {
		o.w.trace.add("process", o.name()+" dies after "+what())
		o.kill()
	}
	if o.isDead() {
		return errDead
	}
	return err
}

// viaAPI carries a request to the API server, or not.
func (o *operator) viaAPI(ctx context.Context, r apidouble.Request, do func() error) error {
	return o.guarded(r.String, func() error {
		err := o.w.faulty(ctx, r, func() error {
			if o.isDead() {
				return errDead
			}
			return do()
		})
		if r.Writes() || err != nil {
			o.w.trace.add(fmt.Sprintf("api %d", o.number), r.String(), err)
		}
		return err
	})
}

// RoundTrip implements http.RoundTripper: a call to Mesos.
func (o *operator) RoundTrip(r *http.Request) (res *http.Response, err error) {
	call := &scheduler.Call{}
	if body, err := io.ReadAll(r.Body); err != nil {
		return nil, err
	} else if err := call.Unmarshal(body); err != nil {
		return nil, fmt.Errorf("a call that cannot be read: %w", err)
	} else {
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	err = o.guarded(call.Type.String, func() error {
		o.w.trace.enter(fmt.Sprintf("call %d", o.number), checker.Entry{
			Operator: o.number, Stream: r.Header.Get("Mesos-Stream-Id"), Call: call})
		res, err = o.transport.RoundTrip(r)
		if err != nil {
			o.w.trace.add(fmt.Sprintf("call %d", o.number), call.Type.String()+" is not answered", err)
		} else if res.StatusCode >= 300 {
			o.w.trace.add(fmt.Sprintf("call %d", o.number), call.Type.String()+" is answered", res.Status)
		} else if o.diesOf(call) {
			return errDead
		}
		return err
	})
	if err != nil && res != nil {
		_ = res.Body.Close()
		res = nil
	}
	return res, err
}

// recorder takes the operator's Kubernetes events.
type recorder struct {
	w        *world
	operator int
}

// Eventf implements events.EventRecorder.
func (r recorder) Eventf(_, _ runtime.Object, _, reason, _, note string, args ...any) {
	r.w.trace.add(fmt.Sprintf("tells %d", r.operator), reason, fmt.Sprintf(note, args...))
}
