package plan

import (
	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// kind numbers the services in the order of quobyte.Services, so that what is
// known of the services of a host fits into an array.
type kind int

// The kinds. Those up to data are bound to devices; s3, api and webconsole float; a
// client is bound to each host that has its mount point.
const (
	registry kind = iota
	metadata
	data
	s3
	api
	webconsole
	client
	kinds
	// prober is no service, and has no slot.
	prober = kinds
)

var services = [kinds]quobyte.Service(quobyte.Services())

func kindOf(s quobyte.Service) (kind, bool) {
	for k, service := range services {
		if service == s {
			return kind(k), true
		}
	}
	return 0, false
}

// kindOfDevice returns the kind of service that uses devices of the type.
func kindOfDevice(t v1alpha1.DeviceType) (kind, bool) {
	for k := range s3 {
		if k.deviceType() == t {
			return k, true
		}
	}
	return 0, false
}

func (k kind) String() string {
	if k == prober {
		return string(quobyte.ProberService)
	}
	return string(services[k])
}

// bound says that devices say where the service runs.
func (k kind) bound() bool { return k < s3 }

// floats says that a number of instances runs, wherever there is room.
func (k kind) floats() bool { return services[k].Floats() }

func (k kind) deviceType() v1alpha1.DeviceType { return services[k].DeviceType() }

var allKinds = [kinds]kind{registry, metadata, data, s3, api, webconsole, client}
