package quobyte

import (
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// smallest returns the smallest manifest as the API server stored it on the day
// of v1alpha1: with all defaults, those of later fields as of the day they came. It is
// written out, and not taken from the CRD, for the reason of frozenDefaults.
func smallest() *v1alpha1.QuobyteCluster {
	c := &v1alpha1.QuobyteCluster{}
	c.Name = "quobyte"
	c.Spec = v1alpha1.QuobyteClusterSpec{
		Version:             "1.1.5",
		State:               v1alpha1.StateRunning,
		Image:               "docker-registry.corp:5000/quobyte-server",
		HostDeviceDirectory: "/mnt",
		Mesos:               v1alpha1.MesosSpec{Master: "http://mesos-master.corp:5050", FrameworkName: "quobyte", Role: "*", User: "root"},
		Registry:            v1alpha1.RegistrySpec{Discovery: v1alpha1.DiscoveryMesosDNS, MesosDNSDomain: "mesos"},
		Ports:               v1alpha1.PortsSpec{Base: 21000, API: 8889, Webconsole: 8888, S3: 80},
		Placement:           v1alpha1.PlacementSpec{UnreachableTimeout: lasting(5 * time.Minute)},
		Update: v1alpha1.UpdateSpec{MaxUnavailable: intstr.FromInt32(1), MinReady: lasting(30 * time.Second), Timeout: lasting(10 * time.Minute),
			Order:     []v1alpha1.ServiceName{"registry", "metadata", "data", "s3", "api", "webconsole", "client"},
			OnFailure: v1alpha1.FailurePause},
		Health: v1alpha1.HealthSpec{Enabled: true, Path: "/", Interval: lasting(15 * time.Second), Timeout: lasting(20 * time.Second),
			GracePeriod: lasting(2 * time.Minute), RestartAfter: lasting(5 * time.Minute)},
		Maintenance: v1alpha1.MaintenanceSpec{LeadTime: lasting(10 * time.Minute)},
	}
	q := resource.MustParse
	s := &c.Spec.Services
	s.Registry = v1alpha1.RegistryService{MemoryReserve: q("512Mi"), Resources: v1alpha1.RegistryResources{CPUs: q("1"), Memory: q("2084Mi"), Disk: q("32Mi")}}
	s.Metadata = v1alpha1.MetadataService{MemoryReserve: q("1024Mi"), Resources: v1alpha1.MetadataResources{CPUs: q("2"), Memory: q("8192Mi"), Disk: q("32Mi")}}
	s.Data = v1alpha1.DataService{MemoryReserve: q("0"), Resources: v1alpha1.DataResources{CPUs: q("4"), Memory: q("4096Mi"), Disk: q("32Mi")}}
	s.API = v1alpha1.APIService{Instances: 1, MemoryReserve: q("0"), Resources: v1alpha1.APIResources{CPUs: q("100m"), Memory: q("512Mi"), Disk: q("32Mi")}}
	s.Webconsole = v1alpha1.WebconsoleService{Instances: 1, MemoryReserve: q("0"), Resources: v1alpha1.WebconsoleResources{CPUs: q("500m"), Memory: q("512Mi"), Disk: q("32Mi")}}
	s.S3 = v1alpha1.S3Service{Instances: 1, MemoryReserve: q("1536Mi"), Resources: v1alpha1.S3Resources{CPUs: q("1"), Memory: q("2048Mi"), Disk: q("32Mi")}}
	s.Client = v1alpha1.ClientService{MountPoint: "/quobyte", Resources: v1alpha1.ClientResources{CPUs: q("2"), Memory: q("2048Mi"), Disk: q("150Mi")}}
	return c
}

func lasting(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }

// change is one thing that a user may do to the smallest manifest.
type change struct {
	name  string
	apply func(*v1alpha1.QuobyteClusterSpec)
	// restarts are the services that must take notice, and no other.
	restarts []Service
}

func changes() []change {
	q := resource.MustParse
	every, none := Services(), []Service{}
	servers := []Service{Registry, Metadata, Data, S3, API, Webconsole}
	return []change{
		{"version", func(s *v1alpha1.QuobyteClusterSpec) { s.Version = "1.1.6" }, every},
		{"image", func(s *v1alpha1.QuobyteClusterSpec) { s.Image = "elsewhere/quobyte-server" }, servers},
		{"hostDeviceDirectory", func(s *v1alpha1.QuobyteClusterSpec) { s.HostDeviceDirectory = "/srv/quobyte" }, servers},
		{"user", func(s *v1alpha1.QuobyteClusterSpec) { s.Mesos.User = "quobyte" }, every},
		{"ports.base", func(s *v1alpha1.QuobyteClusterSpec) { s.Ports.Base = 31000 }, servers},
		{"ports.api", func(s *v1alpha1.QuobyteClusterSpec) { s.Ports.API = 9889 }, []Service{API}},
		{"ports.webconsole", func(s *v1alpha1.QuobyteClusterSpec) { s.Ports.Webconsole = 9888 }, []Service{Webconsole}},
		{"ports.s3", func(s *v1alpha1.QuobyteClusterSpec) { s.Ports.S3 = 8080 }, []Service{S3}},
		{"discovery Inventory", func(s *v1alpha1.QuobyteClusterSpec) { s.Registry.Discovery = v1alpha1.DiscoveryInventory }, every},
		{"discovery Endpoints", func(s *v1alpha1.QuobyteClusterSpec) {
			s.Registry.Discovery = v1alpha1.DiscoveryEndpoints
			s.Registry.Endpoints = []string{"b:21000", "a:21000"}
		}, every},
		{"mesosDNSDomain", func(s *v1alpha1.QuobyteClusterSpec) { s.Registry.MesosDNSDomain = "dcos" }, every},
		{"endpoints that MesosDNS does not use", func(s *v1alpha1.QuobyteClusterSpec) { s.Registry.Endpoints = []string{"a:21000"} }, none},
		{"registry.cpus", func(s *v1alpha1.QuobyteClusterSpec) { s.Services.Registry.Resources.CPUs = q("1500m") }, []Service{Registry}},
		{"metadata.memoryReserve", func(s *v1alpha1.QuobyteClusterSpec) { s.Services.Metadata.MemoryReserve = q("2Gi") }, []Service{Metadata}},
		{"data.memory", func(s *v1alpha1.QuobyteClusterSpec) { s.Services.Data.Resources.Memory = q("8Gi") }, []Service{Data}},
		{"data.memory in another unit", func(s *v1alpha1.QuobyteClusterSpec) { s.Services.Data.Resources.Memory = q("4Gi") }, none},
		{"api.disk", func(s *v1alpha1.QuobyteClusterSpec) { s.Services.API.Resources.Disk = q("64Mi") }, []Service{API}},
		{"webconsole.env", func(s *v1alpha1.QuobyteClusterSpec) {
			s.Services.Webconsole.Env = []v1alpha1.EnvVar{{Name: "QUOBYTE_DEBUG_PORT", Value: "5005"}, {Name: "LANG", Value: "C"}}
		}, []Service{Webconsole}},
		{"metadata.extraConfig", func(s *v1alpha1.QuobyteClusterSpec) { s.Services.Metadata.ExtraConfig = "a=<1>\nb=\"2\"\n" }, []Service{Metadata}},
		{"s3.hostname", func(s *v1alpha1.QuobyteClusterSpec) { s.Services.S3.Hostname = "s3.example.com" }, []Service{S3}},
		{"client.image", func(s *v1alpha1.QuobyteClusterSpec) { s.Services.Client.Image = "elsewhere/quobyte-client" }, []Service{Client}},
		{"client.mountPoint", func(s *v1alpha1.QuobyteClusterSpec) { s.Services.Client.MountPoint = "/srv/volumes" }, []Service{Client}},
		{"client.memory", func(s *v1alpha1.QuobyteClusterSpec) { s.Services.Client.Resources.Memory = q("1Gi") }, []Service{Client}},
		{"client.env", func(s *v1alpha1.QuobyteClusterSpec) {
			s.Services.Client.Env = []v1alpha1.EnvVar{{Name: "LANG", Value: "C"}}
		}, []Service{Client}},
		{"client.enabled", func(s *v1alpha1.QuobyteClusterSpec) { s.Services.Client.Enabled = true }, none},
		{"prober", func(s *v1alpha1.QuobyteClusterSpec) { s.Prober.Image = "elsewhere/quobyte-operator:v2" }, none},
		{"api.instances", func(s *v1alpha1.QuobyteClusterSpec) { s.Services.API.Instances = 3 }, none},
		{"state", func(s *v1alpha1.QuobyteClusterSpec) { s.State = v1alpha1.StateStopped }, none},
		{"placement", func(s *v1alpha1.QuobyteClusterSpec) {
			s.Placement = v1alpha1.PlacementSpec{Hosts: []string{"node1"}, PublicRole: "public"}
		}, none},
		{"mesos", func(s *v1alpha1.QuobyteClusterSpec) {
			s.Mesos.Master, s.Mesos.FrameworkID, s.Mesos.Principal, s.Mesos.WebUIURL = "http://other:5050", "id", "p", "http://here"
		}, none},
		{"health.enabled", func(s *v1alpha1.QuobyteClusterSpec) { s.Health.Enabled = false }, servers},
		{"health.except data", func(s *v1alpha1.QuobyteClusterSpec) { s.Health.Except = []v1alpha1.ServiceName{"data"} }, []Service{Data}},
		{"health.except two", func(s *v1alpha1.QuobyteClusterSpec) { s.Health.Except = []v1alpha1.ServiceName{"s3", "api"} }, []Service{API, S3}},
		{"health.except client", func(s *v1alpha1.QuobyteClusterSpec) { s.Health.Except = []v1alpha1.ServiceName{"client"} }, none},
		{"health.path", func(s *v1alpha1.QuobyteClusterSpec) { s.Health.Path = "/status?full=1&a=<b>" }, servers},
		{"health.interval", func(s *v1alpha1.QuobyteClusterSpec) { s.Health.Interval = lasting(1500 * time.Millisecond) }, servers},
		{"health.interval by less than a millisecond", func(s *v1alpha1.QuobyteClusterSpec) {
			s.Health.Interval = lasting(15*time.Second + 100*time.Nanosecond)
		}, none},
		{"health.timeout", func(s *v1alpha1.QuobyteClusterSpec) { s.Health.Timeout = lasting(time.Minute) }, servers},
		{"health.gracePeriod", func(s *v1alpha1.QuobyteClusterSpec) { s.Health.GracePeriod = lasting(0) }, servers},
		{"health.restartAfter", func(s *v1alpha1.QuobyteClusterSpec) { s.Health.RestartAfter = lasting(0) }, none},
		{"update", func(s *v1alpha1.QuobyteClusterSpec) {
			s.Update = v1alpha1.UpdateSpec{MaxUnavailable: intstr.FromString("10%"), MinReady: lasting(0), Timeout: lasting(time.Hour),
				Order: []v1alpha1.ServiceName{"data"}, DomainBy: "rack", OnFailure: v1alpha1.FailureRollback, Paused: true}
		}, none},
		{"maintenance", func(s *v1alpha1.QuobyteClusterSpec) { s.Maintenance.LeadTime = lasting(time.Hour) }, none},
		{"placement of what runs", func(s *v1alpha1.QuobyteClusterSpec) {
			s.Placement.CordonedHosts, s.Placement.UnreachableTimeout = []string{"node1"}, lasting(time.Hour)
			s.Placement.SpreadBy = "rack"
			s.Placement.Attributes = []v1alpha1.AttributeRequirement{{Attribute: "ssd", Operator: v1alpha1.AttributeExists}}
		}, none},
	}
}

func changed(c change) *v1alpha1.QuobyteCluster {
	cluster := smallest()
	c.apply(&cluster.Spec)
	return cluster
}
