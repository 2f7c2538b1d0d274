package quobyte

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// SpecOf returns what the cluster asks for the service. It holds nothing that
// does not concern that service, so that what changes for one leaves the hashes
// of all others alone.
func SpecOf(cluster *v1alpha1.QuobyteCluster, s Service) Spec {
	if s == Client {
		return clientSpec(cluster)
	}
	asked := &cluster.Spec
	settings := asked.Services.Of(string(s))
	rpc, http, extra := portsOf(&asked.Ports, s)
	memory := mebibytesUp(settings.Resources.Memory)
	return Spec{
		Service:             s,
		Image:               asked.Image,
		Version:             asked.Version,
		MilliCPUs:           settings.Resources.CPUs.MilliValue(), // rounds up; Mesos counts three digits
		MemMiB:              memory,
		DiskMiB:             mebibytesUp(settings.Resources.Disk),
		HeapMiB:             memory - mebibytesDown(settings.MemoryReserve),
		RPCPort:             rpc,
		HTTPPort:            http,
		ExtraPort:           extra,
		Env:                 sortedEnv(settings.Env),
		ExtraConfig:         settings.ExtraConfig,
		S3Hostname:          settings.Hostname,
		HostDeviceDirectory: asked.HostDeviceDirectory,
		User:                asked.Mesos.User,
		Registry:            effectiveRegistry(asked.Registry),
		Health:              effectiveHealth(&asked.Health, s),
	}
}

// effectiveHealth leaves out how a service is checked that is not.
func effectiveHealth(asked *v1alpha1.HealthSpec, s Service) Health {
	if !asked.Enabled || slices.Contains(asked.Except, v1alpha1.ServiceName(s)) {
		return Health{Off: true}
	}
	return Health{
		Path:           asked.Path,
		IntervalMillis: asked.Interval.Milliseconds(),
		TimeoutMillis:  asked.Timeout.Milliseconds(),
		GraceMillis:    asked.GracePeriod.Milliseconds(),
	}
}

// clientSpec is the part of the manifest that concerns the client: it has no ports,
// no heap and no devices.
func clientSpec(cluster *v1alpha1.QuobyteCluster) Spec {
	asked := &cluster.Spec
	client := &asked.Services.Client
	return Spec{
		Service:    Client,
		Image:      client.Image,
		Version:    asked.Version,
		MilliCPUs:  client.Resources.CPUs.MilliValue(),
		MemMiB:     mebibytesUp(client.Resources.Memory),
		DiskMiB:    mebibytesUp(client.Resources.Disk),
		Env:        sortedEnv(client.Env),
		User:       asked.Mesos.User,
		Registry:   effectiveRegistry(asked.Registry),
		MountPoint: client.MountPoint,
	}
}

const mebibyte = 1 << 20

// mebibytesUp rounds up: a service never gets less than what was asked.
func mebibytesUp(q resource.Quantity) int64 {
	bytes := q.Value()
	whole := bytes / mebibyte
	if bytes%mebibyte > 0 {
		whole++
	}
	return whole
}

// mebibytesDown rounds down. The reserve is rounded so because the memory is
// rounded up: a memory request above its reserve, by however little, then always
// leaves a heap of at least 1 MiB.
func mebibytesDown(q resource.Quantity) int64 {
	return q.Value() / mebibyte
}

func sortedEnv(env []v1alpha1.EnvVar) []v1alpha1.EnvVar {
	if len(env) == 0 {
		return nil
	}
	sorted := slices.Clone(env)
	slices.SortStableFunc(sorted, func(a, b v1alpha1.EnvVar) int { return strings.Compare(a.Name, b.Name) })
	return sorted
}

// effectiveRegistry leaves out the fields that the way of discovery does not
// use: changing them restarts nothing. Endpoints are a set, so their order says
// nothing either.
func effectiveRegistry(asked v1alpha1.RegistrySpec) v1alpha1.RegistrySpec {
	effective := v1alpha1.RegistrySpec{Discovery: asked.Discovery}
	switch asked.Discovery {
	case v1alpha1.DiscoveryMesosDNS:
		effective.MesosDNSDomain = asked.MesosDNSDomain
	case v1alpha1.DiscoveryEndpoints:
		effective.Endpoints = slices.Sorted(slices.Values(asked.Endpoints))
	}
	return effective
}
