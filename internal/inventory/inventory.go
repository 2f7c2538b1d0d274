// Package inventory decides what each device is: from the objects that people and
// earlier passes have written, and from what the probers report, it derives where
// every device stands in its life, which services it asks for on which host, which
// objects are to be made for what was found, and which file systems are to be
// initialised. It has no client, no clock and no goroutine; what it must remember
// stands in the status of the objects.
package inventory

import (
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
	// object stands for. At most MaxDiscovered at a time.
	Discovered []*v1alpha1.QuobyteDevice
	// Obsolete are names of objects of LabelDiscovered that stand for nothing of
	// their own any more: somebody declared the device under another name, or a
	// conflict is over. They are to be deleted.
	Obsolete []string
	// Places of all marked devices in all reports, for messages about bootstrap.
	// Recheck is when time alone changes the result; zero: never.
	Recheck time.Time
}

// MaxDiscovered bounds how many objects one pass asks for.
const MaxDiscovered = 1000

// Device is what one device is.
type Device struct {
	Object *v1alpha1.QuobyteDevice
	Phase  v1alpha1.DevicePhase
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
	// Types that it has, in the order REGISTRY, METADATA, DATA.
	Types []v1alpha1.DeviceType

	// What was found, now or last; as QuobyteDeviceStatus has it.
	Serial, Model, FileSystem, Capacity, Used string
	Bootstrap                                 bool

	// Accepted, Reason and Message are the condition Accepted. Message says what a
	// person would want to know, and what to do.
	Accepted        bool
	Reason, Message string

	// Wanted: services of its types are to run on Host.
	Wanted bool
	// Confirmed: the present report of the host's prober shows it there; or nobody
	// probes.
	Confirmed bool
	// Claims: what runs of its types on Host runs for it, and goes on though the
	// device does not ask for it (it is missing, in conflict).
	Claims bool
	// Leaving is why the services of its types on Host are to stop, unless another
	// device wants them: "its device was deleted"; empty: they are not.
	Leaving string
	// Order is to be sent to the host's prober; nil: none.
	Order *probe.Order
}
