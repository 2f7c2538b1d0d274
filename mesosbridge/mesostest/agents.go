package mesostest

import (
	"fmt"
	"strconv"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// Agent describes an agent.
type Agent struct {
	// Host name; unique in the cluster.
	Host       string
	CPUs       float64
	Mem, Disk  float64 // megabytes
	Ports      []PortRange
	Attributes map[string]string
	// Reserved resources, statically for a role, beside those above.
	Reserved []Reserved
	// Mounts are disks beside the root disk.
	Mounts []Mount
	// Region and Zone of its fault domain; empty: it has none.
	Region, Zone string
	// IP address; empty: 127.0.0.1.
	IP string
	// Port of its API, which executors call; zero: a free one, or in memory 5051
	// and so on.
	Port int
}

// Reserved is what an agent has for one role only.
type Reserved struct {
	Role      string
	CPUs      float64
	Mem, Disk float64
	Ports     []PortRange
}

// PortRange has both ends in it.
type PortRange struct{ Begin, End uint64 }

// Agents describes n agents, node1 and so on, with the ports of Quobyte's services.
func Agents(n int) []Agent {
	agents := make([]Agent, n)
	for i := range agents {
		agents[i] = Agent{
			Host:  "node" + strconv.Itoa(i+1),
			CPUs:  8,
			Mem:   32768,
			Disk:  100000,
			Ports: []PortRange{{80, 80}, {8888, 8889}, {21000, 22999}},
		}
	}
	return agents
}

// agent is an agent's process and its work directory: what lost the latter is
// another agent. What it is to the master stands below.
type agent struct {
	host       string
	spec       Agent
	ip         string
	url        *mesos.URL
	attributes []mesos.Attribute
	domain     *mesos.DomainInfo
	total      resources

	running bool
	id      string // empty before it has registered
	tasks   map[taskKey]*task
	arrival *timer // of its registration
	// replaces is the agent that was here before; nil: none was, or the master has
	// learnt of it.
	replaces *agent
	// operations whose end has not been acknowledged, oldest first.
	operations []*operation
	// executors of frameworks' own; orphans are those of the agents that were
	// here before.
	executors     map[executorKey]*executor
	orphans       []*executor
	lastContainer time.Time // when the last one will have started
	updatesArrive time.Time // when the last update arrives at the master
	// drain is nil while the agent is in service.
	drain *drain
	// inverse is what is said about its maintenance, by framework id.
	inverse map[string]*inverse

	standing         standing
	registeredAt     time.Time
	reregisteredAt   time.Time
	available        resources
	offers           map[string]*offer
	kills            map[taskKey]bool // that it has to be told of
	ping             *timer           // runs while it is away
	unreachableSince time.Time
}

// standing is what an agent is to the present master.
type standing int

const (
	unknown      standing = iota
	recovered             // known from the registry, not yet back after a failover
	registered            // and connected
	disconnected          // registered, but its connection is gone
	unreachable           // was away too long
	gone                  // an operator said so; for ever
	removed
)

// pid is the agent's libprocess address.
func (a *agent) pid() string {
	return "slave(1)@" + a.ip + ":" + strconv.Itoa(int(a.url.Address.Port))
}

// connected: the agent and the master can talk.
func (a *agent) connected() bool { return a.running && a.standing == registered }

// AddAgent adds an agent; it registers at once. A host that is there already is
// a mistake of the test, and panics.
func (c *Cluster) AddAgent(spec Agent) {
	c.change(func() {
		if c.agents[spec.Host] != nil {
			panic("mesostest: there is already an agent on " + spec.Host)
		}
		c.hosts = append(c.hosts, spec.Host)
		a := newAgent(spec, 5050+len(c.hosts))
		c.agents[spec.Host] = a
		c.listenLater(a)
		a.running = true
		c.register(a)
	})
}

func newAgent(spec Agent, port int) *agent {
	a := &agent{host: spec.Host, spec: spec, ip: spec.IP, tasks: map[taskKey]*task{},
		offers: map[string]*offer{}, kills: map[taskKey]bool{}, executors: map[executorKey]*executor{}}
	if a.ip == "" {
		a.ip = "127.0.0.1"
	}
	path := "/slave(1)"
	a.url = &mesos.URL{Scheme: "http", Path: &path,
		Address: mesos.Address{Hostname: &a.host, IP: &a.ip, Port: int32(port)}}
	for _, name := range sortedKeys(spec.Attributes) {
		a.attributes = append(a.attributes, mesos.Attribute{
			Name: name, Type: mesos.TEXT, Text: &mesos.Value_Text{Value: spec.Attributes[name]}})
	}
	if spec.Region != "" {
		a.domain = &mesos.DomainInfo{FaultDomain: &mesos.DomainInfo_FaultDomain{
			Region: mesos.DomainInfo_FaultDomain_RegionInfo{Name: spec.Region},
			Zone:   mesos.DomainInfo_FaultDomain_ZoneInfo{Name: spec.Zone},
		}}
	}
	a.total = spec.resources()
	return a
}

func (spec *Agent) resources() resources {
	total := resources(nil).plus(amounts(spec.CPUs, spec.Mem, spec.Disk, spec.Ports, nil))
	for _, r := range spec.Reserved {
		total = total.plus(amounts(r.CPUs, r.Mem, r.Disk, r.Ports, staticReservation(r.Role)))
	}
	for _, m := range spec.Mounts {
		total = total.plus(resources{m.quantity()})
	}
	return total
}

func amounts(cpus, mem, disk float64, ports []PortRange, reservations []mesos.Resource_ReservationInfo) resources {
	all := resources{{kind: kind{name: "ports"}, isRanges: true},
		scalar("cpus", cpus), scalar("mem", mem), scalar("disk", disk)}
	for _, p := range ports {
		all[0].ranges = union(all[0].ranges, []span{{p.Begin, p.End}})
	}
	var some resources
	for _, q := range all {
		q = q.reservedAs(reservations)
		if !q.empty() {
			some = append(some, q)
		}
	}
	return some
}

// StopAgent stops the agent's process. Its executors and tasks live on. Its
// offers are rescinded at once; after Config.PingTimeout it is unreachable
// (agent-restart, agent-unreachable).
func (c *Cluster) StopAgent(host string) {
	c.withAgent(host, func(a *agent) { c.stopAgent(a) })
}

func (c *Cluster) stopAgent(a *agent) {
	if !a.running {
		return
	}
	a.running = false
	c.stop(a.arrival)
	c.pauseOperations(a)
	for _, t := range a.tasks {
		c.stop(t.retry)
	}
	for _, e := range a.executors {
		e.disconnect()
	}
	if a.standing != registered {
		return
	}
	a.standing = disconnected
	c.rescindAll(a)
	c.forgetInverse(a)
	a.ping = c.after(c.cfg.PingTimeout, func() { c.markUnreachable(a) })
}

// StartAgent starts the agent's process again, or has one that the master has
// not heard of since its failover come back now. An agent that was marked gone
// stays away: a real one is told to shut down again and again.
func (c *Cluster) StartAgent(host string) {
	c.withAgent(host, func(a *agent) { c.startAgent(a, c.cfg.RegistrationDelay) })
}

func (c *Cluster) startAgent(a *agent, delay time.Duration) {
	if a.standing == gone {
		return
	}
	a.running = true
	c.stop(a.arrival)
	if delay > 0 {
		a.arrival = c.after(delay, func() { c.register(a) })
		return
	}
	c.register(a)
}

// ReplaceAgent has the agent lose its work directory and start as a new one: same
// host, new id. For the master its tasks are lost, also for a partition-aware
// framework, but their processes live on until KillOrphans; Running names them.
func (c *Cluster) ReplaceAgent(host string) {
	c.withAgent(host, func(old *agent) {
		c.stopAgent(old)
		fresh := newAgent(old.spec, int(old.url.Address.Port))
		fresh.orphans = append(old.orphans, c.endSimulated(old)...)
		fresh.replaces = old
		if old.standing == unknown {
			fresh.replaces = old.replaces // The master has not met the one between.
		}
		c.agents[host] = fresh
		c.startAgent(fresh, c.cfg.RegistrationDelay)
	})
}

// KillOrphans ends the processes on a host that no agent knows of, as a reboot does.
func (c *Cluster) KillOrphans(host string) {
	c.change(func() {
		for _, t := range sortedTasks(c.history.processes[host]) {
			if t.agent != c.agents[host] || t.agent.tasks[t.key()] != t {
				c.endProcess(t)
			}
		}
		for _, e := range c.agents[host].orphans {
			c.destroy(e)
		}
		c.agents[host].orphans = nil
	})
}

// MarkGone does what an operator does with MARK_AGENT_GONE: the agent's tasks are
// TASK_GONE_BY_OPERATOR, and if it runs it ends them and itself (agent-gone).
func (c *Cluster) MarkGone(host string) {
	c.withAgent(host, c.markGone)
}

func (c *Cluster) markGone(a *agent) {
	if a.standing == recovered {
		c.master.recovered--
	}
	alive := a.running
	c.stop(a.ping)
	c.endTasks(a, func(fw *framework, t *task) *mesos.TaskStatus {
		status := c.masterStatus(t.id, &mesos.AgentID{Value: a.id}, mesos.REASON_AGENT_REMOVED_BY_OPERATOR)
		setState(status, fw.lost(mesos.TASK_GONE_BY_OPERATOR), "Agent has been marked gone")
		return status
	})
	c.loseOperations(a, mesos.OPERATION_GONE_BY_OPERATOR, "Agent has been marked gone")
	a.running = false
	a.standing = gone
	c.rescindAll(a)
	c.forgetInverse(a)
	c.sendFailure(a)
	if alive {
		for _, t := range sortedTasks(a.tasks) {
			c.forgetTask(t)
			c.endProcess(t)
		}
		for _, e := range a.sortedExecutors() {
			c.destroy(e)
		}
	}
}

func (c *Cluster) withAgent(host string, f func(*agent)) {
	c.change(func() {
		a := c.agents[host]
		if a == nil {
			panic(fmt.Sprintf("mesostest: there is no agent on %q", host))
		}
		f(a)
	})
}

// rescindAll takes all offers of an agent back.
func (c *Cluster) rescindAll(a *agent) {
	for _, o := range newestFirst(a.offers) {
		c.withdraw(o, true)
	}
}

// sendFailure tells all frameworks that an agent was lost.
func (c *Cluster) sendFailure(a *agent) {
	for _, fw := range c.sortedFrameworks() {
		fw.send(&scheduler.Event{
			Type:    scheduler.Event_FAILURE,
			Failure: &scheduler.Event_Failure{AgentID: &mesos.AgentID{Value: a.id}},
		})
	}
}
