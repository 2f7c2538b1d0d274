package mesostest

import (
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// framework is what the master knows of one framework.
type framework struct {
	id   string
	info mesos.FrameworkInfo
	// stream is nil while the framework is disconnected.
	stream *stream[*scheduler.Event]
	roles  []string

	multiRole, refinement, partitionAware, killingState bool

	tasks       map[string]*task
	unreachable map[string]*task
	completed   []*task // the last ones that ended
	operations  map[string]*operation
	offers      map[string]*offer
	suppressed  map[string]bool
	filters     map[filterKey][]*filter
	shares      map[string]*share // what it has of each role
	failover    *timer            // runs while it is disconnected

	registeredAt, reregisteredAt, unregisteredAt time.Time
}

func newFramework(id string, info mesos.FrameworkInfo) *framework {
	fw := &framework{
		id:          id,
		tasks:       map[string]*task{},
		unreachable: map[string]*task{},
		operations:  map[string]*operation{},
		offers:      map[string]*offer{},
		suppressed:  map[string]bool{},
		filters:     map[filterKey][]*filter{},
		shares:      map[string]*share{},
	}
	fw.setInfo(info)
	return fw
}

func (fw *framework) setInfo(info mesos.FrameworkInfo) {
	info.ID = &mesos.FrameworkID{Value: fw.id}
	fw.info = info
	has := func(t mesos.FrameworkInfo_Capability_Type) bool {
		return slices.ContainsFunc(info.Capabilities, func(c mesos.FrameworkInfo_Capability) bool { return c.Type == t })
	}
	fw.multiRole = has(mesos.FrameworkInfo_Capability_MULTI_ROLE)
	fw.refinement = has(mesos.FrameworkInfo_Capability_RESERVATION_REFINEMENT)
	fw.partitionAware = has(mesos.FrameworkInfo_Capability_PARTITION_AWARE)
	fw.killingState = has(mesos.FrameworkInfo_Capability_TASK_KILLING_STATE)
	fw.roles = rolesOf(info, fw.multiRole)
}

func rolesOf(info mesos.FrameworkInfo, multiRole bool) []string {
	if multiRole {
		roles := slices.Clone(info.Roles)
		slices.Sort(roles)
		return slices.Compact(roles)
	}
	if info.Role == nil || *info.Role == "" {
		return []string{"*"}
	}
	return []string{*info.Role}
}

func (fw *framework) failoverTimeout() time.Duration {
	s := fw.info.GetFailoverTimeout()
	if s >= float64(1<<63-1)/1e9 {
		return 1<<63 - 1
	}
	return time.Duration(s * float64(time.Second))
}

// send puts an event on the framework's stream, if it has one.
func (fw *framework) send(e *scheduler.Event) {
	if fw.stream != nil {
		fw.stream.send(e)
	}
}

// lost is the state for a task that nobody can tell of: frameworks that are not
// partition-aware know TASK_LOST only (reconcile-not-partition-aware).
func (fw *framework) lost(precise mesos.TaskState) *mesos.TaskState {
	if !fw.partitionAware {
		return mesos.TASK_LOST.Enum()
	}
	return precise.Enum()
}

// recoverFramework finds a framework, or makes it from what an agent knows of it, as happens
// after a master failover when an agent with its tasks is back before it is
// itself (recoverFramework in master/master.cpp).
func (c *Cluster) recoverFramework(id string, info mesos.FrameworkInfo) *framework {
	if fw := c.master.frameworks[id]; fw != nil {
		return fw
	}
	fw := newFramework(id, info)
	c.master.frameworks[id] = fw
	c.awaitFailover(fw)
	return fw
}

// disconnect happens when the framework's stream breaks.
func (c *Cluster) disconnect(fw *framework) {
	fw.stream = nil
	fw.forgetFilters(c)
	c.forgetInverseTo(fw, false)
	for _, o := range newestFirst(fw.offers) {
		c.withdraw(o, false)
	}
	c.awaitFailover(fw)
}

func (c *Cluster) awaitFailover(fw *framework) {
	c.stop(fw.failover)
	fw.failover = c.after(fw.failoverTimeout(), func() { c.removeFramework(fw) })
}

// removeFramework ends all of it: offers, tasks, stream. Its id is never accepted
// again by this master (framework-removed).
func (c *Cluster) removeFramework(fw *framework) {
	c.stop(fw.failover)
	fw.forgetFilters(c)
	c.forgetInverseTo(fw, false)
	for _, o := range newestFirst(fw.offers) {
		c.withdraw(o, false)
	}
	for _, t := range sortedTasks(fw.tasks) {
		c.shutDown(t)
		fw.complete(t)
	}
	clear(fw.tasks)
	for _, host := range c.hosts {
		for _, e := range c.agents[host].sortedExecutors() {
			if e.key.frameworkID == fw.id {
				c.shutDownExecutor(e)
			}
		}
	}
	for _, o := range sortedOperations(fw.operations) {
		c.forgetOperation(o)
	}
	delete(c.master.frameworks, fw.id)
	c.master.removed[fw.id] = true
	c.master.complete(fw)
	fw.unregisteredAt = c.now()
	c.history.framework(fw.id).Removed = fw.unregisteredAt
	if fw.stream != nil {
		fw.stream.end()
	}
	fw.stream = nil
	c.allocateSoon()
}
