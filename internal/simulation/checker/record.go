// Package checker judges what an operator did, by the rules of safety. It knows what
// stood on the wire and what ran on the hosts, and what the user had asked for when;
// it shares nothing with the code that it judges but Mesos's messages.
package checker

import (
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// Record is what happened, from the start to the end.
type Record struct {
	// Entries in the order in which they happened.
	Entries []Entry
	// Tasks are all that ever were, as it was on their hosts.
	Tasks      []mesostest.TaskRecord
	Frameworks []mesostest.FrameworkRecord
	// End is when it was looked at, at rest if Rested.
	End time.Time
	// Rested: the faults had ended long before, and what the user wanted was reached.
	Rested bool
	// Hearing is how long a word of the user may take to be heard by the operator.
	Hearing time.Duration
}

// Entry is one thing that happened; one of its pointers is set.
type Entry struct {
	At time.Time
	// Operator is the number of the process that sent the call; zero for all else.
	Operator int
	// Stream is the subscription of a call or an event; empty for a SUBSCRIBE.
	Stream string
	// Call as it was sent, whether or not the master saw it.
	Call *scheduler.Call
	// Event as it was written to the stream.
	Event *scheduler.Event
	Act   *Act
}

// Act is what the user did, or somebody with the user's devices.
type Act struct {
	Kind Kind
	// Services that a change of the spec concerns.
	Services []string
	// Service, and how many of it are wanted.
	Service   string
	Instances int
	// Device with its types, and where it is; From is where it was before a move.
	Device     string
	Types      []string
	Host, From string
	Hosts      []string
	// Limit as a number, or in percent of the wanted instances of a service.
	Limit string
	Least time.Duration
	// AgentID that is said to be gone.
	AgentID string
	// Teardown: the cluster is deleted with that policy; otherwise with Orphan.
	Teardown bool
}

// Kind of act.
type Kind int

// The kinds.
const (
	// SpecChanged: what some services are to be has changed.
	SpecChanged Kind = iota
	// InstancesChanged: so many of a floating service are wanted.
	InstancesChanged
	// DeviceAppears: it asks for its services on its host from now on.
	DeviceAppears
	// DeviceLeaves: a person has deleted or decommissioned it.
	DeviceLeaves
	// DeviceVanishes: its object or its disk is not there, and nobody said that it
	// should not be.
	DeviceVanishes
	// DeviceMoved: its disk is on another host.
	DeviceMoved
	// Stopped and Started: the state that is wanted of the whole cluster.
	Stopped
	Started
	// Deleted and Created: the object of the cluster.
	Deleted
	Created
	// PolicyChanged: of a cluster that is being deleted.
	PolicyChanged
	// AgentGone: a person says that nothing runs on an agent any more. AgentGoneWrongly:
	// it is not so.
	AgentGone
	AgentGoneWrongly
	// HostBooted: nothing that ran there before runs any more.
	HostBooted
	// Suspended and Resumed: nothing is to be started or stopped.
	Suspended
	Resumed
	// Cordoned: nothing is to be started on the host, which is the only one; on none when
	// it is empty.
	Cordoned
	// Placed: only hosts with these names are used; all when there are none.
	Placed
	// MinReadyChanged: what serves for a shorter time than Least counts as down.
	MinReadyChanged
	// MaintenancePlanned: the host has a window.
	MaintenancePlanned
	// RestartAsked: for some services, on a host or, when it is empty, on all.
	RestartAsked
	// LimitChanged: so many instances of a service may be away.
	LimitChanged
	// RollbackAllowed: updates that fail go back by themselves.
	RollbackAllowed
	// ProberSilenced: nothing that changes on the host is heard of, until ProberHeard.
	ProberSilenced
	ProberHeard
	// Healed: no fault happens from now on.
	Healed
)

// Violation is a rule that was broken.
type Violation struct {
	// Rule such as "11".
	Rule string
	At   time.Time
	Text string
}
