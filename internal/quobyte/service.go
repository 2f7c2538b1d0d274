package quobyte

import "github.com/quobyte/mesos-operator/api/v1alpha1"

// Service is a kind of service of a Quobyte installation.
type Service string

// The services, in the order in which they start.
const (
	Registry   Service = v1alpha1.ServiceRegistry
	Metadata   Service = v1alpha1.ServiceMetadata
	Data       Service = v1alpha1.ServiceData
	S3         Service = v1alpha1.ServiceS3
	API        Service = v1alpha1.ServiceAPI
	Webconsole Service = v1alpha1.ServiceWebconsole
	Client     Service = v1alpha1.ServiceClient
)

// ProberService is no service of the installation: it looks for devices on its host. It has
// task ids as the services have.
const ProberService Service = v1alpha1.ServiceProber

// Services returns all services in the order in which they start and are
// updated; they stop in the reverse order.
func Services() []Service {
	return []Service{Registry, Metadata, Data, S3, API, Webconsole, Client}
}

// DeviceType returns the type of device that the service is bound to, empty
// for a service that floats.
func (s Service) DeviceType() v1alpha1.DeviceType {
	switch s {
	case Registry:
		return v1alpha1.DeviceRegistry
	case Metadata:
		return v1alpha1.DeviceMetadata
	case Data:
		return v1alpha1.DeviceData
	}
	return ""
}

// Floats says that the service is bound neither to devices nor to hosts: a number
// of instances runs, wherever there is room.
func (s Service) Floats() bool { return s == S3 || s == API || s == Webconsole }
