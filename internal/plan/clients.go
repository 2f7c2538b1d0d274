package plan

import (
	"slices"
	"strings"

	"github.com/quobyte/mesos-operator/internal/inventory"
)

// markClients marks which hosts are to have a client: those that may hold services
// and have its mount point. What runs goes on when nothing is known of the mount
// point, and when it has gone: absence is not an instruction (rule 12).
func (p *pass) markClients() {
	if p.mode == stopping {
		return
	}
	asked := &p.in.Cluster.Spec.Services.Client
	if asked.Enabled && p.in.Probing {
		for _, known := range p.in.Hosts {
			p.markMountPoint(known, asked.MountPoint)
		}
	}
	f := &p.floating[client]
	for _, h := range p.active {
		s := &h.slots[client]
		if s.task == nil {
			continue
		}
		f.surplus = append(f.surplus, s.more...)
		switch {
		case s.wanted:
		case asked.Enabled:
			p.keepClient(h, s, asked.MountPoint)
		case s.task.id.Legacy:
			s.hold(&wait{code: codeClaimed, host: h.name,
				message: "is a client of the earlier framework, and services.client.enabled is false: it keeps running; enable clients, or stop it by hand",
				generic: "are of the earlier framework"})
		default:
			f.surplus = append(f.surplus, s.task)
		}
	}
	slices.SortFunc(f.surplus, func(a, b *task) int { return strings.Compare(a.ID, b.ID) })
}

func (p *pass) markMountPoint(known *inventory.Host, mountPoint string) {
	if known.Report == nil || !slices.Contains(known.Report.Directories, mountPoint) {
		return
	}
	if h := p.hostOf(known.Name); h.agent != nil && p.mayStart(h) {
		s := &h.slots[client]
		s.wanted, s.confirmed = true, true
		p.activate(h)
	}
}

// keepClient decides about a client that runs where no report asks for one. That it
// runs says that there was a mount point: without a word it counts as wanted, and is
// neither updated nor started again.
func (p *pass) keepClient(h *host, s *slot, mountPoint string) {
	switch {
	case !p.mayStart(h):
		s.hold(&wait{code: codeClaimed, host: h.name, message: "runs outside of spec.placement: it keeps running, and would not be started again", generic: "run outside of spec.placement"})
	case p.reportOf(h) == nil:
		s.wanted = true
	default:
		s.hold(&wait{code: codeClaimed, host: h.name,
			message: "runs, and its mount point " + mountPoint + " is not there any more: it keeps running, and would not be started again", generic: "have lost their mount point"})
	}
}

// startClients starts the clients that are missing.
func (p *pass) startClients() {
	if p.in.Cluster.Spec.Services.Client.Enabled {
		p.startMissing(client)
	}
}
