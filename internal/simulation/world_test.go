package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/simulation/apidouble"
	"github.com/quobyte/mesos-operator/internal/simulation/checker"
	"github.com/quobyte/mesos-operator/internal/testprobers"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// hearing is how long a word of the user may take to be heard: caches are behind, and
// the API server fails, for no longer than that in one piece.
const hearing = 3 * time.Minute

// clusterKey names the one cluster of each simulation.
func clusterKey() types.NamespacedName {
	return types.NamespacedName{Namespace: "storage", Name: "quobyte"}
}

// world is one simulation.
type world struct {
	*shared
	seed  uint64
	trace *trace
	plan  scenario
	mesos *mesostest.Cluster
	api   *apidouble.Server
	// user is a client that does not fail, and reads what is.
	user    *apidouble.Client
	probers *testprobers.Fleet
	leader  leader
	// disks are the devices, as the user knows them.
	disks []*disk
	wants wishes
	// covered counts what happened, by its name.
	covered map[string]int
	began   time.Time

	mu       sync.Mutex
	dice     *rand.Rand
	trouble  trouble
	bad      behaviour
	fates    fates
	lost     []*lostAgent
	healed   bool
	problems []string
}

// shared is what all simulations of a process have in common, and only read.
type shared struct {
	defaults apidouble.Defaults
}

func loadShared(t *testing.T) *shared {
	t.Helper()
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		t.Fatal(err)
	}
	defaults, err := apidouble.LoadDefaults("../../config/crd/bases")
	if err != nil {
		t.Fatal(err)
	}
	return &shared{defaults: defaults}
}

// outcome is what one simulation came to.
type outcome struct {
	covered  map[string]int
	virtual  time.Duration
	problems []string
	trace    string // the file; empty when there are no problems
}

// simulate lives through one seed.
func simulate(t *testing.T, s *shared, seed uint64) (out outcome) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(s, seed)
		w.live()
		out = w.judge()
		w.end()
		if len(out.problems) == 0 && !*always {
			return
		}
		var err error
		if out.trace, err = w.trace.write(seed, w.describe(out.problems)); err != nil {
			t.Error(err)
		}
	})
	return out
}

func newWorld(s *shared, seed uint64) *world {
	w := newWorldOf(s, seed, newScenario(seed))
	return w.startMesos(w.script)
}

func newWorldOf(s *shared, seed uint64, plan scenario) *world {
	w := &world{shared: s, seed: seed, trace: &trace{began: time.Now()}, began: time.Now(), covered: map[string]int{},
		dice: rand.New(rand.NewPCG(seed, 2)), api: apidouble.New(scheme.Scheme, s.defaults)}
	w.plan = plan
	w.user = w.api.Client(nil, func(_ context.Context, _ apidouble.Request, do func() error) error { return do() })
	w.leader.stopping, w.leader.restart = make(chan struct{}), w.restartDelay
	return w
}

// startMesos starts Mesos, in which tasks do as the script says.
func (w *world) startMesos(script mesostest.Script) *world {
	cfg := mesostest.Config{Agents: w.plan.agents(), Script: script, Rand: rand.New(rand.NewPCG(w.seed, 3)),
		RegistrationDelay: w.plan.registration}
	if w.plan.probed {
		w.probers = testprobers.New()
		cfg.SimulateExecutor = w.probers.Simulate
	}
	w.mesos = mesostest.New(cfg)
	w.mesos.OnUpdate(w.fateOf)
	w.mesos.OnEvent(func(r mesostest.EventRecord) {
		w.trace.enter("event", checker.Entry{Stream: r.Stream, Event: r.Event})
	})
	w.mesos.StartInMemory()
	return w
}

// live goes through the timeline, ends all faults, and waits for what the user wants.
func (w *world) live() {
	ctx, cancel := context.WithCancel(context.Background())
	var background sync.WaitGroup
	if w.probers != nil {
		background.Go(func() { w.probers.Run(ctx, w.plan.interval) })
	}
	defer func() { cancel(); background.Wait() }()
	w.layDown()
	w.lead()
	for _, i := range w.plan.timeline {
		time.Sleep(time.Until(w.began.Add(i.at)))
		w.happen(i)
	}
	w.heal()
	w.await()
}

// happen has one thing of the timeline happen, if it can now.
func (w *world) happen(i item) {
	d := dice{rand.New(rand.NewPCG(w.seed, uint64(i.number)+100))}
	what := i.event.do(w, d)
	if what == "" {
		return
	}
	w.trace.add(i.event.side.String(), i.event.name+": "+what)
	w.covers(i.event.name)
}

func (w *world) end() {
	w.trace.close()
	w.dismiss()
	w.mesos.Close()
}

// act tells the checker.
func (w *world) act(a checker.Act) {
	w.trace.enter("act", checker.Entry{Act: &a})
}

// covers notes that something happened that no item of the timeline stands for.
func (w *world) covers(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.covered[name]++
}

func (w *world) float() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dice.Float64()
}

func (w *world) uint64() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dice.Uint64()
}

// cluster as the API server has it; nil: it is not there.
func (w *world) cluster() *v1alpha1.QuobyteCluster {
	c := &v1alpha1.QuobyteCluster{}
	if err := w.user.Get(context.Background(), clusterKey(), c); err != nil {
		return nil
	}
	return c
}

// edit changes the object of the cluster, as kubectl edit does; false: there is none.
// A manifest that is to be applied again changes with it.
func (w *world) edit(change func(*v1alpha1.QuobyteCluster)) bool {
	for {
		c := w.cluster()
		if c == nil {
			return false
		}
		change(c)
		err := w.user.Update(context.Background(), c)
		if apierrors.IsConflict(err) {
			continue
		}
		if err == nil && w.wants.saved != nil {
			change(w.wants.saved)
		}
		return err == nil
	}
}

func (w *world) devices() []v1alpha1.QuobyteDevice {
	list := &v1alpha1.QuobyteDeviceList{}
	if err := w.user.List(context.Background(), list, client.InNamespace(clusterKey().Namespace)); err != nil {
		return nil
	}
	return list.Items
}

// later has something happen after a while, unless all was healed before.
func (w *world) later(after time.Duration, do func()) {
	time.AfterFunc(after, func() {
		w.mu.Lock()
		healed := w.healed
		w.mu.Unlock()
		if !healed {
			do()
		}
	})
}

// services are the tasks that live and are no probers.
func (w *world) services() []mesostest.TaskRecord {
	return slices.DeleteFunc(w.mesos.Tasks(), func(t mesostest.TaskRecord) bool { return t.Info.Name == "prober" })
}

// running are services that run, on agents that the master talks with.
func (w *world) running() []mesostest.TaskRecord {
	talks := map[string]bool{}
	for _, h := range w.mesos.Hosts() {
		talks[h.ID] = h.Registered
	}
	return slices.DeleteFunc(w.services(), func(t mesostest.TaskRecord) bool {
		return t.State != mesos.TASK_RUNNING || !talks[t.AgentID]
	})
}

// dice are those of one item of the timeline: what they say does not depend on what
// happened before.
type dice struct{ *rand.Rand }

func (d dice) chance(percent int) bool { return d.IntN(100) < percent }

// between is a span from a to b.
func (d dice) between(a, b time.Duration) time.Duration {
	return a + time.Duration(d.Int64N(int64(b-a)+1))
}

// pick chooses one; the zero value of an empty list.
func pick[T any](d dice, list []T) (one T) {
	if len(list) > 0 {
		one = list[d.IntN(len(list))]
	}
	return one
}

func (w *world) describe(problems []string) string {
	text := fmt.Sprintf("seed %d\n%s\n", w.seed, w.plan.String())
	for _, p := range problems {
		text += p + "\n"
	}
	return text + "\n"
}
