package quobyte

import mesos "github.com/mesos/mesos-go/api/v1/lib"

// The labels of a reservation. Mesos brings them back with every offer of what is
// reserved.
const (
	clusterLabel = "quobyte-cluster"
	serviceLabel = "quobyte-service"
	deviceLabel  = "quobyte-device"
)

// Owner is for whom a resource is dynamically reserved: a service, or a device.
type Owner struct {
	// Cluster as namespace/name: the framework's name and role may be those of
	// several clusters.
	Cluster string
	// Service that may use it; empty for the disk of a device.
	Service Service
	// Device is the name of the object; empty for what a service uses.
	Device string
}

// Labels returns the labels of the owner's reservations.
func (o Owner) Labels() *mesos.Labels {
	key, value := serviceLabel, string(o.Service)
	if o.Device != "" {
		key, value = deviceLabel, o.Device
	}
	return &mesos.Labels{Labels: []mesos.Label{{Key: clusterLabel, Value: &o.Cluster}, {Key: key, Value: &value}}}
}

// OwnerOf reads the labels of a reservation. It is ok only when they are those of
// an Owner and no others: what somebody else has labelled, or a later version, is
// not understood and has to be left alone.
func OwnerOf(labels *mesos.Labels) (o Owner, ok bool) {
	list := labels.GetLabels()
	if len(list) != 2 {
		return Owner{}, false
	}
	for i := range list {
		switch value := list[i].GetValue(); list[i].Key {
		case clusterLabel:
			o.Cluster = value
		case serviceLabel:
			o.Service = Service(value)
		case deviceLabel:
			o.Device = value
		}
	}
	return o, o.Cluster != "" && (o.Service != "") != (o.Device != "")
}
