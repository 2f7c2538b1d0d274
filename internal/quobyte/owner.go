package quobyte

import mesos "github.com/mesos/mesos-go/api/v1/lib"

// The labels of a reservation. Mesos brings them back with every offer of what is
// reserved.
const (
	clusterLabel = "quobyte-cluster"
	serviceLabel = "quobyte-service"
)

// Owner is for whom a resource is dynamically reserved.
type Owner struct {
	// Cluster as namespace/name: the framework's name and role may be those of
	// several clusters.
	Cluster string
	Service Service
}

// Labels returns the labels of the owner's reservations.
func (o Owner) Labels() *mesos.Labels {
	service := string(o.Service)
	return &mesos.Labels{Labels: []mesos.Label{
		{Key: clusterLabel, Value: &o.Cluster},
		{Key: serviceLabel, Value: &service},
	}}
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
		switch list[i].Key {
		case clusterLabel:
			o.Cluster = list[i].GetValue()
		case serviceLabel:
			o.Service = Service(list[i].GetValue())
		}
	}
	return o, o.Cluster != "" && o.Service != ""
}
