package plan

import (
	"slices"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// report says how things stand, after all is decided.
func (p *pass) report() {
	p.reportInstances()
	p.reportServices()
	p.reportUpdate()
	p.reportPhase()
	p.reportGood()
	p.reportReasons()
	p.reportFailures()
	p.reportDevices()
	p.reportTasks()
	p.reportAlerts()
	p.noticeUnreserved()
	p.reportProbers()
	p.reportMaintenance()
	p.result.Recheck = p.recheck
}

// reportInstances lists all that is wanted or exists.
func (p *pass) reportInstances() {
	n := 0
	for k := range kinds {
		n += p.gate.tallies[k].members
	}
	p.result.Instances = make([]Instance, 0, n)
	tasks := make([]*mesosbridge.Task, 0, len(p.snap.Tasks))
	for k := range kinds {
		// Instances without a host come first: their host name is empty.
		for range p.floating[k].missing() {
			p.result.Instances = append(p.result.Instances, p.homeless(k))
		}
		for _, h := range p.active {
			s := &h.slots[k]
			if !s.wanted && s.task == nil && !s.launched && s.moving == nil {
				continue
			}
			from := len(tasks)
			if s.task != nil {
				tasks = append(tasks, s.task.Task)
				for _, t := range s.sortedMore() {
					tasks = append(tasks, t.Task)
				}
			}
			i := p.instance(k, h)
			i.Tasks = tasks[from:len(tasks):len(tasks)]
			p.result.Instances = append(p.result.Instances, i)
		}
	}
}

func (p *pass) homeless(k kind) Instance {
	i := Instance{Service: services[k], Wanted: true}
	if p.frozen != "" {
		p.floating[k].wait = &wait{code: codeFrozen, message: p.frozen}
	}
	if w := p.floating[k].wait; w != nil {
		i.Waits = w.sentence()
	}
	return i
}

func (p *pass) instance(k kind, h *host) Instance {
	s := &h.slots[k]
	i := Instance{Service: services[k], Host: h.name, Wanted: s.wanted || s.launched || s.moving != nil}
	if s.task != nil {
		i.Available = s.task.status == available && !s.duplicate()
		i.Current = i.Available || s.task.status == comingUp || s.task.status == launching
		i.Current = i.Current && !s.duplicate() && p.current(s.task)
		i.Unclaimed = p.mode == running && k.bound() && s.unclaimed()
		i.Version = p.versionOf(s.task)
	}
	p.explain(k, h, &i)
	if w := s.wait; w != nil {
		i.Waits = w.sentence()
	} else if w := p.leftover(h); w != nil && s.wanted {
		i.Waits = w.sentence()
	}
	return i
}

// explain finds the wait of an instance for which no decision has left one.
func (p *pass) explain(k kind, h *host, i *Instance) {
	s := &h.slots[k]
	switch {
	case s.task != nil && !i.Available && !s.killed:
		// How the task stands says more than why it is not replaced.
		if w := p.taskWait(k, h); w != nil {
			s.wait = w
		}
	case s.wait != nil:
	case s.moving != nil && !s.wanted:
		s.wait = s.moving
	case s.claimedBy != nil && !s.wanted && s.task != nil:
		s.wait = claimedWait(h, s.claimedBy)
	case i.Unclaimed:
		s.wait = &wait{
			code: codeUnclaimed, host: h.name,
			message: "runs, and no device object tells of a " + devicesOf(k) + " here: it keeps running and would not be started again; create the object again, and delete it if the service is to stop",
			generic: "run without a device object",
		}
	case s.task == nil && p.frozen != "":
		s.wait = waitOn(h, codeFrozen, p.frozen)
	case i.Available && s.wanted && s.task.outdated:
		s.wait = p.updateWait(k)
	case i.Available && s.wanted && !p.current(s.task):
		s.wait = &wait{code: codeUpdate, message: "runs version " + p.specs[k].spec.Version + ", and not what the spec asks for: the update to " + p.course.back.Version + " failed"}
	case i.Available && s.wanted && p.course.restarts.due && p.restartDue(s):
		s.wait = restarts.waits("waits for its restart on request")
	case i.Available && p.renews(s):
		s.wait = renewals.waits("waits for its restart for the new device " + s.appeared.Object.Name)
	}
}

// updateWait is why an instance runs another spec than the pursued one, unless a
// rollout has said it.
func (p *pass) updateWait(k kind) *wait {
	to, what := p.specs[k].spec.Version, "update"
	if p.course.back != nil {
		what = "rollback"
	}
	message := "waits for its " + what + " to " + to
	if p.course.halted != "" {
		message += ": " + p.course.halted
	}
	return updates.waits(message)
}

// claimedWait is why a service that runs for a device is not asked for by it.
func claimedWait(h *host, d *inventory.Device) *wait {
	return &wait{
		code: codeClaimed, host: h.name,
		message: "runs for device " + d.Object.Name + ", which is " + string(d.Phase) + ": it keeps running, is not updated, and would not be started again (the device says what to do)",
		generic: "run for devices that do not ask for them",
	}
}

// sortedMore are the duplicates in the order of their ids.
func (s *slot) sortedMore() []*task {
	slices.SortFunc(s.more, func(a, b *task) int { return strings.Compare(a.ID, b.ID) })
	return s.more
}

// stateName is a state without TASK_.
func stateName(s mesos.TaskState) string { return strings.TrimPrefix(s.String(), "TASK_") }
