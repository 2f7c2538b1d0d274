package quobyte

import "github.com/quobyte/mesos-operator/api/v1alpha1"

// Offsets of the rpc port from ports.base; the http port is the next one. They
// are those of the earlier framework, so that clients and firewalls need no
// change.
const (
	registryOffset   = 0
	metadataOffset   = 2
	dataOffset       = 4
	apiOffset        = 6
	webconsoleOffset = 8
	s3Offset         = 10
)

// portsOf returns the ports of the service; extra is 0 when there is none.
func portsOf(ports *v1alpha1.PortsSpec, s Service) (rpc, http, extra uint64) {
	var offset int32
	switch s {
	case Registry:
		offset = registryOffset
	case Metadata:
		offset = metadataOffset
	case Data:
		offset = dataOffset
	case API:
		offset, extra = apiOffset, uint64(ports.API)
	case Webconsole:
		offset, extra = webconsoleOffset, uint64(ports.Webconsole)
	case S3:
		offset, extra = s3Offset, uint64(ports.S3)
	default:
		return 0, 0, 0
	}
	rpc = uint64(ports.Base + offset)
	return rpc, rpc + 1, extra
}

// Ports returns all ports that the service needs of its agent: rpc, http, and
// the extra one when there is one; nil for a client, which listens nowhere.
func (s Spec) Ports() []uint64 {
	if s.RPCPort == 0 {
		return nil
	}
	ports := []uint64{s.RPCPort, s.HTTPPort}
	if s.ExtraPort != 0 {
		ports = append(ports, s.ExtraPort)
	}
	return ports
}
