package quobyte

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// RegistryAddress returns where a service or client that is started with the spec
// finds the registries. It is derived, and therefore no part of a spec's hash: a
// registry device that comes or goes restarts nothing; whoever is started later learns
// the new list.
//
// How they are found is the spec's word, which may be older than the cluster's: what a
// rollback starts looks for them as it did before. Where they are is not: registryPort
// is the rpc port of the spec that the registries are led to. registryHosts, used by
// Inventory alone, as the port is, are the hosts of the registry devices, in any order;
// a host with several of them counts once.
func RegistryAddress(spec Spec, frameworkName string, registryPort uint64, registryHosts []string) string {
	registry := effectiveRegistry(spec.Registry)
	switch registry.Discovery {
	case v1alpha1.DiscoveryEndpoints:
		return strings.Join(registry.Endpoints, ",")
	case v1alpha1.DiscoveryInventory:
		return inventoryAddress(registryPort, registryHosts)
	default:
		// The SRV name that mesos-dns makes of the task's name.
		return "_" + string(Registry) + "._tcp." + dnsName(frameworkName) + "." + registry.MesosDNSDomain
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

func inventoryAddress(port uint64, hosts []string) string {
	var addresses []string
	for _, host := range slices.Compact(slices.Sorted(slices.Values(hosts))) {
		addresses = append(addresses, net.JoinHostPort(host, strconv.FormatUint(port, 10)))
	}
	return strings.Join(addresses, ",")
}
