package mesosbridge

import (
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// Snapshot is all that the bridge knows of one framework at one moment. It is
// immutable: who holds one may read it without a lock and without hurry, and
// must not change it.
type Snapshot struct {
	// Revision grows with every change.
	Revision uint64
	// Connected: a subscription stands and the master has answered it with
	// SUBSCRIBED.
	Connected bool
	// Since is when Connected got its present value.
	Since time.Time
	// Problem says why there is no connection; zero while Connected.
	Problem Problem
	// FrameworkID is empty before the first subscription.
	FrameworkID string
	// Leader is the URL of the master of the present or last subscription.
	Leader string
	// Reconciled: the implicit reconciliation of this subscription was accepted
	// by the master and answered as far as a barrier can tell, so that tasks on
	// registered agents are known. Per agent, Agent.Behind says it.
	Reconciled bool
	// Revived is when the last REVIVE was sent; zero: none was. What was declined before
	// comes with offers soon after it.
	Revived time.Time
	// Agents by agent id: those that this subscription has heard of, and those on
	// which a task or an operation is known.
	Agents map[string]*Agent
	// Tasks by task id: all that have not ended, as far as Mesos said.
	Tasks map[string]*Task
	// Ended holds the tasks that ended last, oldest first, at most EndedKept. One
	// with TASK_GONE, or TASK_GONE_BY_OPERATOR, may be among Tasks again when Mesos
	// says later that it is alive, and is not here then.
	Ended []*Task
	// Operations by id: those on their way. The offers that they used are withdrawn,
	// and what they make or free comes with a later offer of their agent.
	Operations map[string]*OperationState
	// EndedOperations are those that ended last, oldest first, at most
	// EndedOperationsKept. An end that was concluded (OPERATION_DROPPED of a call
	// that was not sent, OPERATION_UNKNOWN, OPERATION_GONE_BY_OPERATOR) is replaced,
	// as a new entry, when Mesos says later how it really ended.
	EndedOperations []*OperationState
}

// EndedOperationsKept is how many ended operations a Snapshot holds.
const EndedOperationsKept = 1024

// EndedKept is how many ended tasks a Snapshot holds. A controller that looks
// at every snapshot of a burst larger than this misses some failures in its
// counters, and nothing else.
const EndedKept = 4096

// Problem says why the bridge is not connected.
type Problem struct {
	// Reason is a CamelCase word, fit for a condition: Connecting, Unreachable,
	// Unauthorized, Refused, FrameworkRemoved, FrameworkIDUnknown.
	Reason string
	// Message is for a person.
	Message string
}

// Agent is a Mesos agent as the framework sees it.
type Agent struct {
	ID string
	// Host name, from its offers; empty when only a task or an inverse offer told of
	// the agent.
	Host string
	// Behind: the agent's barrier of this subscription is open (rule 2 of the
	// design): it is registered, and all that the master knows of its tasks has
	// been heard. Only then may a task be launched on it.
	Behind bool
	// Registered: the master has said in this subscription that it knows the
	// agent and has not taken it back since (FAILURE, TASK_UNREACHABLE).
	Registered bool
	// Offers that are held, by offer id in no particular order.
	Offers []*Offer
	// Declined is the most that filters hide, per allocation role: what was
	// declined for a long time and not revived since. A filter lives on when a
	// larger offer comes, and hides what an ACCEPT of that leaves over, or what a
	// task then gives back, as long as it is within what was declined.
	Declined   map[string][]mesos.Resource
	Attributes []mesos.Attribute
	// Domain is nil when the agent has none.
	Domain *mesos.DomainInfo
	// Unavailability is the maintenance window of the agent's machine, by the offer
	// or inverse offer that came last; nil: none is known, or the agent is not
	// registered. UnavailabilitySaid is when that offer came, or was used or answered:
	// as long as it is held it tells; zero when none is known.
	// A window that is cancelled is known until an offer without one comes or an
	// inverse offer is rescinded: nobody tells of it while all are answered.
	Unavailability     *mesos.Unavailability
	UnavailabilitySaid time.Time
	// InverseOffers are those that are held: the master asks to leave the agent.
	InverseOffers []*InverseOffer
}

// Offer is an outstanding offer.
type Offer struct {
	ID      string
	AgentID string
	Host    string
	// Role the offer is allocated to.
	Role      string
	Resources []mesos.Resource
	// Received is when it came.
	Received time.Time
	// Unavailability is the maintenance window that the offer names, or nil.
	Unavailability *mesos.Unavailability
}

// InverseOffer is an outstanding inverse offer: the master asks the framework to
// have left the agent when its maintenance window begins, and wants to know whether
// it will.
type InverseOffer struct {
	ID, AgentID    string
	Unavailability mesos.Unavailability
	// Received is when it came.
	Received time.Time
}

// Task is a task of the framework.
type Task struct {
	ID string
	// AgentID is empty when nobody has said it.
	AgentID string
	// State as Mesos said it last; TASK_STAGING for a launch that has not been
	// answered yet; TASK_UNKNOWN for one that was only remembered.
	State mesos.TaskState
	// Launching: the launch was decided here and no status has come yet.
	Launching bool
	// Healthy is what the health check said last, of an ended task before or with its
	// end; nil when none has reported.
	Healthy *bool
	Reason  string // such as REASON_COMMAND_EXECUTOR_FAILED; empty when none
	Message string // from Mesos; may be empty
	// Since is when State got its present value, by this process's clock.
	Since time.Time
	// Steady is since when State and Healthy have both been as they are, by this
	// process's clock: what was known from before this process counts from when it
	// was heard of first.
	Steady time.Time
	// Well is the longest time for which it was healthy until something else was said of
	// it, and Relapses is how often that was that it is not, as this process has heard.
	Well     time.Duration
	Relapses int
	// Killing is when a kill was first asked for here; zero when it was not.
	Killing time.Time
	// Heard: this subscription has said something of the task.
	Heard bool
}

// OperationState is an operation of the framework: a change of what kind of
// resources an agent's are.
type OperationState struct {
	ID, AgentID string
	Type        mesos.Offer_Operation_Type
	// State as Mesos said it last; OPERATION_PENDING before it has.
	State   mesos.OperationState
	Message string // from Mesos, or why the call was not sent; may be empty
	// Since is when State got its present value, by this process's clock.
	Since time.Time
}

// Ended says that Mesos has promised the task no longer runs (rule 4).
func Ended(s mesos.TaskState) bool {
	switch s {
	case mesos.TASK_FINISHED, mesos.TASK_FAILED, mesos.TASK_KILLED, mesos.TASK_ERROR,
		mesos.TASK_DROPPED, mesos.TASK_GONE, mesos.TASK_GONE_BY_OPERATOR:
		return true
	}
	return false
}

// Doubtful says that the task perhaps runs, and that nobody can tell (rule 4).
func Doubtful(s mesos.TaskState) bool {
	return s == mesos.TASK_UNREACHABLE || s == mesos.TASK_UNKNOWN || s == mesos.TASK_LOST
}
