package quobyte

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// RegistryAddress returns where services and clients find the registries. It
// is derived, and therefore no part of a spec's hash: a registry device that
// comes or goes restarts nothing; whoever is started later learns the new list.
//
// registryHosts, used by Inventory alone, are the hosts of the registry devices,
// in any order; a host with several of them counts once.
func RegistryAddress(cluster *v1alpha1.QuobyteCluster, registryHosts []string) string {
	registry := effectiveRegistry(cluster.Spec.Registry)
	switch registry.Discovery {
	case v1alpha1.DiscoveryEndpoints:
		return strings.Join(registry.Endpoints, ",")
	case v1alpha1.DiscoveryInventory:
		return inventoryAddress(&cluster.Spec.Ports, registryHosts)
	default:
		// The SRV name that mesos-dns makes of the task's name.
		return "_" + string(Registry) + "._tcp." + dnsName(cluster.Spec.Mesos.FrameworkName) + "." + registry.MesosDNSDomain
	}
}

// dnsName is the form in which mesos-dns serves the name of a framework: each
// label in lower case, '_' as '-', and no '-' at either end.
func dnsName(framework string) string {
	var labels []string
	for label := range strings.SplitSeq(strings.ToLower(framework), ".") {
		label = strings.Trim(strings.ReplaceAll(label, "_", "-"), "-")
		if label != "" {
			labels = append(labels, label)
		}
	}
	return strings.Join(labels, ".")
}

func inventoryAddress(ports *v1alpha1.PortsSpec, hosts []string) string {
	rpc, _, _ := portsOf(ports, Registry)
	var addresses []string
	for _, host := range slices.Compact(slices.Sorted(slices.Values(hosts))) {
		addresses = append(addresses, net.JoinHostPort(host, strconv.FormatUint(rpc, 10)))
	}
	return strings.Join(addresses, ",")
}
