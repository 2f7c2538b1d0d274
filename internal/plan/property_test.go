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
	"github.com/quobyte/mesos-operator/mesosbridge"
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

// again wants that planning once more decides nothing.
func (s *history) again(when string) {
	r := Plan(s.input())
	if len(r.Operations)+len(r.Launches)+len(r.Kills)+len(r.Declines)+len(r.Revives)+len(r.InverseAnswers) > 0 {
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

// disturbances are all that can happen; what happens often stands there often.
var disturbances = []func(*history){
	(*history).changeRollout, (*history).worsen, (*history).askRestart,
	(*history).progress, (*history).progress, (*history).progress, (*history).progress, (*history).progress,
	(*history).giveOffers, (*history).giveOffers, (*history).giveOffers, (*history).openBarriers, (*history).openBarriers,
	(*history).failTask, (*history).changeHealth, (*history).loseAgent, (*history).returnAgent, (*history).replaceAgent,
	(*history).twinAgent, (*history).reconnect, (*history).rescind, (*history).strangeTask, (*history).twinTask,
	(*history).changeSpec, (*history).changeInstances, (*history).changeState, (*history).changePlacement,
	(*history).addSomeDevice, (*history).deleteDevice, (*history).vanishDevices, (*history).refuseDevice, (*history).maintenance,
	(*history).loseDisk, (*history).findDisk, (*history).moveDisk, (*history).moveDisk, (*history).showDisk, (*history).decommission,
	(*history).changeClients, (*history).changeProber, (*history).giveSmallOffer, (*history).breakService, (*history).failWithSmallOffer, (*history).calm, (*history).calm,
	(*history).changeReservation, (*history).leak, (*history).refuse, (*history).sicken, (*history).wait, (*history).cordon,
	(*history).maintenance, (*history).changeTimes,
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

func (s *history) failTask() {
	if t := s.someTask(s.reachable); t != nil && t.service != "" {
		s.end(t, draw(s, []mesos.TaskState{mesos.TASK_FAILED, mesos.TASK_FINISHED, mesos.TASK_KILLED, mesos.TASK_DROPPED, mesos.TASK_GONE}))
	}
}

// breakService lets a service fail whenever it starts, from now on.
func (s *history) breakService() {
	s.broken = draw(s, []string{"-", "registry", "data", "api"})
}

// failWithSmallOffer lets a task fail whose resources come back in an offer of
// their own, while what was declined stays so.
func (s *history) failWithSmallOffer() {
	t := s.someTask(func(t *modelTask) bool { return s.reachable(t) && !t.used.empty() })
	if t == nil {
		return
	}
	filtered := maps.Clone(t.agent.filtered)
	s.end(t, mesos.TASK_FAILED)
	t.agent.filtered = filtered
	part := stock{"": {}}
	part.add(t.used, 1)
	if s.chance(30) { // somebody else was faster
		part[""]["cpus"] = 0
	}
	s.offerPart(t.agent, "quobyte", part)
}

func (s *history) changeHealth() {
	if t := s.someTask(func(t *modelTask) bool {
		return s.reachable(t) && t.t.State == mesos.TASK_RUNNING && t.service != "prober" && t.service != "client"
	}); t != nil {
		t.t.Healthy, t.t.Steady = draw(s, []*bool{yes(), no()}), s.now
		s.served = s.served || t.service == "registry" && *t.t.Healthy
	}
}

// sicken lets all of a service be unhealthy from now on, whenever they start.
func (s *history) sicken() {
	s.sick = draw(s, []string{"-", "registry", "data", "api"})
	for _, id := range slices.Sorted(maps.Keys(s.tasks)) {
		if t := s.tasks[id]; t.service == s.sick && s.reachable(t) && t.t.State == mesos.TASK_RUNNING {
			t.t.Healthy, t.t.Steady = no(), s.now
		}
	}
}

// wait lets time pass.
func (s *history) wait() {
	s.now = s.now.Add(time.Duration(rapid.IntRange(1, 20).Draw(s.t, "minutes")) * time.Minute)
}

func (s *history) loseAgent() {
	if a := s.someAgent(func(a *modelAgent) bool { return a.up }); a != nil {
		s.lose(a, s.connected && s.chance(60))
	}
}

func (s *history) returnAgent() {
	if a := s.someAgent(func(a *modelAgent) bool { return !a.up }); a != nil {
		a.up = true
		for _, t := range s.tasksOf(a) {
			if t.dead || s.chance(30) { // it ended meanwhile
				s.end(t, mesos.TASK_FAILED)
			}
		}
	}
}

// replaceAgent registers a lost host's agent anew. The old containers may live.
func (s *history) replaceAgent() {
	if a := s.someAgent(func(a *modelAgent) bool { return !a.up }); a != nil {
		for _, t := range s.tasksOf(a) {
			t.dead = t.dead || s.chance(70)
		}
		s.addAgent(a.host, s.drawStock())
	}
}

func (s *history) twinAgent() {
	if s.chance(20) {
		s.addAgent(draw(s, []string{"node0", "node1", "node2"}), plenty())
	}
}

func (s *history) reconnect() {
	if s.connected {
		s.disconnect(s.chance(50))
		return
	}
	s.connected, s.since = true, s.now
}

func (s *history) openBarriers() {
	for _, id := range slices.Sorted(maps.Keys(s.agents)) {
		if a := s.agents[id]; s.connected && a.up && !a.behind && s.chance(70) {
			s.openBarrier(a)
		}
	}
}

func (s *history) giveOffers() { s.allocate() }

// giveSmallOffer offers the reserved resources alone.
func (s *history) giveSmallOffer() {
	if a := s.someAgent(func(a *modelAgent) bool { return s.connected && a.up && !a.filtered["quobyte"] }); a != nil {
		s.offer(a, "quobyte", "quobyte")
	}
}

func (s *history) rescind() {
	if a := s.someAgent(func(a *modelAgent) bool { return len(a.offers) > 0 }); a != nil {
		s.withdraw(a, slices.Sorted(maps.Keys(a.offers))[0])
	}
}

func (s *history) addTask(a *modelAgent, service, id string) {
	t := &modelTask{t: &mesosbridge.Task{ID: id, AgentID: a.id}, service: service, host: a.host, agent: a, used: stock{}}
	t.legacy = strings.HasPrefix(id, "quobyte-")
	s.registries[a.host] = s.registries[a.host] || service == "registry"
	if !s.registries[a.host] {
		delete(s.registries, a.host)
	}
	s.tasks[id] = t
	s.set(t, mesos.TASK_RUNNING)
	t.t.Heard = s.connected && a.behind
	t.hidden = !t.t.Heard
}

// strangeTask is one of a later version, or of the earlier framework.
func (s *history) strangeTask() {
	a := s.someAgent(func(a *modelAgent) bool { return a.up && a.behind && s.connected })
	switch {
	case a == nil || s.chance(60):
	case s.chance(50):
		s.addTask(a, "", fmt.Sprintf("quobyte.teapot.%d", s.next()))
	case s.count(quobyte.Data, a.host) == 0:
		s.addTask(a, "data", "quobyte-data-"+a.host)
	}
}

func (s *history) twinTask() {
	if a := s.someAgent(func(a *modelAgent) bool { return a.up && a.behind && s.connected }); a != nil && s.chance(30) {
		service := draw(s, append(quobyte.Services(), quobyte.ProberService))
		s.addTask(a, string(service), quobyte.NewTaskID(service, a.host, "byhand", fmt.Sprint(s.next())))
	}
}

func (s *history) someDisk(which func(*v1alpha1.QuobyteDevice, *modelDisk) bool) (*v1alpha1.QuobyteDevice, *modelDisk) {
	var list []*v1alpha1.QuobyteDevice
	for _, d := range s.devices {
		if which(d, s.disk(d)) {
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	d := draw(s, list)
	return d, s.disk(d)
}

func (s *history) loseDisk() {
	if _, disk := s.someDisk(func(*v1alpha1.QuobyteDevice, *modelDisk) bool { return true }); disk != nil {
		disk.missing, disk.unseen = s.chance(60), s.chance(40)
	}
}

func (s *history) findDisk() {
	if _, disk := s.someDisk(func(_ *v1alpha1.QuobyteDevice, disk *modelDisk) bool { return disk.missing || disk.unseen }); disk != nil {
		disk.missing, disk.unseen = false, false
		disk.appeared = s.now.Truncate(time.Second)
	}
}

// moveDisk carries a disk to another host. One that is on its way waits.
func (s *history) moveDisk() {
	_, disk := s.someDisk(func(_ *v1alpha1.QuobyteDevice, disk *modelDisk) bool { return disk.prev == "" && s.probing })
	if a := s.someAgent(func(*modelAgent) bool { return true }); disk != nil && a != nil && a.host != disk.host {
		disk.prev, disk.host, disk.missing = disk.host, a.host, false
		disk.appeared = s.now.Truncate(time.Second)
	}
}

// showDisk lets a disk turn up on a host that was probed without it.
func (s *history) showDisk() {
	if a := s.someAgent(func(a *modelAgent) bool { return a.up }); a != nil && s.probing {
		s.disk(s.addDevice(a.host, s.drawTypes()...)).appeared = s.now.Truncate(time.Second)
	}
}

func (s *history) decommission() {
	s.edit(func(d *v1alpha1.QuobyteDevice) {
		if d.Spec.State = v1alpha1.DeviceDecommissioned; s.chance(20) {
			d.Spec.State = v1alpha1.DeviceOnline
		}
	})
}

func (s *history) changeClients() {
	c := s.cluster.DeepCopy()
	c.Spec.Services.Client.Enabled = s.chance(60)
	s.cluster = c
	if a := s.someAgent(func(*modelAgent) bool { return true }); a != nil {
		s.mountPoints[a.host] = s.chance(60)
	}
}

func (s *history) changeProber() {
	c := s.cluster.DeepCopy()
	c.Spec.Prober.Image = draw(s, []string{"operator:v1", "operator:v2"})
	s.cluster = c
}

func (s *history) changeSpec() {
	c := s.cluster.DeepCopy()
	switch rapid.IntRange(0, 2).Draw(s.t, "change") {
	case 0:
		c.Spec.Version = draw(s, []string{"1.1.5", "1.1.6", "1.2"})
	case 1:
		c.Spec.Services.Data.Resources.CPUs = resource.MustParse(draw(s, []string{"2", "4", "3500m"}))
	case 2:
		c.Spec.Services.API.ExtraConfig = draw(s, []string{"", "x"})
	}
	s.cluster = c
}

func (s *history) changeInstances() {
	c := s.cluster.DeepCopy()
	c.Spec.Services.API.Instances = draw(s, []int32{0, 1, 2, 3})
	c.Spec.Services.S3.Hostname = draw(s, []string{"", "s3.corp"})
	s.cluster = c
}

func (s *history) changeState() {
	c := s.cluster.DeepCopy()
	c.Spec.State = v1alpha1.StateRunning
	if s.chance(20) {
		c.Spec.State = v1alpha1.StateStopped
	}
	c.Spec.Suspend = s.chance(20)
	s.cluster = c
}

func (s *history) changePlacement() {
	c := s.cluster.DeepCopy()
	c.Spec.Placement.Hosts = draw(s, [][]string{nil, nil, {"node0", "node1"}, {"node2", "node3", "node4"}})
	c.Spec.Placement.PublicRole = draw(s, []string{"", "", "public"})
	c.Spec.Placement.SpreadBy = draw(s, []string{"", "rack"})
	c.Spec.Placement.Attributes = draw(s, [][]v1alpha1.AttributeRequirement{nil, nil,
		{{Attribute: "rack", Operator: v1alpha1.AttributeNotIn, Values: []string{"r0"}}}})
	s.cluster = c
}

func (s *history) changeReservation() {
	c := s.cluster.DeepCopy()
	c.Spec.Mesos.Reservation = draw(s, []v1alpha1.Reservation{v1alpha1.ReservationNone, v1alpha1.ReservationDynamic, v1alpha1.ReservationDynamic})
	s.cluster = c
}

// leak reserves something for a service that does not use it: its launch was lost.
func (s *history) leak() {
	a := s.someAgent(func(a *modelAgent) bool { return a.free[""]["cpus"] >= 500 })
	if a == nil {
		return
	}
	service := draw(s, quobyte.Services())
	part := amounts{"cpus": 500}
	for name, n := range needed(s.cluster, service) {
		if strings.HasPrefix(name, "port") && a.free[""][name] >= n {
			part[name] = n
		}
	}
	a.free.add(stock{"": part}, -1)
	a.free.add(stock{"quobyte!" + string(service): part}, 1)
}

// refuse lets Mesos refuse all operations, or none.
func (s *history) refuse() { s.refusing = s.chance(30) }

func (s *history) addSomeDevice() {
	s.addDevice(fmt.Sprintf("node%d", rapid.IntRange(0, 6).Draw(s.t, "host")), s.drawTypes()...)
}

// edit replaces a device by a changed copy: results may still show the old one.
func (s *history) edit(change func(*v1alpha1.QuobyteDevice)) {
	if len(s.devices) == 0 {
		return
	}
	i := rapid.IntRange(0, len(s.devices)-1).Draw(s.t, "device")
	s.devices = slices.Clone(s.devices)
	s.devices[i] = s.devices[i].DeepCopy()
	change(s.devices[i])
}

func (s *history) deleteDevice() {
	s.edit(func(d *v1alpha1.QuobyteDevice) { d.DeletionTimestamp = &metav1.Time{Time: s.now} })
}

func (s *history) vanishDevices() {
	if s.chance(30) {
		s.devices = slices.DeleteFunc(slices.Clone(s.devices), func(*v1alpha1.QuobyteDevice) bool { return s.chance(50) })
	}
}

func (s *history) refuseDevice() {
	s.edit(func(d *v1alpha1.QuobyteDevice) { d.Spec.Path = "/srv/" + d.Name })
}

// maintenance changes the schedule: what is offered of the machine is rescinded.
func (s *history) maintenance() {
	a := s.someAgent(func(*modelAgent) bool { return true })
	if a == nil {
		return
	}
	for id := range a.offers {
		s.withdraw(a, id)
	}
	if a.inverse != "" {
		a.inverse, a.told = "", nil
	}
	a.askAgain = time.Time{}
	after := func(minutes int) time.Time { return s.now.Add(time.Duration(minutes) * time.Minute) }
	a.window = draw(s, []*mesos.Unavailability{nil, window(s.now, 1000*time.Hour), window(after(2), 10*time.Minute), window(after(8), 1000*time.Hour)})
}

func (s *history) cordon() {
	c := s.cluster.DeepCopy()
	c.Spec.Placement.CordonedHosts = draw(s, [][]string{nil, {"node0"}, {"node1", "node2"}})
	s.cluster = c
}

func (s *history) changeTimes() {
	c := s.cluster.DeepCopy()
	s.drawTimes(c)
	s.cluster = c
}

func (s *history) drawTimes(c *v1alpha1.QuobyteCluster) {
	c.Spec.Health.RestartAfter.Duration = draw(s, []time.Duration{0, time.Minute, 3 * time.Minute})
	c.Spec.Placement.UnreachableTimeout.Duration = draw(s, []time.Duration{time.Minute, 5 * time.Minute})
	c.Spec.Maintenance.LeadTime.Duration = draw(s, []time.Duration{0, 5 * time.Minute})
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
			if len(a.offers) > 0 {
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
			_, service, ours := strings.Cut(owner, "!")
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
