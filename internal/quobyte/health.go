package quobyte

import (
	"math"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

const (
	healthDelay    = 5 * time.Second
	healthInterval = 15 * time.Second
	// healthTimeout is longer than a garbage collection of a busy storage service.
	healthTimeout = 20 * time.Second
	// healthGrace is how long a service may take to answer for the first time: it
	// reads its devices before. Nothing is reported unhealthy before that.
	healthGrace = 2 * time.Minute

	// neverKill is the number of failed checks after which Mesos kills the task.
	// Whether something unhealthy is restarted is for the planner to decide, who
	// knows what else is down.
	neverKill = math.MaxUint32
)

// healthCheck asks the status page of the service. Mesos runs it on the agent,
// whose network the container shares.
func healthCheck(spec Spec) *mesos.HealthCheck {
	return &mesos.HealthCheck{
		Type: mesos.HealthCheck_HTTP,
		HTTP: &mesos.HealthCheck_HTTPCheckInfo{
			Scheme: new("http"),
			Port:   uint32(spec.HTTPPort),
			Path:   new("/"),
		},
		DelaySeconds:        new(healthDelay.Seconds()),
		IntervalSeconds:     new(healthInterval.Seconds()),
		TimeoutSeconds:      new(healthTimeout.Seconds()),
		GracePeriodSeconds:  new(healthGrace.Seconds()),
		ConsecutiveFailures: new(uint32(neverKill)),
	}
}
