package cluster

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

func TestClusterThatRanBeforeProbing(t *testing.T) {
	registry := map[plan.SpecKey]quobyte.Spec{{Service: quobyte.Registry, Hash: "abc"}: {Version: "1.1.5"}}
	for name, test := range map[string]struct {
		conditions []string
		launched   map[plan.SpecKey]quobyte.Spec
		want       bool
	}{
		"upgraded":              {[]string{v1alpha1.ConditionReady}, registry, true},
		"of this version":       {[]string{v1alpha1.ConditionReady, v1alpha1.ConditionProbing}, registry, false},
		"new":                   {nil, nil, false},
		"restored, no status":   {nil, registry, false},
		"upgraded, never began": {[]string{v1alpha1.ConditionReady}, map[plan.SpecKey]quobyte.Spec{{Service: quobyte.Data}: {Version: "1.1.5"}}, false},
	} {
		c := &v1alpha1.QuobyteCluster{}
		for _, kind := range test.conditions {
			c.Status.Conditions = append(c.Status.Conditions, metav1.Condition{Type: kind})
		}
		if got := ranBeforeProbing(c, test.launched); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
