package mesostest_test

import (
	"io"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

func TestDroppedCalls(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		offers := s.offers("node1", "node2")
		c.DropNext(scheduler.Call_ACCEPT, mesostest.Before)
		c.DropNext(scheduler.Call_ACCEPT, mesostest.After)
		if err := s.try(launch(0, taskInfo(offers["node1"], "lost"), offers["node1"])); err == nil {
			t.Error("the answer came")
		}
		if err := s.try(launch(0, taskInfo(offers["node2"], "done"), offers["node2"])); err == nil {
			t.Error("the answer came")
		}
		if status := s.status(mesos.TASK_RUNNING); status.TaskID.Value != "done" {
			t.Errorf("%v", status)
		}
		if len(c.History()) != 1 {
			t.Errorf("history %v", c.History())
		}
	})
}

func TestBrokenStreams(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		c.BreakStreams()
		if err := s.ends(); err != io.ErrUnexpectedEOF {
			t.Errorf("the stream ended with %v", err)
		}
		if err := s.try(reconcile()); err == nil || err.Error() != "403 Forbidden: Framework is not subscribed" {
			t.Errorf("a call without a stream: %v", err)
		}
		s.subscribe()
		s.offers("node1", "node2")
	})
}

func TestStalledStreams(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		s.offers("node1", "node2")
		c.StallStreams(true)
		s.quiet(scheduler.Event_HEARTBEAT, time.Hour)
		c.StallStreams(false)
		s.next(scheduler.Event_HEARTBEAT)
	})
}

func TestRefusedConnections(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		s.call(reconcile())
		c.RefuseConnections(true)
		if err := s.try(reconcile()); err == nil {
			t.Error("a call came through")
		}
		s.next(scheduler.Event_HEARTBEAT) // streams go on
		c.RefuseConnections(false)
		s.call(reconcile())
	})
}

// Who takes over is asked to leave anew: the inverse offer of the one before is void.
func TestTakeoverWithAnInverseOffer(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		first, second := newClient(t, c), newClient(t, c)
		first.runs("t")
		first.mustOperate(`{"type":"UPDATE_MAINTENANCE_SCHEDULE","update_maintenance_schedule":{"schedule":{"windows":[{
			"machine_ids":[{"hostname":"node1","ip":"127.0.0.1"}],"unavailability":{"start":{"nanoseconds":1}}}]}}}`)
		old := first.next(scheduler.Event_INVERSE_OFFERS).InverseOffers.InverseOffers[0]
		second.id = first.id
		second.subscribe()
		first.next(scheduler.Event_ERROR)
		asked := second.next(scheduler.Event_INVERSE_OFFERS).InverseOffers.InverseOffers
		if len(asked) != 1 || asked[0].OfferID == old.OfferID || *asked[0].AgentID != *old.AgentID {
			t.Errorf("%v, before %v", asked, old)
		}
		second.quiet(scheduler.Event_RESCIND_INVERSE_OFFER, time.Minute)
	})
}

// Who subscribes last speaks for the framework.
func TestTakeover(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		first, second := newClient(t, c), newClient(t, c)
		first.subscribe()
		first.offers("node1", "node2")
		second.id = first.id
		second.subscribe()
		if e := first.next(scheduler.Event_ERROR); e.Error.Message != "Framework failed over" {
			t.Errorf("error %q", e.Error.Message)
		}
		if err := first.ends(); err != io.EOF {
			t.Errorf("the stream ended with %v", err)
		}
		if err := first.try(reconcile()); err == nil {
			t.Error("the first one may still call")
		}
		second.offers("node1", "node2")
		first.hangUp()
		if fw := c.Frameworks()[0]; !fw.Connected || len(fw.Subscriptions) != 2 {
			t.Errorf("framework %+v", fw)
		}
	})
}
