// Package plan decides. From what is wanted, the inventory, what Mesos last
// said and the time it derives what to launch, to kill, to decline, and for
// every instance that should run and does not, why. It has no client, no clock
// and no goroutine: the same input gives the same result, and planning again
// after acting decides nothing more.
package plan

import (
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// Input is the whole state that one pass decides on. Nothing in it is changed.
type Input struct {
	Now     time.Time
	Cluster *v1alpha1.QuobyteCluster
	// Inventory of the cluster's devices, those that are being deleted among them, in
	// any order.
	Inventory inventory.Result
	// Probing: probers run on the hosts. Without, devices count as they are declared.
	Probing bool
	// Hosts by host name: what is known of them by their probers.
	Hosts map[string]*inventory.Host
	// Prober is what a prober is to be; nil: none is to run.
	Prober *quobyte.Prober
	Mesos  *mesosbridge.Snapshot
	// NeverRan: it is known that the cluster never had a framework, so that
	// nothing of it can run anywhere.
	NeverRan bool
	// Bootstrapped: it is known from elsewhere than the status that a registry has run.
	Bootstrapped bool
	// Specs by their hashes, as the ControllerRevisions keep them: what a task runs,
	// and what a rollback leads to.
	Specs map[SpecKey]quobyte.Spec
}

// SpecKey names a spec of a service.
type SpecKey struct {
	Service quobyte.Service
	Hash    string
}

// Result is what to do, and how things stand. It is acted on in the order of
// the fields: an offer that is declined in the pass of a REVIVE then comes back
// together with what was declined before it.
type Result struct {
	// Operations are done in their order, each in the ACCEPT of its agent and role
	// and before the launches there: these use what is reserved.
	Operations []Operation
	Launches   []Launch
	Kills      []Kill
	// Declines are offers that nothing can use now.
	Declines []string
	// Revives are roles whose declined resources are needed now.
	Revives []string

	// RegistryPort is the rpc port that the registries are led to: what is launched is
	// told of it, whichever spec it runs itself.
	RegistryPort uint64

	// InverseAnswers answer the inverse offers that are held.
	InverseAnswers []InverseAnswer

	// Phase sums up how things stand.
	Phase Phase
	// Revision names what the spec asks of all services together.
	Revision string
	// Good is what all services run, when all of them run well and as wanted; else what
	// the status has. It is to be remembered.
	Good *v1alpha1.GoodRevision
	// Update is the update or restart under way; nil: none is. Its field Failed is to be
	// remembered before anything is rolled back: the plan goes by the status.
	Update *v1alpha1.UpdateStatus
	// Maintenance lists the hosts with a window, at most v1alpha1.MaxMaintenance, the
	// earliest first.
	Maintenance []v1alpha1.MaintenanceStatus
	// Instances are all that are wanted or exist, by service, then host.
	Instances []Instance
	// Services counts them, in the order of quobyte.Services.
	Services []v1alpha1.ServiceStatus
	// Tasks lists those that no device's view lists, at most v1alpha1.MaxTasks.
	Tasks []v1alpha1.TaskStatus
	// Reasons are grouped and bounded.
	Reasons []v1alpha1.Reason
	// Failures replace those of the cluster's status.
	Failures []v1alpha1.Failure
	// Devices by object name: every device of the input.
	Devices map[string]DeviceView
	// Alerts are what Degraded tells of, the most important first.
	Alerts []Alert
	// Notices are to be told once each.
	Notices []Notice
	// Bootstrapped: a registry has run, now or ever. It is to be remembered.
	Bootstrapped bool
	// Questions to be put to probers. They come again until they are answered; the
	// caller asks them every few seconds.
	Questions []Question
	// Gone are agents that are gone by a prober's word, to be declared so (rule 5).
	Gone []Gone
	// Probers counts them.
	Probers ProberCounts
	// Recheck is when time alone changes the decisions; zero: never.
	Recheck time.Time
}

// InverseAnswer accepts or declines the inverse offers of one agent.
type InverseAnswer struct {
	AgentID, Host string
	OfferIDs      []string
	Accept        bool
	// Refuse is how long the master is to ask no more.
	Refuse time.Duration
	// Why it is declined, in a sentence; empty when it is accepted.
	Why string
}

// Question asks a prober whether anybody listens on the ports, ascending.
type Question struct {
	AgentID, ExecutorID string
	Ports               []uint64
}

// Gone is an agent of which nothing runs any more, by the word of the prober of the
// agent that has its host name now.
type Gone struct {
	AgentID, Host string
	// Why in a sentence, for an event.
	Why string
}

// ProberCounts says how the probers stand. They are no services: Ready does not
// depend on them.
type ProberCounts struct {
	// Wanted is one on each host that may hold services; of them Running and
	// Reporting are those whose task runs, and that have reported to this process.
	Wanted, Running, Reporting int
	// Waits says why the first one that does not run does not, and how many more
	// there are; empty when all run or are on their way.
	Waits string
}

// Phase sums up how a cluster stands.
type Phase string

// The phases.
const (
	PhaseReady    Phase = "Ready"    // all wanted instances run, healthy, of the wanted spec
	PhaseStarting Phase = "Starting" // some wanted instances do not run yet
	PhaseUpdating Phase = "Updating" // all run, or are being replaced, some are of another spec
	PhaseStopping Phase = "Stopping" // state Stopped or Teardown: tasks still run
	PhaseStopped  Phase = "Stopped"  // state Stopped or Teardown: no task runs, as far as can be known
	PhaseEmpty    Phase = "Empty"    // the inventory asks for nothing

	// PhasePaused: all run, or are being replaced, some are of another spec, and
	// spec.update.paused is true.
	PhasePaused Phase = "Paused"
	// PhaseFailed: an update or a rollback has failed, and only a person can go on.
	PhaseFailed Phase = "Failed"
	// PhaseRolledBack: all run, and not what is asked for: that has failed.
	PhaseRolledBack Phase = "RolledBack"
)

// Launch starts one task with offers of one agent and role: of a service, or of a
// prober.
type Launch struct {
	Spec quobyte.Spec
	// Hash of Spec; empty for a prober.
	Hash string
	// Prober is nil when a service is launched; else Spec is zero.
	Prober  *quobyte.Prober
	Host    string
	AgentID string
	// Role that the offers are allocated to. Launches of one pass with the same
	// agent and role are one Accept.
	Role string
	// OfferIDs are all offers of the agent and role: the launches use them
	// together, and never more than they hold.
	OfferIDs []string
	// Resources to put into the TaskInfo: allocated, reserved ones first.
	Resources []mesos.Resource
}

// Operation changes what the resources of offers are reserved for.
type Operation struct {
	AgentID, Host string
	// Role and OfferIDs as in Launch.
	Role     string
	OfferIDs []string
	// Operation is a RESERVE, UNRESERVE, CREATE or DESTROY without an id.
	Operation mesos.Offer_Operation
	// Destroys is the name of the device whose volume a DESTROY destroys, also for
	// the UNRESERVE after it; empty for all else. Who carries it out asks MayDestroy
	// of the device as the API server has it: the plan may rest on an older one.
	Destroys string
}

// Kill stops one task.
type Kill struct {
	TaskID  string
	Service quobyte.Service
	Host    string
	// Cause, such as "update to 1.1.6": for the event.
	Cause string
	// QuorumAtRisk: fewer than three registries, and this is one of them.
	QuorumAtRisk bool
	// Returns: the service is to be started again.
	Returns bool
}

// Instance is one service on one host, wanted or existing. A wanted instance of
// a floating service that has no host yet has an empty Host.
type Instance struct {
	Service quobyte.Service
	Host    string
	Wanted  bool
	// Tasks that exist for it; more than one is a duplicate.
	Tasks []*mesosbridge.Task
	// Available: exactly one task, running, healthy.
	Available bool
	// Current: available, or coming up, with the spec that the cluster object asks for.
	Current bool
	// Unclaimed: a device-bound service runs here and no device object tells of it.
	Unclaimed bool
	// Version of its task; empty when unknown.
	Version string
	// Waits says why a wanted instance is not available, or what is wrong with
	// it; empty when all is well.
	Waits string
}

// DeviceView is how one device stands.
type DeviceView struct {
	// UID and Generation of the device object that the plan saw.
	UID        types.UID
	Generation int64
	// Standing is that of the inventory, but that what has left nothing behind is
	// Decommissioned, and has no PreviousHost any more.
	inventory.Standing
	// Moved are the services that have left PreviousHost; nil while none has.
	Moved []string
	// AgentID of Host's agent; empty when none is known.
	AgentID string
	// Tasks that use the device, or have to stop for it.
	Tasks []v1alpha1.TaskStatus
	// Released: the plan proves that no service uses the device, so that a
	// deleted device may go.
	Released bool
	// Volume of source.mesosDisk; nil: there is none. VolumeMessage says what it
	// waits for, or what became of it.
	Volume        *v1alpha1.VolumeStatus
	VolumeMessage string
	// Summary in a line for kubectl get.
	Summary string
}

// Alert is something that is not as it should be and needs a person's eye.
type Alert struct {
	Reason  string // CamelCase, such as DuplicateService
	Message string
}

// Plan decides.
func Plan(in Input) Result { return newPass(in).run() }

// run is one sweep: what is known is indexed by host and service, what is wanted
// is marked in the index, then come the stops, the starts, what becomes of the
// offers, and the report.
func (p *pass) run() Result {
	p.indexAgents()
	p.indexTasks()
	p.indexEnded()
	p.markWanted()
	p.markClients()
	p.settleFloating()
	p.settleVolumes()
	p.sortActive()
	p.foldFailures()
	p.tallyUp()
	p.settleBootstrap()
	p.settleUpdate()

	p.askProbers()
	p.runProbers()
	if p.mode == stopping {
		p.stopAll()
		p.drain()
	} else {
		p.releaseLeaving()
		p.stopSurplus()
		p.drain()
		p.update()
		p.heal()
		p.startBound()
		p.startFloating()
		p.startClients()
	}
	p.freeReservations()
	p.settleOffers()
	p.answerInverse()

	p.result.RegistryPort = p.specs[registry].spec.RPCPort
	p.report()
	return p.result
}
