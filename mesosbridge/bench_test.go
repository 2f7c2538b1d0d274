package mesosbridge

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/framing"
	"github.com/mesos/mesos-go/api/v1/lib/recordio"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

const (
	manyAgents = 10_000
	manyTasks  = 30_000
)

func largeState(now time.Time) *state {
	s := newState(DefaultTiming(), func() float64 { return 0.5 })
	s.connected("framework", "http://master:5050", 15*time.Second, now)
	s.event(largeOffers(), now)
	for i := range manyTasks {
		s.event(executorUpdate(i, mesos.TASK_RUNNING, 0), now)
	}
	s.out = nil
	return s
}

func largeOffers() *scheduler.Event {
	e := &scheduler.Event{Type: scheduler.Event_OFFERS, Offers: &scheduler.Event_Offers{}}
	scalar := func(name string, v float64) mesos.Resource {
		return mesos.Resource{Name: name, Type: mesos.SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: v},
			AllocationInfo: &mesos.Resource_AllocationInfo{Role: ptr("quobyte")}}
	}
	for i := range manyAgents {
		e.Offers.Offers = append(e.Offers.Offers, mesos.Offer{
			ID: mesos.OfferID{Value: fmt.Sprintf("5999771f-18d5-4913-951e-29202cd4bd59-O%d", i)}, AgentID: mesos.AgentID{Value: agentName(i)},
			FrameworkID: mesos.FrameworkID{Value: "framework"}, Hostname: fmt.Sprintf("node%d.corp", i),
			AllocationInfo: &mesos.Resource_AllocationInfo{Role: ptr("quobyte")},
			Resources:      []mesos.Resource{scalar("cpus", 8), scalar("mem", 32768), scalar("disk", 1e5)},
		})
	}
	return e
}

func agentName(i int) string {
	return fmt.Sprintf("5999771f-18d5-4913-951e-29202cd4bd59-S%d", i%manyAgents)
}

func executorUpdate(i int, said mesos.TaskState, version int) *scheduler.Event {
	e := update(fmt.Sprintf("quobyte-data-node%d.corp-%d", i%manyAgents, i), agentName(i), said, nil)
	e.Update.Status.Source = mesos.SOURCE_EXECUTOR.Enum()
	e.Update.Status.UUID = []byte(fmt.Sprintf("%08d%08d", i, version))
	return e
}

// One task changes, and everybody looks.
func BenchmarkSnapshotAfterAChange(b *testing.B) {
	now := time.Now()
	s := largeState(now)
	s.snapshot()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		s.event(executorUpdate(n%manyTasks, []mesos.TaskState{mesos.TASK_KILLING, mesos.TASK_UNREACHABLE, mesos.TASK_RUNNING}[n%3], n), now)
		s.out = s.out[:0]
		s.snapshot()
	}
}

func BenchmarkSnapshotUnchanged(b *testing.B) {
	s := largeState(time.Now())
	for b.Loop() {
		s.snapshot()
	}
}

// onTheWire is events as they come from a master.
func onTheWire(b *testing.B, events ...*scheduler.Event) []byte {
	var buf bytes.Buffer
	enc := codecs.ByMediaType[codecs.MediaTypeProtobuf].NewEncoder(func() framing.Writer { return recordio.NewWriter(&buf) })
	for _, e := range events {
		if err := enc.Encode(e); err != nil {
			b.Fatal(err)
		}
	}
	return buf.Bytes()
}

// decode reads the events of a stream, and hands each to f.
func decode(b *testing.B, wire []byte, f func(*scheduler.Event)) {
	res := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {string(codecs.MediaTypeProtobuf)}}, Body: io.NopCloser(bytes.NewReader(wire))}
	r, err := events(res)
	if err != nil {
		b.Fatal(err)
	}
	for {
		e := new(scheduler.Event)
		if err := r.Decode(e); err == io.EOF {
			return
		} else if err != nil {
			b.Fatal(err)
		}
		f(e)
	}
}

func manyUpdates() []*scheduler.Event {
	updates := make([]*scheduler.Event, manyTasks)
	for i := range updates {
		updates[i] = executorUpdate(i, mesos.TASK_RUNNING, 0)
	}
	return updates
}

// 30,000 updates are decoded per round.
func BenchmarkDecodeUpdates(b *testing.B) {
	wire := onTheWire(b, manyUpdates()...)
	b.ReportAllocs()
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		decode(b, wire, func(*scheduler.Event) {})
	}
	b.ReportMetric(float64(b.N)*manyTasks/b.Elapsed().Seconds(), "updates/s")
}

// All agents' offers come in one event.
func BenchmarkDecodeOffers(b *testing.B) {
	wire := onTheWire(b, largeOffers())
	b.ReportAllocs()
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		decode(b, wire, func(*scheduler.Event) {})
	}
	b.ReportMetric(float64(b.N)*manyAgents/b.Elapsed().Seconds(), "offers/s")
}

// 30,000 updates are decoded and applied per round.
func BenchmarkDecodeAndApplyUpdates(b *testing.B) {
	wire := onTheWire(b, manyUpdates()...)
	now := time.Now()
	b.ReportAllocs()
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		s := newState(DefaultTiming(), func() float64 { return 0.5 })
		s.connected("framework", "http://master:5050", 15*time.Second, now)
		decode(b, wire, func(e *scheduler.Event) { s.event(e, now) })
		if len(s.tasks) != manyTasks {
			b.Fatal(len(s.tasks))
		}
	}
	b.ReportMetric(float64(b.N)*manyTasks/b.Elapsed().Seconds(), "updates/s")
}

// A subscription ends and the next begins, with everything known.
func BenchmarkReconnect(b *testing.B) {
	now := time.Now()
	s := largeState(now)
	b.ReportAllocs()
	for b.Loop() {
		s.snapshot()
		s.disconnected(Problem{Reason: reasonConnecting}, now)
		s.connected("framework", "http://master:5050", 15*time.Second, now)
		s.out = s.out[:0]
	}
}

// 3,000 launches on 1,000 agents, over TCP, with a master that shares the machine.
func BenchmarkLaunches(b *testing.B) {
	const agents, each = 1000, 3
	for b.Loop() {
		c := mesostest.New(mesostest.Config{Agents: mesostest.Agents(agents), AllocationInterval: 50 * time.Millisecond})
		if err := c.Start(); err != nil {
			b.Fatal(err)
		}
		woken := make(chan struct{}, 1)
		br, err := New(Config{Masters: []string{c.URL()}, Framework: Framework{Name: "bench", User: "root", Roles: []string{"quobyte"}},
			Identity: anyIdentity{}, Wake: func() {
				select {
				case woken <- struct{}{}:
				default:
				}
			}})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = br.Run(ctx) }()
		serial := 0
		for running := 0; running < agents*each; {
			<-woken
			running = 0
			snap := br.Snapshot()
			on := map[string]int{}
			for _, t := range snap.Tasks {
				on[t.AgentID]++
				if t.State == mesos.TASK_RUNNING {
					running++
				}
			}
			for _, a := range snap.Agents {
				if !a.Behind || len(a.Offers) == 0 || on[a.ID] > 0 {
					continue
				}
				acc := Accept{AgentID: a.ID, OfferIDs: []string{a.Offers[0].ID}}
				for range each {
					serial++
					acc.Tasks = append(acc.Tasks, benchTask(fmt.Sprintf("t%d", serial), a.ID))
				}
				_ = br.Accept(acc)
			}
		}
		cancel()
		<-done
		c.Close()
	}
	b.ReportMetric(float64(b.N)*agents*each/b.Elapsed().Seconds(), "launches/s")
}

func benchTask(id, agentID string) mesos.TaskInfo {
	return mesos.TaskInfo{Name: id, TaskID: mesos.TaskID{Value: id}, AgentID: mesos.AgentID{Value: agentID},
		Command: &mesos.CommandInfo{Value: ptr("sleep 1000")},
		Resources: []mesos.Resource{{Name: "cpus", Type: mesos.SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: 0.1},
			AllocationInfo: &mesos.Resource_AllocationInfo{Role: ptr("quobyte")}}}}
}

type anyIdentity struct{}

func (anyIdentity) FrameworkID(context.Context) (string, error) { return "", nil }
func (anyIdentity) Adopt(_ context.Context, _ string) error     { return nil }
