package mesostest_test

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

var shellCommand = regexp.MustCompile(`^(?:echo hi > data/x; )?sleep (\d+)(?:; exit (\d+))?$`)

// recordedScript does what the recorded shell commands did. The recorded agent
// started containers one after the other.
func recordedScript() mesostest.Script {
	launched := 0
	return func(task mesos.TaskInfo) mesostest.Play {
		play := recordedCommand(task)
		play.Steps[0].After += time.Duration(launched) * 50 * time.Millisecond
		launched++
		return play
	}
}

func recordedCommand(task mesos.TaskInfo) mesostest.Play {
	if task.GetContainer().GetDocker() != nil {
		// The recorded agent had no docker.
		return mesostest.Play{Steps: []mesostest.Step{{
			After:   5 * time.Millisecond,
			State:   mesos.TASK_FAILED,
			Message: "Abnormal executor termination: unknown container",
			Reason:  mesos.REASON_EXECUTOR_TERMINATED.Enum(),
			Source:  mesos.SOURCE_AGENT.Enum(),
		}}}
	}
	if strings.HasPrefix(task.GetCommand().GetValue(), "touch up; (sleep 6; rm up)&") {
		return recordedHealth()
	}
	match := shellCommand.FindStringSubmatch(task.GetCommand().GetValue())
	if match == nil {
		panic("a recorded command that the test does not know: " + task.GetCommand().GetValue())
	}
	play := mesostest.Healthy(task)
	play.Steps[0].After = 160 * time.Millisecond
	play.Steps[1].After = 10 * time.Millisecond
	runs, _ := strconv.Atoi(match[1])
	// An executor looks now and then whether its command has ended.
	end := mesostest.Step{After: time.Duration(runs)*time.Second + 170*time.Millisecond, State: mesos.TASK_FINISHED}
	if match[2] == "" {
		match[2] = "0"
	} else if match[2] != "0" {
		end.State = mesos.TASK_FAILED
	}
	end.Message = "Command exited with status " + match[2]
	play.Steps = append(play.Steps, end)
	return play
}

// recordedHealth is the command of health-check, and what its health check finds.
func recordedHealth() mesostest.Play {
	checked := func(after time.Duration, healthy bool) mesostest.Step {
		return mesostest.Step{After: after, State: mesos.TASK_RUNNING, Healthy: &healthy,
			Reason: mesos.REASON_TASK_HEALTH_CHECK_STATUS_UPDATED.Enum()}
	}
	return mesostest.Play{Steps: []mesostest.Step{
		{After: 190 * time.Millisecond, State: mesos.TASK_STARTING},
		{After: 10 * time.Millisecond, State: mesos.TASK_RUNNING},
		checked(1080*time.Millisecond, true),
		checked(5040*time.Millisecond, false),
		checked(time.Second, false),
		checked(time.Second, false),
		{After: time.Millisecond, State: mesos.TASK_KILLING},
		{After: 100 * time.Millisecond, State: mesos.TASK_KILLED, Message: "Command terminated with signal Terminated"},
	}}
}
