package quobyte

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// document is the stored form of a Spec. Its keys are a promise to every
// installation: a renamed one changes the hash of every running service. The
// types are its own for the same reason, no matter how those of the API change.
type document struct {
	Service             Service            `json:"service"`
	Image               string             `json:"image"`
	Version             string             `json:"version"`
	MilliCPUs           int64              `json:"milliCPUs"`
	MemMiB              int64              `json:"memMiB"`
	DiskMiB             int64              `json:"diskMiB"`
	HeapMiB             int64              `json:"heapMiB"`
	RPCPort             uint64             `json:"rpcPort"`
	HTTPPort            uint64             `json:"httpPort"`
	ExtraPort           uint64             `json:"extraPort"`
	Env                 map[string]string  `json:"env,omitempty"`
	ExtraConfig         string             `json:"extraConfig"`
	S3Hostname          string             `json:"s3Hostname"`
	HostDeviceDirectory string             `json:"hostDeviceDirectory"`
	User                string             `json:"user"`
	Discovery           v1alpha1.Discovery `json:"discovery"`
	MesosDNSDomain      string             `json:"mesosDNSDomain"`
	Endpoints           []string           `json:"endpoints,omitempty"`
	MountPoint          string             `json:"mountPoint"`
	HealthOff           bool               `json:"healthOff"`
	HealthPath          string             `json:"healthPath"`
	HealthInterval      int64              `json:"healthIntervalMillis"`
	HealthTimeout       int64              `json:"healthTimeoutMillis"`
	HealthGrace         int64              `json:"healthGraceMillis"`
}

// Canonical returns the form of the spec that is hashed and stored: a JSON
// object with sorted keys, without the fields that equal their frozen default.
func (s Spec) Canonical() []byte {
	d := documentOf(s)
	frozen, _ := frozenDefaults(s.Service)
	return d.asked(&frozen)
}

// asked is the document without the fields that equal those of the frozen one; the
// service, the image and the version are always kept. It is written field by field, in
// the order of the keys, because every pass of the planner asks for the hash of every
// service. TestCanonicalIsTheJSONOfTheFields holds it to what encoding/json makes of
// the document.
func (d *document) asked(frozen *document) []byte {
	out := make([]byte, 0, 256)
	out = appendAsked(out, "discovery", d.Discovery, frozen.Discovery)
	out = appendAsked(out, "diskMiB", d.DiskMiB, frozen.DiskMiB)
	if len(d.Endpoints) > 0 {
		out = appendField(out, "endpoints", d.Endpoints)
	}
	if len(d.Env) > 0 {
		out = appendField(out, "env", d.Env)
	}
	out = appendAsked(out, "extraConfig", d.ExtraConfig, frozen.ExtraConfig)
	out = appendAsked(out, "extraPort", d.ExtraPort, frozen.ExtraPort)
	out = appendAsked(out, "healthGraceMillis", d.HealthGrace, frozen.HealthGrace)
	out = appendAsked(out, "healthIntervalMillis", d.HealthInterval, frozen.HealthInterval)
	out = appendAsked(out, "healthOff", d.HealthOff, frozen.HealthOff)
	out = appendAsked(out, "healthPath", d.HealthPath, frozen.HealthPath)
	out = appendAsked(out, "healthTimeoutMillis", d.HealthTimeout, frozen.HealthTimeout)
	out = appendAsked(out, "heapMiB", d.HeapMiB, frozen.HeapMiB)
	out = appendAsked(out, "hostDeviceDirectory", d.HostDeviceDirectory, frozen.HostDeviceDirectory)
	out = appendAsked(out, "httpPort", d.HTTPPort, frozen.HTTPPort)
	out = appendField(out, "image", d.Image)
	out = appendAsked(out, "memMiB", d.MemMiB, frozen.MemMiB)
	out = appendAsked(out, "mesosDNSDomain", d.MesosDNSDomain, frozen.MesosDNSDomain)
	out = appendAsked(out, "milliCPUs", d.MilliCPUs, frozen.MilliCPUs)
	out = appendAsked(out, "mountPoint", d.MountPoint, frozen.MountPoint)
	out = appendAsked(out, "rpcPort", d.RPCPort, frozen.RPCPort)
	out = appendAsked(out, "s3Hostname", d.S3Hostname, frozen.S3Hostname)
	out = appendField(out, "service", d.Service)
	out = appendAsked(out, "user", d.User, frozen.User)
	out = appendField(out, "version", d.Version)
	out[0] = '{'
	return append(out, '}')
}

// appendAsked appends a field unless it has its frozen default.
func appendAsked[T comparable](out []byte, key string, value, frozen T) []byte {
	if value == frozen {
		return out
	}
	return appendField(out, key, value)
}

// appendField appends a comma, the key and the value.
func appendField(out []byte, key string, value any) []byte {
	out = append(append(append(out, ',', '"'), key...), '"', ':')
	return append(out, mustMarshal(value)...)
}

// ParseSpec reads what Canonical wrote and fills the defaults back in.
//
// Fields that this version does not know, written by a newer one before the
// operator was downgraded, are ignored: the rest, the version above all, is
// still worth telling. The Hash of such a spec is not the one it was stored
// under, so who looks a hash up goes by the name of the stored object. A service
// that this version does not know is an error, since its defaults are unknown.
func ParseSpec(canonical []byte) (Spec, error) {
	var head struct {
		Service Service `json:"service"`
	}
	if err := json.Unmarshal(canonical, &head); err != nil {
		return Spec{}, fmt.Errorf("parsing a stored spec: %w", err)
	}
	d, known := frozenDefaults(head.Service)
	if !known {
		return Spec{}, fmt.Errorf("parsing a stored spec: unknown service %q", head.Service)
	}
	if err := json.Unmarshal(canonical, &d); err != nil {
		return Spec{}, fmt.Errorf("parsing the stored spec of %s: %w", head.Service, err)
	}
	return d.spec(), nil
}

func documentOf(s Spec) document {
	d := document{
		Service:             s.Service,
		Image:               s.Image,
		Version:             s.Version,
		MilliCPUs:           s.MilliCPUs,
		MemMiB:              s.MemMiB,
		DiskMiB:             s.DiskMiB,
		HeapMiB:             s.HeapMiB,
		RPCPort:             s.RPCPort,
		HTTPPort:            s.HTTPPort,
		ExtraPort:           s.ExtraPort,
		ExtraConfig:         s.ExtraConfig,
		S3Hostname:          s.S3Hostname,
		HostDeviceDirectory: s.HostDeviceDirectory,
		User:                s.User,
		Discovery:           s.Registry.Discovery,
		MesosDNSDomain:      s.Registry.MesosDNSDomain,
		Endpoints:           s.Registry.Endpoints,
		MountPoint:          s.MountPoint,
		HealthOff:           s.Health.Off,
		HealthPath:          s.Health.Path,
		HealthInterval:      s.Health.IntervalMillis,
		HealthTimeout:       s.Health.TimeoutMillis,
		HealthGrace:         s.Health.GraceMillis,
	}
	if len(s.Env) > 0 {
		d.Env = make(map[string]string, len(s.Env))
	}
	for _, v := range s.Env {
		d.Env[v.Name] = v.Value
	}
	return d
}

func (d document) spec() Spec {
	var env []v1alpha1.EnvVar
	for _, name := range slices.Sorted(maps.Keys(d.Env)) {
		env = append(env, v1alpha1.EnvVar{Name: name, Value: d.Env[name]})
	}
	return Spec{
		Service:             d.Service,
		Image:               d.Image,
		Version:             d.Version,
		MilliCPUs:           d.MilliCPUs,
		MemMiB:              d.MemMiB,
		DiskMiB:             d.DiskMiB,
		HeapMiB:             d.HeapMiB,
		RPCPort:             d.RPCPort,
		HTTPPort:            d.HTTPPort,
		ExtraPort:           d.ExtraPort,
		Env:                 env,
		ExtraConfig:         d.ExtraConfig,
		S3Hostname:          d.S3Hostname,
		HostDeviceDirectory: d.HostDeviceDirectory,
		User:                d.User,
		Registry: v1alpha1.RegistrySpec{
			Discovery:      d.Discovery,
			MesosDNSDomain: d.MesosDNSDomain,
			Endpoints:      d.Endpoints,
		},
		MountPoint: d.MountPoint,
		Health: Health{
			Off: d.HealthOff, Path: d.HealthPath,
			IntervalMillis: d.HealthInterval, TimeoutMillis: d.HealthTimeout, GraceMillis: d.HealthGrace,
		},
	}
}

// mustMarshal is for values whose types cannot fail to marshal.
func mustMarshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("quobyte: marshalling %T: %v", v, err))
	}
	return data
}
