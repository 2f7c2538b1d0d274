package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"pgregory.net/rapid"

	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

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
