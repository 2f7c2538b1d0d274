package mesostest

import (
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// Script says how a task behaves. It is called once, at the launch, and must not
// call the cluster.
type Script func(mesos.TaskInfo) Play

// Play is what a task does, and what it does when it is killed.
type Play struct {
	// Steps follow each other until one ends the task or there are no more.
	Steps []Step
	// DiesAfter is how long the task needs to end once it was asked to. When it
	// is longer than the grace period, the task is ended at the end of that.
	DiesAfter time.Duration
}

// Step is one status that a task reports.
type Step struct {
	// After the step before, or after the launch.
	After   time.Duration
	State   mesos.TaskState
	Message string
	Healthy *bool
	// Reason and Source, when there is a reason, and when the source is not the executor.
	Reason *mesos.TaskStatus_Reason
	Source *mesos.TaskStatus_Source
}

const (
	startsAfter  = 20 * time.Millisecond
	runsAfter    = 5 * time.Millisecond
	healthyAfter = 20 * time.Millisecond
	diesAfter    = 50 * time.Millisecond
)

// Healthy is the default script: the task starts, runs, becomes healthy if it
// has a health check, and ends when it is killed.
func Healthy(task mesos.TaskInfo) Play {
	play := Play{DiesAfter: diesAfter, Steps: []Step{
		{After: startsAfter, State: mesos.TASK_STARTING},
		{After: runsAfter, State: mesos.TASK_RUNNING},
	}}
	if task.HealthCheck != nil {
		play.Steps = append(play.Steps, health(healthyAfter, true))
	}
	return play
}

// health is a status as in the recording health-check.
func health(after time.Duration, healthy bool) Step {
	return Step{
		After:   after,
		State:   mesos.TASK_RUNNING,
		Healthy: &healthy,
		Reason:  mesos.REASON_TASK_HEALTH_CHECK_STATUS_UPDATED.Enum(),
	}
}

// FailsAfter is Healthy, and fails after it has run for d.
func FailsAfter(d time.Duration, message string) Script {
	return then(Step{After: d, State: mesos.TASK_FAILED, Message: message})
}

// FinishesAfter is Healthy, and finishes after it has run for d.
func FinishesAfter(d time.Duration) Script {
	return then(Step{After: d, State: mesos.TASK_FINISHED, Message: "Command exited with status 0"})
}

// UnhealthyAfter is Healthy, and becomes unhealthy after it has run for d.
func UnhealthyAfter(d time.Duration) Script { return then(health(d, false)) }

func then(step Step) Script {
	return func(task mesos.TaskInfo) Play {
		play := Healthy(task)
		play.Steps = append(play.Steps, step)
		return play
	}
}

// NeverStarts stays in TASK_STAGING, as when an image cannot be fetched.
func NeverStarts(mesos.TaskInfo) Play { return Play{DiesAfter: diesAfter} }

// IgnoresKill is Healthy, but ends only when its grace period is over.
func IgnoresKill(task mesos.TaskInfo) Play {
	play := Healthy(task)
	play.DiesAfter = 1<<63 - 1
	return play
}

// Delayed is another script whose first status comes later by d.
func Delayed(d time.Duration, script Script) Script {
	return func(task mesos.TaskInfo) Play {
		play := script(task)
		if len(play.Steps) > 0 {
			play.Steps[0].After += d
		}
		return play
	}
}
