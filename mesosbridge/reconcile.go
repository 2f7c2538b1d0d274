package mesosbridge

import (
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// askFor puts a task on the agenda of explicit reconciliation, which Mesos's
// documentation of reconciliation wants repeated with truncated back-off: a task
// on an agent that is not back yet is not answered at all (master-failover.jsonl).
func (s *state) askFor(id string) {
	if s.head.Connected && !s.reconcile.has(id) {
		s.reconcile.set(id, s.now, s.timing.ReconcileMin)
	}
}

// tickReconcile asks for the tasks that are due, many with one call.
func (s *state) tickReconcile() {
	var tasks []scheduler.Call_Reconcile_Task
	s.reconcile.due(s.now, func(id string, delay time.Duration) {
		t := s.tasks[id]
		if t == nil {
			return
		}
		// After a sweep (delay 0) a task is asked for whatever is known of it.
		if settled := t.Heard && !t.Launching && !Doubtful(t.State); settled && delay > 0 {
			return
		}
		if s.taskBooks[id].accepted == 0 {
			return // rule 3; it is put on the agenda when its ACCEPT is answered
		}
		tasks = append(tasks, reconcileTask(id, t.AgentID))
		s.reconcile.again(id, s.now, delay, s.timing.ReconcileMin, s.timing.ReconcileMax)
	})
	for _, part := range chunks(tasks, reconcileBatch) {
		s.send(&outgoing{call: reconcileCall(part)})
	}
}
