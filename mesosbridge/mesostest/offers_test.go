package mesostest_test

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// A filter blocks what was refused and less; what a task frees is more.
func TestFilterLetsMoreThrough(t *testing.T) {
	run(t, mesostest.Config{Script: mesostest.FinishesAfter(10 * time.Minute)}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		offers := s.offers("node1", "node2")
		s.call(launch(3600, taskInfo(offers["node1"], "t"), offers["node1"]))
		s.call(decline(3600, offers["node2"]))
		s.status(mesos.TASK_RUNNING)
		s.quiet(scheduler.Event_OFFERS, 9*time.Minute)
		if o := s.offers("node1")["node1"]; scalarOf(o, "cpus") != 8 {
			t.Errorf("offered %v cpus, want all 8", scalarOf(o, "cpus"))
		}
		// An hour after it was declined node2 comes again.
		s.offers("node2")
		if r, _ := c.Task("t"); r.Ended.Sub(r.Running) != 10*time.Minute {
			t.Errorf("it ran for %v", r.Ended.Sub(r.Running))
		}
	})
}

// While the rest of an agent is outstanding, what a task frees is an offer of its
// own, and both can be accepted together.
func TestSeveralOffersOfOneAgent(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		o := s.offers("node1", "node2")["node1"]
		s.call(launch(0, taskInfo(o, "t"), o))
		rest := s.offers("node1")["node1"]
		s.status(mesos.TASK_RUNNING)
		s.call(kill("t"))
		freed := s.offers("node1")["node1"]
		if scalarOf(freed, "cpus") != 0.5 || scalarOf(freed, "disk") != 0 {
			t.Errorf("freed %v", freed.Resources)
		}
		all := taskInfo(o, "all")
		all.Resources[0].Scalar.Value = 8
		s.call(launch(0, all, freed, rest))
		s.status(mesos.TASK_RUNNING)
		if rest := s.offers("node1")["node1"]; scalarOf(rest, "cpus") != 0 || scalarOf(rest, "mem") != 32768-64 {
			t.Errorf("rest %v", rest.Resources)
		}
	})
}

func TestSuppressAndReviveByRole(t *testing.T) {
	run(t, mesostest.Config{Agents: mesostest.Agents(1)}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.info = frameworkInfo("a", "b")
		s.subscribe("a")
		o := s.offers("node1")["node1"]
		if o.AllocationInfo.GetRole() != "b" {
			t.Fatalf("offered to the suppressed role %s", o.AllocationInfo.GetRole())
		}
		s.call(&scheduler.Call{Type: scheduler.Call_SUPPRESS, Suppress: &scheduler.Call_Suppress{Roles: []string{"b"}}})
		s.call(decline(0, o))
		s.quiet(scheduler.Event_OFFERS, time.Hour)
		s.call(&scheduler.Call{Type: scheduler.Call_REVIVE, Revive: &scheduler.Call_Revive{Roles: []string{"a"}}})
		if o := s.offers("node1")["node1"]; o.AllocationInfo.GetRole() != "a" {
			t.Errorf("offered to %s, want a", o.AllocationInfo.GetRole())
		}
	})
}

// What was refused of an agent is kept back while the agent is merely disconnected, and
// forgotten when the master removes it (deactivateSlave and removeSlave in
// master/allocator/mesos/hierarchical.cpp, MESOS-9852).
func TestFiltersEndWithTheirAgent(t *testing.T) {
	const refused = 3600
	cfg := mesostest.Config{Agents: mesostest.Agents(1), PingTimeout: time.Minute}
	run(t, cfg, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		s.call(decline(refused, s.offers("node1")["node1"]))
		c.StopAgent("node1")
		time.Sleep(30 * time.Second)
		c.StartAgent("node1")
		s.quiet(scheduler.Event_OFFERS, 10*time.Minute)

		c.StopAgent("node1")
		s.next(scheduler.Event_FAILURE) // It is unreachable.
		c.StartAgent("node1")
		began := time.Now()
		s.call(decline(refused, s.offers("node1")["node1"]))
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("offered %s after it came back", took)
		}
		s.quiet(scheduler.Event_OFFERS, 55*time.Minute) // No filter of before ends the new one.
	})
}

// Reserved resources go to their role only; all others go whole to one of the roles.
func TestReservationsAndRoles(t *testing.T) {
	agents := mesostest.Agents(1)
	agents[0].Reserved = []mesostest.Reserved{{Role: "public", CPUs: 2, Mem: 1024, Ports: []mesostest.PortRange{{Begin: 443, End: 443}}}}
	agents[0].Attributes = map[string]string{"rack": "r1"}
	agents[0].Region, agents[0].Zone = "eu", "eu-1"
	run(t, mesostest.Config{Agents: agents}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.info = frameworkInfo("*", "public")
		s.subscribe()
		byRole := map[string]mesos.Offer{}
		for _, o := range s.next(scheduler.Event_OFFERS).Offers.Offers {
			byRole[o.AllocationInfo.GetRole()] = o
			if o.Attributes[0].Name != "rack" || o.Domain.FaultDomain.Zone.Name != "eu-1" {
				t.Errorf("attributes %v, domain %v", o.Attributes, o.Domain)
			}
		}
		public := byRole["public"]
		if scalarOf(byRole["*"], "cpus") != 8 || scalarOf(public, "cpus") != 2 || len(public.Resources) != 3 {
			t.Fatalf("offers %v", byRole)
		}
		for _, r := range public.Resources {
			if len(r.Reservations) != 1 || r.Reservations[0].GetRole() != "public" ||
				r.Reservations[0].GetType() != mesos.Resource_ReservationInfo_STATIC || r.Role != nil {
				t.Errorf("not reserved: %v", r)
			}
		}
		unreserved := taskInfo(public, "t")
		s.call(launch(0, unreserved, public))
		if got, want := s.status(mesos.TASK_ERROR).GetMessage(), "Total resources cpus(allocated: public):0.5; mem(allocated: public):64"+
			" required by task and its executor is more than available ports(allocated: public)(reservations: [(STATIC,public)]):[443-443];"+
			" cpus(allocated: public)(reservations: [(STATIC,public)]):2; mem(allocated: public)(reservations: [(STATIC,public)]):1024"; got != want {
			t.Errorf("message %s\nwant %s", got, want)
		}
		public = s.offers("node1")["node1"]
		task := taskInfo(public, "t")
		for i := range task.Resources {
			task.Resources[i].Reservations = public.Resources[0].Reservations
		}
		s.call(launch(0, task, public))
		s.status(mesos.TASK_RUNNING)
	})
}

// Frameworks of several roles share fairly: who has least is offered next.
func TestFairness(t *testing.T) {
	run(t, mesostest.Config{Agents: mesostest.Agents(4)}, func(t *testing.T, c *mesostest.Cluster) {
		hog := newClient(t, c)
		hog.info = frameworkInfo("hog")
		hog.subscribe()
		all := hog.offers("node1", "node2", "node3", "node4")
		other := newClient(t, c)
		other.info = frameworkInfo("other")
		other.subscribe()
		hog.call(decline(0, all["node1"], all["node2"]))
		other.offers("node1", "node2")
	})
}

func TestScalarsAreFixedPoint(t *testing.T) {
	run(t, mesostest.Config{Agents: mesostest.Agents(1)}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		o := s.offers("node1")["node1"]
		task := taskInfo(o, "t")
		task.Resources[0].Scalar.Value = 0.1000001
		s.call(launch(0, task, o))
		if rest := s.offers("node1")["node1"]; scalarOf(rest, "cpus") != 7.9 {
			t.Errorf("left %v", scalarOf(rest, "cpus"))
		}
	})
}

// Operations of a later time are dropped: nothing is done, nothing is lost.
func TestOtherOperationsAreDropped(t *testing.T) {
	run(t, mesostest.Config{Agents: mesostest.Agents(1)}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		o := s.offers("node1")["node1"]
		accept := launch(0, taskInfo(o, "t"), o)
		accept.Accept.Operations = []mesos.Offer_Operation{{Type: mesos.Offer_Operation_RESERVE,
			Reserve: &mesos.Offer_Operation_Reserve{Resources: o.Resources}}}
		s.call(accept)
		if o := s.offers("node1")["node1"]; scalarOf(o, "cpus") != 8 {
			t.Errorf("offered %v", o.Resources)
		}
	})
}
