package quobyte

import mesos "github.com/mesos/mesos-go/api/v1/lib"

// rpcPortName is the name of the port in the discovery information.
const rpcPortName = "rpc"

// discovery is what mesos-dns serves: the name of the service, and the SRV
// record of its rpc port, the only one that other services look for.
func discovery(spec Spec) *mesos.DiscoveryInfo {
	return &mesos.DiscoveryInfo{
		Visibility: mesos.EXTERNAL,
		Name:       new(string(spec.Service)),
		Version:    &spec.Version,
		Ports: &mesos.Ports{Ports: []mesos.Port{{
			Number:   uint32(spec.RPCPort),
			Name:     new(rpcPortName),
			Protocol: new("tcp"),
		}}},
	}
}
