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
			for _, s := range Services() {
				if got := addressIn(cluster, SpecOf(cluster, s), hosts); got != test.want {
					t.Errorf("%s is told %q, want %q", s, got, test.want)
				}
			}
		})
	}
	if hosts[0] != "node2" {
		t.Error("the caller's list was sorted")
	}
}

// addressIn is what a task of the spec is told when the registries run as the cluster asks.
func addressIn(cluster *v1alpha1.QuobyteCluster, spec Spec, hosts []string) string {
	return RegistryAddress(spec, cluster.Spec.Mesos.FrameworkName, SpecOf(cluster, Registry).RPCPort, hosts)
}

// TestOlderSpecFindsTheRegistriesInItsOwnWay: a rollback starts what was stored, while
// the cluster asks for something else.
func TestOlderSpecFindsTheRegistriesInItsOwnWay(t *testing.T) {
	hosts := []string{"node2", "node1"}
	found := map[string]string{"MesosDNS": "_registry._tcp.quobyte.mesos", "Endpoints": "a:2,b:1", "Inventory": "node1:31000,node2:31000"}
	for before, want := range found {
		for after := range found {
			older := smallest()
			older.Spec.Registry.Discovery, older.Spec.Registry.Endpoints = v1alpha1.Discovery(before), []string{"b:1", "a:2"}
			stored, err := ParseSpec(SpecOf(older, Data).Canonical())
			if err != nil {
				t.Fatal(err)
			}
			cluster := smallest()
			cluster.Spec.Registry = v1alpha1.RegistrySpec{Discovery: v1alpha1.Discovery(after), MesosDNSDomain: "elsewhere", Endpoints: []string{"c:3"}}
			cluster.Spec.Ports.Base = 31000
			if got := addressIn(cluster, stored, hosts); got != want {
				t.Errorf("%s, while the cluster asks for %s: told %q, want %q", before, after, got, want)
			}
		}
	}
}
