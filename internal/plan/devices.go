package plan

import (
	"slices"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
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
	devices := p.in.Inventory.Devices
	p.result.Devices = make(map[string]DeviceView, len(devices))
	p.summarise()
	for i := range devices {
		d := &devices[i]
		v := viewOf(d)
		p.lookAt(&v, i, d)
		p.addVolume(&v, d.Object)
		p.result.Devices[d.Object.Name] = v
	}
}

// viewOf is what the inventory says of a device.
func viewOf(d *inventory.Device) DeviceView {
	v := DeviceView{UID: d.Object.UID, Generation: d.Object.Generation, Standing: d.Standing}
	v.PreviousHost = ""
	return v
}

// lookAt adds what uses a device, and what has become of it by that.
func (p *pass) lookAt(v *DeviceView, i int, d *inventory.Device) {
	h, m := p.standing[i], p.moves[i]
	if m != nil && !m.done {
		v.PreviousHost, v.Moved = d.PreviousHost, m.moved()
	}
	leaves := d.Object.DeletionTimestamp != nil || d.Phase == v1alpha1.PhaseDecommissioning
	if leaves && !p.holdsVolume(d.Object) && p.released(d, h, m) {
		v.Released = d.Object.DeletionTimestamp != nil
		if d.Phase == v1alpha1.PhaseDecommissioning {
			v.Phase = v1alpha1.PhaseDecommissioned
		}
	}
	if h == nil {
		v.Summary = firstSentence(d.Message)
		return
	}
	if h.known != nil {
		v.AgentID = h.known.ID
	}
	if usable := d.Wanted || d.Claims || d.Leaving != ""; usable && v.Phase != v1alpha1.PhaseDecommissioned {
		use := p.useOf(d, h)
		v.Tasks, v.Summary = use.tasks, use.summary
		if d.Phase == v1alpha1.PhaseUnmanaged && len(use.tasks) > 0 {
			v.Summary = "not declared; " + use.summary
			return
		}
	}
	switch {
	case v.PreviousHost != "":
		v.Tasks = p.tasksOfMove(d, v.Tasks, m.from)
		v.Summary = "moved from " + d.PreviousHost + ": waits until " + m.unsettled() + " stopped there"
	case v.Phase == v1alpha1.PhaseDecommissioning && len(v.Tasks) > 0:
		v.Summary = "leaves service: " + v.Summary
	case v.Phase == v1alpha1.PhaseDecommissioned:
		v.Summary = "decommissioned: no service uses it"
	case !d.Accepted, v.Summary == "":
		v.Summary = firstSentence(d.Message)
	}
}

// firstSentence says what is; what follows says what to do, and is too long for a
// column.
func firstSentence(message string) string {
	first, _, _ := strings.Cut(message, ". ")
	return first
}

// tasksOfMove adds the tasks that may still use a moved device on its old host.
func (p *pass) tasksOfMove(d *inventory.Device, tasks []v1alpha1.TaskStatus, from *host) []v1alpha1.TaskStatus {
	tasks = slices.Clip(tasks) // that of all devices of the new host
	for k := range s3 {
		s := &from.slots[k]
		if s.task == nil || s.kept() || !hasType(d, k) && !listed(d, s.task) {
			continue
		}
		s.told = true
		tasks = append(tasks, p.taskStatus(s.task))
		for _, t := range s.sortedMore() {
			tasks = append(tasks, p.taskStatus(t))
		}
	}
	return tasks
}

// listed says that the status of the device lists the task. What ran there for a type that
// was taken off the device meanwhile is still to be stopped when the type is put back.
func listed(d *inventory.Device, t *task) bool {
	return slices.ContainsFunc(d.Object.Status.Services, func(s v1alpha1.TaskStatus) bool { return s.TaskID == t.ID })
}

// useOf says what uses a device. Tasks are listed in the order of the services,
// not of the device's types: the status must not move.
func (p *pass) useOf(d *inventory.Device, h *host) *deviceUse {
	var types [s3]bool
	n := 0
	for _, t := range d.Types {
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

func hasType(d *inventory.Device, k kind) bool { return slices.Contains(d.Types, k.deviceType()) }

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
		return k.String() + " waits: " + strings.TrimPrefix(s.wait.sentence(), "waits ")
	}
	return k.String() + " stopped"
}

// released says whether it is proven that no service uses a device that leaves, so
// that it is decommissioned, or its object may go.
func (p *pass) released(d *inventory.Device, h *host, m *move) bool {
	if d.Leaving == "" && !d.Claims {
		return true // a double of another object: nothing ever ran for it
	}
	if p.neverServed(d) {
		return true
	}
	if !p.canProve() || h != nil && !p.free(d, h) || m != nil && !m.done {
		return false
	}
	for i := range d.Object.Status.Services {
		t := &d.Object.Status.Services[i]
		at := h
		if t.Host != "" {
			at = p.hostByKey(quobyte.HostKey(t.Host))
		}
		if at != nil && !p.absent(d, t, at) {
			return false
		}
	}
	return true
}

// absent says that a task that the status of a device remembers does not run there
// for it any more: it has ended, or another device keeps its service.
func (p *pass) absent(d *inventory.Device, t *v1alpha1.TaskStatus, h *host) bool {
	k, ours := kindOf(quobyte.Service(t.Service))
	return ours && k.bound() && h.slots[k].kept() && hasType(d, k) || p.hasEnded(t.TaskID) || p.provenAbsent(t, h)
}

// provenAbsent says that a task that the status remembers does not run: its
// agent is behind its barrier, which did not show it, or gone (rules 4 and 5).
func (p *pass) provenAbsent(t *v1alpha1.TaskStatus, h *host) bool {
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

// hasEnded says that the snapshot remembers the end of the task.
func (p *pass) hasEnded(taskID string) bool {
	if p.endedIDs == nil {
		p.endedIDs = make(map[string]bool, len(p.snap.Ended))
		for _, t := range p.snap.Ended {
			p.endedIDs[t.ID] = true
		}
	}
	return p.endedIDs[taskID]
}

// summarise writes the lines of services that run as wanted once for all devices.
func (p *pass) summarise() {
	for k := range s3 {
		for s, word := range statusWords {
			p.summaries[k][s] = strings.Join([]string{k.String(), p.in.Cluster.Spec.Version, word}, " ")
		}
	}
}
