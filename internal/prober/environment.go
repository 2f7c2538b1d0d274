package prober

import (
	"errors"
	"fmt"
	"time"

	mesostime "github.com/mesos/mesos-go/api/v1/lib/time"
)

// Environment is what an agent tells its executors
// (https://mesos.apache.org/documentation/latest/executor-http-api/).
type Environment struct {
	// AgentEndpoint is the host:port of the agent's API.
	AgentEndpoint           string
	FrameworkID, ExecutorID string
	// Token goes into the Authorization header; empty: the agent asks for none.
	Token string
	// Checkpoint: the agent comes back to its executors after a restart.
	Checkpoint bool
	// RecoveryTimeout is how long an executor waits for its agent, and
	// SubscriptionBackoffMax the most that it waits between two attempts; both
	// zero without Checkpoint.
	RecoveryTimeout, SubscriptionBackoffMax time.Duration
}

// ReadEnvironment reads the environment of an executor's process; variable is
// os.Getenv.
func ReadEnvironment(variable func(name string) string) (Environment, error) {
	e := Environment{Checkpoint: variable("MESOS_CHECKPOINT") == "1", Token: variable("MESOS_EXECUTOR_AUTHENTICATION_TOKEN")}
	var problems []error
	for name, into := range map[string]*string{
		"MESOS_AGENT_ENDPOINT": &e.AgentEndpoint, "MESOS_FRAMEWORK_ID": &e.FrameworkID, "MESOS_EXECUTOR_ID": &e.ExecutorID,
	} {
		if *into = variable(name); *into == "" {
			problems = append(problems, fmt.Errorf("%s is not set", name))
		}
	}
	for name, into := range map[string]*time.Duration{
		"MESOS_RECOVERY_TIMEOUT": &e.RecoveryTimeout, "MESOS_SUBSCRIPTION_BACKOFF_MAX": &e.SubscriptionBackoffMax,
	} {
		if !e.Checkpoint {
			continue
		}
		d, err := mesostime.ParseDuration(variable(name))
		if err != nil || d <= 0 {
			problems = append(problems, fmt.Errorf("%s=%q: want a duration of Mesos, such as 15mins", name, variable(name)))
		}
		*into = d
	}
	if len(problems) > 0 {
		return Environment{}, fmt.Errorf("a Mesos agent starts this, and sets its environment (--once does without): %w", errors.Join(problems...))
	}
	return e, nil
}
