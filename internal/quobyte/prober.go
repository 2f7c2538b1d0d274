package quobyte

import (
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/probe"
)

// Prober is what the prober of a host is to be: an executor of Mesos with one task,
// which looks for devices and reports in framework messages.
type Prober struct {
	// Image with its tag; empty: the binary is fetched from URL.
	Image string
	// URL of the binary; empty with an Image.
	URL string
	// Directory of the host below which devices are mounted.
	Directory string
	// Interval between two reports when nothing changes.
	Interval time.Duration
	// LookFor are directories whose existence is reported; nil: none.
	LookFor []string
	User    string
	// MilliCPUs, MemMiB and DiskMiB are what executor and task take together.
	MilliCPUs, MemMiB, DiskMiB int64

	// derived: the URL is the operator's own, and changes with each of its versions.
	derived bool
}

// ProberOf returns what the cluster asks of its probers; nil when it says neither an
// image nor where the binary is to be fetched. spec.prober.image goes before
// spec.prober.artifactURL, and that before artifactURL, under which the operator
// serves its own; empty: it serves none.
func ProberOf(cluster *v1alpha1.QuobyteCluster, artifactURL string) *Prober {
	asked := &cluster.Spec.Prober
	p := &Prober{
		Directory: cluster.Spec.HostDeviceDirectory,
		Interval:  asked.Interval.Duration,
		User:      asked.User,
		MilliCPUs: asked.Resources.CPUs.MilliValue(),
		MemMiB:    mebibytesUp(asked.Resources.Memory),
		DiskMiB:   mebibytesUp(asked.Resources.Disk),
	}
	switch {
	case asked.Image != "":
		p.Image = asked.Image
	case asked.ArtifactURL != "":
		p.URL = asked.ArtifactURL
	case artifactURL != "":
		p.URL, p.derived = artifactURL, true
	default:
		return nil
	}
	if client := &cluster.Spec.Services.Client; client.Enabled {
		p.LookFor = []string{client.MountPoint}
	}
	return p
}

// proberDocument is what is hashed of a Prober. As in document, keys are a promise,
// and a field that is added is left out where it means what runs already.
type proberDocument struct {
	Protocol  int      `json:"protocol"`
	Image     string   `json:"image,omitempty"`
	URL       string   `json:"url,omitempty"`
	Directory string   `json:"directory"`
	Interval  string   `json:"interval"`
	LookFor   []string `json:"lookFor,omitempty"`
	User      string   `json:"user"`
	MilliCPUs int64    `json:"milliCPUs"`
	MemMiB    int64    `json:"memMiB"`
	DiskMiB   int64    `json:"diskMiB"`
}

// Hash names the prober in task ids: a prober of another hash is replaced. The
// operator's own URL does not count, so that upgrading the operator replaces no prober
// unless the protocol of the messages has changed.
func (p *Prober) Hash() string {
	d := proberDocument{
		Protocol: probe.Protocol, Image: p.Image, URL: p.URL, Directory: p.Directory, Interval: p.Interval.String(),
		LookFor: slices.Sorted(slices.Values(p.LookFor)), User: p.User, MilliCPUs: p.MilliCPUs, MemMiB: p.MemMiB, DiskMiB: p.DiskMiB,
	}
	if p.derived {
		d.URL = ""
	}
	return digest(mustMarshal(d), HashLength)
}

const (
	// What the prober's task takes of its resources; the executor has the rest, and
	// does the work. Mesos wants a task to have some of each.
	proberTaskMilliCPUs = 10
	proberTaskMemMiB    = 32

	// proberBinary in the sandbox.
	proberBinary = "quobyte-prober"
	// proberInImage is the operator's image's program.
	proberInImage = "/manager"
	// proberShutdown is how long a prober has to end.
	proberShutdown = 5 * time.Second
)

// TaskInfo returns the prober's task with its executor, whose id is that of the task.
// p.Resources are MilliCPUs, MemMiB and DiskMiB of offers, allocated.
func (p *Prober) TaskInfo(at Placement) mesos.TaskInfo {
	ofTask, ofExecutor := splitResources(at.Resources)
	executor := &mesos.ExecutorInfo{
		Type:                mesos.ExecutorInfo_CUSTOM,
		ExecutorID:          mesos.ExecutorID{Value: at.TaskID},
		Name:                new("quobyte prober"),
		Command:             p.command(),
		Resources:           ofExecutor,
		ShutdownGracePeriod: &mesos.DurationInfo{Nanoseconds: proberShutdown.Nanoseconds()},
	}
	if p.Image != "" {
		executor.Container = p.container()
	}
	return mesos.TaskInfo{
		Name:      string(ProberService),
		TaskID:    mesos.TaskID{Value: at.TaskID},
		AgentID:   mesos.AgentID{Value: at.AgentID},
		Resources: ofTask,
		Executor:  executor,
	}
}

// container has the host's devices at the same path as on the host, so that the
// paths in its mount table are the host's; with rslave it sees what is mounted later.
//
// The program is the entry point, whatever that of the image is: of a command without
// a shell, Mesos hands Docker the value and all arguments behind the image's name.
func (p *Prober) container() *mesos.ContainerInfo {
	c := dockerContainer(p.Image, mesos.Parameter{Key: "volume", Value: p.Directory + ":" + p.Directory + ":rw,rslave"})
	c.Docker.Parameters = append(c.Docker.Parameters, mesos.Parameter{Key: "entrypoint", Value: proberInImage})
	return c
}

// command starts the prober without a shell. What is fetched gets its own name as the
// first argument; what is in an image is called by its entry point.
func (p *Prober) command() *mesos.CommandInfo {
	c := &mesos.CommandInfo{Shell: new(false), User: new(p.User)}
	if p.Image == "" {
		program := "./" + proberBinary
		c.Value, c.Arguments = new(program), []string{program}
		c.URIs = []mesos.CommandInfo_URI{{Value: p.URL, Executable: new(true), Cache: new(true), OutputFile: new(proberBinary)}}
	}
	c.Arguments = append(c.Arguments, "prober", "--directory="+p.Directory, "--interval="+p.Interval.String())
	for _, directory := range p.LookFor {
		c.Arguments = append(c.Arguments, "--look-for="+directory)
	}
	return c
}

// splitResources takes the task's share out of what executor and task have together.
// Of each kind of resource there may be several, reserved and not.
func splitResources(all []mesos.Resource) (ofTask, ofExecutor []mesos.Resource) {
	wanted := map[string]int64{"cpus": proberTaskMilliCPUs, "mem": proberTaskMemMiB * 1000}
	for _, r := range all {
		if r.Scalar == nil {
			ofExecutor = append(ofExecutor, r)
			continue
		}
		has := int64(r.Scalar.Value*1000 + 0.5) // the fixed point of Mesos
		take := min(has, wanted[r.Name])
		wanted[r.Name] -= take
		if take > 0 {
			ofTask = append(ofTask, withAmount(r, take))
		}
		if has > take {
			ofExecutor = append(ofExecutor, withAmount(r, has-take))
		}
	}
	return ofTask, ofExecutor
}

func withAmount(r mesos.Resource, milli int64) mesos.Resource {
	r.Scalar = &mesos.Value_Scalar{Value: float64(milli) / 1000}
	return r
}
