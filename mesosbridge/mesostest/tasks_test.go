package mesostest_test

import (
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

func TestUpdatesAreRepeatedUntilAcknowledged(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.handsOff = true
		s.subscribe()
		o := s.offers("node1", "node2")["node1"]
		s.call(launch(3600, taskInfo(o, "t"), o))
		first := s.next(scheduler.Event_UPDATE)
		last := time.Now()
		for _, want := range []int{10, 20, 40, 80, 160, 320, 600, 600} {
			e := s.next(scheduler.Event_UPDATE)
			if gap := time.Since(last); gap != time.Duration(want)*time.Second || !e.Equal(first) {
				t.Fatalf("after %v: %v, want the same again after %ds", gap, e, want)
			}
			last = time.Now()
		}
		// A new subscription has it sent again at once.
		s.subscribe()
		if e := s.next(scheduler.Event_UPDATE); !e.Equal(first) || !time.Now().Equal(last) {
			t.Errorf("after a new subscription: %v", e)
		}
		s.acknowledge(first)
		if status := s.next(scheduler.Event_UPDATE).Update.Status; *status.State != mesos.TASK_RUNNING || !time.Now().Equal(last) {
			t.Errorf("behind it: %v", status)
		}
	})
}

func TestKill(t *testing.T) {
	grace := func(task mesos.TaskInfo, d time.Duration) mesos.TaskInfo {
		task.KillPolicy = &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{Nanoseconds: d.Nanoseconds()}}
		return task
	}
	for _, test := range []struct {
		name    string
		script  mesostest.Script
		grace   time.Duration
		takes   time.Duration
		message string
	}{
		{"obeys", mesostest.Healthy, time.Minute, 50 * time.Millisecond, "Command terminated with signal Terminated"},
		{"ignores", mesostest.IgnoresKill, time.Minute, time.Minute, "Command terminated with signal Killed"},
		{"no policy", mesostest.IgnoresKill, 0, 3 * time.Second, "Command terminated with signal Killed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			run(t, mesostest.Config{Script: test.script}, func(t *testing.T, c *mesostest.Cluster) {
				s := newClient(t, c)
				s.subscribe()
				o := s.offers("node1", "node2")["node1"]
				task := taskInfo(o, "t")
				if test.grace > 0 {
					task = grace(task, test.grace)
				}
				s.call(launch(3600, task, o))
				s.status(mesos.TASK_RUNNING)
				asked := time.Now()
				s.call(kill("t"))
				s.status(mesos.TASK_KILLING)
				status := s.status(mesos.TASK_KILLED)
				if took := time.Since(asked); took != test.takes || status.GetMessage() != test.message {
					t.Errorf("after %v: %s", took, status.GetMessage())
				}
				if r, _ := c.Task("t"); len(r.Kills) != 1 || r.Alive() || len(c.Running("node1")) != 0 {
					t.Errorf("record %+v", r)
				}
			})
		})
	}
}

func TestKillBeforeItStarts(t *testing.T) {
	run(t, mesostest.Config{Script: mesostest.NeverStarts}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		o := s.offers("node1", "node2")["node1"]
		s.call(launch(3600, taskInfo(o, "t"), o))
		s.quiet(scheduler.Event_UPDATE, time.Hour)
		s.call(&scheduler.Call{Type: scheduler.Call_RECONCILE, Reconcile: &scheduler.Call_Reconcile{}})
		s.status(mesos.TASK_STAGING)
		s.call(kill("t"))
		if status := s.status(mesos.TASK_KILLED); status.GetReason() != mesos.REASON_TASK_KILLED_DURING_LAUNCH {
			t.Errorf("%v", status)
		}
	})
}

func TestScriptsAndReportsByHand(t *testing.T) {
	script := func(task mesos.TaskInfo) mesostest.Play {
		if task.Name == "fails" {
			return mesostest.FailsAfter(time.Minute, "out of luck")(task)
		}
		return mesostest.Delayed(time.Second, mesostest.UnhealthyAfter(time.Minute))(task)
	}
	run(t, mesostest.Config{Script: script}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		offers := s.offers("node1", "node2")
		s.call(launch(3600, taskInfo(offers["node1"], "fails"), offers["node1"]))
		if status := s.status(mesos.TASK_FAILED); status.GetMessage() != "out of luck" {
			t.Errorf("%v", status)
		}
		s.call(launch(3600, taskInfo(offers["node2"], "ill"), offers["node2"]))
		s.status(mesos.TASK_RUNNING)
		if status := s.status(mesos.TASK_RUNNING); status.GetHealthy() || status.Healthy == nil {
			t.Errorf("%v", status)
		}
		for _, err := range []error{c.SetHealth("ill", true), c.FailTask("ill", "by hand")} {
			if err != nil {
				t.Error(err)
			}
		}
		if status := s.status(mesos.TASK_RUNNING); !status.GetHealthy() || status.GetReason() != mesos.REASON_TASK_HEALTH_CHECK_STATUS_UPDATED {
			t.Errorf("%v", status)
		}
		if status := s.status(mesos.TASK_FAILED); status.GetMessage() != "by hand" || !status.GetHealthy() {
			t.Errorf("%v", status)
		}
		if err := c.FailTask("ill", "again"); err == nil {
			t.Error("a task failed twice")
		}
		if len(c.History()) != 2 || len(c.Tasks()) != 0 {
			t.Errorf("history %v", c.History())
		}
	})
}

// A framework that does not come back in time is removed with its tasks.
func TestFailoverTimeout(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.runs("t")
		s.hangUp()
		time.Sleep(time.Hour - time.Second)
		if len(c.Running("node1")) != 1 || c.Frameworks()[0].Connected {
			t.Fatalf("running %v, frameworks %v", c.Running("node1"), c.Frameworks())
		}
		time.Sleep(2 * time.Second)
		if len(c.Running("node1")) != 0 || c.Frameworks()[0].Removed.IsZero() {
			t.Fatalf("running %v, frameworks %v", c.Running("node1"), c.Frameworks())
		}
		resp, err := s.do(&scheduler.Call{Type: scheduler.Call_SUBSCRIBE, FrameworkID: &mesos.FrameworkID{Value: s.id},
			Subscribe: &scheduler.Call_Subscribe{FrameworkInfo: &s.info}})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
	})
}

func TestUpdateFramework(t *testing.T) {
	run(t, mesostest.Config{Agents: mesostest.Agents(1)}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		s.subscribe()
		o := s.offers("node1")["node1"]
		info := frameworkInfo("other")
		info.ID = &mesos.FrameworkID{Value: s.id}
		s.call(&scheduler.Call{Type: scheduler.Call_UPDATE_FRAMEWORK, UpdateFramework: &scheduler.Call_UpdateFramework{FrameworkInfo: info}})
		if e := s.next(scheduler.Event_RESCIND); e.Rescind.OfferID != o.ID {
			t.Errorf("rescinded %v, want %v", e.Rescind.OfferID, o.ID)
		}
		if o := s.offers("node1")["node1"]; o.AllocationInfo.GetRole() != "other" {
			t.Errorf("offered to %v", o.AllocationInfo)
		}
	})
}
