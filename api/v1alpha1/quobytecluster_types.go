package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// QuobyteCluster is one Quobyte installation on one Mesos cluster.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=qbc,categories=quobyte
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.spec.version`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.spec.state`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Services",type=string,JSONPath=`.status.summary.services`
// +kubebuilder:printcolumn:name="Updated",type=string,JSONPath=`.status.summary.updated`
// +kubebuilder:printcolumn:name="Update",type=string,JSONPath=`.status.summary.update`
// +kubebuilder:printcolumn:name="Devices",type=integer,JSONPath=`.status.devices`
// +kubebuilder:printcolumn:name="Framework",type=string,priority=1,JSONPath=`.status.frameworkID`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 63",message="metadata.name must have at most 63 characters: it becomes part of label values"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.status) || !has(oldSelf.status.frameworkID) || size(oldSelf.status.frameworkID) == 0 || self.spec.mesos.user == oldSelf.spec.mesos.user",fieldPath=".spec.mesos.user",reason=FieldValueForbidden,message="spec.mesos.user cannot change once the framework is registered (status.frameworkID): Mesos keeps a framework's user for its life"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.status) || !has(oldSelf.status.frameworkID) || size(oldSelf.status.frameworkID) == 0 || self.spec.mesos.role == oldSelf.spec.mesos.role",fieldPath=".spec.mesos.role",reason=FieldValueForbidden,message="spec.mesos.role cannot change once the framework is registered (status.frameworkID): running tasks hold resources of the old role"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.status) || !has(oldSelf.status.frameworkID) || size(oldSelf.status.frameworkID) == 0 || self.spec.mesos.frameworkName == oldSelf.spec.mesos.frameworkName",fieldPath=".spec.mesos.frameworkName",reason=FieldValueForbidden,message="spec.mesos.frameworkName cannot change once the framework is registered (status.frameworkID): DNS names of running services contain it"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.status) || !has(oldSelf.status.frameworkID) || size(oldSelf.status.frameworkID) == 0 || self.spec.mesos.principal == oldSelf.spec.mesos.principal",fieldPath=".spec.mesos.principal",reason=FieldValueForbidden,message="spec.mesos.principal cannot change once the framework is registered (status.frameworkID): Mesos keeps a framework's principal for its life"
// +kubebuilder:validation:XValidation:rule="!has(self.status) || !has(self.status.frameworkID) || size(self.status.frameworkID) == 0 || size(self.spec.mesos.frameworkID) == 0 || self.spec.mesos.frameworkID == self.status.frameworkID",fieldPath=".spec.mesos.frameworkID",message="spec.mesos.frameworkID must be empty or equal status.frameworkID: this cluster already runs as that framework"
type QuobyteCluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what a person wants of the cluster.
	// +required
	Spec QuobyteClusterSpec `json:"spec"`
	// Status is what the operator last saw.
	// +optional
	Status QuobyteClusterStatus `json:"status,omitempty"`
}

// QuobyteClusterList is a list of QuobyteClusters.
//
// +kubebuilder:object:root=true
type QuobyteClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []QuobyteCluster `json:"items"`
}

// State says whether the services of a cluster are to run.
// +kubebuilder:validation:Enum=Running;Stopped
type State string

// The states of a cluster.
const (
	StateRunning State = "Running"
	StateStopped State = "Stopped"
)

// DeletionPolicy says what becomes of the services when their QuobyteCluster
// is deleted.
// +kubebuilder:validation:Enum=Orphan;Teardown
type DeletionPolicy string

// The deletion policies.
const (
	// DeletionOrphan leaves all services running and the framework id kept.
	DeletionOrphan DeletionPolicy = "Orphan"
	// DeletionTeardown stops the services and removes the framework from Mesos.
	DeletionTeardown DeletionPolicy = "Teardown"
)

// QuobyteClusterSpec is what a person wants of the cluster.
//
// +kubebuilder:validation:XValidation:rule="[self.ports.api, self.ports.webconsole, self.ports.s3].all(p, p < self.ports.base || p > self.ports.base + 11)",fieldPath=".ports",message="ports.api, ports.webconsole and ports.s3 must lie outside ports.base to ports.base+11, which the services use"
// +kubebuilder:validation:XValidation:rule="!self.services.client.enabled || !(self.services.client.mountPoint + '/').startsWith(self.hostDeviceDirectory + '/') && !(self.hostDeviceDirectory + '/').startsWith(self.services.client.mountPoint + '/')",fieldPath=".services.client.mountPoint",message="services.client.mountPoint and hostDeviceDirectory must lie outside one another: the services would take the client's file system for a device, or the client hide the devices"
// +kubebuilder:validation:XValidation:rule="!self.services.client.enabled || size(self.prober.image) > 0 || size(self.prober.artifactURL) > 0 || size(self.mesos.webUIURL) > 0",fieldPath=".services.client.enabled",message="services.client.enabled needs probes, which find the mount points: set prober.image, prober.artifactURL or mesos.webUIURL"
type QuobyteClusterSpec struct {
	// Version is the tag of the image that all services are to run.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9_][A-Za-z0-9._-]*$')",message="version must be an image tag: letters, digits, '_', '.' and '-', not beginning with '.' or '-'"
	Version string `json:"version"`

	// State is Running, or Stopped to shut all services down; devices and
	// their data stay.
	// +kubebuilder:default=Running
	State State `json:"state,omitempty"`

	// Image of the services, without a tag: version is the tag.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="!self.matches(':[^/]*$') && !self.contains('@')",message="image must have no tag and no digest: put the tag into spec.version"
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*(:[^/]*)?(@.*)?$')",message="image must be an image name such as registry.example:5000/quobyte-server"
	Image string `json:"image"`

	// Suspend makes the operator observe and report, and change nothing on Mesos.
	// +kubebuilder:default=false
	Suspend bool `json:"suspend,omitempty"`

	// DeletionPolicy says what happens when this object is deleted: Orphan
	// leaves everything running, Teardown stops it.
	// +kubebuilder:default=Orphan
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// HostDeviceDirectory is the directory on every host below which devices
	// are mounted. The services see it as /devices.
	// +kubebuilder:default="/mnt"
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^(/[^/:[:cntrl:]]+)+$') && !self.matches('/[.][.]?(/|$)')",message="hostDeviceDirectory must be an absolute, clean path such as /mnt: no '.', '..', '//' or ':', and no '/' at the end"
	HostDeviceDirectory string `json:"hostDeviceDirectory,omitempty"`

	// Mesos says where Mesos is and as which framework to run there.
	// +required
	Mesos MesosSpec `json:"mesos"`

	// Placement restricts where services may run.
	// +kubebuilder:default={}
	Placement PlacementSpec `json:"placement,omitempty"`

	// Update says how running services are replaced when what is asked of them
	// changes.
	// +kubebuilder:default={}
	Update UpdateSpec `json:"update,omitempty"`

	// Health says how services are checked, and when an unhealthy one is restarted.
	// Mesos learns of a check with the task: all but restartAfter changes by an update.
	// +kubebuilder:default={}
	Health HealthSpec `json:"health,omitempty"`

	// Maintenance says how the schedule of Mesos is followed.
	// +kubebuilder:default={}
	Maintenance MaintenanceSpec `json:"maintenance,omitempty"`

	// Devices says what becomes of the devices that the probes find.
	// +kubebuilder:default={}
	Devices DevicesSpec `json:"devices,omitempty"`

	// Prober is the process on every host that looks for devices. It runs as an
	// image, or without any as a binary that Mesos fetches. With neither
	// prober.image nor prober.artifactURL nor mesos.webUIURL no host can be probed,
	// and devices count as they are declared.
	// +kubebuilder:default={}
	Prober ProberSpec `json:"prober,omitempty"`

	// Registry says how services and clients find the registries.
	// +kubebuilder:default={}
	Registry RegistrySpec `json:"registry,omitempty"`

	// Ports are the ports of the services on their hosts.
	// +kubebuilder:default={}
	Ports PortsSpec `json:"ports,omitempty"`

	// Services holds what is particular to each service.
	// +kubebuilder:default={}
	Services ServicesSpec `json:"services,omitempty"`
}

// MesosSpec says where Mesos is and as which framework to run there.
//
// +kubebuilder:validation:XValidation:rule="!has(self.reservation) || self.reservation != 'Dynamic' || self.role != '*' && size(self.principal) > 0",fieldPath=".reservation",message="mesos.reservation Dynamic needs a mesos.role other than '*' and a mesos.principal: Mesos reserves for a role, and lets the principal free it again"
// +kubebuilder:validation:XValidation:rule="!has(self.secretRef) || size(self.principal) > 0",fieldPath=".principal",message="principal must be set when secretRef is: Mesos authenticates a principal with the secret"
type MesosSpec struct {
	// Master is where the Mesos masters are: http(s) URLs, separated by commas.
	// A ZooKeeper URL (zk://host:port,.../path) is accepted and not yet supported.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^(https?://([-a-zA-Z0-9._]+|[[][0-9a-fA-F:.]+[]])(:[0-9]{1,5})?/?(,|$))+$') && !self.endsWith(',') || self.matches('^zk://[^/[:space:]]+/[^[:space:]]+$')",message="mesos.master must be a list of URLs such as http://10.0.0.1:5050,http://10.0.0.2:5050, or zk://host:2181,host:2181/mesos"
	Master string `json:"master"`

	// FrameworkName is the framework's name in Mesos and, through mesos-dns, in DNS names.
	// +kubebuilder:default=quobyte
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9]([-a-zA-Z0-9._]*[a-zA-Z0-9])?$')",message="mesos.frameworkName must be letters, digits, '-', '.', '_', beginning and ending with a letter or digit"
	FrameworkName string `json:"frameworkName,omitempty"`

	// FrameworkID takes over the framework with this id. Empty: the id that is
	// kept in the status, else a new framework.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]*$')",message="mesos.frameworkID must be a framework id as Mesos prints it"
	FrameworkID string `json:"frameworkID,omitempty"`

	// Role under which resources are taken.
	// +kubebuilder:default="*"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self == '*' || (self.matches('^[^-/ \\t\\n*][^ \\t\\n*]*$') && !self.matches('(^|/)[.][.]?(/|$)|//|/$'))",message="mesos.role must be '*' or a role name: no white space, no '*', no empty part, '.' or '..', not beginning with '-'"
	Role string `json:"role,omitempty"`

	// User that tasks run as on the agents.
	// +kubebuilder:default=root
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^[:space:][:cntrl:]/:]+$')",message="mesos.user must be a user name such as root"
	User string `json:"user,omitempty"`

	// Principal with which the framework authenticates. Empty: none.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^:[:cntrl:]]*$')",message="mesos.principal must not contain ':' or control characters: HTTP authentication cannot carry them"
	Principal string `json:"principal,omitempty"`

	// SecretRef names the Secret, in the namespace of this object, that holds
	// the principal's secret.
	// +optional
	SecretRef *SecretKeyReference `json:"secretRef,omitempty"`

	// FailoverTimeout is how long Mesos keeps the services running while no
	// operator is connected, such as 168h or 30m.
	// +kubebuilder:default="168h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="size(self) > 0 && self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$')",message="mesos.failoverTimeout must be a duration in hours, minutes and seconds, such as 168h or 1h30m"
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || !self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$') || duration(self) >= duration('1m')",message="mesos.failoverTimeout must be at least 1m: when it passes without an operator, Mesos kills every service"
	FailoverTimeout metav1.Duration `json:"failoverTimeout,omitempty"`

	// Reservation is Dynamic to reserve what the services use, so that after a
	// restart the same resources come back to them and to nobody else.
	// +kubebuilder:default=None
	Reservation Reservation `json:"reservation,omitempty"`

	// WebUIURL is shown by Mesos as the framework's web page, and is where agents
	// reach the operator to fetch the prober.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self == '' || self.matches('^https?://[^[:space:][:cntrl:]]+$')",message="mesos.webUIURL must be empty or an http(s) URL"
	WebUIURL string `json:"webUIURL,omitempty"`
}

// Reservation says whether the resources of services are reserved.
// +kubebuilder:validation:Enum=None;Dynamic
type Reservation string

// The kinds of reservation.
const (
	ReservationNone    Reservation = "None"
	ReservationDynamic Reservation = "Dynamic"
)

// SecretKeyReference names a key of a Secret in the same namespace.
type SecretKeyReference struct {
	// Name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Key within the Secret.
	// +kubebuilder:default=secret
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key,omitempty"`
}

// PlacementSpec restricts where services may run.
type PlacementSpec struct {
	// Hosts on which services may be started: whole agent host names. Empty: all.
	// +listType=set
	// +kubebuilder:validation:MaxItems=10000
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[a-zA-Z0-9]([-a-zA-Z0-9._:]*[a-zA-Z0-9])?$`
	Hosts []string `json:"hosts,omitempty"`

	// PublicRole, when set, confines api, webconsole and s3 to agents that
	// offer resources reserved for this role.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || (self.matches('^[^-/ \\t\\n*][^ \\t\\n*]*$') && !self.matches('(^|/)[.][.]?(/|$)|//|/$'))",message="placement.publicRole must be empty or a role name: no white space, no '*', no empty part, '.' or '..', not beginning with '-'"
	PublicRole string `json:"publicRole,omitempty"`

	// Attributes that an agent must have for services to be started on it; all of
	// them. "region" and "zone" are those of its fault domain, when it has one.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Attributes []AttributeRequirement `json:"attributes,omitempty"`

	// SpreadBy is the attribute, or "zone" or "region", over which floating services
	// are spread: the next instance starts where the fewest are. Registries that are
	// not spread over it are reported.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^:;[:cntrl:]]*$')",message="placement.spreadBy must be empty or the name of an attribute such as rack: no ':', ';' or control characters"
	SpreadBy string `json:"spreadBy,omitempty"`

	// CordonedHosts keep the services that they have, and get none: whole agent host
	// names.
	// +listType=set
	// +kubebuilder:validation:MaxItems=10000
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[a-zA-Z0-9]([-a-zA-Z0-9._:]*[a-zA-Z0-9])?$`
	CordonedHosts []string `json:"cordonedHosts,omitempty"`

	// UnreachableTimeout is how long the agent of an s3, api or webconsole service may
	// be unreachable before another instance is started elsewhere. Services with
	// devices wait for theirs. From 1s to 24h; default 5m; for example 10m.
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="size(self) > 0 && self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$')",message="placement.unreachableTimeout must be a duration in hours, minutes and seconds, such as 5m"
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || !self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?$') || duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="placement.unreachableTimeout must be from 1s to 24h"
	UnreachableTimeout metav1.Duration `json:"unreachableTimeout,omitempty"`
}

// AttributeOperator compares an attribute with values.
// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist
type AttributeOperator string

// The operators.
const (
	AttributeIn           AttributeOperator = "In"
	AttributeNotIn        AttributeOperator = "NotIn"
	AttributeExists       AttributeOperator = "Exists"
	AttributeDoesNotExist AttributeOperator = "DoesNotExist"
)

// AttributeRequirement is what is asked of one attribute of an agent.
//
// +kubebuilder:validation:XValidation:rule="self.operator in ['Exists', 'DoesNotExist'] ? !has(self.values) || size(self.values) == 0 : has(self.values) && size(self.values) > 0",fieldPath=".values",message="values must be given for In and NotIn, and left out for Exists and DoesNotExist"
type AttributeRequirement struct {
	// Attribute of the agent (its --attributes), or "region" or "zone".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^:;[:cntrl:]]*$')",message="attribute must be the name of an attribute such as rack: no ':', ';' or control characters"
	Attribute string `json:"attribute"`
	// Operator is In, NotIn, Exists or DoesNotExist.
	// +required
	Operator AttributeOperator `json:"operator"`
	// Values to compare with; a number is compared as Mesos prints it.
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=255
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^[^[:cntrl:]]*$')",message="values must be those of an attribute such as r1: no control characters"
	Values []string `json:"values,omitempty"`
}

// Discovery is the way in which services find the registries.
// +kubebuilder:validation:Enum=MesosDNS;Endpoints;Inventory
type Discovery string

// The ways to find the registries.
const (
	// DiscoveryMesosDNS uses the SRV name that mesos-dns serves.
	DiscoveryMesosDNS Discovery = "MesosDNS"
	// DiscoveryEndpoints uses the list in spec.registry.endpoints.
	DiscoveryEndpoints Discovery = "Endpoints"
	// DiscoveryInventory uses host:port of every registry device.
	DiscoveryInventory Discovery = "Inventory"
)

// RegistrySpec says how services and clients find the registries.
//
// +kubebuilder:validation:XValidation:rule="!has(self.discovery) || self.discovery != 'Endpoints' || (has(self.endpoints) && size(self.endpoints) > 0)",fieldPath=".endpoints",message="registry.endpoints must list at least one host:port when registry.discovery is Endpoints"
// +kubebuilder:validation:XValidation:rule="!has(self.endpoints) || size(self.endpoints) < 2 || self.endpoints.all(e, e.contains(':'))",fieldPath=".endpoints",message="registry.endpoints must be host:port each, or the name of one SRV record alone"
type RegistrySpec struct {
	// Discovery is MesosDNS, Endpoints (the list below) or Inventory (the
	// hosts of the registry devices).
	// +kubebuilder:default=MesosDNS
	Discovery Discovery `json:"discovery,omitempty"`

	// MesosDNSDomain is the domain that mesos-dns serves.
	// +kubebuilder:default=mesos
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?$')",message="registry.mesosDNSDomain must be a DNS domain such as mesos"
	MesosDNSDomain string `json:"mesosDNSDomain,omitempty"`

	// Endpoints of the registries as host:port, or one SRV name.
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=260
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^[a-zA-Z0-9._-]+(:[0-9]{1,5})?$')",message="registry.endpoints must be host:port, or the name of an SRV record"
	Endpoints []string `json:"endpoints,omitempty"`
}

// PortsSpec are the ports of the services on their hosts. Agents must offer them.
//
// +kubebuilder:validation:XValidation:rule="!has(self.api) || !has(self.webconsole) || !has(self.s3) || self.api != self.webconsole && self.api != self.s3 && self.webconsole != self.s3",message="ports.api, ports.webconsole and ports.s3 must differ from one another"
type PortsSpec struct {
	// Base is the first of the twelve ports of the services: rpc and http of
	// registry, metadata, data, api, webconsole and s3, in this order.
	// +kubebuilder:default=21000
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65524
	Base int32 `json:"base,omitempty"`
	// API is the port of the JSON-RPC API.
	// +kubebuilder:default=8889
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	API int32 `json:"api,omitempty"`
	// Webconsole is the port of the web page.
	// +kubebuilder:default=8888
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Webconsole int32 `json:"webconsole,omitempty"`
	// S3 is the port of the S3 proxy.
	// +kubebuilder:default=80
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	S3 int32 `json:"s3,omitempty"`
}
