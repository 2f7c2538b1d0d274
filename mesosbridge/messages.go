package mesosbridge

import (
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
)

// Messages between the framework and its executors are best effort, both ways
// (Mesos's documentation of the scheduler HTTP API): neither Mesos nor the bridge
// repeats one. The bridge does not look into them.

// received is a message of an executor.
type received struct {
	agentID, executorID string
	data                []byte
}

// messageFrom takes in a message of an executor, which changes nothing but what is
// known of the agent: the master passes on messages of registered agents only
// (Master::executorMessage in master/master.cpp of Mesos).
func (s *state) messageFrom(m *scheduler.Event_Message) {
	agentID := m.AgentID.Value
	s.registered(agentID)
	s.notGone(agentID)
	s.messages = append(s.messages, received{agentID: agentID, executorID: m.ExecutorID.Value, data: m.Data})
}

// messageTo sends a message to an executor, if there is a subscription.
func (s *state) messageTo(agentID, executorID string, data []byte, now time.Time) {
	s.begin(now)
	if s.open() {
		// The field is required: mesos-go leaves out nil, and the master refuses the call.
		data = append([]byte{}, data...)
		s.send(&outgoing{call: calls.Message(agentID, executorID, data), agent: agentID})
	}
}

// shutdown asks an executor to end, if there is a subscription.
func (s *state) shutdown(agentID, executorID string, now time.Time) {
	s.begin(now)
	if s.open() {
		s.send(&outgoing{call: calls.Shutdown(executorID, agentID), agent: agentID})
	}
}

// open: a call that is made now has a subscription to go by.
func (s *state) open() bool { return s.head.Connected && !s.closing && s.over == nil }
