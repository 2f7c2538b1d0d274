package endtoend

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/probe"
	"github.com/quobyte/mesos-operator/internal/testprobers"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// probed is a world whose hosts are probed by simulated probers. Tests with the
// real one on real file systems are in real_disks_test.go.
type probed struct {
	*world
	hosts *testprobers.Fleet

	mu sync.Mutex
	// asked counts the operations that were asked for.
	asked map[mesos.Offer_Operation_Type]int
}

// newProbed starts Mesos with n agents, with changes; nothing is mounted on them.
func newProbed(t *testing.T, n int, changes ...func([]mesostest.Agent)) *probed {
	t.Helper()
	p := &probed{hosts: testprobers.New(), asked: map[mesos.Offer_Operation_Type]int{}}
	agents := mesostest.Agents(n)
	for _, change := range changes {
		change(agents)
	}
	p.world = newWorld(t, mesostest.Config{Agents: agents, SimulateExecutor: p.hosts.Simulate})
	p.mesos.OnCall(func(call mesostest.CallRecord) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, operation := range call.Call.GetAccept().GetOperations() {
			p.asked[operation.Type]++
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.hosts.Run(ctx, 5*time.Second)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return p
}

// found is the manifest of a cluster whose prober is fetched; the simulated agents
// fetch nothing.
const found = `
apiVersion: mesos.quobyte.com/v1alpha1
kind: QuobyteCluster
metadata:
  name: quobyte
spec:
  version: "1.1.5"
  image: docker-registry.corp:5000/quobyte-server
  update:
    minReady: 0s
  mesos:
    master: %s
  prober:
    artifactURL: http://files.corp/quobyte-prober
    interval: 5s
%s`

// applyProbed applies the cluster, with further lines of its spec.
func (p *probed) applyProbed(spec ...string) {
	p.t.Helper()
	p.api.Apply(p.t, p.namespace, fmt.Sprintf(found, p.mesos.URL(), strings.Join(spec, "\n")))
}

// core is how many devices mountCore mounts.
const core = 9

// mountCore mounts what makes a cluster of three hosts: a registry device, a
// metadata device and a data device on each. The first one is the bootstrap device.
func (p *probed) mountCore() {
	p.t.Helper()
	for i := 1; i <= 3; i++ {
		r := testprobers.Disk("/mnt/registry", fmt.Sprintf("registry-%d", i), "REGISTRY")
		r.Bootstrap = i == 1
		p.hosts.Mount(fmt.Sprintf("node%d", i), r,
			testprobers.Disk("/mnt/metadata", fmt.Sprintf("metadata-%d", i), "METADATA"),
			testprobers.Disk("/mnt/data", fmt.Sprintf("data-%d", i), "DATA"))
	}
}

// readyProbed is a world with mountCore's devices on n hosts, and a cluster that is
// Ready; further lines go into its spec.
func readyProbed(t *testing.T, n int, spec ...string) *probed {
	t.Helper()
	p := newProbed(t, n)
	p.mountCore()
	p.startAlone()
	p.applyProbed(spec...)
	p.awaitReadyOf(core)
	return p
}

// services counts the living tasks that are not probers.
func (p *probed) services() int { return p.alive("") - p.alive("prober") }

// awaitPhase waits until a device is in a phase, and returns it.
func (p *probed) awaitPhase(name string, phase v1alpha1.DevicePhase) *v1alpha1.QuobyteDevice {
	p.t.Helper()
	return p.awaitDeviceIs(name, string(phase), func(d *v1alpha1.QuobyteDevice) bool { return d.Status.Phase == phase })
}

// awaitDeviceIs waits until a device is there and as the test wants it.
func (p *probed) awaitDeviceIs(name, what string, is func(*v1alpha1.QuobyteDevice) bool) *v1alpha1.QuobyteDevice {
	p.t.Helper()
	var last *v1alpha1.QuobyteDevice
	p.poll("device "+name+" to be "+what, func() bool {
		last = p.device(name)
		return last != nil && is(last)
	}, func() string { return describeDevice(last) })
	return last
}

// poll asks until it is so. Devices change within a second of their cause.
func (p *probed) poll(what string, is func() bool, state func() string) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for !is() {
		if time.Now().After(deadline) {
			p.t.Fatalf("waited in vain for %s:\n%s\nthe cluster is\n%s\ntasks:\n%s", what, state(), describe(p.cluster()), taskList(p.mesos.Tasks()))
		}
		select {
		case <-p.t.Context().Done():
			p.t.Fatal(p.t.Context().Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// device reads a QuobyteDevice; nil: it is not there.
func (p *probed) device(name string) *v1alpha1.QuobyteDevice {
	p.t.Helper()
	d := &v1alpha1.QuobyteDevice{}
	err := p.api.Client().Get(p.t.Context(), p.key(name), d)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		p.t.Fatalf("get device %s: %v", name, err)
	}
	return d
}

func (p *probed) devices() []v1alpha1.QuobyteDevice {
	p.t.Helper()
	list := &v1alpha1.QuobyteDeviceList{}
	if err := p.api.Client().List(p.t.Context(), list, client.InNamespace(p.namespace)); err != nil {
		p.t.Fatalf("list devices: %v", err)
	}
	return list.Items
}

func describeDevice(d *v1alpha1.QuobyteDevice) string {
	if d == nil {
		return "not there"
	}
	text := fmt.Sprintf("%s: phase %s, host %q, path %q, summary %q", d.Name, d.Status.Phase, d.Status.Host, d.Status.Path, d.Status.Summary)
	for _, c := range d.Status.Conditions {
		text += fmt.Sprintf("\n%s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	return text
}

// why is the reason and message of the condition Accepted.
func why(d *v1alpha1.QuobyteDevice) (reason, message string) {
	if c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionAccepted); c != nil {
		return c.Reason, c.Message
	}
	return "", ""
}

// taskOf returns the id of the living task of a service on a host; empty: none.
func (p *probed) taskOf(service, host string) string {
	for _, task := range p.mesos.Tasks() {
		if task.Info.Name == service && task.Host == host {
			return task.ID
		}
	}
	return ""
}

// killsOf counts the kills of tasks that are not probers.
func (p *probed) killsOf() int {
	n := 0
	for _, task := range p.mesos.History() {
		if len(task.Kills) > 0 && task.Info.Name != "prober" {
			n++
		}
	}
	return n
}

// remount moves a disk from one host to another.
func (p *probed) remount(from, to string, m probe.Mount) {
	p.hosts.Unmount(from, m.Path)
	p.hosts.Mount(to, m)
}

func names(devices []v1alpha1.QuobyteDevice) []string {
	all := make([]string, len(devices))
	for i := range devices {
		all[i] = devices[i].Name
	}
	slices.Sort(all)
	return all
}
