package mesosbridge

import (
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
)

// kill asks for the end of a task. It is remembered until the task ends, across
// subscriptions: Mesos drops a KILL for an agent that it cannot reach.
func (s *state) kill(id string, now time.Time) {
	s.begin(now)
	t := s.tasks[id]
	if t == nil || !t.Killing.IsZero() {
		return
	}
	s.editTask(id).Killing = now
	s.sendKill(id, 0)
}

// sendKill sends a KILL, if it can be, and puts the next one on the agenda.
func (s *state) sendKill(id string, delay time.Duration) {
	// A KILL that overtook the ACCEPT would be answered TASK_GONE, and the task
	// launched after it. The answer to the ACCEPT sends it.
	if !s.head.Connected || s.taskBooks[id].accepted == 0 {
		return
	}
	agentID := s.tasks[id].AgentID
	s.send(&outgoing{call: calls.Kill(id, agentID), agent: agentID})
	s.kills.again(id, s.now, delay, s.timing.KillMin, s.timing.KillMax)
}

func (s *state) tickKills() {
	s.kills.due(s.now, func(id string, delay time.Duration) {
		if s.tasks[id] != nil {
			s.sendKill(id, delay)
		}
	})
}
