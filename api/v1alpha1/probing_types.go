package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DevicesPolicy says whether a device that a probe finds is used at once.
// +kubebuilder:validation:Enum=Auto;Declared
type DevicesPolicy string

// The policies.
const (
	// DevicesAuto uses every marked device that is found.
	DevicesAuto DevicesPolicy = "Auto"
	// DevicesDeclared uses those alone that somebody declared.
	DevicesDeclared DevicesPolicy = "Declared"
)

// DevicesSpec says what becomes of the devices that the probes find.
type DevicesSpec struct {
	// Policy is Auto, to use every marked device that is found, or Declared, to
	// use those alone for which there is a manifest; the others are listed as
	// Unmanaged.
	// +kubebuilder:default=Auto
	Policy DevicesPolicy `json:"policy,omitempty"`
	// RestartOnNewDevice restarts the service of a host when a further device of its
	// type turns up there, as always one instance at a time. Turn it off where the
	// service finds new devices by itself.
	// +kubebuilder:default=true
	// +optional
	RestartOnNewDevice bool `json:"restartOnNewDevice"`
}

// ProberSpec is the process on every host that looks for devices.
//
// +kubebuilder:validation:XValidation:rule="!has(self.image) || !has(self.artifactURL) || size(self.image) == 0 || size(self.artifactURL) == 0",fieldPath=".artifactURL",message="prober.artifactURL must be empty when prober.image is set: the prober is in the image"
type ProberSpec struct {
	// Image of the prober with its tag or digest: that of this operator. Empty: the
	// binary is fetched.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self == '' || self.matches('^[a-zA-Z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*(:[a-zA-Z0-9_][a-zA-Z0-9._-]*|(:[a-zA-Z0-9_][a-zA-Z0-9._-]*)?@sha256:[0-9a-f]{64})$')",message="prober.image must be empty or an image with its tag or digest, such as registry.example:5000/quobyte-operator:v1"
	Image string `json:"image,omitempty"`
	// ArtifactURL from which Mesos fetches the prober's binary, when there is no
	// image. Empty: the operator serves it below mesos.webUIURL, at /artifacts/.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self == '' || self.matches('^(https?|hdfs|s3|file)://[^[:space:][:cntrl:]]+$')",message="prober.artifactURL must be empty or a URL of http, https, hdfs, s3 or file, such as http://files.example/quobyte-operator"
	ArtifactURL string `json:"artifactURL,omitempty"`
	// Interval between two probes of a host; changes of its mount table are seen at
	// once.
	// +kubebuilder:default="2m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="size(self) > 0 && self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$')",message="prober.interval must be a duration in hours, minutes and seconds, such as 2m"
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || !self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$') || duration(self) >= duration('5s') && duration(self) <= duration('1h')",message="prober.interval must be from 5s to 1h"
	Interval metav1.Duration `json:"interval,omitempty"`
	// User that the prober runs as on the agents: it reads the root directories of
	// the devices.
	// +kubebuilder:default=root
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^[:space:][:cntrl:]/:]+$')",message="prober.user must be a user name such as root"
	User string `json:"user,omitempty"`
	// Resources that one prober takes of its agent.
	// +kubebuilder:default={}
	Resources ProberResources `json:"resources,omitempty"`
}

// ProberResources is what one prober takes of its agent.
type ProberResources struct {
	// CPUs, at most three digits after the point: Mesos counts no finer.
	// +kubebuilder:default="100m"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('20m')) >= 0 && quantity(string(self)).compareTo(quantity('10k')) <= 0",message="prober.resources.cpus must be from 20m (0.02) to 10k"
	CPUs resource.Quantity `json:"cpus,omitempty"`
	// Memory, rounded up to whole MiB.
	// +kubebuilder:default="256Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('64Mi')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="prober.resources.memory must be from 64Mi to 1Pi"
	Memory resource.Quantity `json:"memory,omitempty"`
	// Disk for the sandbox and the fetched binary, rounded up to whole MiB.
	// +kubebuilder:default="150Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="prober.resources.disk must be from 0 to 1Pi"
	Disk resource.Quantity `json:"disk,omitempty"`
}
