package quobyte

import (
	"testing"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

func TestRegistryAddress(t *testing.T) {
	hosts := []string{"node2", "node1", "node2", "fe80::1"}
	for _, test := range []struct {
		name, framework string
		registry        v1alpha1.RegistrySpec
		want            string
	}{
		{"mesos-dns", "quobyte", v1alpha1.RegistrySpec{Discovery: v1alpha1.DiscoveryMesosDNS, MesosDNSDomain: "mesos"}, "_registry._tcp.quobyte.mesos"},
		{"mesos-dns renames frameworks", "Prod_2-.Quobyte", v1alpha1.RegistrySpec{Discovery: v1alpha1.DiscoveryMesosDNS, MesosDNSDomain: "dcos.corp"}, "_registry._tcp.prod-2.quobyte.dcos.corp"},
		{"endpoints", "quobyte", v1alpha1.RegistrySpec{Discovery: v1alpha1.DiscoveryEndpoints, MesosDNSDomain: "mesos", Endpoints: []string{"b:1", "a:2"}}, "a:2,b:1"},
		{"inventory", "quobyte", v1alpha1.RegistrySpec{Discovery: v1alpha1.DiscoveryInventory, MesosDNSDomain: "mesos"}, "[fe80::1]:21000,node1:21000,node2:21000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cluster := smallest()
			cluster.Spec.Mesos.FrameworkName = test.framework
			cluster.Spec.Registry = test.registry
			if got := RegistryAddress(cluster, hosts); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if hosts[0] != "node2" {
		t.Error("the caller's list was sorted")
	}
}
