package mesosbridge

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"pgregory.net/rapid"
)

// check is called after every step.
func (m *model) check(t *rapid.T) {
	m.take()
	for id := range m.s.tasks {
		if m.final[id] || m.s.ended.has(id) {
			t.Fatalf("%s has ended and is a task", id)
		}
	}
	if m.shown != nil {
		if now := looks(m.shown); now != m.looks {
			t.Fatalf("a snapshot has changed:\n%s\n%s", m.looks, now)
		}
	}
	before := m.shown
	m.shown = m.s.snapshot()
	m.checkSteady(t, before)
	m.looks = looks(m.shown)
	sum := 0
	for _, n := range m.s.taskStates {
		sum += n
	}
	if sum != len(m.s.tasks) || len(m.s.tasks) != len(m.s.taskBooks) || len(m.s.agents) != len(m.s.agentBooks) {
		t.Fatalf("the books do not tally: %v for %d tasks", m.s.taskStates, len(m.s.tasks))
	}
	m.checkOperations(t)
	m.checkInverseOffers(t)
	for _, a := range m.agents {
		shown := m.s.agents[a.id]
		if m.s.gone[a.id] && shown != nil && (shown.Registered || len(m.s.agentBooks[a.id].tasks) > 0) {
			t.Fatalf("%s is gone, and is %+v", a.id, shown)
		}
		for id := range a.running {
			if m.s.ended.has(id) && !m.s.gone[a.id] && !m.misled[id] {
				t.Fatalf("%s counts as ended and runs on %s", id, a.id)
			}
			if shown != nil && shown.Behind && m.s.tasks[id] == nil {
				t.Fatalf("%s is behind its barrier, and %s, which runs there, is not known", a.id, id)
			}
		}
	}
}

// looks is all of a snapshot.
func looks(s *Snapshot) string {
	var b strings.Builder
	fmt.Fprintln(&b, s.Revision, s.Connected, s.Reconciled)
	for _, id := range slices.Sorted(maps.Keys(s.Agents)) {
		a := s.Agents[id]
		fmt.Fprintln(&b, *a, a.Unavailability)
		for _, i := range a.InverseOffers {
			fmt.Fprintln(&b, *i)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.Tasks)) {
		fmt.Fprintln(&b, *s.Tasks[id])
	}
	for _, t := range s.Ended {
		fmt.Fprintln(&b, *t)
	}
	for _, id := range slices.Sorted(maps.Keys(s.Operations)) {
		fmt.Fprintln(&b, *s.Operations[id])
	}
	for _, o := range s.EndedOperations {
		fmt.Fprintln(&b, *o)
	}
	return b.String()
}

// settle lets everything work for hours, and then nothing may be in doubt.
func (m *model) settle(t *rapid.T) {
	if !m.s.head.Connected {
		m.connect()
	}
	for _, a := range m.agents {
		if a.standing != isRegistered {
			m.arrive(a)
		}
	}
	m.settleFor(t, time.Hour)
	for _, a := range m.agents {
		if m.s.agents[a.id] != nil && !m.s.agents[a.id].Behind {
			t.Fatalf("%s is registered and its barrier is closed", a.id)
		}
		for id := range a.running {
			if task := m.s.tasks[id]; task == nil || Doubtful(task.State) || task.Launching || !task.Heard {
				t.Fatalf("%s runs, and is %+v", id, task)
			}
		}
	}
	for id, task := range m.s.tasks {
		if a := m.agent(task.AgentID); a != nil && !a.running[id] {
			t.Fatalf("%s does not run, and is %+v", id, task)
		}
	}
	for id, o := range m.s.operations.live {
		t.Fatalf("operation %s is on its way for ever: %+v", id, o)
	}
	for _, a := range m.agents {
		for id := range a.operations {
			t.Fatalf("nobody has acknowledged the end of operation %s", id)
		}
	}
	m.settleInverseOffers(t)
}

// settleFor lets everything that is under way arrive, and time pass.
func (m *model) settleFor(t *rapid.T, d time.Duration) {
	for until := m.now.Add(d); ; m.check(t) {
		m.take()
		switch {
		case len(m.events) > 0:
			m.readEvent()
		case len(m.answers) > 0:
			m.answerLane(slices.Sorted(maps.Keys(m.answers))[0])
		case len(m.ready()) > 0:
			m.processLane(m.ready()[0])
		case !m.now.Before(until):
			return
		default:
			m.wait()
		}
	}
}

func TestSafetyInEveryHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel()
		m.connect()
		pick := func(t *rapid.T, what string, of []string) string {
			if len(of) == 0 {
				t.Skip()
			}
			return rapid.SampledFrom(of).Draw(t, what)
		}
		agentIn := func(t *rapid.T, states ...standing) *modelAgent {
			var ids []string
			for _, a := range m.agents {
				if slices.Contains(states, a.standing) {
					ids = append(ids, a.id)
				}
			}
			return m.agent(pick(t, "agent", ids))
		}
		fate := func(t *rapid.T) func() int {
			return func() int { return rapid.IntRange(0, 2).Draw(t, "fate") }
		}
		tasks := func() []string { return slices.Sorted(maps.Keys(m.s.tasks)) }
		// flow lets calls, answers and events move on, in any order.
		flow := func(t *rapid.T) {
			for range rapid.IntRange(1, 25).Draw(t, "moves") {
				m.move(t)
			}
		}
		launch := func(t *rapid.T) {
			var ids []string
			for id, a := range m.s.agents {
				if a.Behind && len(a.Offers) > 0 {
					ids = append(ids, id)
				}
			}
			slices.Sort(ids)
			id := pick(t, "agent", ids)
			req := Accept{AgentID: id, OfferIDs: []string{m.s.agents[id].Offers[0].ID}}
			parts := rapid.IntRange(0, 3).Draw(t, "parts")
			if parts != 3 {
				req.Tasks = []mesos.TaskInfo{{TaskID: mesos.TaskID{Value: m.id("task")}, AgentID: mesos.AgentID{Value: id}}}
			}
			if parts >= 2 {
				req.Operations = []Operation{reserveOperation(m.id("op")), reserveOperation(m.id("op"))}
			}
			if err := m.s.accept(req, m.now); err != nil {
				t.Fatal(err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"":        m.check,
			"flow":    flow,
			"flow2":   flow,
			"flow3":   flow,
			"flow4":   flow,
			"flow5":   flow,
			"flow6":   flow,
			"launch":  launch,
			"launch2": launch,
			"connect": func(t *rapid.T) {
				if m.s.head.Connected {
					t.Skip()
				}
				m.connect()
			},
			"break": func(t *rapid.T) {
				if !m.s.head.Connected {
					t.Skip()
				}
				m.disconnect(fate(t))
			},
			"offer": func(t *rapid.T) {
				a := agentIn(t, isRegistered)
				if a.offer != "" || !m.s.head.Connected {
					t.Skip()
				}
				m.offerOf(a)
			},
			"kill":    func(t *rapid.T) { m.s.kill(pick(t, "task", tasks()), m.now) },
			"message": func(t *rapid.T) { m.emit(messageEvent(agentIn(t, isRegistered).id, "")) },
			"leave":   func(t *rapid.T) { m.leave(agentIn(t, isRegistered)) },
			"arrive":  func(t *rapid.T) { m.arrive(agentIn(t, isUnreachable, isRecovered)) },
			"finish": func(t *rapid.T) {
				a := agentIn(t, isRegistered, isUnreachable, isRecovered)
				id := pick(t, "task", slices.Sorted(maps.Keys(a.running)))
				delete(a.running, id)
				m.own(id, a, mesos.TASK_FINISHED)
			},
			"failover": func(t *rapid.T) {
				if m.s.head.Connected {
					m.disconnect(fate(t))
				}
				for _, a := range m.agents {
					a.standing = isRecovered
				}
			},
			"restart": func(t *rapid.T) {
				if m.s.head.Connected {
					m.disconnect(fate(t))
				}
				var remembered []RememberedTask
				for _, id := range tasks() {
					if rapid.Bool().Draw(t, "remembered") {
						r := RememberedTask{TaskID: id, AgentID: m.s.tasks[id].AgentID}
						if rapid.IntRange(0, 2).Draw(t, "wrongly") == 0 {
							r.AgentID = fmt.Sprintf("agent%d", rapid.IntRange(0, 2).Draw(t, "agent"))
							m.misled[id] = true
						}
						remembered = append(remembered, r)
					}
				}
				m.restart(remembered)
			},
			"gone": func(t *rapid.T) {
				if rapid.IntRange(0, 4).Draw(t, "rarely") > 0 {
					t.Skip()
				}
				m.said = append(m.said, agentIn(t, isRegistered, isUnreachable, isRecovered).id)
				m.s.declareGone(m.said, m.now)
			},
			"not gone": func(t *rapid.T) {
				said := pick(t, "agent", m.said)
				m.said = slices.DeleteFunc(m.said, func(id string) bool { return id == said })
				m.s.declareGone(m.said, m.now)
			},
			// What was said before the end is said again after it.
			"stale": func(t *rapid.T) {
				a := agentIn(t, isRegistered)
				e := update(pick(t, "task", slices.Sorted(maps.Keys(m.final))), a.id, mesos.TASK_RUNNING, nil)
				e.Update.Status.Source = mesos.SOURCE_EXECUTOR.Enum()
				e.Update.Status.UUID = []byte("stale")
				m.emit(e)
			},
			"health": func(t *rapid.T) {
				a := agentIn(t, isRegistered, isUnreachable, isRecovered)
				id := pick(t, "task", slices.Sorted(maps.Keys(a.running)))
				healthy := rapid.Bool().Draw(t, "healthy")
				m.health[id] = healthy
				m.own(id, a, mesos.TASK_RUNNING).Update.Status.Healthy = &healthy
			},
			"schedule": func(t *rapid.T) {
				a := agentIn(t, isRegistered, isUnreachable, isRecovered)
				var w *mesos.Unavailability
				if hour := rapid.IntRange(0, 2).Draw(t, "hour"); hour > 0 {
					w = window(int64(hour))
				}
				m.reschedule(a, w)
			},
			"answer": func(t *rapid.T) {
				id := pick(t, "inverse offer", slices.Sorted(maps.Keys(m.s.inverse)))
				m.s.answerInverse([]string{id}, rapid.Bool().Draw(t, "accept"), 0, m.now)
			},
			"time": func(t *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 60_000).Draw(t, "ms")) * time.Millisecond)
				m.s.lastEvent = m.now
				m.s.tick(m.now)
			},
		})
		m.settle(t)
	})
}
