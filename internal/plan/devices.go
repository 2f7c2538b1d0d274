package plan

import (
	"slices"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// deviceUse is what uses the devices of one set of types on a host.
type deviceUse struct {
	types   [s3]bool
	tasks   []v1alpha1.TaskStatus
	summary string
}

// reportDevices says of each device how it stands.
func (p *pass) reportDevices() {
	p.result.Devices = make(map[string]DeviceView, len(p.in.Devices))
	p.summarise()
	ended := p.endedIDs()
	for i, d := range p.in.Devices {
		h, a := p.standing[i], &p.accepted[i]
		use := p.useOf(d, h)
		v := DeviceView{UID: d.UID, Generation: d.Generation, Accepted: a.Accepted, Reason: a.Reason, Message: a.Message, Tasks: use.tasks, Summary: use.summary}
		if h.known != nil {
			v.AgentID = h.known.ID
		}
		if !a.Accepted {
			v.Summary = a.Message
		}
		if d.DeletionTimestamp != nil {
			v.Released = p.released(d, h, ended) && !p.holdsVolume(d)
		}
		p.addVolume(&v, d)
		p.result.Devices[d.Name] = v
	}
}

// useOf says what uses a device. Tasks are listed in the order of the services,
// not of the device's types: the status must not move.
func (p *pass) useOf(d *v1alpha1.QuobyteDevice, h *host) *deviceUse {
	var types [s3]bool
	n := 0
	for _, t := range d.Spec.Types {
		if k, ok := kindOfDevice(t); ok {
			types[k] = true
			n += 1 + len(h.slots[k].more)
		}
	}
	if h.use != nil && h.use.types == types {
		return h.use
	}
	h.use = &deviceUse{types: types, summary: p.deviceSummary(types, h)}
	for k := range s3 {
		s := &h.slots[k]
		if !types[k] || s.task == nil {
			continue
		}
		s.told = true
		if h.use.tasks == nil {
			h.use.tasks = make([]v1alpha1.TaskStatus, 0, n)
		}
		h.use.tasks = append(h.use.tasks, p.taskStatus(s.task))
		for _, t := range s.sortedMore() {
			h.use.tasks = append(h.use.tasks, p.taskStatus(t))
		}
	}
	return h.use
}

func hasType(d *v1alpha1.QuobyteDevice, k kind) bool {
	return slices.Contains(d.Spec.Types, k.deviceType())
}

func (p *pass) taskStatus(t *task) v1alpha1.TaskStatus {
	state := "RUNNING"
	switch {
	case t.State != mesos.TASK_RUNNING:
		state = stateName(t.State)
	case t.Healthy != nil && !*t.Healthy:
		state = "RUNNING, unhealthy"
	}
	return v1alpha1.TaskStatus{
		Service: t.kind.String(),
		TaskID:  t.ID,
		Host:    t.host.name,
		AgentID: t.AgentID,
		Version: p.versionOf(t),
		State:   state,
	}
}

// deviceSummary is a line for a person: what uses the device, or why nothing does.
func (p *pass) deviceSummary(types [s3]bool, h *host) string {
	summary := ""
	for k, has := range types {
		if !has {
			continue
		}
		if line := p.slotSummary(kind(k), h); summary == "" {
			summary = line
		} else {
			summary += ", " + line
		}
	}
	if summary == "" {
		return "no type yet: nothing uses it"
	}
	return summary
}

// statusWords are how a summary says a status.
var statusWords = map[status]string{
	available: "running", comingUp: "starting", launching: "starting",
	unhealthy: "unhealthy", doubtful: "unreachable", halting: "stopping",
}

func (p *pass) slotSummary(k kind, h *host) string {
	s := &h.slots[k]
	switch {
	case s.task != nil && s.duplicate():
		return k.String() + " runs more than once"
	case s.task != nil && s.killed:
		return k.String() + " stopping"
	case s.task != nil:
		version := p.versionOf(s.task)
		if version == p.in.Cluster.Spec.Version {
			return p.summaries[k][s.task.status]
		}
		if version == "" {
			version = "of unknown version"
		}
		return k.String() + " " + version + " " + statusWords[s.task.status]
	case s.wait != nil:
		return k.String() + " waits: " + s.wait.sentence()
	}
	return k.String() + " stopped"
}

// released says whether it is proven that no service uses a device that is being
// deleted, so that its object may go.
func (p *pass) released(d *v1alpha1.QuobyteDevice, h *host, ended map[string]bool) bool {
	if p.in.NeverRan && len(d.Status.Services) == 0 {
		return true
	}
	if !p.snap.Connected || !p.snap.Reconciled {
		return false
	}
	for k := range s3 {
		s := &h.slots[k]
		if !hasType(d, k) || s.wanted {
			continue // another device keeps the service on the host
		}
		if s.task != nil || s.foreign != nil || h.unreadable != "" || p.blockedBy != "" {
			return false
		}
	}
	for _, t := range d.Status.Services {
		k, ours := kindOf(quobyte.Service(t.Service))
		if ours && h.slots[k].wanted && hasType(d, k) || ended[t.TaskID] {
			continue
		}
		if !p.provenAbsent(t, h) {
			return false
		}
	}
	return true
}

// provenAbsent says that a task that the status remembers does not run: its
// agent is behind its barrier, which did not show it, or gone (rules 4 and 5).
func (p *pass) provenAbsent(t v1alpha1.TaskStatus, h *host) bool {
	if p.snap.Tasks[t.TaskID] != nil {
		return false
	}
	if t.AgentID == "" {
		return h.agent != nil && h.agent.Behind
	}
	a := p.snap.Agents[t.AgentID]
	if a == nil || !a.Registered {
		return slices.Contains(p.gone, t.AgentID)
	}
	return a.Behind
}

// endedIDs are the ids of ended tasks, when somebody will ask for them.
func (p *pass) endedIDs() map[string]bool {
	for _, d := range p.in.Devices {
		if d.DeletionTimestamp != nil && len(d.Status.Services) > 0 {
			ids := make(map[string]bool, len(p.snap.Ended))
			for _, t := range p.snap.Ended {
				ids[t.ID] = true
			}
			return ids
		}
	}
	return nil
}

// summarise writes the lines of services that run as wanted once for all devices.
func (p *pass) summarise() {
	for k := range s3 {
		for s, word := range statusWords {
			p.summaries[k][s] = strings.Join([]string{k.String(), p.in.Cluster.Spec.Version, word}, " ")
		}
	}
}
