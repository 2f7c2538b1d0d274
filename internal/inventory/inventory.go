// Package inventory decides what each device is: from the objects that people and
// earlier passes have written, and from what the probers report, it derives where
// every device stands in its life, which services it asks for on which host, which
// objects are to be made for what was found, and which file systems are to be
// initialised. It has no client, no clock and no goroutine; what it must remember
// stands in the status of the objects.
package inventory

import (
	"slices"
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/probe"
)

// Input is what the inventory is taken of. Nothing in it is changed.
type Input struct {
	Now     time.Time
	Cluster *v1alpha1.QuobyteCluster
	// Devices whose clusterRef names the cluster, in any order, those that are
	// being deleted among them.
	Devices []*v1alpha1.QuobyteDevice
	// Probing: probers run on the hosts. Without, devices count as they are
	// declared, and nothing is found, missing or initialised.
	Probing bool
	// Hosts by host name: those of which anything is known.
	Hosts map[string]*Host
	// Arriving are objects of the cluster that are not among Devices yet, because
	// their finalizer does not stand. Nothing is discovered for what they name.
	Arriving []*v1alpha1.QuobyteDevice
	// Taken are names in the cluster's namespace that a discovered object cannot
	// have, because an object of another cluster has them; nil: none are known.
	Taken map[string]bool
}

// Host is what is known of one host.
type Host struct {
	Name string
	// AgentID of its registered agent; empty when there is none, or more than one.
	AgentID string
	// ExecutorID of the prober that runs there; empty when none does.
	ExecutorID string
	// Report is the last one of that prober; nil when it has not reported to this
	// process.
	Report *probe.Report
	// Received is when that report came.
	Received time.Time
	// Appeared says of the paths of mounts in the report which turned up while the
	// host was being probed, and when: an earlier report to this process did not
	// have them.
	Appeared map[string]time.Time
	// Abandoned: Mesos has told all it knows, no agent of that name is registered
	// and no task of ours may run there: a disk that was there is not used there.
	Abandoned bool
}

// Result is what each device is, and what is to be done about the objects.
type Result struct {
	// Devices in the order of the input.
	Devices []Device
	// Discovered are objects to be made: devices that were found and that no
	// object stands for, by name. At most MaxDiscovered at a time.
	Discovered []*v1alpha1.QuobyteDevice
	// UnlistedBootstrap: a device with the bootstrap mark was found that no object
	// stands for yet.
	UnlistedBootstrap bool
	// Arriving: objects that were made a moment ago are without their finalizer, and
	// Devices leaves them out.
	Arriving bool
	// Obsolete are names of objects of LabelDiscovered that stand for nothing of
	// their own any more: somebody declared the device under another name, or a
	// conflict is over. They are to be deleted, each when what its Successor has taken
	// over from it is written: a process that starts anew would otherwise take the
	// deletion for a person's word. By name.
	Obsolete []string
}

// MaxDiscovered bounds how many objects one pass asks for.
const MaxDiscovered = 4000

// Device is what one device is.
type Device struct {
	Object *v1alpha1.QuobyteDevice
	Standing

	// Wanted: services of its types are to run on Host.
	Wanted bool
	// Confirmed: the present report of the host's prober shows it there; or nobody
	// probes.
	Confirmed bool
	// Elsewhere: it is wanted, but another host was heard to have it, and its own
	// host has said nothing since: what is remembered is no reason to start anything
	// for it.
	Elsewhere bool
	// Claims: what runs of its types on Host runs for it, and goes on though the
	// device does not ask for it (it is missing, in conflict).
	Claims bool
	// Leaving is why the services of its types on Host are to stop, unless another
	// device wants them: "its device was deleted"; empty: they are not. An object
	// that is being deleted and leaves nothing is only the double of another one, and
	// may go at once.
	Leaving string
	// Successor is the name of the object that stands for the device in the place of
	// this one, which is obsolete; empty: none does.
	Successor string
	// Order is to be sent to the host's prober; nil: none.
	Order *probe.Order
}

// Standing is where a device stands, as its status tells it.
type Standing struct {
	Phase v1alpha1.DevicePhase
	// Host and Path where it is or was last; those of the spec when it was never
	// found. Empty for one that is named by its serial and was never found.
	Host, Path string
	// PreviousHost is the host that it was moved from, as the status has it or as
	// found now; empty when it was not moved, or nothing is left to stop there. The
	// planner decides when that is so.
	PreviousHost string
	// AppearedAt is when it turned up on a host that was probed without it before;
	// zero: it was there from the start.
	AppearedAt time.Time
	// Types that it has, in the order REGISTRY, METADATA, DATA. The slice is shared:
	// it must not be changed in place.
	Types []v1alpha1.DeviceType

	// What was found, now or last; as QuobyteDeviceStatus has it.
	Serial, Model, FileSystem, Capacity, Used string
	Bootstrap                                 bool

	// Accepted, Reason and Message are the condition Accepted. Message says what a
	// person would want to know, and what to do.
	Accepted        bool
	Reason, Message string
}

// Take takes the inventory. The result does not depend on the order of what goes
// in, and is the same again when it has been written into the statuses.
func Take(in Input) Result {
	t := newTaking(in)
	if t.probing {
		for i := range t.groups {
			t.settleSerial(&t.groups[i])
		}
		t.settlePlaces()
		for i := range t.groups {
			t.settleTwins(&t.groups[i])
		}
	} else {
		t.settleDeclared()
	}
	r := Result{Devices: make([]Device, len(t.entries)), Arriving: anyYoung(in.Arriving, in.Now)}
	t.discover(&in, &r)
	r.Obsolete = t.obsolete()
	for i := range t.entries {
		t.decide(&t.entries[i], &r.Devices[i])
	}
	return r
}

// arrivesWithin is how long an object's finalizer is waited for: the API server may
// refuse it.
const arrivesWithin = time.Minute

func anyYoung(objects []*v1alpha1.QuobyteDevice, now time.Time) bool {
	return slices.ContainsFunc(objects, func(d *v1alpha1.QuobyteDevice) bool { return now.Sub(d.CreationTimestamp.Time) < arrivesWithin })
}

// decide says what one device is.
func (t *taking) decide(e *entry, d *Device) {
	e.recall(d)
	switch {
	case e.refusal != "":
		t.refused(e, d)
	case e.verdict == unprobed:
		t.declared(e, d)
	case e.verdict == found:
		t.online(e, d)
	case e.verdict == awaited, e.verdict == held:
		t.moving(e, d)
	case e.verdict == contested:
		t.contested(e, d)
	case e.verdict == surplus:
		t.surplus(e, d)
	case t.toInitialize(e):
		t.initializing(e, d)
	case !e.used:
		t.pending(e, d)
	case e.verdict == absent:
		t.missing(e, d)
	default:
		t.stays(e, d)
	}
	t.unmanaged(e, d)
	t.decommissioning(e, d)
	t.use(e, d)
}

// use says what is to run for the device, and what may go on.
func (t *taking) use(e *entry, d *Device) {
	wanted := d.Phase == v1alpha1.PhaseOnline && d.Accepted
	d.Wanted = wanted && d.Leaving == "" && len(d.Types) > 0
	d.Elsewhere = d.Elsewhere && d.Wanted
	if d.Wanted || d.Leaving != "" || e.object.DeletionTimestamp != nil {
		return
	}
	switch d.Phase {
	case v1alpha1.PhaseMissing, v1alpha1.PhaseReplaced, v1alpha1.PhaseOnline:
		d.Claims = true
	case v1alpha1.PhaseConflict:
		d.Claims = e.used || e.refusal == "" && e.verdict == found || len(e.object.Status.Services) > 0
	default:
		d.Claims = len(e.object.Status.Services) > 0
	}
}
