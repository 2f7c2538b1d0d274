package plan

import (
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// launches checks the rules of launching.
func (c *checker) launches() {
	m := c.m
	if len(c.r.Launches) > 0 && (!m.connected || m.cluster.Spec.Suspend) {
		c.fail("launches while nothing may be started")
	}
	seen := map[string]bool{}
	for _, l := range c.r.Launches {
		service, hash := launched(&l)
		what := string(service) + " on " + l.Host
		if m.stops() && l.Prober == nil {
			c.fail("%s is launched in a cluster that is stopped", what)
		}
		if seen[what] {
			c.fail("rule 1: %s is launched twice in a pass", what)
		}
		seen[what] = true
		for _, t := range m.tasks {
			elsewhere := l.Prober != nil && t.agent.id != l.AgentID
			if t.host == l.Host && (t.service == string(service) && !elsewhere || t.service == "" && !t.hidden) {
				c.fail("rule 1: %s is launched while %s perhaps runs", what, t.t.ID)
			}
		}
		a := m.agents[l.AgentID]
		if a == nil || a.host != l.Host || !a.up || !a.behind {
			c.fail("rule 2: %s is launched on an agent that is not behind its barrier", what)
		}
		for _, other := range m.agents {
			if other != a && other.host == l.Host && other.up {
				c.fail("rule 5: %s is launched, and two agents have that host name", what)
			}
		}
		if hosts := m.cluster.Spec.Placement.Hosts; len(hosts) > 0 && !contains(hosts, l.Host) {
			c.fail("%s is launched outside of the placement", what)
		}
		if a != nil && len(m.cluster.Spec.Placement.Attributes) > 0 && slices.ContainsFunc(a.attributes(), func(at mesos.Attribute) bool { return at.Text.Value == "r0" }) {
			c.fail("%s is launched on a host whose attribute is excluded", what)
		}
		if a != nil && m.drains(a.host) {
			c.fail("%s is launched in a maintenance window, or right before it", what)
		}
		if l.Prober == nil && contains(m.cluster.Spec.Placement.CordonedHosts, l.Host) {
			c.fail("%s is launched on a host that is cordoned", what)
		}
		if l.Prober == nil {
			c.wantedLaunch(l, what)
		}
		if f := m.streaks[string(service)+" "+l.Host]; f != nil && f.n >= 2 && f.spec == hash {
			delay := min(10*time.Second<<min(f.n-2, 10), 5*time.Minute)
			if m.now.Before(f.last.Truncate(time.Second).Add(delay)) {
				c.fail("back-off: %s is launched %v after failure %d", what, m.now.Sub(f.last), f.n)
			}
		}
	}
}

func (c *checker) wantedLaunch(l Launch, what string) {
	m, s := c.m, l.Spec.Service
	if !s.Floats() && !m.wants(s, l.Host) {
		c.fail("rule 12: %s is launched without a device", what)
	}
	c.firstLaunch(l, what)
	if s != quobyte.Client && !s.Floats() && m.probing && m.now.Sub(m.since) < 3*time.Minute && !m.confirmed(s, l.Host) {
		c.fail("%s is launched, and nobody has seen its device", what)
	}
	running := map[quobyte.Service]int{}
	members := map[quobyte.Service]map[string]bool{}
	for _, core := range quobyte.Services()[:3] {
		members[core] = map[string]bool{}
		for _, d := range m.devices {
			if host := m.placeOf(d); m.wants(core, host) {
				members[core][host] = true
			}
		}
	}
	for _, t := range m.tasks {
		core := quobyte.Service(t.service)
		if members[core] == nil || t.hidden {
			continue
		}
		members[core][t.host] = true
		if t.t.State == mesos.TASK_RUNNING {
			running[core]++
		}
	}
	n := len(members[quobyte.Registry])
	if s != quobyte.Registry && running[quobyte.Registry] < n/2+1 {
		c.fail("order: %s is launched with %d of %d registries", what, running[quobyte.Registry], n)
	}
	if s.Floats() && (running[quobyte.Metadata] == 0 || running[quobyte.Data] == 0) {
		c.fail("order: %s is launched before metadata and data run", what)
	}
}

// firstLaunch checks the bootstrap: of a new installation one registry starts first
// and alone, on the device that is marked.
func (c *checker) firstLaunch(l Launch, what string) {
	m := c.m
	if l.Spec.Service != quobyte.Registry || !m.probing || m.served || m.cluster.Status.Bootstrapped {
		return
	}
	marked := map[string]bool{}
	for _, d := range m.devices {
		if disk := m.disk(d); disk.bootstrap && m.usable(d) && contains(d.Spec.Types, v1alpha1.DeviceRegistry) {
			marked[disk.host] = true
		}
	}
	for host := range m.registries {
		if !marked[host] {
			return // one ran elsewhere, as far as anybody knows
		}
	}
	for other := range m.registries {
		if other != l.Host {
			c.fail("bootstrap: %s is launched after one on %s that never served", what, other)
		}
	}
	if len(marked) != 1 || !marked[l.Host] {
		c.fail("bootstrap: %s is launched first, and the marked devices are on %v", what, marked)
	}
}

// confirmed says that the host's prober has seen a device of the service there.
func (m *model) confirmed(s quobyte.Service, host string) bool {
	for _, d := range m.devices {
		if disk := m.disk(d); m.usable(d) && disk.host == host && !disk.unseen && contains(d.Spec.Types, s.DeviceType()) {
			return m.reports(host)
		}
	}
	return false
}

// needs says that the service is to be started and could come back to the host:
// there it neither runs nor is launched, nor elsewhere if it floats.
func (c *checker) needs(s quobyte.Service, host string) bool {
	if c.m.count(s, host) > 0 {
		return false
	}
	there := 0
	for _, l := range c.r.Launches {
		switch {
		case l.Spec.Service != s:
		case l.Host == host:
			return false // what it takes is not freed, what is left over is
		case s.Floats():
			there++
		}
	}
	for _, t := range c.m.tasks {
		if t.service == string(s) && (t.host == host || s.Floats()) && !t.hidden {
			there++
		}
	}
	if s.Floats() {
		return there < int(c.m.cluster.Spec.Services.Of(string(s)).Instances)
	}
	return there == 0 && c.m.claims(s, host)
}
