package plan

import (
	"fmt"
	"reflect"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// check looks at one result against the model, and returns what is wrong.
func (m *model) check(r *Result) []string {
	m.forgive()
	c := &checker{m: m, r: r}
	c.launches()
	c.resources()
	c.kills()
	c.voluntary()
	c.restarts()
	c.drained()
	c.instances()
	c.answers()
	c.rollout()
	c.offers()
	c.report()
	return c.wrong
}

type checker struct {
	m     *model
	r     *Result
	wrong []string
}

func (c *checker) fail(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

func (m *model) stops() bool {
	return m.cluster.Spec.State == v1alpha1.StateStopped
}

// account is what is left of the offers of one agent and role.
type account struct{ agent, role string }

// resources checks that operations convert what the offers hold, and that each
// launch takes exactly what its service needs out of the rest.
func (c *checker) resources() {
	left := map[account]stock{}
	at := func(agent, role string, offers []string) account {
		g := account{agent, role}
		if left[g] != nil {
			return g
		}
		left[g] = stock{}
		for _, id := range offers {
			if o := c.m.agents[agent].offers[id]; o == nil || o.role != role {
				c.fail("offer %s is not one of %s for role %s", id, agent, role)
			} else {
				left[g].add(o.has, 1)
			}
		}
		return g
	}
	spend := func(g account, what stock) {
		left[g].add(what, -1)
		for owner, amounts := range left[g] {
			for name, n := range amounts {
				if n < 0 {
					c.fail("%s of %q on %s is overdrawn by %d", name, owner, g.agent, -n)
				}
			}
		}
	}
	for i := range c.r.Operations {
		o := &c.r.Operations[i]
		g := at(o.AgentID, o.Role, o.OfferIDs)
		from, to := conversion(&o.Operation)
		c.operation(o, from, to)
		spend(g, from)
		left[g].add(to, 1)
	}
	for _, l := range c.r.Launches {
		g := at(l.AgentID, l.Role, l.OfferIDs)
		used := stockOf(l.Resources)
		service, hash := launched(&l)
		if want := needed(c.m.manifestOf(service, hash), service); !reflect.DeepEqual(used.total(), want) {
			c.fail("%s takes %v, needs %v", service, used.total(), want)
		}
		for _, res := range l.Resources {
			if res.AllocationInfo.GetRole() != l.Role {
				c.fail("%s takes %s allocated to %s", service, res.Name, res.AllocationInfo.GetRole())
			}
		}
		for owner := range used {
			if l.Prober != nil { // nothing is reserved for a prober
				if owner != l.Role && owner != "" {
					c.fail("a prober takes what is reserved for %q", owner)
				}
				continue
			}
			own := owner == l.Role+"!"+string(l.Spec.Service)
			if owner != l.Role && own != c.m.reserves() || own && !c.m.reserves() {
				c.fail("%s of role %s takes what is reserved for %q", l.Spec.Service, l.Role, owner)
			}
		}
		spend(g, used)
	}
}

func (m *model) reserves() bool {
	return m.cluster.Spec.Mesos.Reservation == v1alpha1.ReservationDynamic
}

// operation checks what is reserved and freed.
func (c *checker) operation(o *Operation, from, to stock) {
	m := c.m
	if !m.connected || m.cluster.Spec.Suspend || m.stops() {
		c.fail("operations while nothing may be changed")
	}
	if a := m.agents[o.AgentID]; !a.up || !a.behind {
		c.fail("an operation on an agent that is not behind its barrier")
	}
	if o.Operation.Type == mesos.Offer_Operation_RESERVE {
		for owner := range from {
			if owner != "" || !m.reserves() {
				c.fail("reserves what is %q's", owner)
			}
		}
		return
	}
	for owner := range from {
		role, name, ours := strings.Cut(owner, "!")
		s := quobyte.Service(name)
		if !ours || role != o.Role {
			c.fail("frees what is %q's", owner)
		}
		if m.reserves() && c.needs(s, o.Host) {
			c.fail("frees what %s on %s is to come back to", s, o.Host)
		}
	}
}

// kills checks what may be killed at all.
func (c *checker) kills() {
	m := c.m
	if len(c.r.Kills) > 0 && (!m.connected || m.cluster.Spec.Suspend) {
		c.fail("kills while nothing may be stopped")
	}
	for _, k := range c.r.Kills {
		t := m.tasks[k.TaskID]
		switch {
		case t == nil || t.hidden:
			c.fail("kills %s, which is not there", k.TaskID)
			continue
		case !t.t.Killing.IsZero():
			c.fail("kills %s again", k.TaskID)
		case t.service == "":
			c.fail("kills %s, which it cannot read", k.TaskID)
		case m.stops():
			continue
		}
		c.kill(t, k.TaskID)
	}
}

// kill checks the stop of one task, which a person did not ask for as such.
func (c *checker) kill(t *modelTask, id string) {
	m, s := c.m, quobyte.Service(t.service)
	if !t.agent.behind && (s.Floats() || s == quobyte.Client || s == quobyte.ProberService) {
		c.fail("rule 15: kills %s before the barrier", id)
	}
	if s.Floats() || s == quobyte.ProberService {
		return
	}
	outdated := t.legacy || m.restartDue(t) || !strings.Contains(id, "."+m.pursued(s)+".")
	if s == quobyte.Client {
		if m.cluster.Spec.Services.Client.Enabled && !outdated && m.count(s, t.host) < 2 && !m.drains(t.host) {
			c.fail("kills %s, which nobody asked for", id)
		}
		return
	}
	if m.count(s, t.host) > 1 {
		c.fail("rule 1: kills %s, one of two", id)
	}
	switch wanted := m.wants(s, t.host); {
	case wanted && !outdated && !m.renewed(t) && !m.drains(t.host) && !m.illForLong(t):
		c.fail("kills %s, which is wanted and current", id)
	case !wanted && m.claimed(s, t.host):
		c.fail("rule 12: kills %s, whose device is missing", id)
	case !wanted && !m.leaves(s, t.host):
		c.fail("rule 12: kills %s, whose device nobody took away", id)
	}
}

// count is how many tasks of the service are known on the host.
func (m *model) count(s quobyte.Service, host string) int {
	n := 0
	for _, t := range m.tasks {
		if t.service == string(s) && t.host == host && !t.hidden {
			n++
		}
	}
	return n
}

// serves says that a task is known to run and to be healthy.
func (t *modelTask) serves() bool {
	return !t.hidden && t.t.Heard && t.t.State == mesos.TASK_RUNNING && t.t.Killing.IsZero() &&
		(t.t.Healthy != nil && *t.t.Healthy || t.legacy && t.t.Healthy == nil)
}

// voluntary checks the gate: rule 11.
func (c *checker) voluntary() {
	m := c.m
	if m.stops() {
		return
	}
	for _, s := range quobyte.Services()[:3] {
		serving, members, away, killed, wanted := 0, map[string]bool{}, 0, 0, 0
		youngStopped := 0
		for _, a := range m.agents {
			if m.wants(s, a.host) {
				members[a.host] = true
			}
		}
		for _, d := range m.devices {
			if host := m.placeOf(d); m.wants(s, host) {
				members[host] = true
			}
		}
		for _, t := range m.tasks {
			if t.service == string(s) && !t.hidden {
				members[t.host] = true
			}
		}
		for host := range members {
			up, wants := m.serving(s, host), m.wants(s, host)
			if wants {
				wanted++
			}
			switch {
			case up != nil && m.young(up): // it is as good as away
				if wants {
					away++
				}
				if c.killed(up.t.ID) {
					youngStopped++
				}
			case up != nil:
				serving++
				if c.killed(up.t.ID) {
					killed++
				}
			case wants:
				away++
			}
		}
		if limit := m.limit(wanted); killed+youngStopped > 0 && away+killed > limit {
			c.fail("rule 11: stops %d of %s while %d are away, and %d may", killed, s, away, limit)
		}
		if s != quobyte.Registry || killed+youngStopped == 0 {
			continue
		}
		if n := len(members); n >= 3 && serving-killed < n/2+1 {
			c.fail("rule 11: %d of %d registries are left", serving-killed, n)
		} else if n < 3 && serving+youngStopped < n {
			c.fail("rule 11: stops one of %d registries while another is away", n)
		}
	}
}

func (c *checker) killed(id string) bool {
	for _, k := range c.r.Kills {
		if k.TaskID == id {
			return true
		}
	}
	return false
}

// serving is the one task of the service that serves on the host.
func (m *model) serving(s quobyte.Service, host string) *modelTask {
	if m.count(s, host) != 1 {
		return nil
	}
	for _, t := range m.tasks {
		if t.service == string(s) && t.host == host && t.serves() {
			return t
		}
	}
	return nil
}

// offers checks what is declined.
func (c *checker) offers() {
	for _, a := range c.m.agents {
		for id, o := range a.offers {
			if !reflect.DeepEqual(stockOf(o.made.Resources).total(), o.has.total()) {
				c.fail("the input was changed: offer %s", id)
			}
		}
	}
	used := map[string]bool{}
	for _, l := range c.r.Launches {
		for _, id := range l.OfferIDs {
			used[id] = true
		}
	}
	for _, o := range c.r.Operations {
		for _, id := range o.OfferIDs {
			used[id] = true
		}
	}
	if len(c.r.Declines)+len(c.r.Revives) > 0 && !c.m.connected {
		c.fail("declines or revives without a connection")
	}
	for _, id := range c.r.Declines {
		if used[id] {
			c.fail("offer %s is used and declined", id)
		}
		used[id] = true
	}
}

// report checks what the status would say.
func (c *checker) report() {
	if len(c.r.Reasons) > v1alpha1.MaxReasons || len(c.r.Failures) > v1alpha1.MaxFailures {
		c.fail("%d reasons, %d failures", len(c.r.Reasons), len(c.r.Failures))
	}
	for _, i := range c.r.Instances {
		if i.Wanted && !i.Available && i.Waits == "" {
			c.fail("%s on %q waits, and nobody says why", i.Service, i.Host)
		}
		if i.Available && (len(i.Tasks) != 1 || i.Tasks[0].State != mesos.TASK_RUNNING) {
			c.fail("%s on %s is no available instance", i.Service, i.Host)
		}
	}
	ready := c.r.Phase == PhaseReady
	for n, s := range c.r.Services {
		if s.Name != string(quobyte.Services()[n]) || s.Ready > s.Wanted || s.Updated > s.Wanted {
			c.fail("counts %+v", s)
		}
		if ready && (s.Ready < s.Wanted || s.Updated < s.Wanted) {
			c.fail("Ready with %+v", s)
		}
	}
	for _, g := range c.r.Gone {
		for _, t := range c.m.tasks {
			if t.agent.id == g.AgentID && !t.dead && t.service != "prober" && t.service != "client" {
				c.fail("rule 5: agent %s is gone, and %s lives", g.AgentID, t.t.ID)
			}
		}
	}
	if len(c.r.Devices) != len(c.m.devices) {
		c.fail("%d devices of %d", len(c.r.Devices), len(c.m.devices))
	}
	for _, d := range c.m.devices {
		v := c.r.Devices[d.Name]
		if v.Accepted != c.m.accepted(d) {
			c.fail("device %s accepted: %v", d.Name, v.Accepted)
		}
		if v.Released || v.Phase == v1alpha1.PhaseDecommissioned && d.Status.Phase != v.Phase {
			c.released(d)
		}
	}
}

// released checks that a device lets go of nothing that runs.
func (c *checker) released(d *v1alpha1.QuobyteDevice) {
	if d.DeletionTimestamp == nil && d.Spec.State != v1alpha1.DeviceDecommissioned {
		c.fail("device %s is released and neither deleted nor decommissioned", d.Name)
	}
	for _, t := range c.m.tasks {
		s := quobyte.Service(t.service)
		disk := c.m.disk(d)
		if (t.host == disk.host || t.host == disk.prev && !c.m.leftBefore(d, s)) && !t.hidden && contains(d.Spec.Types, s.DeviceType()) && !c.m.kept(s, t.host) {
			c.fail("device %s is released, and %s uses it", d.Name, t.t.ID)
		}
	}
}

// kept says that a device keeps what runs of the service on the host.
func (m *model) kept(s quobyte.Service, host string) bool {
	for _, d := range m.devices {
		if disk := m.disk(d); disk.host == host && m.acceptable(d) && d.DeletionTimestamp == nil && contains(d.Spec.Types, s.DeviceType()) {
			return true
		}
	}
	return false
}

func contains[T comparable](list []T, x T) bool {
	for _, v := range list {
		if v == x {
			return true
		}
	}
	return false
}
