package quobyte

import "github.com/quobyte/mesos-operator/api/v1alpha1"

// Spec is what the user asked for one service, in canonical units. Two specs
// are the same to a running task when their hashes are.
type Spec struct {
	Service   Service
	Image     string // without tag
	Version   string
	MilliCPUs int64
	MemMiB    int64
	DiskMiB   int64
	HeapMiB   int64
	RPCPort   uint64 // 0, as HTTPPort: none
	HTTPPort  uint64
	ExtraPort uint64 // 0: none
	// Env is sorted by name.
	Env                 []v1alpha1.EnvVar
	ExtraConfig         string
	S3Hostname          string
	HostDeviceDirectory string
	User                string
	Registry            v1alpha1.RegistrySpec
	// MountPoint on the host at which a client shows the volumes; empty for all
	// others.
	MountPoint string
	Health     Health
}

// Health says how Mesos checks a service. It is a part of the spec, as Mesos learns it
// with the task alone.
type Health struct {
	// Off: nobody checks, and the other fields are zero.
	Off  bool
	Path string
	// IntervalMillis, TimeoutMillis and GraceMillis are whole milliseconds; what was
	// asked for beyond them is cut off.
	IntervalMillis, TimeoutMillis, GraceMillis int64
}

// Checked says that Mesos checks the health of the service's tasks.
func (s Spec) Checked() bool { return s.HTTPPort != 0 && !s.Health.Off }
