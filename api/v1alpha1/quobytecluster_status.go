package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Condition types of a QuobyteCluster. kstatus understands Ready, Reconciling
// and Stalled.
const (
	// ConditionReady: every service that the inventory asks for runs, is
	// healthy and of the wanted version; or all is stopped, as asked.
	ConditionReady = "Ready"
	// ConditionReconciling: the operator is bringing the cluster to what the
	// spec asks for.
	ConditionReconciling = "Reconciling"
	// ConditionStalled: only a person can go on.
	ConditionStalled = "Stalled"
	// ConditionDegraded: something that ran, or runs, is not as it should be.
	ConditionDegraded = "Degraded"
	// ConditionConnected: the operator is subscribed to the Mesos master.
	ConditionConnected = "Connected"
	// ConditionProbing: the hosts are probed for devices. False with reason
	// NoProber: they cannot be, and devices count as they are declared.
	ConditionProbing = "Probing"
)

// Reasons of conditions.
const (
	ReasonReady            = "Ready"
	ReasonStopped          = "Stopped"
	ReasonStopping         = "Stopping"
	ReasonStarting         = "Starting"
	ReasonUpdating         = "Updating"
	ReasonSuspended        = "Suspended"
	ReasonDeleting         = "Deleting"
	ReasonNoDevices        = "NoDevices"
	ReasonConnecting       = "Connecting"
	ReasonConnected        = "Connected"
	ReasonNotConnected     = "NotConnected"
	ReasonNotSupported     = "NotSupported"
	ReasonSecretNotFound   = "SecretNotFound"
	ReasonFrameworkRemoved = "FrameworkRemoved"
	ReasonDuplicateService = "DuplicateService"
	ReasonServiceDown      = "ServiceDown"
	ReasonAsExpected       = "AsExpected"
	ReasonNoProber         = "NoProber"
	ReasonNoBootstrap      = "NoBootstrapDevice"
	ReasonManyBootstraps   = "SeveralBootstrapDevices"
	ReasonPaused           = "Paused"
	ReasonUpdateFailed     = "UpdateFailed"
	ReasonRollingBack      = "RollingBack"
	ReasonRolledBack       = "RolledBack"
	ReasonRestarting       = "Restarting"
	ReasonMaintenance      = "Maintenance"
	ReasonUnreachable      = "Unreachable"
)

// Annotations by which a person answers what only a person can decide.
const (
	// AnnotationGoneAgents lists, separated by commas, the ids of agents whose
	// machines are gone for good: tasks on them no longer block their host.
	AnnotationGoneAgents = "mesos.quobyte.com/gone-agents"
	// AnnotationForgetFramework names the framework id that is to be forgotten,
	// so that a new framework is registered in its place.
	AnnotationForgetFramework = "mesos.quobyte.com/forget-framework"
	// AnnotationBootstrapped, when it is "true", says that the installation exists,
	// though nothing here tells of a registry that ever ran.
	AnnotationBootstrapped = "mesos.quobyte.com/bootstrapped"
	// AnnotationRestartedAt, a time in RFC 3339, restarts what was started before it,
	// as an update would: on a QuobyteCluster all services, on a QuobyteDevice the
	// services of its host. With -<service> after it, on a QuobyteCluster, those of
	// one service. A time in the future is a restart that is due then.
	AnnotationRestartedAt = "mesos.quobyte.com/restarted-at"
)

// FinalizerCluster holds a QuobyteCluster until its deletion policy is carried
// out; FinalizerDevice holds a QuobyteDevice until no service uses it.
const (
	FinalizerCluster = "mesos.quobyte.com/cluster"
	FinalizerDevice  = "mesos.quobyte.com/device"
)

// Bounds of lists in the status, so that the object of a cluster of 10,000
// hosts stays small.
const (
	MaxReasons  = 20
	MaxFailures = 100
	MaxTasks    = 1000

	MaxMaintenance = 100
)

// QuobyteClusterStatus is what the operator last saw.
type QuobyteClusterStatus struct {
	// ObservedGeneration is the generation of the spec that this status is about.
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// FrameworkID is the id under which Mesos knows this cluster. It is written
	// once and never changed by the operator.
	FrameworkID string `json:"frameworkID,omitempty"`

	// Bootstrapped: a registry has run. From then on the bootstrap mark of devices
	// has no meaning.
	Bootstrapped bool `json:"bootstrapped,omitempty"`

	// Leader is the Mesos master of the present or last subscription.
	Leader string `json:"leader,omitempty"`

	// Devices is how many accepted devices the inventory has.
	// +kubebuilder:default=0
	Devices int32 `json:"devices"`

	// Summary is for the columns of kubectl get.
	Summary ClusterSummary `json:"summary,omitempty"`

	// Revision is what the spec asks of all services together.
	Revision string `json:"revision,omitempty"`

	// Good is what all services ran when they ran well last, all that an update can
	// reach: what a rollback leads to.
	Good *GoodRevision `json:"good,omitempty"`

	// Update is the update, or restart, that is under way; nil: none is.
	Update *UpdateStatus `json:"update,omitempty"`

	// Maintenance lists the hosts with a window in the maintenance schedule of Mesos,
	// at most 100, the earliest first.
	// +listType=map
	// +listMapKey=host
	Maintenance []MaintenanceStatus `json:"maintenance,omitempty"`

	// Services counts the instances of each service.
	// +listType=map
	// +listMapKey=name
	Services []ServiceStatus `json:"services,omitempty"`

	// Tasks that no QuobyteDevice's status lists: those of services that are not
	// bound to devices, of services whose device object is not there, and tasks
	// that this version cannot read. At most 1000. A restarted operator remembers
	// them from here.
	// +listType=map
	// +listMapKey=taskID
	Tasks []TaskStatus `json:"tasks,omitempty"`

	// Reasons say why instances that should run do not, and what is not as it
	// should be: at most 20, grouped.
	// +listType=atomic
	Reasons []Reason `json:"reasons,omitempty"`

	// Failures counts the failures of instances that have not run well since:
	// at most 100, the most recent.
	// +listType=atomic
	Failures []Failure `json:"failures,omitempty"`

	// Conditions: Ready, Reconciling, Stalled, Degraded, Connected, Probing.
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ClusterSummary is for the columns of kubectl get.
type ClusterSummary struct {
	// Services as ready/wanted, such as 11/12.
	Services string `json:"services,omitempty"`
	// Updated is how many wanted instances run the wanted spec, such as 11/12.
	Updated string `json:"updated,omitempty"`
	// Update that is under way, such as "1.1.6: data 4/12, node5".
	Update string `json:"update,omitempty"`
}

// ServiceStatus counts the instances of one service.
type ServiceStatus struct {
	// Name of the service: registry, metadata, data, s3, api, webconsole, client.
	Name string `json:"name"`
	// Wanted instances.
	Wanted int32 `json:"wanted"`
	// Running tasks, of whatever version.
	Running int32 `json:"running"`
	// Ready is how many wanted instances run and are healthy.
	Ready int32 `json:"ready"`
	// Updated is how many wanted instances run the wanted spec.
	Updated int32 `json:"updated"`
	// Versions that run, with their counts, such as "1.1.5 (3)"; at most 10.
	// +listType=atomic
	Versions []string `json:"versions,omitempty"`
}

// TaskStatus is one task of a service.
type TaskStatus struct {
	// Service such as data.
	Service string `json:"service"`
	// TaskID in Mesos.
	TaskID string `json:"taskID"`
	// Host it runs on.
	Host string `json:"host,omitempty"`
	// AgentID of the Mesos agent it runs on.
	AgentID string `json:"agentID,omitempty"`
	// Version of the image; empty when it is not known.
	Version string `json:"version,omitempty"`
	// State as Mesos says it without TASK_, such as RUNNING, with ", unhealthy"
	// when the health check says so.
	State string `json:"state,omitempty"`
}

// Reason says why instances do not run, or what is not as it should be.
type Reason struct {
	// Service that it concerns; empty for the whole cluster.
	Service string `json:"service,omitempty"`
	// Count of instances that it holds for.
	Count int32 `json:"count"`
	// Message for a person, naming the first host and what to do.
	Message string `json:"message"`
	// Hosts it holds for, at most 5.
	// +listType=atomic
	Hosts []string `json:"hosts,omitempty"`
}

// Failure counts the failures of one instance.
type Failure struct {
	// Service such as data.
	Service string `json:"service"`
	// Host; for a service that is not bound to devices the host of the last failure.
	Host string `json:"host"`
	// Count of failures without ten minutes of running well in between.
	Count int32 `json:"count"`
	// Restarts is how often it was restarted because it stayed unhealthy, without ten
	// minutes of running well in between.
	Restarts int32 `json:"restarts,omitempty"`
	// First is when the first of these began to try: the launch of its task, unless that
	// had run well.
	// +optional
	First *metav1.Time `json:"first,omitempty"`
	// TaskID of the last task that failed, or was restarted: each is counted once.
	TaskID string `json:"taskID"`
	// Time of the last failure.
	Time metav1.Time `json:"time"`
	// Message of Mesos about it.
	Message string `json:"message,omitempty"`
}
