package quobyte

import "github.com/quobyte/mesos-operator/api/v1alpha1"

// frozenDefaults returns the default of each field *of the day it was
// introduced*, for the canonical form of a spec: a field that has this value is
// left out of the form, and so of the hash.
//
// They equalled the defaults of the CRD on that day and are kept apart from
// them on purpose. Never change a value here, whatever becomes of the CRD's
// default: every running service whose hash depends on it would be restarted by
// the upgrade. Who adds a field adds here the value that means what running
// services do already.
func frozenDefaults(s Service) (document, bool) {
	d := document{
		Service:             s,
		DiskMiB:             32,
		HostDeviceDirectory: "/mnt",
		User:                "root",
		Discovery:           v1alpha1.DiscoveryMesosDNS,
		MesosDNSDomain:      "mesos",
		HealthPath:          "/",
		HealthInterval:      15_000,
		HealthTimeout:       20_000,
		HealthGrace:         120_000,
	}
	switch s {
	case Registry:
		d.MilliCPUs, d.MemMiB, d.HeapMiB = 1000, 2084, 1572
		d.RPCPort, d.HTTPPort = 21000, 21001
	case Metadata:
		d.MilliCPUs, d.MemMiB, d.HeapMiB = 2000, 8192, 7168
		d.RPCPort, d.HTTPPort = 21002, 21003
	case Data:
		d.MilliCPUs, d.MemMiB, d.HeapMiB = 4000, 4096, 4096
		d.RPCPort, d.HTTPPort = 21004, 21005
	case API:
		d.MilliCPUs, d.MemMiB, d.HeapMiB = 100, 512, 512
		d.RPCPort, d.HTTPPort, d.ExtraPort = 21006, 21007, 8889
	case Webconsole:
		d.MilliCPUs, d.MemMiB, d.HeapMiB = 500, 512, 512
		d.RPCPort, d.HTTPPort, d.ExtraPort = 21008, 21009, 8888
	case S3:
		d.MilliCPUs, d.MemMiB, d.HeapMiB = 1000, 2048, 512
		d.RPCPort, d.HTTPPort, d.ExtraPort = 21010, 21011, 80
	case Client:
		d.MilliCPUs, d.MemMiB, d.DiskMiB = 2000, 2048, 150
		d.HostDeviceDirectory, d.MountPoint = "", "/quobyte"
		d.HealthPath, d.HealthInterval, d.HealthTimeout, d.HealthGrace = "", 0, 0, 0
	default:
		return document{}, false
	}
	return d, true
}
