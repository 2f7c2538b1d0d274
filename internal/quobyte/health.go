package quobyte

import (
	"math"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

const (
	// healthDelay is the time from the start to the first check.
	healthDelay = 5 * time.Second

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
			Path:   &spec.Health.Path,
		},
		DelaySeconds:        new(healthDelay.Seconds()),
		IntervalSeconds:     new(seconds(spec.Health.IntervalMillis)),
		TimeoutSeconds:      new(seconds(spec.Health.TimeoutMillis)),
		GracePeriodSeconds:  new(seconds(spec.Health.GraceMillis)),
		ConsecutiveFailures: new(uint32(neverKill)),
	}
}

func seconds(millis int64) float64 { return float64(millis) / 1000 }
