package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// ServicesSpec holds what is particular to each service. Each service has a
// type of its own, because each field has a default of its own: who sets one
// nested field keeps the defaults of all others.
type ServicesSpec struct {
	// Registry runs on each host with a REGISTRY device.
	// +kubebuilder:default={}
	Registry RegistryService `json:"registry,omitempty"`
	// Metadata runs on each host with a METADATA device.
	// +kubebuilder:default={}
	Metadata MetadataService `json:"metadata,omitempty"`
	// Data runs once on each host with DATA devices, however many.
	// +kubebuilder:default={}
	Data DataService `json:"data,omitempty"`
	// API serves the JSON-RPC API.
	// +kubebuilder:default={}
	API APIService `json:"api,omitempty"`
	// Webconsole serves the web page.
	// +kubebuilder:default={}
	Webconsole WebconsoleService `json:"webconsole,omitempty"`
	// S3 runs when services.s3.hostname is set.
	// +kubebuilder:default={}
	S3 S3Service `json:"s3,omitempty"`
	// Client runs, when it is enabled, on each host that has its mount point.
	// +kubebuilder:default={}
	Client ClientService `json:"client,omitempty"`
}

// EnvVar is an environment variable of a service's container.
//
// +kubebuilder:validation:XValidation:rule="!(self.name in ['QUOBYTE_SERVICE','QUOBYTE_REGISTRY','QUOBYTE_RPC_PORT','QUOBYTE_HTTP_PORT','QUOBYTE_API_PORT','QUOBYTE_S3_PORT','QUOBYTE_WEBCONSOLE_PORT','QUOBYTE_S3_HOSTNAME','QUOBYTE_EXTRA_SERVICE_CONFIG','HOST_IP']) && !self.name.startsWith('QUOBYTE_MAX_MEM_')",fieldPath=".name",message="env must not set a variable that the operator derives from other fields (ports, resources, extraConfig, registry, services.s3.hostname)"
type EnvVar struct {
	// Name of the variable.
	// +required
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z_][A-Za-z0-9_]*$')",message="env name must be letters, digits and '_', not beginning with a digit"
	Name string `json:"name"`
	// Value of the variable.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=4096
	Value string `json:"value,omitempty"`
}

// ServiceResources is what one instance of a service takes of its agent.
type ServiceResources struct {
	CPUs   resource.Quantity
	Memory resource.Quantity
	Disk   resource.Quantity
}

// ServiceSettings is what all services have in common, without its defaults:
// every service type of this package converts to it through ServicesSpec.Of.
type ServiceSettings struct {
	// Instances of a service that is not bound to devices; 0 for one that is.
	Instances int32
	Resources ServiceResources
	// MemoryReserve is kept back from the heap.
	MemoryReserve resource.Quantity
	Env           []EnvVar
	// ExtraConfig holds extra lines of the service's configuration file.
	ExtraConfig string
	// Hostname of the S3 service; empty for all others.
	Hostname string
}

// RegistryService configures the registry service.
//
// +kubebuilder:validation:XValidation:rule="!has(self.resources) || !has(self.resources.memory) || !has(self.memoryReserve) || !isQuantity(string(self.resources.memory)) || !isQuantity(string(self.memoryReserve)) || quantity(string(self.resources.memory)).isGreaterThan(quantity(string(self.memoryReserve)))",fieldPath=".resources.memory",message="services.registry.resources.memory must be above services.registry.memoryReserve: the heap is what remains"
type RegistryService struct {
	// Resources that one instance takes of its agent.
	// +kubebuilder:default={}
	Resources RegistryResources `json:"resources,omitempty"`
	// MemoryReserve is the part of the memory that is kept back from the heap.
	// +kubebuilder:default="512Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.registry.memoryReserve must be from 0 to 1Pi"
	MemoryReserve resource.Quantity `json:"memoryReserve,omitempty"`
	// Env adds environment variables to the container.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Env []EnvVar `json:"env,omitempty"`
	// ExtraConfig is added to the service's configuration file.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=65536
	ExtraConfig string `json:"extraConfig,omitempty"`
}

// RegistryResources is what one registry instance takes of its agent.
type RegistryResources struct {
	// CPUs, at most three digits after the point: Mesos counts no finer.
	// +kubebuilder:default="1"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1m')) >= 0 && quantity(string(self)).compareTo(quantity('10k')) <= 0",message="services.registry.resources.cpus must be from 1m (0.001) to 10k"
	CPUs resource.Quantity `json:"cpus,omitempty"`
	// Memory, rounded up to whole MiB.
	// +kubebuilder:default="2084Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.registry.resources.memory must be from 1Mi to 1Pi"
	Memory resource.Quantity `json:"memory,omitempty"`
	// Disk for the sandbox, rounded up to whole MiB.
	// +kubebuilder:default="32Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.registry.resources.disk must be from 0 to 1Pi"
	Disk resource.Quantity `json:"disk,omitempty"`
}

// MetadataService configures the metadata service.
//
// +kubebuilder:validation:XValidation:rule="!has(self.resources) || !has(self.resources.memory) || !has(self.memoryReserve) || !isQuantity(string(self.resources.memory)) || !isQuantity(string(self.memoryReserve)) || quantity(string(self.resources.memory)).isGreaterThan(quantity(string(self.memoryReserve)))",fieldPath=".resources.memory",message="services.metadata.resources.memory must be above services.metadata.memoryReserve: the heap is what remains"
type MetadataService struct {
	// Resources that one instance takes of its agent.
	// +kubebuilder:default={}
	Resources MetadataResources `json:"resources,omitempty"`
	// MemoryReserve is the part of the memory that is kept back from the heap.
	// +kubebuilder:default="1024Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.metadata.memoryReserve must be from 0 to 1Pi"
	MemoryReserve resource.Quantity `json:"memoryReserve,omitempty"`
	// Env adds environment variables to the container.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Env []EnvVar `json:"env,omitempty"`
	// ExtraConfig is added to the service's configuration file.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=65536
	ExtraConfig string `json:"extraConfig,omitempty"`
}

// MetadataResources is what one metadata instance takes of its agent.
type MetadataResources struct {
	// CPUs, at most three digits after the point: Mesos counts no finer.
	// +kubebuilder:default="2"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1m')) >= 0 && quantity(string(self)).compareTo(quantity('10k')) <= 0",message="services.metadata.resources.cpus must be from 1m (0.001) to 10k"
	CPUs resource.Quantity `json:"cpus,omitempty"`
	// Memory, rounded up to whole MiB.
	// +kubebuilder:default="8192Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.metadata.resources.memory must be from 1Mi to 1Pi"
	Memory resource.Quantity `json:"memory,omitempty"`
	// Disk for the sandbox, rounded up to whole MiB.
	// +kubebuilder:default="32Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.metadata.resources.disk must be from 0 to 1Pi"
	Disk resource.Quantity `json:"disk,omitempty"`
}

// DataService configures the data service.
//
// +kubebuilder:validation:XValidation:rule="!has(self.resources) || !has(self.resources.memory) || !has(self.memoryReserve) || !isQuantity(string(self.resources.memory)) || !isQuantity(string(self.memoryReserve)) || quantity(string(self.resources.memory)).isGreaterThan(quantity(string(self.memoryReserve)))",fieldPath=".resources.memory",message="services.data.resources.memory must be above services.data.memoryReserve: the heap is what remains"
type DataService struct {
	// Resources that one instance takes of its agent.
	// +kubebuilder:default={}
	Resources DataResources `json:"resources,omitempty"`
	// MemoryReserve is the part of the memory that is kept back from the heap.
	// +kubebuilder:default="0"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.data.memoryReserve must be from 0 to 1Pi"
	MemoryReserve resource.Quantity `json:"memoryReserve,omitempty"`
	// Env adds environment variables to the container.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Env []EnvVar `json:"env,omitempty"`
	// ExtraConfig is added to the service's configuration file.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=65536
	ExtraConfig string `json:"extraConfig,omitempty"`
}

// DataResources is what one data instance takes of its agent.
type DataResources struct {
	// CPUs, at most three digits after the point: Mesos counts no finer.
	// +kubebuilder:default="4"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1m')) >= 0 && quantity(string(self)).compareTo(quantity('10k')) <= 0",message="services.data.resources.cpus must be from 1m (0.001) to 10k"
	CPUs resource.Quantity `json:"cpus,omitempty"`
	// Memory, rounded up to whole MiB.
	// +kubebuilder:default="4096Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.data.resources.memory must be from 1Mi to 1Pi"
	Memory resource.Quantity `json:"memory,omitempty"`
	// Disk for the sandbox, rounded up to whole MiB.
	// +kubebuilder:default="32Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.data.resources.disk must be from 0 to 1Pi"
	Disk resource.Quantity `json:"disk,omitempty"`
}

// APIService configures the api service.
//
// +kubebuilder:validation:XValidation:rule="!has(self.resources) || !has(self.resources.memory) || !has(self.memoryReserve) || !isQuantity(string(self.resources.memory)) || !isQuantity(string(self.memoryReserve)) || quantity(string(self.resources.memory)).isGreaterThan(quantity(string(self.memoryReserve)))",fieldPath=".resources.memory",message="services.api.resources.memory must be above services.api.memoryReserve: the heap is what remains"
type APIService struct {
	// Instances to run, on as many hosts.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Instances int32 `json:"instances"`
	// Resources that one instance takes of its agent.
	// +kubebuilder:default={}
	Resources APIResources `json:"resources,omitempty"`
	// MemoryReserve is the part of the memory that is kept back from the heap.
	// +kubebuilder:default="0"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.api.memoryReserve must be from 0 to 1Pi"
	MemoryReserve resource.Quantity `json:"memoryReserve,omitempty"`
	// Env adds environment variables to the container.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Env []EnvVar `json:"env,omitempty"`
	// ExtraConfig is added to the service's configuration file.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=65536
	ExtraConfig string `json:"extraConfig,omitempty"`
}

// APIResources is what one api instance takes of its agent.
type APIResources struct {
	// CPUs, at most three digits after the point: Mesos counts no finer.
	// +kubebuilder:default="100m"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1m')) >= 0 && quantity(string(self)).compareTo(quantity('10k')) <= 0",message="services.api.resources.cpus must be from 1m (0.001) to 10k"
	CPUs resource.Quantity `json:"cpus,omitempty"`
	// Memory, rounded up to whole MiB.
	// +kubebuilder:default="512Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.api.resources.memory must be from 1Mi to 1Pi"
	Memory resource.Quantity `json:"memory,omitempty"`
	// Disk for the sandbox, rounded up to whole MiB.
	// +kubebuilder:default="32Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.api.resources.disk must be from 0 to 1Pi"
	Disk resource.Quantity `json:"disk,omitempty"`
}

// WebconsoleService configures the webconsole service.
//
// +kubebuilder:validation:XValidation:rule="!has(self.resources) || !has(self.resources.memory) || !has(self.memoryReserve) || !isQuantity(string(self.resources.memory)) || !isQuantity(string(self.memoryReserve)) || quantity(string(self.resources.memory)).isGreaterThan(quantity(string(self.memoryReserve)))",fieldPath=".resources.memory",message="services.webconsole.resources.memory must be above services.webconsole.memoryReserve: the heap is what remains"
type WebconsoleService struct {
	// Instances to run, on as many hosts.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Instances int32 `json:"instances"`
	// Resources that one instance takes of its agent.
	// +kubebuilder:default={}
	Resources WebconsoleResources `json:"resources,omitempty"`
	// MemoryReserve is the part of the memory that is kept back from the heap.
	// +kubebuilder:default="0"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.webconsole.memoryReserve must be from 0 to 1Pi"
	MemoryReserve resource.Quantity `json:"memoryReserve,omitempty"`
	// Env adds environment variables to the container.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Env []EnvVar `json:"env,omitempty"`
	// ExtraConfig is added to the service's configuration file.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=65536
	ExtraConfig string `json:"extraConfig,omitempty"`
}

// WebconsoleResources is what one webconsole instance takes of its agent.
type WebconsoleResources struct {
	// CPUs, at most three digits after the point: Mesos counts no finer.
	// +kubebuilder:default="500m"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1m')) >= 0 && quantity(string(self)).compareTo(quantity('10k')) <= 0",message="services.webconsole.resources.cpus must be from 1m (0.001) to 10k"
	CPUs resource.Quantity `json:"cpus,omitempty"`
	// Memory, rounded up to whole MiB.
	// +kubebuilder:default="512Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.webconsole.resources.memory must be from 1Mi to 1Pi"
	Memory resource.Quantity `json:"memory,omitempty"`
	// Disk for the sandbox, rounded up to whole MiB.
	// +kubebuilder:default="32Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.webconsole.resources.disk must be from 0 to 1Pi"
	Disk resource.Quantity `json:"disk,omitempty"`
}

// S3Service configures the s3 service.
//
// +kubebuilder:validation:XValidation:rule="!has(self.resources) || !has(self.resources.memory) || !has(self.memoryReserve) || !isQuantity(string(self.resources.memory)) || !isQuantity(string(self.memoryReserve)) || quantity(string(self.resources.memory)).isGreaterThan(quantity(string(self.memoryReserve)))",fieldPath=".resources.memory",message="services.s3.resources.memory must be above services.s3.memoryReserve: the heap is what remains"
type S3Service struct {
	// Hostname under which clients reach S3. The service runs when it is set.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || self.matches('^[a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?$')",message="services.s3.hostname must be empty or a DNS name such as s3.example.com"
	Hostname string `json:"hostname,omitempty"`
	// Instances to run, on as many hosts.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Instances int32 `json:"instances"`
	// Resources that one instance takes of its agent.
	// +kubebuilder:default={}
	Resources S3Resources `json:"resources,omitempty"`
	// MemoryReserve is the part of the memory that is kept back from the heap.
	// +kubebuilder:default="1536Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.s3.memoryReserve must be from 0 to 1Pi"
	MemoryReserve resource.Quantity `json:"memoryReserve,omitempty"`
	// Env adds environment variables to the container.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Env []EnvVar `json:"env,omitempty"`
	// ExtraConfig is added to the service's configuration file.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=65536
	ExtraConfig string `json:"extraConfig,omitempty"`
}

// S3Resources is what one s3 instance takes of its agent.
type S3Resources struct {
	// CPUs, at most three digits after the point: Mesos counts no finer.
	// +kubebuilder:default="1"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1m')) >= 0 && quantity(string(self)).compareTo(quantity('10k')) <= 0",message="services.s3.resources.cpus must be from 1m (0.001) to 10k"
	CPUs resource.Quantity `json:"cpus,omitempty"`
	// Memory, rounded up to whole MiB.
	// +kubebuilder:default="2048Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.s3.resources.memory must be from 1Mi to 1Pi"
	Memory resource.Quantity `json:"memory,omitempty"`
	// Disk for the sandbox, rounded up to whole MiB.
	// +kubebuilder:default="32Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.s3.resources.disk must be from 0 to 1Pi"
	Disk resource.Quantity `json:"disk,omitempty"`
}

// ClientService configures the client: on each host on which its mount point
// exists it mounts the volumes for the users of that host.
//
// +kubebuilder:validation:XValidation:rule="!has(self.enabled) || !self.enabled || has(self.image) && size(self.image) > 0",fieldPath=".image",message="services.client.image must be set when services.client.enabled is"
type ClientService struct {
	// Enabled runs clients. It needs probes: they find the mount points.
	// +kubebuilder:default=false
	Enabled bool `json:"enabled,omitempty"`
	// Image of the client, without a tag: spec.version is the tag.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self == '' || !self.matches(':[^/]*$') && self.matches('^[a-zA-Z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$')",message="services.client.image must be an image name such as registry.example:5000/quobyte-client, without a tag"
	Image string `json:"image,omitempty"`
	// MountPoint on the hosts at which the volumes appear: outside
	// hostDeviceDirectory, and not above it.
	// +kubebuilder:default="/quobyte"
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^(/[^/:[:cntrl:]]+)+$') && !self.matches('/[.][.]?(/|$)')",message="services.client.mountPoint must be an absolute, clean path such as /quobyte: no '.', '..', '//' or ':', and no '/' at the end"
	MountPoint string `json:"mountPoint,omitempty"`
	// Resources that one client takes of its agent.
	// +kubebuilder:default={}
	Resources ClientResources `json:"resources,omitempty"`
	// Env adds environment variables to the container.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Env []EnvVar `json:"env,omitempty"`
}

// ClientResources is what one client takes of its agent.
type ClientResources struct {
	// CPUs, at most three digits after the point: Mesos counts no finer.
	// +kubebuilder:default="2"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1m')) >= 0 && quantity(string(self)).compareTo(quantity('10k')) <= 0",message="services.client.resources.cpus must be from 1m (0.001) to 10k"
	CPUs resource.Quantity `json:"cpus,omitempty"`
	// Memory, rounded up to whole MiB.
	// +kubebuilder:default="2048Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.client.resources.memory must be from 1Mi to 1Pi"
	Memory resource.Quantity `json:"memory,omitempty"`
	// Disk for the sandbox, rounded up to whole MiB.
	// +kubebuilder:default="150Mi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0 && quantity(string(self)).compareTo(quantity('1Pi')) <= 0",message="services.client.resources.disk must be from 0 to 1Pi"
	Disk resource.Quantity `json:"disk,omitempty"`
}
