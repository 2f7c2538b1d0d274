package mesostest_test

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// fates are those of the next updates; what comes after them arrives at once.
func fates(list ...mesostest.Fate) func(*mesos.TaskStatus) mesostest.Fate {
	return func(*mesos.TaskStatus) (next mesostest.Fate) {
		if len(list) > 0 {
			next, list = list[0], list[1:]
		}
		return next
	}
}

func TestLostUpdateComesAgain(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		c.OnUpdate(fates(mesostest.Fate{Lost: true}, mesostest.Fate{Lost: true}))
		o := s.offers("node1", "node2")["node1"]
		s.call(launch(3600, taskInfo(o, "t"), o))
		asked := time.Now()
		s.status(mesos.TASK_STARTING)
		if took := time.Since(asked); took < 30*time.Second || took > 31*time.Second {
			t.Errorf("the first word came after %v, want it after two repetitions", took)
		}
		s.status(mesos.TASK_RUNNING)
	})
}

func TestLateUpdatesKeepTheirOrder(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		c.OnUpdate(fates(mesostest.Fate{Late: 15 * time.Second}))
		o := s.offers("node1", "node2")["node1"]
		s.call(launch(3600, taskInfo(o, "t"), o))
		asked := time.Now()
		first := s.status(mesos.TASK_STARTING)
		if took := time.Since(asked); took < 15*time.Second || took > 16*time.Second {
			t.Errorf("it came after %v", took)
		}
		// The one that was sent again after ten seconds comes with it, not before.
		again := s.status(mesos.TASK_STARTING)
		if string(first.UUID) != string(again.UUID) || time.Since(asked) > 16*time.Second {
			t.Errorf("after %v: %v", time.Since(asked), again)
		}
		s.status(mesos.TASK_RUNNING)
	})
}

func TestLateUpdateOfAnAgentThatWasLost(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		s.runs("t")
		host := c.Tasks()[0].Host
		c.OnUpdate(fates(mesostest.Fate{Late: time.Minute}))
		if err := c.SetHealth("t", false); err != nil {
			t.Fatal(err)
		}
		c.StopAgent(host)
		s.status(mesos.TASK_UNREACHABLE)
		s.quiet(scheduler.Event_UPDATE, 2*time.Minute)
	})
}

func TestRepeatedUpdate(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		s.runs("t")
		c.OnUpdate(fates(mesostest.Fate{Repeated: 1}))
		if err := c.FailTask("t", "for the test"); err != nil {
			t.Fatal(err)
		}
		first, second := s.status(mesos.TASK_FAILED), s.status(mesos.TASK_FAILED)
		if string(first.UUID) != string(second.UUID) {
			t.Errorf("%v and %v", first, second)
		}
		s.quiet(scheduler.Event_UPDATE, time.Hour)
	})
}

// What is written to a stream is told, and what a stalled one holds back is not.
func TestOnEvent(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		told := make(chan mesostest.EventRecord, 100)
		c.OnEvent(func(r mesostest.EventRecord) {
			if r.Event.Type == scheduler.Event_UPDATE {
				told <- r
			}
		})
		s := newClient(t, c)
		s.subscribe()
		s.runs("t")
		for range len(told) - 1 {
			<-told
		}
		if r := <-told; r.FrameworkID != s.id || r.Stream == "" || r.Event.Update.Status.GetState() != mesos.TASK_RUNNING || !r.Time.Equal(time.Now()) {
			t.Errorf("told %+v", r)
		}
		c.StallStreams(true)
		if err := c.SetHealth("t", false); err != nil {
			t.Fatal(err)
		}
		s.quiet(scheduler.Event_UPDATE, time.Minute)
		if len(told) > 0 {
			t.Errorf("told %+v", <-told)
		}
		c.StallStreams(false)
		if status := s.status(mesos.TASK_RUNNING); status.GetHealthy() {
			t.Errorf("%v", status)
		}
		<-told
	})
}
