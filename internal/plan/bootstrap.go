package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// searchBootstrap is how long after the subscription the first start waits for hosts
// that do not report: the second bootstrap device may be there.
const searchBootstrap = 2 * time.Minute

// bootstrap is the first start of a new installation: the registry on the one device
// that carries the mark starts first and alone, and makes the installation. Two of
// them would make two.
type bootstrap struct {
	// traces are the keys of hosts on which a registry runs, or ran.
	traces map[string]bool
	// open: no registry has run yet, and it matters.
	open bool
	// first is the host whose registry may start; nil: none.
	first *host
	// wait is why the others are not started.
	wait *wait
	// alert for a person; its Reason is empty when there is none.
	alert Alert
}

func (b *bootstrap) trace(hostKey string) {
	if b.traces == nil {
		b.traces = map[string]bool{}
	}
	b.traces[hostKey] = true
}

// settleBootstrap finds out whether a registry has ever run, and if none has, which
// is to be the first.
func (p *pass) settleBootstrap() {
	b := &p.bootstrap
	if p.in.Cluster.Status.Bootstrapped || p.in.Bootstrapped || p.in.Cluster.Annotations[v1alpha1.AnnotationBootstrapped] == "true" {
		p.result.Bootstrapped = true
		return
	}
	marked := p.registryDevices(true)
	p.result.Bootstrapped = p.registryRan(marked)
	if b.open = !p.result.Bootstrapped && p.in.Probing && p.mode == running; !b.open {
		return
	}
	switch {
	case !p.allReported():
		b.wait = &wait{code: codeProbe, message: "waits until all hosts have been probed: exactly one registry device has to carry device.bootstrap, and it may be on any of them"}
	case len(marked) == 0:
		b.refuse(v1alpha1.ReasonNoBootstrap, "no registry was ever started here, and no registry device carries device.bootstrap: "+
			"for a new installation run qbootstrap on one registry device, or apply a QuobyteDevice with initialize and bootstrap: true; for one that exists already: kubectl annotate quobytecluster "+
			p.in.Cluster.Name+" "+v1alpha1.AnnotationBootstrapped+"=true. Registry devices are "+nameDevices(p.registryDevices(false)))
	case len(marked) > 1:
		b.refuse(v1alpha1.ReasonManyBootstraps, fmt.Sprintf("no registry was ever started here, and %d registry devices carry device.bootstrap: ", len(marked))+
			nameDevices(marked)+"; exactly one may: take the line device.bootstrap=true out of QUOBYTE_DEV_SETUP on the others")
	case !marked[0].Confirmed:
		b.wait = &wait{code: codeProbe, message: "waits for the word of " + marked[0].Host + "'s prober: device.bootstrap was last seen there"}
	default:
		b.first = p.hostOf(marked[0].Host)
		b.wait = &wait{code: codeBootstrap, message: "waits for the registry on " + b.first.name + " (device.bootstrap) to run"}
	}
}

func (b *bootstrap) refuse(reason, message string) {
	b.wait = &wait{code: codeBootstrap, message: message}
	b.alert = Alert{Reason: reason, Message: message}
}

// bootstrapWait is why a registry is not started before another one.
func (p *pass) bootstrapWait(h *host) *wait {
	if !p.bootstrap.open || h == p.bootstrap.first {
		return nil
	}
	return p.bootstrap.wait
}

// registryDevices returns the wanted registry devices by name, all or those that are
// marked. A mark that is only remembered counts, so that a silent host does not hide a
// second one.
func (p *pass) registryDevices(marked bool) []*inventory.Device {
	var list []*inventory.Device
	for i := range p.in.Inventory.Devices {
		d := &p.in.Inventory.Devices[i]
		if d.Wanted && d.Host != "" && (d.Bootstrap || !marked) && hasType(d, registry) {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b *inventory.Device) int { return strings.Compare(a.Object.Name, b.Object.Name) })
	return list
}

// registryRan says that a registry of the cluster runs, or once did. One that was
// started on a marked device, and is not up, may be the first one: it proves nothing.
func (p *pass) registryRan(marked []*inventory.Device) bool {
	b := &p.bootstrap
	for _, h := range p.active {
		s := &h.slots[registry]
		if s.task == nil {
			continue
		}
		if s.available(registry) {
			return true
		}
		b.trace(h.key)
	}
	for i := range p.in.Inventory.Devices {
		for _, t := range p.in.Inventory.Devices[i].Object.Status.Services {
			b.traceTask(&t)
		}
	}
	for i := range p.in.Cluster.Status.Tasks {
		b.traceTask(&p.in.Cluster.Status.Tasks[i])
	}
	if len(b.traces) == 0 {
		return false
	}
	candidates := make(map[string]bool, len(marked))
	for _, d := range marked {
		candidates[quobyte.HostKey(d.Host)] = true
	}
	for key := range b.traces {
		if !candidates[key] {
			return true
		}
	}
	return false
}

func (b *bootstrap) traceTask(t *v1alpha1.TaskStatus) {
	if t.Service == string(quobyte.Registry) {
		b.trace(quobyte.HostKey(t.Host))
	}
}

// allReported says that each host that may hold services was probed, or has had its
// time.
func (p *pass) allReported() bool {
	if p.in.Inventory.UnlistedBootstrap || p.in.Inventory.Arriving {
		return false // what was reported is not all in the inventory yet
	}
	until := p.snap.Since.Add(searchBootstrap)
	if !p.now.Before(until) {
		return true
	}
	for _, h := range p.hosts {
		if h.agent != nil && p.mayStart(h) && p.reportOf(h) == nil {
			p.at(until)
			return false
		}
	}
	return true
}

// nameDevices lists devices with their places, a few of them.
func nameDevices(devices []*inventory.Device) string {
	if len(devices) == 0 {
		return "none"
	}
	var names []string
	for _, d := range devices[:min(len(devices), maxNamed)] {
		names = append(names, d.Object.Name+" ("+d.Host+", "+d.Path+")")
	}
	list := strings.Join(names, ", ")
	if more := len(devices) - maxNamed; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}
