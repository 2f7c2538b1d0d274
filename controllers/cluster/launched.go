package cluster

import (
	"reflect"

	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// launchedSpec is what the tasks that a pass launches with one spec have in common.
type launchedSpec struct {
	spec quobyte.Spec
	hash string
	// registries is quobyte.RegistryAddress, where tasks are made.
	registries string
}

// launchedSpecs derives this once for each spec, not for each of thousands of tasks. Of
// one service there may be several: what is missing while an update is halted comes
// back as it was.
type launchedSpecs map[quobyte.Service][]*launchedSpec

// of returns what belongs to the spec. first: it was not asked for before.
func (all launchedSpecs) of(spec quobyte.Spec) (l *launchedSpec, first bool) {
	for _, l := range all[spec.Service] {
		if reflect.DeepEqual(l.spec, spec) {
			return l, false
		}
	}
	l = &launchedSpec{spec: spec, hash: spec.Hash()}
	all[spec.Service] = append(all[spec.Service], l)
	return l, true
}
