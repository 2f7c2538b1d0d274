package plan

import (
	"slices"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// host is all that a pass knows of one host.
type host struct {
	key  string
	name string // the key, as long as only a task told of the host
	// agent is the registered one; nil when there is none, or more than one.
	agent *mesosbridge.Agent
	// registered are how many agents with this host name are.
	registered int
	// known is an agent with this host name, registered or not.
	known *mesosbridge.Agent
	// unreadable is a task on this host that counts as every service (rule 1).
	unreadable string
	// window of its machine in the schedule of Mesos; nil: none is known, or it is over.
	// maintenance: it is open, or so near that the host is to be left.
	window      *downtime
	maintenance bool
	// restart is when a device of the host asked for a restart of its services last.
	restart time.Time

	slots [kinds]slot
	// prober is the one on agent that counts, moreProbers are others there.
	prober      *task
	moreProbers []*task
	// proberLaunched in this pass.
	proberLaunched bool
	// devices of the inventory stand here, whatever is with them.
	devices bool
	// floating is how many tasks of floating services the host has, or gets.
	floating int
	active   bool
	// barred is why nothing can be started here, as far as it was asked.
	barred *wait
	asked  bool
	// lacksAttribute is why spec.placement.attributes excludes the host, once they
	// were compared; empty: it does not.
	lacksAttribute string
	compared       bool
	// use is how the last device of the host that was looked at is used: most
	// hosts have many devices of one kind.
	use *deviceUse
}

// slot is one service on one host.
type slot struct {
	// task is the one that counts, more are the others: duplicates.
	task *task
	more []*task
	// foreign is a task of the service that runs here under another host's name.
	foreign *task
	// wanted: a device asks for it, or it is one of the wanted floating instances.
	wanted bool
	// confirmed: what asks for it is there by the present report of the host's
	// prober. What is not runs on, and is not started.
	confirmed bool
	// remembered: what asks for it was last seen there, and not elsewhere since.
	remembered bool
	// leaving is why the service is to leave: a device of it was deleted,
	// decommissioned or moved. Empty: no device leaves.
	leaving string
	// claimedBy is a device for which it goes on, and is not started; nil: none.
	claimedBy *inventory.Device
	// missing: a device of it was here, and nobody has said that it is gone for good.
	missing bool
	// moving: a device that asks for it was moved here, and something may still have
	// to stop where it was.
	moving *wait
	// movingFrom is the host that it was moved from; nil unless moving is set.
	movingFrom *host
	// awaited: a device was moved here, and is not served yet.
	awaited bool
	// appeared is the device that turned up here last; nil: none did.
	appeared *inventory.Device
	// launched in this pass.
	launched bool
	killed   bool
	// lost: a floating service's task of which nothing was heard for so long that
	// another one takes its place.
	lost bool
	// told: a device's view lists its tasks.
	told bool
	wait *wait
}

// kept says that the service stays on the host whoever else leaves it.
func (s *slot) kept() bool { return s.wanted || s.claimedBy != nil }

// task is a task of ours with an id that can be read.
type task struct {
	*mesosbridge.Task
	id     quobyte.TaskID
	kind   kind
	host   *host
	agent  *mesosbridge.Agent // nil when it is not known
	status status
	// outdated: it runs another spec than the pursued one. Of a task of the earlier
	// framework nothing is known, so it counts as outdated.
	outdated bool
}

// status is how a task stands.
type status int

// The statuses, from what is best to keep to what is worst.
const (
	available status = iota
	comingUp         // RUNNING, before its first health check
	launching        // decided, staging or starting
	unhealthy
	doubtful // perhaps running, nobody can tell (rule 4)
	halting  // a kill was asked for
)

func (p *pass) statusOf(t *task) status {
	silent := p.snap.Connected && p.snap.Reconciled && !t.Heard && !(t.Launching && !t.Since.Before(p.snap.Since))
	switch {
	case mesosbridge.Doubtful(t.State), silent, p.removed():
		return doubtful
	case !t.Killing.IsZero(), t.State == mesos.TASK_KILLING:
		return halting
	case t.Launching, t.State != mesos.TASK_RUNNING:
		return launching
	case t.Healthy == nil && p.checked(t):
		return comingUp
	case t.Healthy != nil && !*t.Healthy:
		return unhealthy
	}
	return available
}

// checked says that Mesos checks the task's health, as its own spec has it. Tasks of the
// earlier framework and probers have no health check. Of a task whose spec is not stored
// any more nobody knows: when no check has reported for long there is none.
func (p *pass) checked(t *task) bool {
	switch {
	case t.id.Legacy || t.kind == prober:
		return false
	case p.unknown(t):
		return p.specs[t.kind].spec.Checked() && p.within(t.Steady, runsWell)
	case t.outdated:
		return p.in.Specs[SpecKey{services[t.kind], t.id.Hash}].Checked()
	}
	return p.specs[t.kind].spec.Checked()
}

// unknown says that nobody knows the spec of the task.
func (p *pass) unknown(t *task) bool {
	_, known := p.in.Specs[SpecKey{services[t.kind], t.id.Hash}]
	return t.outdated && !known
}

// removed says that Mesos has removed the framework: it has told its tasks to end,
// and nobody hears whether they did.
func (p *pass) removed() bool { return p.snap.Problem.Reason == v1alpha1.ReasonFrameworkRemoved }

// runs says that the task runs, healthy or not: whoever waits for it to be
// started need not wait for more. Unhealthy services may be so because of what
// waits for them.
func (t *task) runs() bool {
	return t.State == mesos.TASK_RUNNING && t.status != doubtful && t.status != halting
}

// hostOf returns the host of that name.
func (p *pass) hostOf(name string) *host {
	h := p.hostByKey(quobyte.HostKey(name))
	h.name = name
	return h
}

func (p *pass) hostByKey(key string) *host {
	if h := p.hosts[key]; h != nil {
		return h
	}
	if len(p.arena) == cap(p.arena) {
		p.arena = make([]host, 0, 2*cap(p.arena)) // pointers into the old one stay
	}
	p.arena = append(p.arena, host{key: key, name: key})
	h := &p.arena[len(p.arena)-1]
	p.hosts[key] = h
	return h
}

func (p *pass) activate(h *host) {
	if !h.active {
		h.active = true
		p.active = append(p.active, h)
	}
}

func (p *pass) indexAgents() {
	for _, a := range p.snap.Agents {
		if len(a.InverseOffers) > 0 {
			p.toLeave = append(p.toLeave, a)
		}
		if a.Host == "" {
			continue
		}
		h := p.hostOf(a.Host)
		switch {
		case !a.Registered:
			if h.known == nil || !h.known.Registered && h.known.ID < a.ID {
				h.known = a
			}
			continue
		case h.registered == 0:
			h.agent = a
		default:
			h.agent = nil // rule 5
		}
		h.registered++
		if h.known == nil || !h.known.Registered || h.known.ID < a.ID {
			h.known = a
		}
		p.noteWindow(h, a)
	}
	p.nearWindows()
}

func (p *pass) indexTasks() {
	tasks := make([]task, 0, len(p.snap.Tasks))
	for _, t := range p.snap.Tasks {
		agent := p.snap.Agents[t.AgentID]
		id, ok := quobyte.ParseTaskID(t.ID)
		if !ok {
			p.indexUnreadable(t, agent)
			continue
		}
		k, ours := kindOf(id.Service)
		if !ours {
			tasks = append(tasks, task{Task: t, id: id, kind: prober, agent: agent, outdated: id.Hash != p.probers.hash})
			p.indexProber(&tasks[len(tasks)-1])
			continue
		}
		tasks = append(tasks, task{Task: t, id: id, kind: k, agent: agent, outdated: id.Hash != p.specs[k].hash})
		p.indexTask(&tasks[len(tasks)-1])
	}
	slices.SortFunc(p.unreadable, func(a, b *mesosbridge.Task) int { return strings.Compare(a.ID, b.ID) })
	if len(p.unreadable) == 0 {
		return
	}
	for _, t := range slices.Backward(p.unreadable) {
		p.blockUnreadable(t, p.snap.Agents[t.AgentID])
	}
}

func (p *pass) indexTask(t *task) {
	t.host = p.hostByKey(t.id.HostKey)
	t.status = p.statusOf(t)
	p.activate(t.host)
	if t.status == doubtful {
		p.doubtful = append(p.doubtful, t)
	}
	s := &t.host.slots[t.kind]
	switch {
	case s.task == nil:
		s.task = t
	case better(t, s.task):
		s.more = append(s.more, s.task)
		s.task = t
	default:
		s.more = append(s.more, t)
	}
	if t.kind.floats() {
		t.host.floating++
	}
	if t.agent == nil || t.agent.Host == "" || t.agent.Host == t.host.name {
		return
	}
	// The id says one host, the agent another: the task counts on both.
	if other := p.hostOf(t.agent.Host); other != t.host {
		if f := other.slots[t.kind].foreign; f == nil || t.ID < f.ID {
			other.slots[t.kind].foreign = t
		}
		p.activate(other)
	}
}

// better says which of two tasks of a service on a host is the one to keep.
func better(a, b *task) bool {
	if a.status != b.status {
		return a.status < b.status
	}
	return a.ID < b.ID
}

func (p *pass) indexUnreadable(t *mesosbridge.Task, agent *mesosbridge.Agent) {
	p.unreadable = append(p.unreadable, t)
	if agent != nil && agent.Host != "" {
		p.activate(p.hostOf(agent.Host))
	}
}

// blockUnreadable makes a task that cannot be read count as every service on
// its agent, and so on its host (rule 1). When nobody knows on which host it runs
// it may be any. An agent that is registered and has not told its host name has
// offered nothing, so that nothing can be launched on it anyway.
func (p *pass) blockUnreadable(t *mesosbridge.Task, agent *mesosbridge.Agent) {
	switch {
	case agent != nil && agent.Host != "":
		p.hostOf(agent.Host).unreadable = t.ID
	case agent == nil || !agent.Registered:
		p.blockedBy = t.ID
	}
}
