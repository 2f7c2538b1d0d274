package plan

import (
	"maps"
	"slices"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// drains says that a window of the host is open, or near.
func (m *model) drains(host string) bool {
	for _, a := range m.agents {
		if a.host != host || !m.believed(a) {
			continue
		}
		start := time.Unix(0, a.told.Start.Nanoseconds)
		end := start.Add(time.Duration(a.told.Duration.Nanoseconds))
		if !m.now.Before(start.Add(-m.cluster.Spec.Maintenance.LeadTime.Duration)) && m.now.Before(end) {
			return true
		}
	}
	return false
}

// believed says that somebody told of the agent's window of late.
func (m *model) believed(a *modelAgent) bool {
	if a.told == nil {
		return false
	}
	if a.inverse != "" || m.now.Sub(a.said) < forgetWindow {
		return true
	}
	for _, o := range a.offers {
		if o.made.Unavailability != nil {
			return true
		}
	}
	return false
}

// illForLong says that a task runs and has been unhealthy for as long as is asked for.
func (m *model) illForLong(t *modelTask) bool {
	after := m.cluster.Spec.Health.RestartAfter.Duration
	return after > 0 && t.t.Heard && t.t.State == mesos.TASK_RUNNING && t.t.Healthy != nil && !*t.t.Healthy && m.now.Sub(t.t.Steady) >= after
}

// restarts checks the restarts for health: one of a service at a time, and of what
// needs the registries none while they have no majority.
func (c *checker) restarts() {
	m, restarted := c.m, map[quobyte.Service]int{}
	for _, k := range c.r.Kills {
		if !strings.HasPrefix(k.Cause, "unhealthy") {
			continue
		}
		t := m.tasks[k.TaskID]
		if !m.illForLong(t) {
			c.fail("%s is restarted for its health", k.TaskID)
		}
		if contains(m.cluster.Spec.Placement.CordonedHosts, t.host) && !k.Service.Floats() || m.drains(t.host) && !k.Service.Floats() {
			c.fail("%s is restarted, and cannot come back", k.TaskID)
		}
		if restarted[k.Service]++; restarted[k.Service] > 1 {
			c.fail("%d restarts of %s at once", restarted[k.Service], k.Service)
		}
		serving, members := m.registriesNow()
		stopping, limit := "", m.limit(m.wantedHosts(k.Service))
		if k.Service == quobyte.Registry && serving < members/2+1 {
			limit = 1
		}
		for id, other := range m.tasks {
			if id != k.TaskID && other.service == t.service && !other.hidden && other.agent.up && !other.t.Killing.IsZero() && m.now.Sub(other.t.Killing) < time.Minute && m.wantsTask(other) {
				stopping += " " + id
				limit--
			}
		}
		if stopping != "" && limit <= 0 {
			c.fail("%s is restarted while these stop:%s", k.TaskID, stopping)
		}
		if k.Service != quobyte.Registry && serving < members/2+1 {
			c.fail("%s is restarted with %d of %d registries", k.TaskID, serving, members)
		}
	}
}

func (m *model) wantsTask(t *modelTask) bool {
	s := quobyte.Service(t.service)
	return !s.Floats() && s != quobyte.Client && m.wants(s, t.host)
}

// wantedHosts is how many hosts are to have the service.
func (m *model) wantedHosts(s quobyte.Service) int {
	hosts := map[string]bool{}
	for _, d := range m.devices {
		if host := m.placeOf(d); m.wants(s, host) {
			hosts[host] = true
		}
	}
	return len(hosts)
}

// registriesNow counts those that serve, or may, as nobody has looked yet, and those that
// vote.
func (m *model) registriesNow() (serving, members int) {
	hosts := map[string]bool{}
	for _, d := range m.devices {
		if host := m.placeOf(d); m.wants(quobyte.Registry, host) {
			hosts[host] = true
		}
	}
	for _, t := range m.tasks {
		if t.service == "registry" && !t.hidden {
			hosts[t.host] = true
		}
	}
	for host := range hosts {
		if m.serving(quobyte.Registry, host) != nil || m.mayServe(quobyte.Registry, host) {
			serving++
		}
	}
	return serving, len(hosts)
}

// mayServe says that one task of the service runs there, of whose health nobody has said
// anything since this subscription, which did not launch it.
func (m *model) mayServe(s quobyte.Service, host string) bool {
	return m.count(s, host) == 1 && slices.ContainsFunc(slices.Collect(maps.Values(m.tasks)), func(t *modelTask) bool {
		id, _ := quobyte.ParseTaskID(t.t.ID)
		launched, known := id.Launched()
		return t.service == string(s) && t.host == host && t.t.Heard && t.t.State == mesos.TASK_RUNNING && t.t.Killing.IsZero() &&
			t.t.Healthy == nil && (!known || launched.Before(m.since))
	})
}

// drained checks the stops for maintenance: all of a host or none.
func (c *checker) drained() {
	m := c.m
	for _, k := range c.r.Kills {
		if !strings.HasPrefix(k.Cause, "maintenance") {
			continue
		}
		if !m.drains(k.Host) {
			c.fail("%s is stopped for maintenance, and no window is near", k.TaskID)
		}
		for id, t := range m.tasks {
			if t.host == k.Host && t.service != "prober" && !t.hidden && t.t.Killing.IsZero() && !c.killed(id) {
				c.fail("%s is stopped for maintenance, and %s is not", k.TaskID, id)
			}
		}
	}
}

// instances checks that no more of a floating service are started than are wanted, but
// for those of which nothing was heard for long.
func (c *checker) instances() {
	m, there := c.m, map[quobyte.Service]int{}
	for _, l := range c.r.Launches {
		if l.Prober == nil && l.Spec.Service.Floats() {
			there[l.Spec.Service]++
		}
	}
	for s := range there {
		for _, t := range m.tasks {
			if t.service != string(s) || t.hidden {
				continue
			}
			since := t.t.Since
			if !t.t.Heard && m.since.After(since) {
				since = m.since
			}
			doubtful := mesosbridge.Doubtful(t.t.State) || !t.t.Heard && !t.t.Launching
			if !doubtful || m.now.Sub(since) < m.cluster.Spec.Placement.UnreachableTimeout.Duration {
				there[s]++
			}
		}
		if want := int(m.cluster.Spec.Services.Of(string(s)).Instances); there[s] > want {
			c.fail("%d instances of %s, %d are wanted", there[s], s, want)
		}
	}
}

// answers checks what is said to inverse offers.
func (c *checker) answers() {
	m := c.m
	for _, i := range c.r.InverseAnswers {
		a := m.agents[i.AgentID]
		if !slices.Equal(i.OfferIDs, []string{a.inverse}) || !m.connected || m.cluster.Spec.Suspend || i.Accept != (i.Why == "") || i.Refuse <= 0 {
			c.fail("answers %+v to %q", i, a.inverse)
		}
		for id, t := range m.tasks {
			if i.Accept && t.host == a.host && t.service != "prober" && !t.hidden {
				c.fail("%s may go down, and %s is there", a.host, id)
			}
		}
	}
}
