package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// QuobyteDevice is one entry of the device inventory: a mounted file system
// with a Quobyte device on a host. A device-bound service runs on each host
// that has a device of its type.
//
// A device is known by its serial, wherever it is mounted; before it has one, by
// host and path.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=device;devices;qdev,categories=quobyte
// +kubebuilder:selectablefield:JSONPath=`.spec.clusterRef.name`
// +kubebuilder:selectablefield:JSONPath=`.status.host`
// +kubebuilder:selectablefield:JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Host",type=string,JSONPath=`.status.host`
// +kubebuilder:printcolumn:name="Path",type=string,JSONPath=`.status.path`
// +kubebuilder:printcolumn:name="Types",type=string,JSONPath=`.status.types`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Capacity",type=string,JSONPath=`.status.capacity`
// +kubebuilder:printcolumn:name="Used",type=string,JSONPath=`.status.used`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.summary`
// +kubebuilder:printcolumn:name="Cluster",type=string,priority=1,JSONPath=`.spec.clusterRef.name`
// +kubebuilder:printcolumn:name="FS",type=string,priority=1,JSONPath=`.status.fileSystem`
// +kubebuilder:printcolumn:name="Model",type=string,priority=1,JSONPath=`.status.model`
// +kubebuilder:printcolumn:name="Serial",type=string,priority=1,JSONPath=`.status.serial`
// +kubebuilder:printcolumn:name="Since",type=date,priority=1,JSONPath=`.status.phaseSince`
// +kubebuilder:printcolumn:name="Agent",type=string,priority=1,JSONPath=`.status.agentID`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="!has(self.spec.serial) || has(oldSelf.spec.serial) || !has(oldSelf.status) || !has(oldSelf.status.serial) || size(oldSelf.status.serial) == 0 || self.spec.serial == oldSelf.status.serial",fieldPath=".spec.serial",reason=FieldValueForbidden,message="spec.serial must be the one that the device has (status.serial): for another disk create another object"
// +kubebuilder:validation:XValidation:rule="!self.spec.bootstrap || oldSelf.spec.bootstrap || !has(oldSelf.status) || !has(oldSelf.status.serial) || size(oldSelf.status.serial) == 0",fieldPath=".spec.bootstrap",reason=FieldValueForbidden,message="spec.bootstrap must be set before the device has its marker (status.serial), which is never written anew: set it on a registry device that is yet to be initialised"
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

// DeviceState is what a person wants of a device.
// +kubebuilder:validation:Enum=Online;Decommissioned
type DeviceState string

// The states of a device.
const (
	// DeviceOnline: services are to use it.
	DeviceOnline DeviceState = "Online"
	// DeviceDecommissioned: no service is to use it any more.
	DeviceDecommissioned DeviceState = "Decommissioned"
)

// DevicePhase says where a device stands in its life.
type DevicePhase string

// The phases.
const (
	// PhasePending: declared, and no probe has found it.
	PhasePending DevicePhase = "Pending"
	// PhaseInitializing: the marker is being written.
	PhaseInitializing DevicePhase = "Initializing"
	// PhaseOnline: found on its host; services use it.
	PhaseOnline DevicePhase = "Online"
	// PhaseMissing: it was found once, and is not now. What runs keeps running.
	PhaseMissing DevicePhase = "Missing"
	// PhaseReplaced: Missing, and another disk is mounted at its path.
	PhaseReplaced DevicePhase = "Replaced"
	// PhaseConflict: it contradicts another device or its own declaration; no
	// service is started for it.
	PhaseConflict DevicePhase = "Conflict"
	// PhaseUnmanaged: found, and spec.devices.policy is Declared: nobody has
	// declared it.
	PhaseUnmanaged DevicePhase = "Unmanaged"
	// PhaseDecommissioning: its services are being stopped.
	PhaseDecommissioning DevicePhase = "Decommissioning"
	// PhaseDecommissioned: no service uses it.
	PhaseDecommissioned DevicePhase = "Decommissioned"
)

// Condition types of a QuobyteDevice, and the reasons of Accepted.
const (
	// ConditionAccepted: the device is consistent with its cluster, with what the
	// probes find and with all other devices, and takes part in the inventory.
	ConditionAccepted = "Accepted"
	// ConditionInUse: a service of the cluster uses the device.
	ConditionInUse = "InUse"

	ReasonAccepted          = "Accepted"
	ReasonUnknownCluster    = "UnknownCluster"
	ReasonOutsideDirectory  = "OutsideHostDeviceDirectory"
	ReasonDuplicatePath     = "DuplicatePath"
	ReasonDuplicateSerial   = "DuplicateSerial"
	ReasonMountedTwice      = "MountedTwice"
	ReasonTypesDiffer       = "TypesDiffer"
	ReasonNotFound          = "NotFound"
	ReasonNotProbed         = "NotProbed"
	ReasonMissing           = "Missing"
	ReasonReplaced          = "Replaced"
	ReasonUnreadable        = "Unreadable"
	ReasonUnmanaged         = "Unmanaged"
	ReasonInitializing      = "Initializing"
	ReasonInitializeRefused = "InitializeRefused"
	ReasonDecommissioned    = "Decommissioned"
	ReasonMoving            = "Moving"
	ReasonInUse             = "InUse"
	ReasonNotInUse          = "NotInUse"
)

const (
	// LabelDiscovered stands on devices that a probe found and nobody declared. To
	// declare one, remove the label.
	LabelDiscovered = "mesos.quobyte.com/discovered"
	// AnnotationSerial keeps the serial of a device that was initialised, beside
	// the status: a backup may bring back an object without its status, and it
	// must never be initialised again.
	AnnotationSerial = "mesos.quobyte.com/serial"
	// AnnotationFound on a device that was found says where and when: host, path, a
	// blank and an RFC 3339 time. It counts until the status tells of the device, and
	// only on the object that was made then, not on one restored from a backup.
	AnnotationFound = "mesos.quobyte.com/found"
	// AnnotationProbeNow on a QuobyteCluster asks for a probe of all hosts whenever
	// its value changes.
	AnnotationProbeNow = "mesos.quobyte.com/probe-now"
)

// ReclaimPolicy says what becomes of a device's persistent volume when the device
// is decommissioned.
// +kubebuilder:validation:Enum=Retain;Delete
type ReclaimPolicy string

// The reclaim policies.
const (
	ReclaimRetain ReclaimPolicy = "Retain"
	ReclaimDelete ReclaimPolicy = "Delete"
)

// QuobyteDeviceSpec declares a device.
//
// +kubebuilder:validation:XValidation:rule="has(self.serial) || has(self.host) || has(self.path)",message="a device must be named by host and path, or by its serial"
// +kubebuilder:validation:XValidation:rule="has(self.host) == has(self.path)",message="host and path belong together: set both, or name the device by its serial alone"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.host) || has(self.host)",fieldPath=".host",reason=FieldValueForbidden,message="host cannot be taken away: put it back; a device that has a serial is followed to the host on which it is mounted (status.host)"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.path) || has(self.path)",fieldPath=".path",reason=FieldValueForbidden,message="path cannot be taken away: put it back; a device that has a serial is followed to where it is mounted (status.path)"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.serial) || has(self.serial)",fieldPath=".serial",reason=FieldValueForbidden,message="serial cannot be taken away: it is what the device is known by; put it back"
// +kubebuilder:validation:XValidation:rule="!self.initialize || has(self.host) && has(self.path) && has(self.types) && size(self.types) > 0",fieldPath=".initialize",message="initialize needs host, path and types: they say where the marker is written and what stands in it"
// +kubebuilder:validation:XValidation:rule="!self.initialize || !has(self.serial)",fieldPath=".serial",message="serial must not be set together with initialize: the disk's own is used, or a new one"
// +kubebuilder:validation:XValidation:rule="!self.bootstrap || self.initialize && has(self.types) && 'REGISTRY' in self.types",fieldPath=".bootstrap",message="bootstrap needs initialize and the type REGISTRY: it is written into the marker of the first registry device"
// +kubebuilder:validation:XValidation:rule="!has(self.source) || has(self.host) && has(self.path) && self.source.mesosDisk.root == self.path",fieldPath=".source.mesosDisk.root",message="source.mesosDisk.root must equal path, and host be set: a MOUNT disk of Mesos is mounted at its root"
// +kubebuilder:validation:XValidation:rule="has(self.source) == has(oldSelf.source)",fieldPath=".source",reason=FieldValueForbidden,message="source cannot be added or taken away: delete this object and create another one"
// +kubebuilder:validation:XValidation:rule="self.reclaimPolicy != 'Delete' || has(self.source)",fieldPath=".reclaimPolicy",message="reclaimPolicy Delete needs source.mesosDisk: only a persistent volume can be destroyed; leave it at Retain"
type QuobyteDeviceSpec struct {
	// ClusterRef names the QuobyteCluster, in the same namespace, that the
	// device belongs to. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",reason=FieldValueForbidden,message="clusterRef cannot change: a device carries the data of one cluster; delete this object and create one for the other cluster"
	ClusterRef ClusterReference `json:"clusterRef"`

	// Host is the agent's host name, as Mesos knows it. Once the device's serial
	// is known (status.serial) the object follows its disk, wherever it is
	// mounted; status.host says where that is.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9]([-a-zA-Z0-9._:]*[a-zA-Z0-9])?$')",message="host must be the host name or address under which Mesos knows the agent"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",reason=FieldValueForbidden,message="host cannot change: a device that has a serial is followed to the host on which it is mounted (status.host); for another disk create another object"
	Host string `json:"host,omitempty"`

	// Path where the device is mounted on the host, below the cluster's
	// hostDeviceDirectory. It cannot change, as the host cannot; status.path says
	// where the device is now.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^(/[^/[:cntrl:]]+)+$') && !self.matches('/[.][.]?(/|$)')",message="path must be an absolute, clean path such as /mnt/disk1: no '.', '..', '//' or control characters, and no '/' at the end"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",reason=FieldValueForbidden,message="path cannot change: a device that has a serial is followed to where it is mounted (status.path); for another disk create another object"
	Path string `json:"path,omitempty"`

	// Types of service that use the device. Empty: those of its marker.
	// +listType=set
	// +kubebuilder:validation:MaxItems=3
	Types []DeviceType `json:"types,omitempty"`

	// Serial of the device, when it is known.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]{5,}$')",message="serial must have at least 5 characters of letters, digits, '-', '.' and '_'"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",reason=FieldValueForbidden,message="serial cannot change: it is what the device is known by; create another object for another disk"
	Serial string `json:"serial,omitempty"`

	// State is Online, or Decommissioned to take the device out of service. Its
	// marker and its data stay.
	// +kubebuilder:default=Online
	State DeviceState `json:"state,omitempty"`

	// Initialize writes a marker, once, when the file system at host and path is
	// empty. It may stay true for ever: an object whose device ever had a serial
	// is never initialised again.
	// +kubebuilder:default=false
	Initialize bool `json:"initialize,omitempty"`

	// Bootstrap marks, when the device is initialised, the one registry device
	// with which a new installation starts.
	// +kubebuilder:default=false
	Bootstrap bool `json:"bootstrap,omitempty"`

	// Source says where the file system comes from, when it is not simply mounted.
	// +optional
	Source *DeviceSource `json:"source,omitempty"`

	// ReclaimPolicy says what becomes of the persistent volume of source.mesosDisk
	// when the device is decommissioned: Retain keeps it with its data, Delete
	// destroys both.
	// +kubebuilder:default=Retain
	ReclaimPolicy ReclaimPolicy `json:"reclaimPolicy,omitempty"`
}

// DeviceSource says where a device's file system comes from.
type DeviceSource struct {
	// MesosDisk is a MOUNT disk that the agent offers: it is reserved, and a
	// persistent volume is created on it. It needs spec.mesos.reservation Dynamic.
	// +required
	MesosDisk MesosDisk `json:"mesosDisk"`
}

// MesosDisk is a MOUNT disk of an agent.
type MesosDisk struct {
	// Root of the disk in the agent's --resources.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",reason=FieldValueForbidden,message="source.mesosDisk.root cannot change: create another object for another disk"
	Root string `json:"root"`
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
	// Phase of the device's life.
	Phase DevicePhase `json:"phase,omitempty"`
	// PhaseSince is since when it has been in that phase.
	PhaseSince *metav1.Time `json:"phaseSince,omitempty"`
	// Host on which the device is, or was last found.
	Host string `json:"host,omitempty"`
	// Path on that host.
	Path string `json:"path,omitempty"`
	// PreviousHost is the host that the device was moved from, as long as a service
	// there has to stop because of it.
	PreviousHost string `json:"previousHost,omitempty"`
	// MovedServices have stopped on PreviousHost for the device, and may run on Host.
	// +listType=set
	MovedServices []string `json:"movedServices,omitempty"`
	// AppearedAt is when the device was last seen to turn up on a host that had been
	// probed without it: a service that was started before does not know it.
	AppearedAt *metav1.MicroTime `json:"appearedAt,omitempty"`
	// AgentID of the Mesos agent on the device's host; empty when none is known.
	AgentID string `json:"agentID,omitempty"`
	// Serial of the marker; empty for a device of the older kind.
	Serial string `json:"serial,omitempty"`
	// Model of the disk.
	Model string `json:"model,omitempty"`
	// FileSystem such as ext4.
	FileSystem string `json:"fileSystem,omitempty"`
	// Capacity of the file system, rounded, such as 7.3Ti.
	Capacity string `json:"capacity,omitempty"`
	// Used share of the capacity, in steps of 5%, such as 40%.
	Used string `json:"used,omitempty"`
	// DeviceTypes that the device has: those of its marker, else the declared ones.
	// +listType=atomic
	DeviceTypes []DeviceType `json:"deviceTypes,omitempty"`
	// Types of the device in one word, for kubectl get.
	Types string `json:"types,omitempty"`
	// Bootstrap: the marker says device.bootstrap=true.
	Bootstrap bool `json:"bootstrap,omitempty"`
	// Summary says in a line what uses the device, or why nothing does.
	Summary string `json:"summary,omitempty"`
	// Services that use the device.
	// +listType=map
	// +listMapKey=taskID
	Services []TaskStatus `json:"services,omitempty"`
	// Volume is the persistent volume of source.mesosDisk, once it was asked for.
	// +optional
	Volume *VolumeStatus `json:"volume,omitempty"`
	// Conditions: Accepted, InUse.
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// VolumeStatus is a persistent volume in Mesos.
type VolumeStatus struct {
	// ID of the persistence, unique on its agent.
	ID string `json:"id"`
	// State: Creating, Created, Destroying, Destroyed.
	State string `json:"state"`
}
