package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// launch is a task that a call to Mesos launches.
type launch struct {
	agentID, taskID string
	at              time.Time
}

// failures has tasks of different hosts fail, one after the other, and takes the
// time until the successor of each is launched. Mesos offers what a task gave
// back with its next round; the benchmark asks for a round right after the
// failure, so that its waiting does not count.
func (b *bench) failures(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	other, err := b.bystander(ctx)
	if err != nil {
		return err
	}
	stopProfile := b.startProfile(ctx, "failures")
	launches := make(chan launch, 1024)
	b.mesos.OnCall(func(r mesostest.CallRecord) { noteLaunches(launches, r) })
	var took []float64
	for _, task := range b.victims() {
		failed := time.Now()
		if err := b.mesos.FailTask(task.ID, "the benchmark lets it fail"); err != nil {
			return err
		}
		if err := other.roundOfOffers(ctx); err != nil {
			return err
		}
		next, err := b.successor(ctx, launches, task)
		if err != nil {
			return err
		}
		took = append(took, next.at.Sub(failed).Seconds()*1000)
		// Failures come at any time of the operator's throttles, and singly.
		if err := pause(ctx, 250*time.Millisecond+rand.N(500*time.Millisecond)); err != nil {
			return err
		}
	}
	slices.Sort(took)
	b.result.Relaunch = relaunchResult{Failures: len(took), P50: quantile(took, 0.5), P99: quantile(took, 0.99), Max: quantile(took, 1)}
	return stopProfile()
}

// victims are data services, each of another host: an instance is tried again
// at once after its first failure alone.
func (b *bench) victims() []mesostest.TaskRecord {
	tasks := slices.DeleteFunc(b.mesos.Tasks(), func(t mesostest.TaskRecord) bool { return !strings.Contains(t.ID, "data") })
	rand.Shuffle(len(tasks), func(i, j int) { tasks[i], tasks[j] = tasks[j], tasks[i] })
	return tasks[:min(b.stage.Failures, len(tasks))]
}

func noteLaunches(launches chan<- launch, r mesostest.CallRecord) {
	if r.Call.Type != scheduler.Call_ACCEPT || r.Status >= 300 {
		return
	}
	for _, op := range r.Call.GetAccept().GetOperations() {
		for _, info := range op.GetLaunch().GetTaskInfos() {
			launches <- launch{agentID: info.AgentID.Value, taskID: info.TaskID.Value, at: r.Time}
		}
	}
}

// successor waits for a launch on the agent of a task that has failed.
func (b *bench) successor(ctx context.Context, launches <-chan launch, task mesostest.TaskRecord) (launch, error) {
	timeout := time.After(time.Minute)
	for {
		select {
		case l := <-launches:
			if l.agentID == task.AgentID {
				return l, nil
			}
		case <-timeout:
			return launch{}, fmt.Errorf("nothing was launched in place of %s", task.ID)
		case <-b.operator.process.Ended():
			return launch{}, errors.New("the operator ended: " + b.operator.process.LastWords())
		case <-ctx.Done():
			return launch{}, ctx.Err()
		}
	}
}

// quantile of sorted values: the smallest that at least q of them do not exceed.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(float64(len(sorted))*q+0.999999)-1)]
}
