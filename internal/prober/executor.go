package prober

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	api "github.com/mesos/mesos-go/api/v1/lib/executor"
	"k8s.io/utils/clock"

	"github.com/quobyte/mesos-operator/internal/probe"
)

// executor is the prober's life on the agent's executor API. All is done by the
// goroutine that calls run.
type executor struct {
	agent *agent
	clock clock.Clock
	rand  func() float64
	log   *slog.Logger
	// reports to send. What asks for them: requests of the operator, nil for one
	// after subscribing.
	reports <-chan *probe.Report
	ask     func(*probe.Request)

	// task is nil before the first one is launched. known: the agent has
	// acknowledged an update of it.
	task  *mesos.TaskInfo
	known bool
	// updates that are not acknowledged, oldest first.
	updates []api.Call_Update
	// killed is when the task was; ends when that is acknowledged.
	killed clock.Timer
}

// killPatience is how long the acknowledgement of the task's end is waited for.
const killPatience = 5 * time.Second

var (
	// errEnd: all is done, or somebody said to end.
	errEnd = errors.New("the executor ends")
	// errFatal: the agent does not want this executor, and will not.
	errFatal = errors.New("the executor has no use")
)

// run subscribes, again and again for as long as the agent is to come back, and
// returns nil when the executor was told to end.
func (e *executor) run(ctx context.Context) error {
	for first := true; ; first = false {
		s, err := e.subscribe(ctx, first)
		if err != nil {
			return endOf(err)
		}
		err = e.serve(ctx, s)
		s.close()
		if errors.Is(err, errEnd) || errors.Is(err, errFatal) || ctx.Err() != nil || e.killed != nil {
			// What was killed does not wait for an agent.
			return endOf(err)
		}
		if !e.agent.env.Checkpoint {
			return fmt.Errorf("the agent is gone, and does not come back to executors without checkpoint: %w", err)
		}
		e.log.Warn("the connection to the agent is lost", "error", err)
	}
}

func endOf(err error) error {
	if errors.Is(err, errEnd) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// subscribe tries until the recovery time-out is over. It waits before each try but
// the first of all: at random, so that the executors of a host do not come at once.
func (e *executor) subscribe(ctx context.Context, first bool) (*stream, error) {
	env := &e.agent.env
	start := e.clock.Now()
	for ; ; first = false {
		if !first {
			timer := e.clock.NewTimer(time.Duration(e.rand() * float64(env.SubscriptionBackoffMax)))
			select {
			case <-timer.C():
			case <-ctx.Done():
				timer.Stop()
				return nil, ctx.Err()
			}
		}
		call := &api.Call{Type: api.Call_SUBSCRIBE, Subscribe: &api.Call_Subscribe{UnacknowledgedUpdates: e.updates}}
		if e.task != nil && !e.known {
			call.Subscribe.UnacknowledgedTasks = []mesos.TaskInfo{*e.task}
		}
		s, err := e.agent.subscribe(ctx, call)
		if err == nil {
			e.log.Info("subscribed at the agent", "agent", env.AgentEndpoint)
			return s, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if waited := e.clock.Since(start); waited >= env.RecoveryTimeout {
			return nil, fmt.Errorf("no agent for %v: %w", waited.Round(time.Second), err)
		}
	}
}

// serve follows one stream. It returns errEnd, or why the stream is of no use.
func (e *executor) serve(ctx context.Context, s *stream) error {
	select {
	case <-e.reports: // of before the agent was away: the operator shall not take it for new
	default:
	}
	for {
		var patience <-chan time.Time
		if e.killed != nil {
			patience = e.killed.C()
		}
		select {
		case event, ok := <-s.events:
			if !ok {
				return s.err
			}
			if err := e.handle(ctx, event); err != nil {
				return err
			}
		case report := <-e.reports:
			e.send(ctx, report)
		case <-patience:
			e.log.Warn("nobody acknowledges that the task has ended")
			return errEnd
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (e *executor) handle(ctx context.Context, event *api.Event) error {
	switch event.Type {
	case api.Event_SUBSCRIBED:
		e.ask(nil)
	case api.Event_LAUNCH:
		return e.launch(ctx, event.GetLaunch().GetTask())
	case api.Event_LAUNCH_GROUP:
		group := event.GetLaunchGroup().GetTaskGroup()
		for _, task := range group.GetTasks() {
			if err := e.launch(ctx, task); err != nil {
				return err
			}
		}
	case api.Event_KILL:
		return e.kill(ctx, event.GetKill().GetTaskID())
	case api.Event_ACKNOWLEDGED:
		return e.acknowledged(event.GetAcknowledged())
	case api.Event_MESSAGE:
		request, err := probe.DecodeRequest(event.GetMessage().GetData())
		if err != nil {
			e.log.Error("a message is ignored", "error", err)
			return nil
		}
		e.ask(request)
	case api.Event_SHUTDOWN:
		e.log.Info("told to shut down")
		if e.task != nil && e.killed == nil {
			if err := e.update(ctx, e.task.TaskID, mesos.TASK_KILLED, "The executor was told to shut down"); err != nil {
				e.log.Warn("the end of the task could not be told", "error", err)
			}
		}
		return errEnd
	case api.Event_ERROR:
		return fmt.Errorf("%w: the agent says %q", errFatal, event.GetError().GetMessage())
	case api.Event_HEARTBEAT:
	default:
		e.log.Warn("an event is not known, and ignored", "type", event.Type)
	}
	return nil
}

func (e *executor) launch(ctx context.Context, task mesos.TaskInfo) error {
	if e.task != nil {
		if e.task.TaskID.Value == task.TaskID.Value {
			return nil // The agent had not heard that it is here.
		}
		return e.update(ctx, task.TaskID, mesos.TASK_FAILED, "The prober has one task, and that is "+e.task.TaskID.Value)
	}
	e.task = &task
	e.log.Info("the task runs", "task", task.TaskID.Value)
	if err := e.update(ctx, task.TaskID, mesos.TASK_STARTING, ""); err != nil {
		return err
	}
	return e.update(ctx, task.TaskID, mesos.TASK_RUNNING, "")
}

func (e *executor) kill(ctx context.Context, id mesos.TaskID) error {
	if e.task == nil || e.task.TaskID.Value != id.Value || e.killed != nil {
		e.log.Info("told to kill a task that does not run", "task", id.Value)
		return nil
	}
	e.log.Info("the task is killed", "task", id.Value)
	e.killed = e.clock.NewTimer(killPatience)
	return e.update(ctx, id, mesos.TASK_KILLED, "")
}

// update tells a status, which is kept until it is acknowledged. An error says
// that the agent has to be subscribed at again, and is told then.
func (e *executor) update(ctx context.Context, id mesos.TaskID, state mesos.TaskState, message string) error {
	nonce := uuid.New()
	now := float64(e.clock.Now().UnixMicro()) / 1e6
	status := mesos.TaskStatus{TaskID: id, State: state.Enum(), Source: mesos.SOURCE_EXECUTOR.Enum(),
		ExecutorID: &mesos.ExecutorID{Value: e.agent.env.ExecutorID}, UUID: nonce[:], Timestamp: &now}
	if message != "" {
		status.Message = &message
	}
	update := api.Call_Update{Status: status}
	e.updates = append(e.updates, update)
	return e.agent.sendInTime(ctx, &api.Call{Type: api.Call_UPDATE, Update: &update})
}

func (e *executor) acknowledged(a *api.Event_Acknowledged) error {
	for i := range e.updates {
		status := &e.updates[i].Status
		if a == nil || status.TaskID.Value != a.TaskID.Value || !bytes.Equal(status.UUID, a.UUID) {
			continue
		}
		ended := *status.State == mesos.TASK_KILLED
		e.updates = append(e.updates[:i:i], e.updates[i+1:]...)
		e.known = e.known || (e.task != nil && a.TaskID.Value == e.task.TaskID.Value)
		if ended {
			return errEnd
		}
		return nil
	}
	return nil
}

// send sends a report. One that is lost costs an interval, so nothing is done
// about it.
func (e *executor) send(ctx context.Context, report *probe.Report) {
	data := probe.Encode(report)
	if len(data) > probe.MaxReport {
		e.log.Error("a report is too long, and not sent", "bytes", len(data), "most", probe.MaxReport, "mounts", len(report.Mounts))
		return
	}
	if err := e.agent.sendInTime(ctx, &api.Call{Type: api.Call_MESSAGE, Message: &api.Call_Message{Data: data}}); err != nil {
		e.log.Warn("a report is lost", "seq", report.Seq, "error", err)
	}
}
