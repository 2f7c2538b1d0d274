package checker

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// story is a record that is told step by step.
type story struct {
	Record
	now time.Time
}

func newStory() *story {
	s := &story{now: time.Unix(1000, 0)}
	s.Hearing = time.Minute
	return s
}

func (s *story) rest(d time.Duration) { s.now = s.now.Add(d) }

func (s *story) add(e Entry) {
	e.At = s.now
	s.Entries = append(s.Entries, e)
}

func (s *story) act(a Act) { s.add(Entry{Act: &a}) }

func (s *story) call(c *scheduler.Call) { s.add(Entry{Operator: 1, Stream: "s", Call: c}) }

func (s *story) event(e *scheduler.Event) { s.add(Entry{Stream: "s", Event: e}) }

// connects subscribes, and opens the barrier of the agents.
func (s *story) connects(agents ...string) {
	s.add(Entry{Operator: 1, Call: &scheduler.Call{Type: scheduler.Call_SUBSCRIBE, Subscribe: &scheduler.Call_Subscribe{
		FrameworkInfo: &mesos.FrameworkInfo{User: "root", Name: "quobyte", Checkpoint: new(true)}}}})
	s.event(&scheduler.Event{Type: scheduler.Event_SUBSCRIBED, Subscribed: &scheduler.Event_Subscribed{FrameworkID: &mesos.FrameworkID{Value: "f"}}})
	offers := &scheduler.Event_Offers{}
	for _, a := range agents {
		offers.Offers = append(offers.Offers, mesos.Offer{AgentID: mesos.AgentID{Value: a}})
	}
	s.event(&scheduler.Event{Type: scheduler.Event_OFFERS, Offers: offers})
	s.call(&scheduler.Call{Type: scheduler.Call_RECONCILE, Reconcile: &scheduler.Call_Reconcile{}})
	for _, a := range agents {
		s.call(&scheduler.Call{Type: scheduler.Call_RECONCILE, Reconcile: &scheduler.Call_Reconcile{
			Tasks: []scheduler.Call_Reconcile_Task{{TaskID: mesos.TaskID{Value: "probe"}, AgentID: &mesos.AgentID{Value: a}}}}})
		s.says("probe", a, mesos.TASK_GONE)
	}
}

func (s *story) says(id, agent string, state mesos.TaskState) {
	s.event(&scheduler.Event{Type: scheduler.Event_UPDATE, Update: &scheduler.Event_Update{Status: mesos.TaskStatus{
		TaskID: mesos.TaskID{Value: id}, AgentID: &mesos.AgentID{Value: agent}, State: &state, Healthy: new(true)}}})
}

// runs launches a task that runs.
func (s *story) runs(service, id, host string) { s.runsOn(service, id, host, "agent-"+host) }

func (s *story) runsOn(service, id, host, agent string) {
	info := mesos.TaskInfo{Name: service, TaskID: mesos.TaskID{Value: id}, AgentID: mesos.AgentID{Value: agent},
		HealthCheck: &mesos.HealthCheck{ConsecutiveFailures: new(uint32(1<<32 - 1))}}
	s.call(&scheduler.Call{Type: scheduler.Call_ACCEPT, Accept: &scheduler.Call_Accept{OfferIDs: []mesos.OfferID{{Value: "offer"}}, Operations: []mesos.Offer_Operation{
		{Type: mesos.Offer_Operation_LAUNCH, Launch: &mesos.Offer_Operation_Launch{TaskInfos: []mesos.TaskInfo{info}}}}}})
	s.Tasks = append(s.Tasks, mesostest.TaskRecord{ID: id, AgentID: agent, Host: host, Info: info, Launched: s.now, Running: s.now, State: mesos.TASK_RUNNING})
	s.says(id, agent, mesos.TASK_RUNNING)
}

func (s *story) kill(id string) {
	s.call(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: mesos.TaskID{Value: id}}})
}

// replaced launches a registry on a new agent of the host.
func (s *story) replaced(host string) {
	agent := "agent-" + host + "-2"
	s.event(&scheduler.Event{Type: scheduler.Event_OFFERS, Offers: &scheduler.Event_Offers{Offers: []mesos.Offer{{AgentID: mesos.AgentID{Value: agent}}}}})
	s.call(&scheduler.Call{Type: scheduler.Call_RECONCILE, Reconcile: &scheduler.Call_Reconcile{}})
	s.call(&scheduler.Call{Type: scheduler.Call_RECONCILE, Reconcile: &scheduler.Call_Reconcile{
		Tasks: []scheduler.Call_Reconcile_Task{{TaskID: mesos.TaskID{Value: "probe-2"}, AgentID: &mesos.AgentID{Value: agent}}}}})
	s.says("probe-2", agent, mesos.TASK_GONE)
	s.runsOn("registry", "quobyte.registry.h."+host+"-2", host, agent)
}

// fails ends the registry of a host.
func (s *story) fails(host string) {
	for i := range s.Tasks {
		if s.Tasks[i].ID == "quobyte.registry.h."+host {
			s.Tasks[i].Ended = s.now
		}
	}
	s.says("quobyte.registry.h."+host, "agent-"+host, mesos.TASK_FAILED)
	s.rest(2 * time.Second)
}

// sickens has the registries of hosts look unhealthy, for some time.
func (s *story) sickens(hosts ...string) {
	state := mesos.TASK_RUNNING
	for _, host := range hosts {
		s.event(&scheduler.Event{Type: scheduler.Event_UPDATE, Update: &scheduler.Event_Update{Status: mesos.TaskStatus{
			TaskID: mesos.TaskID{Value: "quobyte.registry.h." + host}, AgentID: &mesos.AgentID{Value: "agent-" + host}, State: &state, Healthy: new(false)}}})
	}
	s.rest(10 * time.Minute)
}

// firstRegistries launches two, on hosts with probers, where none has run.
func (s *story) firstRegistries(after time.Duration) {
	s.Entries, s.Tasks = nil, nil
	s.connects("agent-a", "agent-b")
	for _, host := range []string{"a", "b"} {
		s.device("disk-"+host, host)
		s.runs("prober", "quobyte.prober.h."+host, host)
	}
	s.rest(time.Hour)
	for _, host := range []string{"a", "b"} {
		s.runs("registry", "quobyte.registry.h."+host, host)
		s.rest(after)
	}
}

// offersWindow makes the offer of which the next launch is, on a host with a window.
func (s *story) offersWindow(host string, start time.Time) {
	s.event(&scheduler.Event{Type: scheduler.Event_OFFERS, Offers: &scheduler.Event_Offers{Offers: []mesos.Offer{{
		ID: mesos.OfferID{Value: "offer"}, AgentID: mesos.AgentID{Value: "agent-" + host},
		Unavailability: &mesos.Unavailability{Start: mesos.TimeInfo{Nanoseconds: start.UnixNano()}}}}}})
}

// letsGo accepts that a host goes down.
func (s *story) letsGo(host string) {
	s.event(&scheduler.Event{Type: scheduler.Event_INVERSE_OFFERS, InverseOffers: &scheduler.Event_InverseOffers{InverseOffers: []mesos.InverseOffer{{
		OfferID: mesos.OfferID{Value: "inverse"}, AgentID: &mesos.AgentID{Value: "agent-" + host}}}}})
	s.call(&scheduler.Call{Type: scheduler.Call_ACCEPT_INVERSE_OFFERS, AcceptInverseOffers: &scheduler.Call_AcceptInverseOffers{
		InverseOfferIDs: []mesos.OfferID{{Value: "inverse"}}}})
}

func (s *story) device(name, host string) {
	s.act(Act{Kind: DeviceAppears, Device: name, Host: host, Types: []string{"registry"}})
}

// threeRegistries run, and have been asked for since long ago.
func threeRegistries() *story {
	s := newStory()
	s.connects("agent-a", "agent-b", "agent-c")
	for _, host := range []string{"a", "b", "c"} {
		s.device("disk-"+host, host)
		s.runs("registry", "quobyte.registry.h."+host, host)
		s.rest(time.Second)
	}
	s.rest(time.Hour)
	return s
}

// TestRules breaks each rule in as few words as it takes.
func TestRules(t *testing.T) {
	changed := Act{Kind: SpecChanged, Services: []string{"registry"}}
	for name, test := range map[string]struct {
		then func(s *story)
		rule string // empty: none is broken
	}{
		"nothing":                 {func(*story) {}, ""},
		"a second task on a host": {func(s *story) { s.runs("registry", "quobyte.registry.h.2", "a") }, "1"},
		"a second task where the first is gone by a wrong word": {func(s *story) {
			s.act(Act{Kind: AgentGoneWrongly, AgentID: "agent-a", Host: "a"})
			s.runs("registry", "quobyte.registry.h.2", "a")
		}, ""},
		"a launch before the barrier": {func(s *story) { s.device("disk-d", "d"); s.runs("registry", "quobyte.registry.h.d", "d") }, "2"},
		"an id that is used again": {func(s *story) {
			s.Tasks[0].Ended = s.now
			s.says("quobyte.registry.h.a", "agent-a", mesos.TASK_FAILED)
			s.rest(time.Second)
			s.runs("registry", "quobyte.registry.h.a", "a")
		}, "7"},
		"an update": {func(s *story) { s.act(changed); s.kill("quobyte.registry.h.a") }, ""},
		"an update of two at a time": {func(s *story) {
			s.act(changed)
			s.kill("quobyte.registry.h.a")
			s.rest(time.Minute)
			s.kill("quobyte.registry.h.b")
		}, "11"},
		"a kill that nobody asked for": {func(s *story) { s.kill("quobyte.registry.h.a") }, "12"},
		"a device that vanished": {func(s *story) {
			s.act(Act{Kind: DeviceVanishes, Device: "disk-a", Host: "a", Types: []string{"registry"}})
			s.kill("quobyte.registry.h.a")
		}, "12"},
		"a device that was deleted": {func(s *story) {
			s.act(Act{Kind: DeviceLeaves, Device: "disk-a", Host: "a", Types: []string{"registry"}})
			s.kill("quobyte.registry.h.a")
		}, ""},
		"a kill after Orphan": {func(s *story) {
			s.act(changed)
			s.act(Act{Kind: Deleted})
			s.rest(time.Hour)
			s.kill("quobyte.registry.h.a")
		}, "16"},
		"a launch where no device is": {func(s *story) {
			s.act(Act{Kind: DeviceLeaves, Device: "disk-a", Host: "a", Types: []string{"registry"}})
			s.says("quobyte.registry.h.a", "agent-a", mesos.TASK_FAILED)
			s.Tasks[0].Ended = s.now
			s.rest(time.Hour)
			s.runs("registry", "quobyte.registry.h.2", "a")
		}, "launch"},
		"an acknowledgement of nothing": {func(s *story) {
			s.Rested = true
			s.call(&scheduler.Call{Type: scheduler.Call_ACKNOWLEDGE, Acknowledge: &scheduler.Call_Acknowledge{UUID: []byte("u")}})
		}, "18"},
		"another framework": {func(s *story) {
			s.add(Entry{Operator: 2, Call: &scheduler.Call{Type: scheduler.Call_SUBSCRIBE, Subscribe: &scheduler.Call_Subscribe{
				FrameworkInfo: &mesos.FrameworkInfo{User: "root", Name: "quobyte", Checkpoint: new(true)}}}})
		}, "6"},
		"a launch while the cluster is suspended": {func(s *story) {
			s.act(Act{Kind: Suspended})
			s.fails("a")
			s.rest(time.Hour)
			s.runs("registry", "quobyte.registry.h.2", "a")
		}, "suspend"},
		"a kill while the cluster is suspended": {func(s *story) {
			s.act(changed)
			s.act(Act{Kind: Suspended})
			s.rest(time.Hour)
			s.kill("quobyte.registry.h.a")
		}, "suspend"},
		"a kill after the cluster was suspended": {func(s *story) {
			s.act(Act{Kind: Suspended})
			s.rest(time.Hour)
			s.act(Act{Kind: Resumed})
			s.act(changed)
			s.kill("quobyte.registry.h.a")
		}, ""},
		"a launch on a cordoned host": {func(s *story) {
			s.act(Act{Kind: Cordoned, Host: "a"})
			s.fails("a")
			s.rest(time.Hour)
			s.runs("registry", "quobyte.registry.h.2", "a")
		}, "cordon"},
		"a launch on a host that was cordoned": {func(s *story) {
			s.act(Act{Kind: Cordoned, Host: "a"})
			s.fails("a")
			s.rest(time.Hour)
			s.act(Act{Kind: Cordoned, Host: "b"})
			s.runs("registry", "quobyte.registry.h.2", "a")
		}, ""},
		"a launch in a window": {func(s *story) {
			s.fails("a")
			s.offersWindow("a", s.now.Add(-time.Second))
			s.runs("registry", "quobyte.registry.h.2", "a")
		}, "maintenance"},
		"a launch before a window": {func(s *story) {
			s.fails("a")
			s.offersWindow("a", s.now.Add(time.Second))
			s.runs("registry", "quobyte.registry.h.2", "a")
		}, ""},
		"a host that is let go and serves": {func(s *story) { s.letsGo("a") }, "maintenance"},
		"a host that is let go": {func(s *story) {
			s.fails("a")
			s.rest(time.Second)
			s.letsGo("a")
		}, ""},
		"a kill while another one is young": {func(s *story) {
			s.fails("a")
			s.runs("registry", "quobyte.registry.h.2", "a")
			s.act(changed)
			s.rest(10 * time.Second)
			s.kill("quobyte.registry.h.b")
		}, "11"},
		"a kill when no other one is young": {func(s *story) {
			s.fails("a")
			s.runs("registry", "quobyte.registry.h.2", "a")
			s.act(changed)
			s.rest(30 * time.Second)
			s.kill("quobyte.registry.h.b")
		}, ""},
		"half of three": {func(s *story) {
			s.act(Act{Kind: LimitChanged, Limit: "50%"})
			s.rest(time.Hour)
			s.act(changed)
			s.fails("a")
			s.rest(time.Minute)
			s.kill("quobyte.registry.h.b")
		}, "11"},
		"all registries are sick and restarted": {func(s *story) {
			s.sickens("a", "b")
			s.kill("quobyte.registry.h.a")
			s.kill("quobyte.registry.h.b")
		}, "health"},
		"one sick registry after the other": {func(s *story) {
			s.sickens("a", "b")
			s.kill("quobyte.registry.h.a")
			s.rest(time.Minute)
			s.kill("quobyte.registry.h.b")
		}, ""},
		"a kill of what cannot be reached": {func(s *story) {
			s.act(changed)
			s.says("quobyte.registry.h.a", "agent-a", mesos.TASK_UNREACHABLE)
			s.rest(time.Minute)
			s.kill("quobyte.registry.h.a")
		}, "15"},
		"a kill just before Orphan is heard of": {func(s *story) {
			s.act(changed)
			s.act(Act{Kind: Deleted})
			s.kill("quobyte.registry.h.a")
		}, ""},
		"a kill because of Orphan": {func(s *story) {
			s.act(Act{Kind: Deleted})
			s.kill("quobyte.registry.h.a")
		}, "16"},
		"an update after a kill that was lost with its cluster": {func(s *story) {
			s.act(Act{Kind: Stopped})
			s.kill("quobyte.registry.h.a")
			s.act(Act{Kind: Deleted})
			s.rest(time.Minute)
			s.act(Act{Kind: Created})
			s.act(Act{Kind: Started})
			s.says("quobyte.registry.h.a", "agent-a", mesos.TASK_RUNNING)
			s.rest(time.Hour)
			s.act(changed)
			s.kill("quobyte.registry.h.b")
		}, ""},
		"metadata without a registry": {func(s *story) {
			s.act(Act{Kind: DeviceAppears, Device: "disk-m", Host: "a", Types: []string{"metadata"}})
			for _, host := range []string{"a", "b", "c"} {
				s.fails(host)
			}
			s.runs("metadata", "quobyte.metadata.h.a", "a")
		}, "start order"},
		"a new agent, and the old one's task is lost": {func(s *story) {
			s.says("quobyte.registry.h.a", "agent-a", mesos.TASK_UNREACHABLE)
			s.replaced("a")
		}, "5"},
		"a new agent, and the old one's task had ended before it was lost": {func(s *story) {
			s.fails("a")
			s.says("quobyte.registry.h.a", "agent-a", mesos.TASK_UNREACHABLE)
			s.replaced("a")
		}, ""},
		"two first registries": {func(s *story) { s.firstRegistries(0) }, "start order"},
		"one after the other":  {func(s *story) { s.firstRegistries(time.Second) }, ""},
		"metadata, and a registry runs by the word of Mesos alone": {func(s *story) {
			s.act(Act{Kind: DeviceAppears, Device: "disk-m", Host: "a", Types: []string{"metadata"}})
			for _, host := range []string{"a", "b", "c"} {
				s.fails(host)
			}
			s.says("quobyte.registry.h.b", "agent-b", mesos.TASK_RUNNING)
			s.runs("metadata", "quobyte.metadata.h.a", "a")
		}, ""},
		"a process that was overtaken": {func(s *story) {
			for _, n := range []int{2, 1} {
				s.add(Entry{Operator: n, Call: &scheduler.Call{Type: scheduler.Call_SUBSCRIBE, Subscribe: &scheduler.Call_Subscribe{
					FrameworkInfo: &mesos.FrameworkInfo{User: "root", Name: "quobyte", Checkpoint: new(true), ID: &mesos.FrameworkID{Value: "f"}}}}})
			}
		}, "10"},
	} {
		t.Run(name, func(t *testing.T) {
			s := threeRegistries()
			test.then(s)
			s.End = s.now
			found := Check(s.Record)
			if test.rule == "" && len(found) > 0 || test.rule != "" && (len(found) == 0 || found[0].Rule != test.rule) {
				t.Errorf("found %+v, want rule %q", found, test.rule)
			}
		})
	}
}
