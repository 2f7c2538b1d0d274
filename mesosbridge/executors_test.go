package mesosbridge_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/mesosbridge"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// echo is an executor that says everything again.
type echo func(data []byte)

func (e echo) Message(data []byte) { e(data) }
func (e echo) Ended()              { e([]byte("ended")) }

func onExecutor(task mesos.TaskInfo, id string) mesos.TaskInfo {
	task.Executor = &mesos.ExecutorInfo{Type: mesos.ExecutorInfo_CUSTOM, ExecutorID: mesos.ExecutorID{Value: id},
		Command: task.Command, Resources: task.Resources}
	task.Command = nil
	return task
}

// inbox is what OnMessage was called with.
type inbox struct {
	mu   sync.Mutex
	came []string
}

func (i *inbox) add(agentID, executorID string, data []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.came = append(i.came, fmt.Sprintf("%s of %s: %s", executorID, agentID, data))
}

func (i *inbox) all() []string {
	synctest.Wait()
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.came)
}

func TestMessagesOfAnExecutor(t *testing.T) {
	cfg := two()
	cfg.SimulateExecutor = func(_ mesostest.ExecutorStart, send func([]byte)) mesostest.SimulatedExecutor { return echo(send) }
	inWorld(t, cfg, func(w *world) {
		id, in := &identity{}, &inbox{}
		bridgeConfig := w.config(id)
		bridgeConfig.OnMessage = in.add
		b := w.start(bridgeConfig)
		b.untilReady("node1")
		agent := b.agent("node1").ID
		b.use("node1", nil, onExecutor(taskInfo(agent, "t1"), "e"))
		// It does not overtake the ACCEPT that starts the executor.
		b.Message(agent, "e", []byte("0"))
		b.untilState("t1", mesos.TASK_RUNNING)
		var want []string
		for i := range 100 {
			if i > 0 {
				b.Message(agent, "e", fmt.Append(nil, i))
			}
			want = append(want, fmt.Sprintf("e of %s: %d", agent, i))
		}
		w.until("all come back", func() bool { return len(in.all()) == len(want) })
		if got := in.all(); !slices.Equal(got, want) {
			w.Errorf("%v", got)
		}
		b.untilReady("node1")
		shown := b.Snapshot()
		b.Message(agent, "e", []byte("again"))
		w.until("it comes back", func() bool { return len(in.all()) == len(want)+1 })
		if b.Snapshot() != shown {
			w.Error("a message changes the snapshot")
		}
		b.Shutdown(agent, "e")
		b.untilState("t1", mesos.TASK_FAILED)
		// OnMessage is of the configuration, which may change.
		other := &inbox{}
		bridgeConfig.OnMessage = other.add
		if err := b.Reconfigure(bridgeConfig); err != nil {
			w.Fatal(err)
		}
		b.use("node1", nil, onExecutor(taskInfo(agent, "t2"), "e"))
		b.untilState("t2", mesos.TASK_RUNNING)
		b.Message(agent, "e", []byte("new"))
		w.until("it comes back", func() bool { return len(other.all()) == 1 })
		bridgeConfig.OnMessage = nil
		if err := b.Reconfigure(bridgeConfig); err != nil {
			w.Fatal(err)
		}
		b.untilReady("node1")
		b.Message(agent, "e", []byte("unheard"))
		w.mesos.BreakStreams()
		w.until("it breaks", func() bool { return !b.Snapshot().Connected })
		b.Message(agent, "e", []byte("unsent"))
		b.untilConnected()
		if len(other.all()) != 1 || len(in.all()) != len(want)+1 {
			w.Errorf("%v, %v", other.all(), in.all())
		}
		_ = b.end()
	})
}

// A message may come while somebody decides: OnMessage may call the bridge.
func TestOnMessageMayCallTheBridge(t *testing.T) {
	cfg := two()
	cfg.SimulateExecutor = func(_ mesostest.ExecutorStart, send func([]byte)) mesostest.SimulatedExecutor { return echo(send) }
	inWorld(t, cfg, func(w *world) {
		var b *bridge
		bridgeConfig := w.config(&identity{})
		bridgeConfig.OnMessage = func(agentID, executorID string, data []byte) {
			if len(data) < 5 {
				b.Message(agentID, executorID, append(data, 'x'))
			} else {
				b.Kill("t1")
			}
		}
		b = w.start(bridgeConfig)
		b.untilReady("node1")
		a := b.agent("node1")
		if err := b.Accept(mesosbridge.Accept{AgentID: a.ID, OfferIDs: []string{a.Offers[0].ID},
			Tasks: []mesos.TaskInfo{onExecutor(taskInfo(a.ID, "t1"), "e")}}); err != nil {
			w.Fatal(err)
		}
		b.Message(a.ID, "e", nil)
		b.untilState("t1", mesos.TASK_KILLED)
		_ = b.end()
	})
}
