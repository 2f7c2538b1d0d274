package quobyte

import (
	"slices"
	"testing"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

func TestOwnerComesBackFromItsLabels(t *testing.T) {
	for _, owner := range []Owner{{Cluster: "storage/quobyte", Service: Data}, {Cluster: "storage/quobyte", Device: "disk7"}} {
		labels := owner.Labels()
		for range 2 { // their order says nothing
			if got, ok := OwnerOf(labels); !ok || got != owner {
				t.Errorf("%v, %v from %v", got, ok, labels)
			}
			slices.Reverse(labels.Labels)
		}
	}
}

func TestForeignLabelsHaveNoOwner(t *testing.T) {
	label := func(key, value string) mesos.Label { return mesos.Label{Key: key, Value: &value} }
	for name, labels := range map[string]*mesos.Labels{
		"none":           nil,
		"empty":          {},
		"no cluster":     {Labels: []mesos.Label{label(serviceLabel, "data")}},
		"no service":     {Labels: []mesos.Label{label(clusterLabel, "a/b")}},
		"cluster twice":  {Labels: []mesos.Label{label(clusterLabel, "a/b"), label(clusterLabel, "a/c")}},
		"two owners":     {Labels: []mesos.Label{label(serviceLabel, "data"), label(deviceLabel, "d")}},
		"another's":      {Labels: []mesos.Label{label("marathon_framework_id", "x"), label("marathon_task_id", "y")}},
		"one more":       {Labels: []mesos.Label{label(clusterLabel, "a/b"), label(serviceLabel, "data"), label("quobyte-later", "x")}},
		"without values": {Labels: []mesos.Label{{Key: clusterLabel}, {Key: serviceLabel}}},
	} {
		if owner, ok := OwnerOf(labels); ok {
			t.Errorf("%s: %v", name, owner)
		}
	}
}
