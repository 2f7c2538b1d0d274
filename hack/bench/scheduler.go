package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/recordio"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
	"golang.org/x/sync/errgroup"
)

// plainScheduler is a framework of mesos-go's types, protobuf codec and RecordIO
// that does as little as one can: it launches on every first offer of an agent
// and acknowledges every update.
type plainScheduler struct {
	url      string
	http     *http.Client
	id       *mesos.FrameworkID
	streamID string
	frames   interface{ ReadFrame() ([]byte, error) }
}

// subscribe returns a framework whose stream is open until ctx ends.
func subscribe(ctx context.Context, url string, role string, suppressed ...string) (*plainScheduler, error) {
	s := &plainScheduler{url: url + "/api/v1/scheduler", http: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	timeout := time.Hour.Seconds()
	info := &mesos.FrameworkInfo{User: "root", Name: "plain", Roles: []string{role}, FailoverTimeout: &timeout}
	for _, c := range []mesos.FrameworkInfo_Capability_Type{
		mesos.FrameworkInfo_Capability_MULTI_ROLE, mesos.FrameworkInfo_Capability_PARTITION_AWARE,
	} {
		info.Capabilities = append(info.Capabilities, mesos.FrameworkInfo_Capability{Type: c})
	}
	call := calls.Subscribe(info)
	call.Subscribe.SuppressedRoles = suppressed
	resp, err := s.do(ctx, call)
	if err != nil {
		return nil, err
	}
	s.streamID = resp.Header.Get("Mesos-Stream-Id")
	frames := recordio.NewReader(resp.Body)
	if f, ok := frames.(interface{ Buffer(buf []byte, most int) }); ok {
		// All offers of a round come in one event.
		f.Buffer(make([]byte, 64<<10), 256<<20)
	}
	s.frames = frames
	event, err := s.next()
	if err != nil {
		return nil, err
	}
	if event.Type != scheduler.Event_SUBSCRIBED {
		return nil, fmt.Errorf("the first event is %s", event.Type)
	}
	s.id = event.Subscribed.FrameworkID
	return s, nil
}

func (s *plainScheduler) do(ctx context.Context, call *scheduler.Call) (*http.Response, error) {
	body, err := call.Marshal()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Accept", "application/x-protobuf")
	if s.streamID != "" {
		req.Header.Set("Mesos-Stream-Id", s.streamID)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%s: %s: %s", call.Type, resp.Status, text)
	}
	return resp, nil
}

// call makes a call that is answered without a body.
func (s *plainScheduler) call(ctx context.Context, call *scheduler.Call) error {
	call.FrameworkID = s.id
	resp, err := s.do(ctx, call)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.Body.Close()
}

func (s *plainScheduler) next() (*scheduler.Event, error) {
	frame, err := s.frames.ReadFrame()
	if err != nil {
		return nil, err
	}
	event := &scheduler.Event{}
	return event, event.Unmarshal(frame)
}

// plainMesos takes the time in which a plain client launches the stage's tasks,
// from its SUBSCRIBE until every task runs, is healthy and is acknowledged.
func (b *bench) plainMesos(ctx context.Context) error {
	cluster, err := b.newMesos()
	if err != nil {
		return err
	}
	defer cluster.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began := time.Now()
	s, err := subscribe(ctx, cluster.URL(), "*")
	if err != nil {
		return err
	}
	if err := s.launchAll(ctx, b.stage.tasks(), b.load.Clients); err != nil {
		return err
	}
	b.result.PlainMesos = time.Since(began).Seconds()
	return nil
}

// launchAll reads events until all tasks are healthy, and has workers make the
// calls that follow.
func (s *plainScheduler) launchAll(ctx context.Context, tasks, workers int) error {
	work := make(chan *scheduler.Call, 1024)
	group, ctx := errgroup.WithContext(ctx)
	for range workers {
		group.Go(func() error {
			for call := range work {
				if err := s.call(ctx, call); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := s.react(ctx, work, tasks)
	close(work)
	return errors.Join(err, group.Wait())
}

func (s *plainScheduler) react(ctx context.Context, work chan<- *scheduler.Call, tasks int) error {
	seen := map[string]bool{} // agents with tasks
	for healthy := 0; healthy < tasks; {
		event, err := s.next()
		if err != nil {
			return err
		}
		var next []*scheduler.Call
		switch event.Type {
		case scheduler.Event_OFFERS:
			for i := range event.Offers.Offers {
				next = append(next, answer(&event.Offers.Offers[i], seen))
			}
		case scheduler.Event_UPDATE:
			status := &event.Update.Status
			next = append(next, calls.Acknowledge(status.AgentID.Value, status.TaskID.Value, status.UUID))
			if status.GetHealthy() {
				healthy++
			}
		}
		for _, call := range next {
			select {
			case work <- call:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// answer launches on the first offer of an agent, and declines what is left of it.
func answer(o *mesos.Offer, seen map[string]bool) *scheduler.Call {
	if seen[o.AgentID.Value] {
		return calls.Decline(o.ID).With(calls.RefuseSeconds(time.Hour))
	}
	seen[o.AgentID.Value] = true
	tasks := make([]mesos.TaskInfo, servicesEach)
	for i := range tasks {
		tasks[i] = plainTask(o, i)
	}
	return calls.Accept(calls.OfferOperations{calls.OpLaunch(tasks...)}.WithOffers(o.ID)).With(calls.RefuseSeconds(time.Hour))
}

// plainTask is a task with a health check, as Quobyte's services have one: it
// tells of itself as often as they do.
func plainTask(o *mesos.Offer, i int) mesos.TaskInfo {
	command := "exec sleep infinity"
	id := fmt.Sprintf("plain-%d-%s", i, o.Hostname)
	scalar := func(name string, value float64) mesos.Resource {
		return mesos.Resource{Name: name, Type: mesos.SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: value},
			AllocationInfo: o.AllocationInfo}
	}
	return mesos.TaskInfo{
		Name: id, TaskID: mesos.TaskID{Value: id}, AgentID: o.AgentID,
		Command:     &mesos.CommandInfo{Value: &command},
		Resources:   []mesos.Resource{scalar("cpus", 1), scalar("mem", 1024)},
		HealthCheck: &mesos.HealthCheck{Type: mesos.HealthCheck_COMMAND, Command: &mesos.CommandInfo{Value: &command}},
	}
}

// bystander is a second framework that wants no offers.
func (b *bench) bystander(ctx context.Context) (*plainScheduler, error) {
	const role = "bystander"
	s, err := subscribe(ctx, b.mesos.URL(), role, role)
	if err != nil {
		return nil, err
	}
	go func() {
		for err := error(nil); err == nil; {
			_, err = s.next()
		}
	}()
	return s, nil
}

// roundOfOffers makes the master offer what is available now: a REVIVE does, for
// all frameworks. One for a role that is not the framework's own changes
// nothing else.
func (s *plainScheduler) roundOfOffers(ctx context.Context) error {
	return s.call(ctx, calls.ReviveWith([]string{"nobody"}))
}
