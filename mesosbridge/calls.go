package mesosbridge

import (
	"errors"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
)

// outgoing is a call that the state wants to be sent, and what it has to know
// when the answer comes.
type outgoing struct {
	call *scheduler.Call
	// agent orders calls: those of one agent are sent one after the other, so that
	// no KILL overtakes its ACCEPT and acknowledgements keep their order. Empty:
	// the call is ordered with all others that name no agent (RECONCILE, DECLINE,
	// REVIVE, TEARDOWN, the answers to inverse offers), so that no round of
	// reconciliation overtakes another and no DECLINE a REVIVE.
	agent string
	// subscription in which the call was made; answers that come after it ended
	// say nothing of the present one.
	subscription uint64
	// answered is called with the answer, within the state. nil: the answer has
	// no consequences beyond those that all answers have.
	answered func(s *state, a answer)
}

// outcome is what became of a call.
type outcome string

const (
	// accepted: 2xx. The master has taken the call; it need not have acted yet.
	accepted outcome = "accepted"
	// refused: 3xx or 4xx. The master has not processed the call.
	refused outcome = "refused"
	// unseen: the call may have been processed or not (network error, time-out,
	// 5xx: a proxy says 502 or 503 of a call that it had passed on).
	unseen outcome = "unseen"
	// unsent: not a byte of the call has left.
	unsent outcome = "unsent"
)

type answer struct {
	outcome outcome
	status  int    // of HTTP, when there was an answer
	text    string // from the master, or of the error
}

// endsSubscription says that an answer means that the master does not, or no
// longer, take our calls (http-errors.jsonl, resubscribe.jsonl): the stream id is
// not ours any more, the framework is unknown, the credential is refused, or
// another master leads.
func (a answer) endsSubscription() bool {
	switch {
	case a.outcome == unseen:
		return true
	case a.outcome != refused:
		return false
	case a.status < 400, a.status == 401, a.status == 403:
		return true
	}
	text := strings.ToLower(a.text)
	return strings.Contains(text, "stream id") || strings.Contains(text, "stream-id") ||
		strings.Contains(text, "framework cannot be found") ||
		strings.Contains(text, "framework is not subscribed")
}

// send hands a call to the driver. The framework id is put on here.
func (s *state) send(o *outgoing) {
	o.call.FrameworkID = &mesos.FrameworkID{Value: s.head.FrameworkID}
	o.subscription = s.subscription
	s.out = append(s.out, o)
}

// answer takes in what became of a call.
func (s *state) answer(o *outgoing, a answer, now time.Time) {
	s.begin(now)
	current := s.head.Connected && o.subscription == s.subscription
	// What became of an ACCEPT matters beyond its subscription, as the launch
	// stays in the snapshot, and the end of a TEARDOWN is the subscription's end.
	if lasting := o.call.Type == scheduler.Call_ACCEPT || o.call.Type == scheduler.Call_TEARDOWN; o.answered != nil && (current || lasting) {
		o.answered(s, a)
	}
	if !current {
		return
	}
	switch {
	case a.endsSubscription():
		// Rule 3: the new stream id makes the master refuse the old call.
		s.endSubscription("the answer to " + o.call.Type.String() + " was " + string(a.outcome) + ": " + a.text)
	case a.outcome == refused:
		s.note("the master refused a call", "call", o.call.Type.String(), "status", a.status, "answer", a.text)
	}
}

// endSubscription asks the driver to drop the stream and to subscribe anew.
func (s *state) endSubscription(why string) {
	if s.over == nil {
		s.over = &problem{reason: reasonConnecting, err: errors.New(why)}
	}
}

// chunks cuts a list, so that no call grows with the cluster.
func chunks[T any](list []T, size int) [][]T {
	var out [][]T
	for len(list) > size {
		out = append(out, list[:size])
		list = list[size:]
	}
	if len(list) > 0 {
		out = append(out, list)
	}
	return out
}

// Sizes of calls. A master handles a call at one go, and everybody waits for it.
const (
	reconcileBatch = 2000
	declineBatch   = 2000
)

func reconcileTask(taskID, agentID string) scheduler.Call_Reconcile_Task {
	t := scheduler.Call_Reconcile_Task{TaskID: mesos.TaskID{Value: taskID}}
	if agentID != "" {
		t.AgentID = &mesos.AgentID{Value: agentID}
	}
	return t
}

func reconcileCall(tasks []scheduler.Call_Reconcile_Task) *scheduler.Call {
	c := calls.Reconcile()
	c.Reconcile.Tasks = tasks
	return c
}

func offerIDs(ids []string) []mesos.OfferID {
	out := make([]mesos.OfferID, len(ids))
	for i, id := range ids {
		out[i].Value = id
	}
	return out
}

// frameworkInfo is what a SUBSCRIBE says of the framework.
func frameworkInfo(f Framework, id string, failover time.Duration) *mesos.FrameworkInfo {
	info := &mesos.FrameworkInfo{
		User:            f.User,
		Name:            f.Name,
		Roles:           f.Roles,
		FailoverTimeout: ptr(failover.Seconds()),
		Checkpoint:      ptr(true), // rule 9
	}
	for _, c := range []mesos.FrameworkInfo_Capability_Type{
		mesos.FrameworkInfo_Capability_MULTI_ROLE,
		mesos.FrameworkInfo_Capability_RESERVATION_REFINEMENT,
		mesos.FrameworkInfo_Capability_PARTITION_AWARE,
		mesos.FrameworkInfo_Capability_TASK_KILLING_STATE,
	} {
		info.Capabilities = append(info.Capabilities, mesos.FrameworkInfo_Capability{Type: c})
	}
	if id != "" {
		info.ID = &mesos.FrameworkID{Value: id}
	}
	if f.Principal != "" {
		info.Principal = &f.Principal
	}
	if f.WebUIURL != "" {
		info.WebUiURL = &f.WebUIURL
	}
	if f.Hostname != "" {
		info.Hostname = &f.Hostname
	}
	return info
}

func ptr[T any](v T) *T { return &v }
