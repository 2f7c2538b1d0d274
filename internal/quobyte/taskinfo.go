package quobyte

import (
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// versionLabel tells people and the vendor's tools which version a task runs.
// The operator never relies on it: reconciliation brings no labels.
const versionLabel = "docker_image_version"

// killGrace is how long a service has between SIGTERM and SIGKILL: it writes
// out what it holds in memory and leaves its devices clean.
const killGrace = 60 * time.Second

// Placement is where a task goes, and what it needs besides its spec.
type Placement struct {
	TaskID, AgentID string
	// Host is for logs and events. The task is not told: it shares the host's
	// network and sees its name.
	Host string
	// Resources of the offers, allocated, as they go into the TaskInfo.
	Resources []mesos.Resource
	// Registry is RegistryAddress.
	Registry string
}

// TaskInfo returns the task that runs the service as the vendor's images want it.
//
// A client has neither ports nor a status page: nothing checks its health and nobody
// looks it up.
func TaskInfo(spec Spec, p Placement) mesos.TaskInfo {
	info := mesos.TaskInfo{
		Name:       string(spec.Service),
		TaskID:     mesos.TaskID{Value: p.TaskID},
		AgentID:    mesos.AgentID{Value: p.AgentID},
		Resources:  p.Resources,
		Command:    command(spec, p.Registry),
		Container:  container(spec),
		KillPolicy: &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{Nanoseconds: killGrace.Nanoseconds()}},
		Labels:     &mesos.Labels{Labels: []mesos.Label{{Key: versionLabel, Value: &spec.Version}}},
	}
	if spec.HTTPPort != 0 {
		info.Discovery = discovery(spec)
	}
	if spec.Checked() {
		info.HealthCheck = healthCheck(spec)
	}
	return info
}
