package mesostest

import (
	"maps"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// TaskRecord is all that ever happened to a task: the truth on its host, whatever
// the master knows of it. It is for checkers that trust nobody's word.
type TaskRecord struct {
	ID          string
	FrameworkID string
	AgentID     string
	Host        string
	Info        mesos.TaskInfo
	Launched    time.Time
	// Running is when it first ran, Ended when its process ended; zero before.
	Running, Ended time.Time
	// State as its executor knows it: not UNREACHABLE, for one, which is the
	// master's word. Message comes with it.
	State   mesos.TaskState
	Message string
	Healthy *bool
	// Kills are the times at which its framework asked for its end.
	Kills []time.Time

	number int
}

// Alive says that the process has not ended.
func (r TaskRecord) Alive() bool { return r.Ended.IsZero() }

// FrameworkRecord is a framework that was ever heard of.
type FrameworkRecord struct {
	ID   string
	Info mesos.FrameworkInfo
	// Connected is whether it has a stream now.
	Connected bool
	// Subscriptions are the times at which it subscribed.
	Subscriptions []time.Time
	// Removed is when it was torn down or timed out; zero before.
	Removed time.Time
	// Calls that the master took, by type.
	Calls map[scheduler.Call_Type]int
}

// AgentRecord is an agent as the present master sees it.
type AgentRecord struct {
	Host string
	ID   string
	// Running: its process runs. Registered: and the master talks with it.
	Running, Registered bool
	// Offers that are outstanding.
	Offers int
}

type history struct {
	tasks      []*task
	byID       map[string]*task // the last one of an id
	processes  map[string]map[*TaskRecord]*task
	frameworks map[string]*FrameworkRecord
}

func (h *history) init() {
	h.byID = map[string]*task{}
	h.processes = map[string]map[*TaskRecord]*task{}
	h.frameworks = map[string]*FrameworkRecord{}
}

func (h *history) len() int { return len(h.tasks) }

func (h *history) framework(id string) *FrameworkRecord {
	if h.frameworks[id] == nil {
		h.frameworks[id] = &FrameworkRecord{ID: id, Calls: map[scheduler.Call_Type]int{}}
	}
	return h.frameworks[id]
}

func (h *history) launched(t *task, now time.Time) {
	t.record = &TaskRecord{
		ID: t.id, FrameworkID: t.frameworkID, AgentID: t.agent.id, Host: t.agent.host, Info: t.info,
		Launched: now, State: mesos.TASK_STAGING, number: len(h.tasks),
	}
	h.tasks = append(h.tasks, t)
	h.byID[t.id] = t
	if h.processes[t.agent.host] == nil {
		h.processes[t.agent.host] = map[*TaskRecord]*task{}
	}
	h.processes[t.agent.host][t.record] = t
}

func (h *history) reported(t *task, status *mesos.TaskStatus, now time.Time) {
	r := t.record
	r.State, r.Message, r.Healthy = t.state, status.GetMessage(), t.healthy
	if t.state == mesos.TASK_RUNNING && r.Running.IsZero() {
		r.Running = now
	}
}

func (h *history) ended(t *task, now time.Time) {
	t.record.State = t.state
	t.record.Ended = now
	delete(h.processes[t.agent.host], t.record)
}

func records(tasks []*task) []TaskRecord {
	list := make([]TaskRecord, len(tasks))
	for i, t := range tasks {
		list[i] = *t.record
		list[i].Kills = slices.Clone(t.record.Kills)
	}
	return list
}

// History is every task that was ever launched, in that order.
func (c *Cluster) History() []TaskRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	return records(c.history.tasks)
}

// Tasks are those whose process has not ended, those in TASK_STAGING included.
func (c *Cluster) Tasks() []TaskRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	var alive []*task
	for _, processes := range c.history.processes {
		alive = append(alive, sortedTasks(processes)...)
	}
	slices.SortFunc(alive, func(a, b *task) int { return a.record.number - b.record.number })
	return records(alive)
}

// Running are the tasks whose process is on a host, whether or not its present
// agent knows of them.
func (c *Cluster) Running(host string) []TaskRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	return records(sortedTasks(c.history.processes[host]))
}

// Task is the last one that was launched with an id.
func (c *Cluster) Task(id string) (TaskRecord, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.history.byID[id]
	if t == nil {
		return TaskRecord{}, false
	}
	return records([]*task{t})[0], true
}

// Frameworks that were ever heard of, in the order of their ids.
func (c *Cluster) Frameworks() []FrameworkRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]FrameworkRecord, 0, len(c.history.frameworks))
	for _, id := range sortedKeys(c.history.frameworks) {
		r := *c.history.frameworks[id]
		r.Subscriptions = slices.Clone(r.Subscriptions)
		r.Calls = maps.Clone(r.Calls)
		fw := c.master.frameworks[id]
		r.Connected = fw != nil && fw.stream != nil
		list = append(list, r)
	}
	return list
}

// Calls counts the calls of all frameworks that were taken, by type.
func (c *Cluster) Calls() map[scheduler.Call_Type]int {
	sum := map[scheduler.Call_Type]int{}
	for _, fw := range c.Frameworks() {
		for call, n := range fw.Calls {
			sum[call] += n
		}
	}
	return sum
}

// Hosts describes the present agent of each host.
func (c *Cluster) Hosts() []AgentRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]AgentRecord, 0, len(c.hosts))
	for _, host := range c.hosts {
		a := c.agents[host]
		list = append(list, AgentRecord{Host: host, ID: a.id, Running: a.running,
			Registered: a.standing == registered, Offers: len(a.offers)})
	}
	return list
}
