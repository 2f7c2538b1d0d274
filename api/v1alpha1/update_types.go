package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// ServiceName names a service.
// +kubebuilder:validation:Enum=registry;metadata;data;s3;api;webconsole;client
type ServiceName string

// FailurePolicy says what becomes of an update that fails.
// +kubebuilder:validation:Enum=Pause;Rollback
type FailurePolicy string

// The policies.
const (
	// FailurePause stops the update where it failed.
	FailurePause FailurePolicy = "Pause"
	// FailureRollback leads what was updated back to what ran well last.
	FailureRollback FailurePolicy = "Rollback"
)

// UpdateSpec says how running services are replaced when what is asked of them
// changes, and how far every other voluntary stop may go.
type UpdateSpec struct {
	// MaxUnavailable is how many instances of each service may be away at a time,
	// whatever keeps them away: a number, or a percentage of the wanted ones, rounded
	// down and at least one. Of the registries a majority stays in any case. From 1 to
	// 10000, or from 1% to 100%; default 1; for example 2, or "10%".
	// +kubebuilder:default=1
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 && self <= 10000 : self.matches('^([1-9][0-9]?|100)%$')",message="update.maxUnavailable must be a number from 1 to 10000 or a percentage from 1% to 100%"
	MaxUnavailable intstr.IntOrString `json:"maxUnavailable,omitempty"`

	// MinReady is how long an instance must run, healthy, before the next one is
	// stopped. From 0s to 1h; default 30s; for example 2m.
	// +kubebuilder:default="30s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="size(self) > 0 && self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$')",message="update.minReady must be a duration in hours, minutes and seconds, such as 30s"
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || !self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$') || duration(self) <= duration('1h')",message="update.minReady must be from 0s to 1h"
	MinReady metav1.Duration `json:"minReady,omitempty"`

	// Order in which the services are updated. Those that are not named come after
	// these, in the order of the default: registry, metadata, data, s3, api, webconsole,
	// client.
	// +kubebuilder:default={registry,metadata,data,s3,api,webconsole,client}
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=7
	// +kubebuilder:validation:XValidation:rule="self.all(a, self.exists_one(b, a == b))",message="update.order must name each service once at most"
	Order []ServiceName `json:"order,omitempty"`

	// DomainBy is an attribute of the agents, or "zone" or "region": of each service all
	// of one domain are updated before the next. Empty, the default: host by host. For
	// example rack.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^:;[:cntrl:]]*$')",message="update.domainBy must be empty or the name of an attribute such as rack: no ':', ';' or control characters"
	DomainBy string `json:"domainBy,omitempty"`

	// Timeout is how long an instance that was stopped for an update may take until
	// it runs, healthy. After it the update has failed. From 1s to 24h; default 10m; for
	// example 30m.
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="size(self) > 0 && self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$')",message="update.timeout must be a duration in hours, minutes and seconds, such as 10m"
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || !self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$') || duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="update.timeout must be from 1s to 24h"
	Timeout metav1.Duration `json:"timeout,omitempty"`

	// OnFailure is Pause, to stop where an update failed, or Rollback, to lead what
	// was updated back to what ran well last. Default Pause.
	// +kubebuilder:default=Pause
	OnFailure FailurePolicy `json:"onFailure,omitempty"`

	// Paused stops updates and restarts on request until it is false again. What
	// fails is started again with what it ran. Default false.
	// +kubebuilder:default=false
	Paused bool `json:"paused,omitempty"`
}

// HealthSpec says how Mesos checks the health of services, and when one that stays
// unhealthy is restarted. Mesos only reports: it restarts nothing.
type HealthSpec struct {
	// Enabled has Mesos ask the http port of each service that has one. Default true.
	// +kubebuilder:default=true
	// +optional
	Enabled bool `json:"enabled"`
	// Except names services that are not checked; default none; for example [s3].
	// +listType=set
	// +kubebuilder:validation:MaxItems=7
	Except []ServiceName `json:"except,omitempty"`
	// Path that is asked for. A status from 200 to 399 is healthy. Default /; for example
	// /health.
	// +kubebuilder:default="/"
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^/[^[:space:][:cntrl:]]*$')",message="health.path must begin with '/' and have no white space"
	Path string `json:"path,omitempty"`
	// Interval between two checks. From 1s to 1h; default 15s; for example 30s.
	// +kubebuilder:default="15s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="size(self) > 0 && self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$')",message="health.interval must be a duration in hours, minutes and seconds, such as 15s"
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || !self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$') || duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="health.interval must be from 1s to 1h"
	Interval metav1.Duration `json:"interval,omitempty"`
	// Timeout of one check. From 1s to 1h; default 20s; for example 5s.
	// +kubebuilder:default="20s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="size(self) > 0 && self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$')",message="health.timeout must be a duration in hours, minutes and seconds, such as 20s"
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || !self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$') || duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="health.timeout must be from 1s to 1h"
	Timeout metav1.Duration `json:"timeout,omitempty"`
	// GracePeriod after the start in which failing checks are not reported: a
	// service reads its devices first. From 0s to 24h; default 2m; for example 10m.
	// +kubebuilder:default="2m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="size(self) > 0 && self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$')",message="health.gracePeriod must be a duration in hours, minutes and seconds, such as 2m"
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || !self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$') || duration(self) <= duration('24h')",message="health.gracePeriod must be from 0s to 24h"
	GracePeriod metav1.Duration `json:"gracePeriod,omitempty"`
	// RestartAfter is how long a service stays unhealthy before it is restarted. Each
	// further restart of the same instance waits twice as long, up to an hour or
	// RestartAfter. 0s: unhealthy services are reported and not restarted. From 0s to
	// 24h; default 5m; for example 15m.
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="size(self) > 0 && self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$')",message="health.restartAfter must be a duration in hours, minutes and seconds, such as 5m"
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || !self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$') || duration(self) <= duration('24h')",message="health.restartAfter must be from 0s to 24h"
	RestartAfter metav1.Duration `json:"restartAfter,omitempty"`
}

// MaintenanceSpec says how the cluster follows the maintenance schedule of Mesos.
type MaintenanceSpec struct {
	// LeadTime is how long before its window the services of a host are stopped. From 0s
	// to 24h; default 10m; for example 1h.
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="size(self) > 0 && self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$')",message="maintenance.leadTime must be a duration in hours, minutes and seconds, such as 10m"
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || !self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$') || duration(self) <= duration('24h')",message="maintenance.leadTime must be from 0s to 24h"
	LeadTime metav1.Duration `json:"leadTime,omitempty"`
}

// UpdateState says how an update stands.
type UpdateState string

// The states of an update.
const (
	// UpdateProgressing: instances are replaced.
	UpdateProgressing UpdateState = "Progressing"
	// UpdatePaused: spec.update.paused is true.
	UpdatePaused UpdateState = "Paused"
	// UpdateFailed: an instance did not come up in time, and nothing more is stopped.
	UpdateFailed UpdateState = "Failed"
	// UpdateRollingBack: what was updated goes back.
	UpdateRollingBack UpdateState = "RollingBack"
	// UpdateRolledBack: all is back, and the spec asks for what failed.
	UpdateRolledBack UpdateState = "RolledBack"
)

// UpdateStatus is the progress of an update, or of a restart on request.
type UpdateStatus struct {
	// State: Progressing, Paused, Failed, RollingBack, RolledBack.
	State UpdateState `json:"state"`
	// From is the version that is replaced; empty when it is not known.
	From string `json:"from,omitempty"`
	// To is the version that is led to; the same as From when only settings change,
	// or for a restart.
	To string `json:"to,omitempty"`
	// Service whose instances are replaced at present.
	Service string `json:"service,omitempty"`
	// Updated is how many instances of Service are done.
	// +kubebuilder:default=0
	Updated int32 `json:"updated"`
	// Total is how many instances of Service are wanted.
	// +kubebuilder:default=0
	Total int32 `json:"total"`
	// Current is the host of the instance that is replaced at present, the first by
	// name where there are several; empty: none is.
	Current string `json:"current,omitempty"`
	// Message says what is waited for, or what went wrong, in the words of Mesos.
	Message string `json:"message,omitempty"`
	// Failed is the update that is rolled back; nil: none is.
	Failed *FailedUpdate `json:"failed,omitempty"`
}

// FailedUpdate is an update that is not tried again before the spec changes.
type FailedUpdate struct {
	// Revision that failed, as in status.revision.
	Revision string `json:"revision"`
	// Version that failed.
	Version string `json:"version,omitempty"`
	// Message says which instance failed, and quotes Mesos.
	Message string `json:"message,omitempty"`
	// Time when it failed. What was started with it later was started at somebody's word:
	// then this is an old status, of a restored backup.
	Time *metav1.Time `json:"time,omitempty"`
}

// GoodRevision is what all services ran when they all ran well last.
type GoodRevision struct {
	// Revision of all services together.
	Revision string `json:"revision"`
	// Version of the images.
	Version string `json:"version"`
	// Stopped: a person has stopped all services since. They start with what is asked for.
	Stopped bool `json:"stopped,omitempty"`
	// Specs of the services.
	// +listType=map
	// +listMapKey=service
	Specs []SpecRevision `json:"specs,omitempty"`
}

// SpecRevision names the spec of a service.
type SpecRevision struct {
	// Service such as data.
	Service string `json:"service"`
	// Hash of the spec: ControllerRevision <cluster>-<service>-<hash> holds it.
	Hash string `json:"hash"`
}

// MaintenanceState says how a host stands with regard to its maintenance window.
type MaintenanceState string

// The states of a host with a window.
const (
	// MaintenanceScheduled: the window is known, and not near.
	MaintenanceScheduled MaintenanceState = "Scheduled"
	// MaintenanceWaiting: the services are to stop, and must not yet.
	MaintenanceWaiting MaintenanceState = "Waiting"
	// MaintenanceDraining: the services are being stopped.
	MaintenanceDraining MaintenanceState = "Draining"
	// MaintenanceDrained: no service runs there. The inverse offer is accepted when Mesos
	// asks next.
	MaintenanceDrained MaintenanceState = "Drained"
)

// MaintenanceStatus is a host with a maintenance window in the schedule of Mesos.
type MaintenanceStatus struct {
	// Host name of the agent.
	Host string `json:"host"`
	// State: Scheduled, Waiting, Draining, Drained.
	State MaintenanceState `json:"state"`
	// Start of the window.
	Start metav1.Time `json:"start"`
	// End of the window; nil: it has none.
	End *metav1.Time `json:"end,omitempty"`
	// Message says what is waited for.
	Message string `json:"message,omitempty"`
}
