package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// QuobyteDevice is one entry of the device inventory: a mounted file system
// with a Quobyte device on a host. A device-bound service runs on each host
// that has a device of its type.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=device;devices;qdev,categories=quobyte
// +kubebuilder:selectablefield:JSONPath=`.spec.clusterRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.host`
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterRef.name`
// +kubebuilder:printcolumn:name="Host",type=string,JSONPath=`.spec.host`
// +kubebuilder:printcolumn:name="Path",type=string,JSONPath=`.spec.path`
// +kubebuilder:printcolumn:name="Types",type=string,JSONPath=`.status.types`
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.summary`
// +kubebuilder:printcolumn:name="Serial",type=string,priority=1,JSONPath=`.spec.serial`
// +kubebuilder:printcolumn:name="Agent",type=string,priority=1,JSONPath=`.status.agentID`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type QuobyteDevice struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec declares the device.
	// +required
	Spec QuobyteDeviceSpec `json:"spec"`
	// Status is what the operator last saw.
	// +optional
	Status QuobyteDeviceStatus `json:"status,omitempty"`
}

// QuobyteDeviceList is a list of QuobyteDevices.
//
// +kubebuilder:object:root=true
type QuobyteDeviceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []QuobyteDevice `json:"items"`
}

// DeviceType says which service a device serves.
// +kubebuilder:validation:Enum=REGISTRY;METADATA;DATA
type DeviceType string

// The device types.
const (
	DeviceRegistry DeviceType = "REGISTRY"
	DeviceMetadata DeviceType = "METADATA"
	DeviceData     DeviceType = "DATA"
)

// Condition types of a QuobyteDevice, and the reasons of Accepted.
const (
	// ConditionAccepted: the device is consistent with its cluster and with all
	// other devices, and takes part in the inventory.
	ConditionAccepted = "Accepted"
	// ConditionInUse: a service of the cluster uses the device.
	ConditionInUse = "InUse"

	ReasonAccepted         = "Accepted"
	ReasonUnknownCluster   = "UnknownCluster"
	ReasonOutsideDirectory = "OutsideHostDeviceDirectory"
	ReasonDuplicatePath    = "DuplicatePath"
	ReasonDuplicateSerial  = "DuplicateSerial"
	ReasonInUse            = "InUse"
	ReasonNotInUse         = "NotInUse"
)

// QuobyteDeviceSpec declares a device.
type QuobyteDeviceSpec struct {
	// ClusterRef names the QuobyteCluster, in the same namespace, that the
	// device belongs to. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",reason=FieldValueForbidden,message="clusterRef cannot change: a device carries the data of one cluster; delete this object and create one for the other cluster"
	ClusterRef ClusterReference `json:"clusterRef"`

	// Host is the agent's host name, as Mesos knows it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9]([-a-zA-Z0-9._:]*[a-zA-Z0-9])?$')",message="host must be the host name or address under which Mesos knows the agent"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",reason=FieldValueForbidden,message="host cannot change: the services on the old host may still use the disk; delete this object, which stops them, and create one for the other host"
	Host string `json:"host"`

	// Path where the device is mounted on the host, below the cluster's
	// hostDeviceDirectory.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^(/[^/]+)+$') && !self.matches('/[.][.]?(/|$)')",message="path must be an absolute, clean path such as /mnt/disk1: no '.', '..', '//' and no '/' at the end"
	Path string `json:"path"`

	// Types of service that use the device. Empty: none yet.
	// +listType=set
	// +kubebuilder:validation:MaxItems=3
	Types []DeviceType `json:"types,omitempty"`

	// Serial of the device, when it is known.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self == '' || self.matches('^[-._a-zA-Z0-9]{5,}$')",message="serial must have at least 5 characters of letters, digits, '-', '.' and '_'"
	Serial string `json:"serial,omitempty"`
}

// ClusterReference names a QuobyteCluster in the same namespace.
type ClusterReference struct {
	// Name of the QuobyteCluster.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
}

// QuobyteDeviceStatus is what the operator last saw.
type QuobyteDeviceStatus struct {
	// ObservedGeneration is the generation of the spec that this status is about.
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// AgentID of the Mesos agent on the device's host; empty when none is known.
	AgentID string `json:"agentID,omitempty"`
	// Types of the device in one word, for kubectl get.
	Types string `json:"types,omitempty"`
	// Summary says in a line what uses the device, or why nothing does.
	Summary string `json:"summary,omitempty"`
	// Services that use the device.
	// +listType=map
	// +listMapKey=taskID
	Services []TaskStatus `json:"services,omitempty"`
	// Conditions: Accepted, InUse.
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
