package plan

import (
	"maps"
	"slices"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/probe"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// modelDisk is what has become of a device since it was declared.
type modelDisk struct {
	host, prev string
	missing    bool
	// unseen: its prober cannot read it now.
	unseen    bool
	bootstrap bool
	appeared  time.Time
}

// modelWord is what a prober said last to this process.
type modelWord struct {
	at               time.Time
	asked, listening []uint64
}

func (m *model) disk(d *v1alpha1.QuobyteDevice) *modelDisk {
	if m.disks[d.Name] == nil {
		m.disks[d.Name] = &modelDisk{host: d.Spec.Host}
	}
	return m.disks[d.Name]
}

func (m *model) placeOf(d *v1alpha1.QuobyteDevice) string { return m.disk(d).host }

// inventory is what becomes of the devices, told by what the model knows of them.
func (m *model) inventory() inventory.Result {
	r := foundAll(m.devices)
	for i := range r.Devices {
		v := &r.Devices[i]
		disk := m.disk(v.Object)
		v.Host, v.PreviousHost, v.AppearedAt, v.Bootstrap = disk.host, disk.prev, disk.appeared, disk.bootstrap
		if v.Wanted && disk.missing {
			v.Wanted, v.Claims, v.Phase, v.Accepted = false, true, v1alpha1.PhaseMissing, false
		}
		if v.Phase == v1alpha1.PhaseDecommissioning && v.Object.Status.Phase == v1alpha1.PhaseDecommissioned {
			v.Phase = v1alpha1.PhaseDecommissioned
		}
		v.Confirmed = v.Wanted && (!m.probing || !disk.unseen && m.reports(disk.host))
	}
	return r
}

// aloneOn is the one agent with the host name that is up; nil when there is none, or
// more.
func (m *model) aloneOn(host string) *modelAgent {
	var found *modelAgent
	for _, a := range m.agents {
		if a.host == host && a.up {
			if found != nil {
				return nil
			}
			found = a
		}
	}
	return found
}

// proberOn is the prober of the host that has reported to this process.
func (m *model) proberOn(host string) *modelTask {
	a := m.aloneOn(host)
	if a == nil {
		return nil
	}
	for _, t := range m.tasksOf(a) {
		if t.service == "prober" && !t.hidden && m.words[t.t.ID] != nil {
			return t
		}
	}
	return nil
}

func (m *model) reports(host string) bool { return m.proberOn(host) != nil }

// hosts are as the controller tells them.
func (m *model) hosts() map[string]*inventory.Host {
	if !m.probing {
		return nil
	}
	hosts := map[string]*inventory.Host{}
	for _, a := range m.agents {
		if m.aloneOn(a.host) != a {
			continue
		}
		h := &inventory.Host{Name: a.host, AgentID: a.id}
		hosts[a.host] = h
		if t := m.proberOn(a.host); t != nil {
			word := m.words[t.t.ID]
			h.ExecutorID, h.Received = t.t.ID, word.at
			h.Report = &probe.Report{Asked: word.asked, Listening: word.listening}
			if m.mountPoints[a.host] {
				h.Report.Directories = []string{"/quobyte"}
			}
		}
	}
	return hosts
}

// speak lets the prober report.
func (m *model) speak(t *modelTask) {
	if t.service == "prober" && t.t.State == mesos.TASK_RUNNING && m.probing {
		m.words[t.t.ID] = &modelWord{at: m.now}
	}
}

// answer lets a prober say on which ports of its host somebody listens.
func (m *model) answer(q Question) {
	word := &modelWord{at: m.now, asked: q.Ports}
	host := m.agents[q.AgentID].host
	for _, t := range m.tasks {
		if t.host != host || t.dead || t.service == "prober" || t.service == "" {
			continue
		}
		need := needed(m.cluster, quobyte.Service(t.service))
		for _, port := range q.Ports {
			if need[portName(port)] > 0 {
				word.listening = append(word.listening, port)
			}
		}
	}
	m.words[q.ExecutorID] = word
}

// usable devices are wanted where they are, unless they are being moved.
func (m *model) usable(d *v1alpha1.QuobyteDevice) bool {
	return d.DeletionTimestamp == nil && m.accepted(d)
}

// movingService is a service of a device that was moved.
type movingService struct {
	device  string
	service quobyte.Service
}

// moving are the services of devices that were moved, which may still run where they
// were: all of which it cannot be said, one after the other, that they do not.
func (m *model) moving() map[movingService]bool {
	moving := map[movingService]bool{}
	for _, d := range m.devices {
		if m.disk(d).prev == "" {
			continue
		}
		for _, s := range quobyte.Services() {
			if slices.Contains(d.Spec.Types, s.DeviceType()) && !m.leftBefore(d, s) {
				moving[movingService{d.Name, s}] = true
			}
		}
	}
	if len(moving) == 0 {
		return moving
	}
	if s := m.snapshot(); !s.Connected || !s.Reconciled {
		return moving
	}
	for changed := true; changed; {
		changed = false
		for _, d := range m.devices {
			for _, s := range quobyte.Services() {
				if of := (movingService{d.Name, s}); moving[of] && !m.servedBefore(d, s, moving) {
					delete(moving, of)
					changed = true
				}
			}
		}
	}
	return moving
}

// leftBefore says that the status tells that the service has left the device's old host.
func (m *model) leftBefore(d *v1alpha1.QuobyteDevice, s quobyte.Service) bool {
	return d.Status.PreviousHost == m.disk(d).prev && slices.Contains(d.Status.MovedServices, string(s))
}

// servedBefore says that a task of the service on the device's old host is there for it
// alone.
func (m *model) servedBefore(d *v1alpha1.QuobyteDevice, s quobyte.Service, moving map[movingService]bool) bool {
	prev := m.disk(d).prev
	for _, t := range m.tasks {
		if t.host != prev || t.hidden {
			continue
		}
		if t.service == "" || quobyte.Service(t.service) == s && !m.keptByOthers(s, prev, moving) {
			return true
		}
	}
	return false
}

// keptByOthers says that a device that is not on its way keeps the service on the host.
func (m *model) keptByOthers(s quobyte.Service, host string, moving map[movingService]bool) bool {
	return slices.ContainsFunc(m.devices, func(d *v1alpha1.QuobyteDevice) bool {
		disk := m.disk(d)
		return disk.host == host && !moving[movingService{d.Name, s}] && d.DeletionTimestamp == nil && slices.Contains(d.Spec.Types, s.DeviceType()) &&
			(m.usable(d) || disk.missing && m.acceptable(d))
	})
}

// wants says whether a device asks for the service on the host, or its mount point.
func (m *model) wants(s quobyte.Service, host string) bool {
	if s == quobyte.Client {
		return m.cluster.Spec.Services.Client.Enabled && m.mountPoints[host] && m.reports(host)
	}
	moving := m.moving()
	return slices.ContainsFunc(m.devices, func(d *v1alpha1.QuobyteDevice) bool {
		return m.usable(d) && m.placeOf(d) == host && slices.Contains(d.Spec.Types, s.DeviceType()) && !moving[movingService{d.Name, s}]
	})
}

// leaves says whether a person has taken a device of the service off the host.
func (m *model) leaves(s quobyte.Service, host string) bool {
	return slices.ContainsFunc(m.devices, func(d *v1alpha1.QuobyteDevice) bool {
		disk := m.disk(d)
		gone := d.DeletionTimestamp != nil || d.Spec.State == v1alpha1.DeviceDecommissioned
		return slices.Contains(d.Spec.Types, s.DeviceType()) && (gone && disk.host == host || disk.prev == host)
	})
}

// claimed says whether a device that is missing keeps what runs on the host: one for which
// the service may run there at all.
func (m *model) claimed(s quobyte.Service, host string) bool {
	moving := m.moving()
	return slices.ContainsFunc(m.devices, func(d *v1alpha1.QuobyteDevice) bool {
		disk := m.disk(d)
		return disk.missing && m.acceptable(d) && disk.host == host && !moving[movingService{d.Name, s}] && slices.Contains(d.Spec.Types, s.DeviceType()) && d.DeletionTimestamp == nil
	})
}

// renewed says whether a device turned up on the host after the task was launched.
func (m *model) renewed(t *modelTask) bool {
	id, _ := quobyte.ParseTaskID(t.t.ID)
	launched, known := id.Launched()
	return known && slices.ContainsFunc(m.devices, func(d *v1alpha1.QuobyteDevice) bool {
		disk := m.disk(d)
		return disk.host == t.host && slices.Contains(d.Spec.Types, quobyte.Service(t.service).DeviceType()) && disk.appeared.After(launched)
	})
}

// acceptable: nobody refuses or decommissions it.
func (m *model) acceptable(d *v1alpha1.QuobyteDevice) bool {
	return strings.HasPrefix(d.Spec.Path, "/mnt/") && d.Spec.State != v1alpha1.DeviceDecommissioned
}

// accepted is the inventory, told in another way.
func (m *model) accepted(d *v1alpha1.QuobyteDevice) bool {
	if d.DeletionTimestamp != nil {
		return strings.HasPrefix(d.Spec.Path, "/mnt/")
	}
	return m.acceptable(d) && !m.disk(d).missing
}

// remember writes into the devices what their views say.
func (m *model) remember(r *Result) {
	m.devices = slices.Clone(m.devices)
	for i, d := range m.devices {
		v := r.Devices[d.Name]
		m.disk(d).prev = v.PreviousHost
		if s := &d.Status; s.Phase != v.Phase || s.PreviousHost != v.PreviousHost || !slices.Equal(s.MovedServices, v.Moved) {
			m.devices[i] = d.DeepCopy()
			m.devices[i].Status.Phase = v.Phase
			m.devices[i].Status.PreviousHost, m.devices[i].Status.MovedServices = v.PreviousHost, v.Moved
		}
	}
	m.cluster.Status.Bootstrapped = m.cluster.Status.Bootstrapped || r.Bootstrapped
	for _, q := range r.Questions {
		m.answer(q)
	}
	m.declared = append(m.declared, r.Gone...)
}

// bury ends the tasks of agents that were declared gone, and removes devices that
// were released, before the next pass.
func (m *model) bury() {
	m.devices = slices.DeleteFunc(slices.Clone(m.devices), func(d *v1alpha1.QuobyteDevice) bool {
		return d.DeletionTimestamp != nil && m.released[d.Name]
	})
	for _, g := range m.declared {
		for _, id := range slices.Sorted(maps.Keys(m.tasks)) {
			if t := m.tasks[id]; t.agent.id == g.AgentID && !t.agent.up {
				m.end(t, mesos.TASK_GONE_BY_OPERATOR)
			}
		}
	}
	m.declared = nil
}

// claims says whether a device on the host asks for the service, or did and may
// again.
func (m *model) claims(s quobyte.Service, host string) bool {
	for _, d := range m.devices {
		there := d.Spec.Host == host || d.Status.Host == host || m.disk(d).host == host
		if d.DeletionTimestamp == nil && d.Spec.State != v1alpha1.DeviceDecommissioned && there && contains(d.Spec.Types, s.DeviceType()) {
			return true
		}
	}
	return false
}
