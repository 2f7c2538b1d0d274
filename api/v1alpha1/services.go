package v1alpha1

// The names of the services, as they stand in task ids, labels and the status.
const (
	ServiceRegistry   = "registry"
	ServiceMetadata   = "metadata"
	ServiceData       = "data"
	ServiceAPI        = "api"
	ServiceWebconsole = "webconsole"
	ServiceS3         = "s3"
	ServiceClient     = "client"
	ServiceProber     = "prober"
)

// Of returns the settings of the named service; zero for an unknown name. An s3
// service without a host name has no instances, else one.
func (s *ServicesSpec) Of(name string) ServiceSettings {
	switch name {
	case ServiceRegistry:
		v := &s.Registry
		return ServiceSettings{Resources: ServiceResources(v.Resources), MemoryReserve: v.MemoryReserve, Env: v.Env, ExtraConfig: v.ExtraConfig}
	case ServiceMetadata:
		v := &s.Metadata
		return ServiceSettings{Resources: ServiceResources(v.Resources), MemoryReserve: v.MemoryReserve, Env: v.Env, ExtraConfig: v.ExtraConfig}
	case ServiceData:
		v := &s.Data
		return ServiceSettings{Resources: ServiceResources(v.Resources), MemoryReserve: v.MemoryReserve, Env: v.Env, ExtraConfig: v.ExtraConfig}
	case ServiceAPI:
		v := &s.API
		return ServiceSettings{Instances: v.Instances, Resources: ServiceResources(v.Resources), MemoryReserve: v.MemoryReserve, Env: v.Env, ExtraConfig: v.ExtraConfig}
	case ServiceWebconsole:
		v := &s.Webconsole
		return ServiceSettings{Instances: v.Instances, Resources: ServiceResources(v.Resources), MemoryReserve: v.MemoryReserve, Env: v.Env, ExtraConfig: v.ExtraConfig}
	case ServiceS3:
		v := &s.S3
		settings := ServiceSettings{Instances: v.Instances, Resources: ServiceResources(v.Resources), MemoryReserve: v.MemoryReserve, Env: v.Env, ExtraConfig: v.ExtraConfig, Hostname: v.Hostname}
		if v.Hostname == "" {
			settings.Instances = 0
		}
		return settings
	case ServiceClient:
		v := &s.Client
		return ServiceSettings{Resources: ServiceResources(v.Resources), Env: v.Env}
	}
	return ServiceSettings{}
}
