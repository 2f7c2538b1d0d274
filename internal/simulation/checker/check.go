package checker

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// Check judges a record. It returns nothing when all rules were kept.
func Check(r Record) []Violation {
	c := &check{Record: r, truth: map[string]*mesostest.TaskRecord{}, tasks: map[string]*task{}, sessions: map[string]*session{},
		launched: map[string]bool{}, hosts: map[string]string{}, specs: map[string]time.Time{}, wishes: newWishes(r.Hearing), maintenance: newMaintenance()}
	for i := range r.Tasks {
		c.truth[r.Tasks[i].ID] = &r.Tasks[i]
	}
	for i := range r.Entries {
		c.next(&r.Entries[i])
	}
	c.overlaps()
	c.atTheEnd()
	return c.found
}

// check goes through a record from its start. What it holds is what stood on the wire,
// and what the user had said, up to now.
type check struct {
	Record
	found []Violation
	now   time.Time
	// truth of each task, as its host knows it in the end.
	truth map[string]*mesostest.TaskRecord
	// tasks as the wire tells of them.
	tasks    map[string]*task
	sessions map[string]*session  // by stream
	last     *session             // that was subscribed last
	launched map[string]bool      // task ids
	hosts    map[string]string    // of agents, as their offers say
	specs    map[string]time.Time // when each was launched first
	wishes   wishes
	// maintenance as the wire tells of it, and healed what was restarted for its health.
	maintenance maintenance
	healed      []*task
	// framework that used an offer first, and its identity.
	framework string
	identity  *mesos.FrameworkInfo
	newest    int // process that has subscribed
	timeout   float64
}

// task is one as the wire tells of it.
type task struct {
	id, service, host, agent string
	checked                  bool // it has a health check
	launched                 time.Time
	state                    mesos.TaskState
	healthy                  *bool
	// available: it runs and is healthy, by the last word. since: for how long it has
	// been or has not been so.
	available bool
	since     time.Time
	// sick is when it was last said to be unhealthy; zero: never.
	sick time.Time
	// heard is the session of the last word, and doubtful since when that is that nobody
	// can say; zero: it is not.
	heard    *session
	doubtful time.Time
	// killed is when its end was first asked for, and killer the process that did: the
	// next one knows nothing of it.
	killed time.Time
	killer int
	ended  bool // by a word of Mesos that is final
	// proven absent: its agent is behind a barrier that did not show it.
	absent bool
}

// session is one subscription, as far as its wire shows.
type session struct {
	framework string
	began     time.Time
	// implicit: all tasks were asked for. known are agents that are registered by a
	// word in this session, told those of them that were so when all tasks were asked
	// for, probed those of them that were asked after that for a task that cannot exist,
	// by its id; behind the barrier those that said that it is gone.
	implicit bool
	known    map[string]bool
	told     map[string]bool
	probed   map[string]string
	behind   map[string]bool
}

func (c *check) violate(rule, format string, args ...any) {
	c.found = append(c.found, Violation{Rule: rule, At: c.now, Text: fmt.Sprintf(format, args...)})
}

func (c *check) next(e *Entry) {
	c.now = e.At
	switch {
	case e.Act != nil:
		c.wishes.act(e.Act, e.At)
	case e.Call != nil:
		c.call(e)
	case e.Event != nil:
		c.event(e)
	}
}

func (c *check) session(stream string) *session {
	s := c.sessions[stream]
	if s == nil {
		s = &session{known: map[string]bool{}, told: map[string]bool{}, probed: map[string]string{}, behind: map[string]bool{}}
		c.sessions[stream] = s
	}
	return s
}

func (c *check) call(e *Entry) {
	s := c.session(e.Stream)
	switch e.Call.Type {
	case scheduler.Call_SUBSCRIBE:
		c.subscribes(e)
	case scheduler.Call_RECONCILE:
		if len(e.Call.Reconcile.Tasks) == 0 {
			s.implicit = true
			maps.Copy(s.told, s.known)
			return
		}
		for i := range e.Call.Reconcile.Tasks {
			if t := &e.Call.Reconcile.Tasks[i]; s.told[t.AgentID.GetValue()] && c.tasks[t.TaskID.Value] == nil {
				s.probed[t.AgentID.GetValue()] = t.TaskID.Value
			}
		}
	case scheduler.Call_ACCEPT:
		for i := range e.Call.Accept.Operations {
			for _, info := range e.Call.Accept.Operations[i].GetLaunch().GetTaskInfos() {
				c.launches(e, s, &info)
				if info.Name != "prober" && c.maintenance.open(e.Call.Accept.OfferIDs, c.now) {
					c.violate("maintenance", "%s is launched, and its offer tells of a window that is open", info.TaskID.Value)
				}
			}
		}
	case scheduler.Call_KILL:
		c.kills(e, s, e.Call.Kill.TaskID.Value)
	case scheduler.Call_ACCEPT_INVERSE_OFFERS:
		c.lets(e.Call.AcceptInverseOffers.InverseOfferIDs)
	case scheduler.Call_TEARDOWN:
		c.tearsDown()
	}
}

func (c *check) event(e *Entry) {
	s := c.session(e.Stream)
	c.maintenance.hears(e.Event)
	switch e.Event.Type {
	case scheduler.Event_SUBSCRIBED:
		s.framework = e.Event.GetSubscribed().GetFrameworkID().GetValue()
		c.last, s.began = s, c.now
	case scheduler.Event_OFFERS:
		for i := range e.Event.Offers.Offers {
			o := &e.Event.Offers.Offers[i]
			s.known[o.AgentID.Value] = true
			c.hosts[o.AgentID.Value] = o.Hostname
		}
	case scheduler.Event_FAILURE:
		if id := e.Event.Failure.AgentID.GetValue(); e.Event.Failure.ExecutorID == nil {
			delete(s.known, id)
			delete(s.told, id)
			delete(s.probed, id)
			delete(s.behind, id)
		}
	case scheduler.Event_UPDATE:
		c.update(s, &e.Event.Update.Status)
	}
}

// update is a word of Mesos about a task.
func (c *check) update(s *session, status *mesos.TaskStatus) {
	agent := status.AgentID.GetValue()
	if status.GetState() == mesos.TASK_GONE_BY_OPERATOR {
		c.wishes.gone[agent] = true
	}
	if status.GetState() == mesos.TASK_GONE || len(status.UUID) > 0 || status.GetReason() == mesos.REASON_AGENT_REREGISTERED {
		s.known[agent] = true
		if s.probed[agent] == status.TaskID.Value && status.GetState() == mesos.TASK_GONE {
			c.opens(s, agent)
		}
	}
	t := c.tasks[status.TaskID.Value]
	if t == nil || finalWord(t.state) && mesosDoubts(status.GetState()) {
		return // With its agent Mesos loses sight also of what has ended there, as was said.
	}
	t.state, t.absent, t.heard = status.GetState(), false, s
	switch {
	case !mesosDoubts(t.state):
		t.doubtful = time.Time{}
	case t.doubtful.IsZero():
		t.doubtful = c.now
	}
	t.ended = finalWord(t.state) || t.state == mesos.TASK_GONE || t.state == mesos.TASK_GONE_BY_OPERATOR
	if status.Healthy != nil {
		t.healthy = status.Healthy
		if !*status.Healthy {
			t.sick = c.now
		}
	}
	c.judgeTask(t)
}

// finalWord is one that whoever ran the task has said, or refused it.
func finalWord(s mesos.TaskState) bool {
	switch s {
	case mesos.TASK_FINISHED, mesos.TASK_FAILED, mesos.TASK_KILLED, mesos.TASK_ERROR, mesos.TASK_DROPPED:
		return true
	}
	return false
}

// mesosDoubts says that Mesos cannot tell whether the task runs.
func mesosDoubts(s mesos.TaskState) bool {
	return s == mesos.TASK_UNREACHABLE || s == mesos.TASK_UNKNOWN || s == mesos.TASK_LOST
}

// judgeTask notes whether the task serves, as far as anybody is told.
func (c *check) judgeTask(t *task) {
	is := t.state == mesos.TASK_RUNNING && !c.isKilled(t) && !t.absent && (!t.checked || t.healthy != nil && *t.healthy)
	if is != t.available {
		t.available, t.since = is, c.now
	}
}

// isKilled says that the present process has asked for the task's end, and remembers: it
// forgets what it did for a cluster that was deleted with Orphan.
func (c *check) isKilled(t *task) bool {
	return !t.killed.IsZero() && t.killer >= c.newest && !c.wishes.orphaned.overSince(t.killed)
}

// opens is the word that opens an agent's barrier: what was not told of it before does
// not run there.
func (c *check) opens(s *session, agent string) {
	s.behind[agent] = true
	for _, t := range c.tasks {
		// What Mesos has told of since is there; the truth says so, and spares a book.
		if truth := c.truth[t.id]; t.agent == agent && (truth == nil || !truth.Alive() && truth.Ended.Before(c.now)) {
			t.absent = true
			c.judgeTask(t)
		}
	}
}

// launches is one task of an ACCEPT.
func (c *check) launches(e *Entry, s *session, info *mesos.TaskInfo) {
	id, agent := info.TaskID.Value, info.AgentID.Value
	truth := c.truth[id]
	host := c.hostOf(agent)
	if truth != nil {
		host = truth.Host
	}
	switch {
	case c.launched[id]:
		c.violate("7", "task id %s is used again", id)
	case len(id) > 200 || !strings.Contains(id, info.Name):
		c.violate("7", "task id %s does not tell what it is", id)
	}
	c.launched[id] = true
	if _, ok := c.specs[specOf(id)]; !ok {
		c.specs[specOf(id)] = e.At
	}
	if !s.behind[agent] {
		c.violate("2", "%s is launched on agent %s before its barrier", id, agent)
	}
	t := &task{id: id, service: info.Name, host: host, agent: agent, heard: s, launched: e.At, since: e.At,
		state: mesos.TASK_STAGING, checked: info.HealthCheck != nil}
	if info.Name != "prober" {
		c.launchesService(s, t, info)
	}
	c.tasks[id] = t
}

// specOf is what a task id says of service and spec: quobyte.<service>.<hash>.
func specOf(id string) string {
	parts := strings.SplitN(id, ".", 4)
	return strings.Join(parts[:min(3, len(parts))], ".")
}

// launchesService judges the launch of a service.
func (c *check) launchesService(s *session, t *task, info *mesos.TaskInfo) {
	if info.HealthCheck != nil && info.HealthCheck.GetConsecutiveFailures() != 1<<32-1 {
		c.violate("13", "%s is killed by Mesos after %d failed health checks", t.id, info.HealthCheck.GetConsecutiveFailures())
	}
	if info.HealthCheck == nil && t.service != "client" {
		c.violate("13", "%s has no health check", t.id)
	}
	if c.framework == "" {
		c.framework = s.framework
	}
	if s.framework != c.framework && s.framework != "" && c.framework != "" {
		c.violate("6", "%s is launched by framework %s, and %s was not removed", t.id, s.framework, c.framework)
	}
	for _, other := range c.tasks {
		if other.service == t.service && other.host == t.host && other.agent != t.agent && !other.ended && !other.absent &&
			!c.wishes.gone[other.agent] && c.mayLive(other) {
			c.violate("5", "%s is launched on %s, and nobody said that %s of agent %s has ended", t.id, t.host, other.id, other.agent)
		}
	}
	c.launchFits(t)
}

// mayLive says that nothing but the truth, which only a prober can know, tells that
// the task does not live.
func (c *check) mayLive(t *task) bool {
	truth := c.truth[t.id]
	switch {
	case truth == nil:
		return false // the master did not take the launch
	case truth.Alive() || truth.Ended.After(c.now):
		return true
	}
	return !c.probed()
}

// probed says that probers report.
func (c *check) probed() bool {
	return slices.ContainsFunc(c.Tasks, func(t mesostest.TaskRecord) bool { return t.Info.Name == "prober" && t.Launched.Before(c.now) })
}

func (c *check) hostOf(agent string) string {
	if host := c.hosts[agent]; host != "" {
		return host
	}
	for i := range c.Tasks {
		if c.Tasks[i].AgentID == agent {
			return c.Tasks[i].Host
		}
	}
	return ""
}

// overlaps is rule 1, by what ran: at no time two of a service on a host.
func (c *check) overlaps() {
	type place struct{ service, host string }
	byPlace := map[place][]*mesostest.TaskRecord{}
	for i := range c.Tasks {
		t := &c.Tasks[i]
		if t.Info.Name == "prober" {
			continue
		}
		at := place{t.Info.Name, t.Host}
		for _, other := range byPlace[at] {
			if (other.Alive() || other.Ended.After(t.Launched)) && !c.wishes.wronglyGone[other.AgentID] {
				c.now = t.Launched
				c.violate("1", "%s is launched on %s, where %s lives", t.ID, t.Host, other.ID)
			}
		}
		byPlace[at] = append(byPlace[at], t)
	}
}
