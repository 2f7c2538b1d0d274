package mesostest

import (
	"maps"
	"net/http"
	"slices"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// subscribe answers SUBSCRIBE with a stream. What is refused gets a stream, too,
// with nothing but an ERROR on it (framework-removed).
func (c *Cluster) subscribe(call *scheduler.Call_Subscribe, principal string) *stream[*scheduler.Event] {
	info := *call.FrameworkInfo
	if principal != "" && info.Principal == nil {
		info.Principal = &principal
	}
	s := newStream[*scheduler.Event]()
	id := info.GetID().GetValue()
	c.change(func() {
		s.id = c.uuid().String()
		s.silent = c.faults.stalled
		if problem := c.refusal(id, info); problem != "" {
			s.send(errorEvent(problem))
			s.end()
			return
		}
		if id == "" {
			id = c.master.newFrameworkID()
			fw := newFramework(id, info)
			c.master.frameworks[id] = fw
			fw.setSuppressed(call.SuppressedRoles)
			c.connect(fw, s)
			c.allocate(c.registeredAgents())
			return
		}
		c.resubscribe(c.recoverFramework(id, info), info, call.SuppressedRoles, s)
	})
	c.called(id, &scheduler.Call{Type: scheduler.Call_SUBSCRIBE, Subscribe: call}, http.StatusOK, "")
	return s
}

// refusal says why a framework may not subscribe, empty when it may.
func (c *Cluster) refusal(id string, info mesos.FrameworkInfo) string {
	if c.master.removed[id] {
		return "Framework has been removed"
	}
	if fw := c.master.frameworks[id]; fw != nil && fw.info.GetPrincipal() != info.GetPrincipal() {
		// validateUpdate in master/validation.cpp.
		return "Changing framework's principal is not allowed."
	}
	return ""
}

// resubscribe gives a known framework a new stream. When it still has one, that
// one is told and ended: the new one takes over, whoever it is (resubscribe).
func (c *Cluster) resubscribe(fw *framework, info mesos.FrameworkInfo, suppressed []string, s *stream[*scheduler.Event]) {
	old := fw.stream
	c.updateFramework(fw, info, suppressed)
	if old != nil {
		old.send(errorEvent("Framework failed over"))
		old.end()
		c.stop(old.beat)
	}
	// Those that are left are discarded without a RESCIND (_failoverFramework in
	// master/master.cpp; recorded: only a change of roles rescinds).
	for _, o := range newestFirst(fw.offers) {
		c.withdraw(o, false)
	}
	c.discardInverse(fw)
	c.connect(fw, s)
	if old == nil {
		c.allocate(c.registeredAgents())
	}
	// The agents hear of the new subscription, and send again what was not
	// acknowledged (updateFramework in slave/slave.cpp).
	for _, t := range sortedTasks(fw.tasks) {
		c.resume(t)
	}
}

// connect puts a framework on a stream.
func (c *Cluster) connect(fw *framework, s *stream[*scheduler.Event]) {
	c.stop(fw.failover)
	fw.stream = s
	fw.reregisteredAt = c.now()
	if fw.registeredAt.IsZero() {
		fw.registeredAt = fw.reregisteredAt
	}
	record := c.history.framework(fw.id)
	record.Info = fw.info
	record.Subscriptions = append(record.Subscriptions, c.now())
	interval := c.cfg.HeartbeatInterval.Seconds()
	s.send(&scheduler.Event{
		Type: scheduler.Event_SUBSCRIBED,
		Subscribed: &scheduler.Event_Subscribed{
			FrameworkID:              &mesos.FrameworkID{Value: fw.id},
			HeartbeatIntervalSeconds: &interval,
			MasterInfo:               c.masterInfo(),
		},
	})
	c.heartbeat(s)
}

// updateFramework takes a new FrameworkInfo. User and checkpoint cannot change
// and are kept (preserveImmutableFields in master/validation.cpp). Offers for
// roles that it no longer has are rescinded (resubscribe).
func (c *Cluster) updateFramework(fw *framework, info mesos.FrameworkInfo, suppressed []string) {
	info.User, info.Checkpoint, info.Principal = fw.info.User, fw.info.Checkpoint, fw.info.Principal
	before := slices.Clone(fw.roles)
	fw.setInfo(info)
	for _, o := range newestFirst(fw.offers) {
		if !slices.Contains(fw.roles, o.role) {
			c.withdraw(o, true)
		}
	}
	for _, role := range before {
		if !slices.Contains(fw.roles, role) {
			fw.forgetFilters(c, role)
		}
	}
	was := maps.Clone(fw.suppressed)
	fw.setSuppressed(suppressed)
	for role := range was {
		if !fw.suppressed[role] {
			fw.forgetFilters(c, role)
		}
	}
	c.history.framework(fw.id).Info = fw.info
	c.allocateSoon()
}

func (fw *framework) setSuppressed(roles []string) {
	clear(fw.suppressed)
	for _, role := range roles {
		fw.suppressed[role] = true
	}
}

// streamGone is called when the connection of a stream has ended, for whatever reason.
func (c *Cluster) streamGone(s *stream[*scheduler.Event]) {
	c.change(func() {
		c.stop(s.beat)
		for _, fw := range c.master.frameworks {
			if fw.stream == s {
				c.disconnect(fw)
				return
			}
		}
	})
}

func errorEvent(message string) *scheduler.Event {
	return &scheduler.Event{Type: scheduler.Event_ERROR, Error: &scheduler.Event_Error{Message: message}}
}
