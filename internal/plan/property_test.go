package plan

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// TestProperties lets random clusters live through random faults and wishes. In
// every pass the rules must hold, the same input must give the same result, and
// planning again after acting must decide nothing more. When the faults end, the
// cluster becomes Ready, and then idle.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newHistory(t)
		for range rapid.IntRange(5, 60).Draw(t, "steps") {
			s.disturb()
			s.pass()
		}
		s.heal()
		s.converge()
	})
}

// history is a model with somebody who draws what happens to it.
type history struct {
	*model
	t *rapid.T
	// broken is a service that fails whenever it starts.
	broken string
}

func newHistory(t *rapid.T) *history {
	s := &history{model: newModel(), t: t, broken: "-"}
	s.drawTimes(s.cluster)
	s.drawRollout(s.cluster)
	s.probing = s.chance(70)
	s.cluster.Spec.Prober = v1alpha1.ProberSpec{
		Image: "operator:v1", Interval: metav1.Duration{Duration: 2 * time.Minute}, User: "root",
		Resources: v1alpha1.ProberResources{CPUs: resource.MustParse("100m"), Memory: resource.MustParse("256Mi"), Disk: resource.MustParse("150Mi")},
	}
	s.cluster.Spec.Devices.RestartOnNewDevice = s.chance(80)
	s.cluster.Spec.Services.Client = v1alpha1.ClientService{
		Enabled: s.chance(40), Image: "quobyte-client", MountPoint: "/quobyte",
		Resources: v1alpha1.ClientResources{CPUs: resource.MustParse("500m"), Memory: resource.MustParse("512Mi"), Disk: resource.MustParse("150Mi")},
	}
	s.cluster.Status.Bootstrapped = s.chance(30)
	for i := range rapid.IntRange(1, 6).Draw(t, "hosts") {
		host := fmt.Sprintf("node%d", i)
		s.addAgent(host, s.drawStock())
		s.mountPoints[host] = s.chance(50)
		if i < 3 || s.chance(60) {
			s.disk(s.addDevice(host, s.drawTypes()...)).bootstrap = i == 0 || s.chance(10)
		}
	}
	return s
}

// chance draws true in so many of a hundred cases.
func (s *history) chance(percent int) bool {
	return rapid.IntRange(0, 99).Draw(s.t, "chance") < percent
}

func draw[T any](s *history, list []T) T { return rapid.SampledFrom(list).Draw(s.t, "which") }

func (s *history) drawTypes() []v1alpha1.DeviceType {
	if s.chance(60) {
		return allTypes
	}
	return []v1alpha1.DeviceType{draw(s, allTypes)}
}

// drawStock is what an agent has: enough for all, some reserved, or too little.
func (s *history) drawStock() stock {
	free := plenty()
	switch rapid.IntRange(0, 5).Draw(s.t, "stock") {
	case 0:
		free["quobyte"] = amounts{"cpus": 1500, "mem": 3_000_000, "port21000": 1, "port21005": 1}
		free[""]["port21000"], free[""]["port21005"] = 0, 0
	case 1:
		free["public"] = amounts{"cpus": 700, "mem": 600_000}
	case 2:
		free[""]["cpus"] = 3000
	case 3:
		free[""]["port21003"] = 0
	}
	if s.chance(20) {
		free["quobyte?"] = amounts{"cpus": 9000, "mem": 9_000_000, "disk": 100_000}
	}
	return free
}

// pass plans, checks, acts, and plans again.
func (s *history) pass() {
	s.bury()
	in := s.input()
	r := Plan(in)
	if again := Plan(in); !reflect.DeepEqual(r, again) {
		s.t.Fatalf("two results of one input:\n%+v\n%+v", r, again)
	}
	if wrong := s.check(&r); len(wrong) > 0 {
		s.t.Fatalf("%s\noperations %v\nlaunches %v kills %v", strings.Join(wrong, "\n"), operations(r), launches(r), r.Kills)
	}
	s.act(&r)
	s.again("acting")
	if s.chance(80) { // else the API server refuses the status
		back := s.goesBack()
		if s.record(&r); s.goesBack() == back {
			s.again("it is remembered")
		}
	}
}

// again wants that planning once more decides nothing, but to decline an offer of which
// what was just decided has no need.
func (s *history) again(when string) {
	decides := func(r *Result) int {
		return len(r.Operations) + len(r.Launches) + len(r.Kills) + len(r.Revives) + len(r.InverseAnswers)
	}
	r := Plan(s.input())
	if decides(&r) == 0 && len(r.Declines) > 0 {
		s.act(&r)
		r = Plan(s.input())
	}
	if decides(&r)+len(r.Declines) > 0 {
		s.t.Fatalf("decides again after %s: operations %v launches %v kills %v declines %v revives %v",
			when, operations(r), launches(r), r.Kills, r.Declines, r.Revives)
	}
}

// disturb lets one or more things happen.
func (s *history) disturb() {
	s.now = s.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(s.t, "seconds")) * time.Second)
	for range rapid.IntRange(1, 4).Draw(s.t, "events") {
		draw(s, disturbances)(s)
	}
}

func (s *history) someTask(which func(*modelTask) bool) *modelTask {
	var list []*modelTask
	for _, id := range slices.Sorted(maps.Keys(s.tasks)) {
		if t := s.tasks[id]; which(t) {
			list = append(list, t)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return draw(s, list)
}

func (s *history) someAgent(which func(*modelAgent) bool) *modelAgent {
	var list []*modelAgent
	for _, id := range slices.Sorted(maps.Keys(s.agents)) {
		if a := s.agents[id]; which(a) {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return draw(s, list)
}

// reachable tasks are those of which the bridge can hear now.
func (s *history) reachable(t *modelTask) bool {
	return s.connected && t.agent.up && t.agent.behind
}

func (s *history) progress() {
	for _, id := range slices.Sorted(maps.Keys(s.tasks)) {
		t := s.tasks[id]
		switch {
		case !s.reachable(t) || s.chance(30):
		case t.service == s.broken && !t.doomed && t.t.Healthy == nil && t.t.Killing.IsZero():
			s.end(t, mesos.TASK_FAILED)
		default:
			s.step(t)
			if s.chance(80) {
				s.speak(t)
			}
		}
	}
}

// calm lets things go their way for a while.
func (s *history) calm() {
	for range rapid.IntRange(1, 15).Draw(s.t, "calm") {
		s.now = s.now.Add(5 * time.Second)
		for _, id := range slices.Sorted(maps.Keys(s.tasks)) {
			if t := s.tasks[id]; s.reachable(t) {
				s.step(t)
				s.speak(t)
			}
		}
		for _, id := range slices.Sorted(maps.Keys(s.agents)) {
			if a := s.agents[id]; s.connected && a.up && !a.behind {
				s.openBarrier(a)
			}
		}
		s.allocate()
		s.pass()
	}
}

// step takes a task one step further, in the way that it should go.
func (m *model) step(t *modelTask) {
	switch {
	case t.doomed:
		m.end(t, mesos.TASK_ERROR)
	case !t.t.Killing.IsZero():
		m.end(t, mesos.TASK_KILLED)
	case t.t.State != mesos.TASK_RUNNING && m.isBad(t):
		m.comeUpBadly(t)
	case t.t.Launching, t.t.State == mesos.TASK_STAGING:
		m.set(t, mesos.TASK_RUNNING)
	case t.service == "prober", t.service == "client":
	case t.t.State == mesos.TASK_RUNNING && t.t.Healthy == nil && !t.legacy:
		t.t.Healthy, t.t.Steady = yes(), m.now
		if t.service == m.sick {
			t.t.Healthy = no()
		}
		m.served = m.served || t.service == "registry" && *t.t.Healthy
	}
}

// heal ends all that keeps a cluster from becoming Ready, but for time.
func (s *history) heal() {
	c := s.cluster.DeepCopy()
	c.Spec.State, c.Spec.Suspend, c.Spec.Placement = v1alpha1.StateRunning, false, v1alpha1.PlacementSpec{}
	s.mendRollouts(c)
	s.cluster, s.refusing, s.sick = c, false, ""
	if !s.connected {
		s.reconnect()
	}
	hosts := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(s.agents)) {
		a := s.agents[id]
		for offer := range a.offers {
			s.withdraw(a, offer)
		}
		a.window, a.inverse = nil, ""
		clear(a.declined)
		clear(a.filtered)
		if hosts[a.host] { // a second agent of the name goes with its tasks
			for _, t := range s.tasksOf(a) {
				s.end(t, mesos.TASK_GONE_BY_OPERATOR)
			}
			delete(s.agents, id)
			continue
		}
		hosts[a.host], a.up = true, true
		s.mountPoints[a.host] = true
		s.enlarge(a) // whoever else used the host has gone
		s.openBarrier(a)
	}
	seen := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(s.tasks)) {
		t := s.tasks[id]
		what := t.service + t.host
		if t.service == "" || t.dead || seen[what] {
			s.end(t, mesos.TASK_KILLED) // by hand
			continue
		}
		seen[what] = true
		if t.t.Healthy != nil {
			t.t.Healthy, t.t.Steady = yes(), s.now
		}
	}
	for i := range 3 {
		host := fmt.Sprintf("core%d", i)
		s.addAgent(host, plenty())
		s.disk(s.addDevice(host, allTypes...)).bootstrap = i == 0
	}
	for _, d := range s.devices {
		disk := s.disk(d)
		disk.missing, disk.unseen = false, false
		disk.bootstrap = disk.bootstrap && disk.host == "core0"
		if !hosts[disk.prev] && !strings.HasPrefix(disk.prev, "core") {
			disk.prev = ""
		}
	}
	s.devices = slices.DeleteFunc(slices.Clone(s.devices), func(d *v1alpha1.QuobyteDevice) bool {
		host := s.placeOf(d)
		return !hosts[host] && !strings.HasPrefix(host, "core")
	})
}

// enlarge gives an agent enough for everything.
func (s *history) enlarge(a *modelAgent) {
	there := stock{}
	there.add(a.free, 1)
	for _, t := range s.tasksOf(a) {
		there.add(t.used, 1)
	}
	have := there.total()
	for name, n := range plenty()[""] {
		if !strings.HasPrefix(name, "port") || have[name] == 0 {
			a.free.add(stock{"": {name: n}}, 1)
		}
	}
}

// converge lets time pass without faults until the cluster is Ready.
func (s *history) converge() {
	const limit = 1000
	revived := 0
	for range limit {
		s.now = s.now.Add(5 * time.Second)
		for _, id := range slices.Sorted(maps.Keys(s.tasks)) {
			t := s.tasks[id]
			s.step(t)
			s.speak(t)
		}
		for _, a := range s.agents {
			if !a.behind {
				s.openBarrier(a)
			}
		}
		s.allocate()
		r := Plan(s.input())
		s.pass()
		revived += len(r.Revives)
		if r.Phase != PhaseReady || len(r.Kills) > 0 || s.halting() || unwanted(&r) || !s.settled(&r) {
			continue
		}
		for _, a := range s.agents {
			if len(a.offers) > 0 && !strings.Contains(r.Probers.Waits, "its prober failed") { // which is tried again
				s.t.Fatalf("an idle cluster holds offers")
			}
		}
		if !s.freed() {
			continue
		}
		s.checkFloating()
		if limit := 10 * (len(r.Instances) + len(s.agents)); revived > limit {
			s.t.Fatalf("%d revives for %d instances", revived, len(r.Instances))
		}
		return
	}
	r := Plan(s.input())
	s.t.Fatalf("not Ready but %s, all freed: %v\nreasons %+v\nalerts %+v", r.Phase, s.freed(), r.Reasons, r.Alerts)
}

// checkFloating wants as many instances of each floating service as are asked for, and
// nothing left of those that were started elsewhere.
func (s *history) checkFloating() {
	live := map[string]int{}
	for _, t := range s.tasks {
		live[t.service]++
	}
	for _, service := range quobyte.Services() {
		if want := int(s.cluster.Spec.Services.Of(string(service)).Instances); service.Floats() && live[string(service)] != want {
			s.t.Fatalf("%d instances of %s, want %d", live[string(service)], service, want)
		}
	}
}

// freed says that nothing is reserved any more for services that do not use it,
// surplus of running ones aside.
func (s *history) freed() bool {
	for _, a := range s.agents {
		for owner, left := range a.free {
			role, service, ours := strings.Cut(owner, "!")
			// What was reserved for a public role that was given up is not offered any more.
			ours = ours && (role == s.cluster.Spec.Mesos.Role || role == s.cluster.Spec.Placement.PublicRole)
			keeps := s.cluster.Spec.Mesos.Reservation == v1alpha1.ReservationDynamic &&
				(s.claims(quobyte.Service(service), a.host) || s.count(quobyte.Service(service), a.host) > 0)
			if ours && !keeps && !(stock{"": left}).empty() {
				return false
			}
		}
	}
	return true
}

// unwanted says that something is left that is to go.
func unwanted(r *Result) bool {
	return slices.ContainsFunc(r.Instances, func(i Instance) bool {
		return !i.Wanted && !i.Unclaimed || i.Service.Floats() && len(i.Tasks) > 1
	})
}

func (s *history) halting() bool {
	for _, t := range s.tasks {
		if !t.t.Killing.IsZero() {
			return true
		}
	}
	return false
}
