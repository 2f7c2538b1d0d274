package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// mode is what the cluster object as a whole asks for.
type mode int

const (
	running  mode = iota // services are to run
	stopping             // state Stopped, or deleted with policy Teardown
)

// pass is the state of one Plan.
type pass struct {
	in   Input
	now  time.Time
	snap *mesosbridge.Snapshot

	mode mode
	// frozen says why nothing is started or stopped; empty: it is.
	frozen string
	// teardown: the framework goes with its tasks.
	teardown bool
	// specs are what is pursued of each service: what the cluster object asks for, or
	// what ran well last while a rollback is in force.
	specs  [kinds]wantedSpec
	course course
	// allowed hosts of spec.placement.hosts; nil: all. cordoned are those of
	// spec.placement.cordonedHosts.
	allowed, cordoned map[string]bool
	// gone are the agents that a person says are gone (rule 5).
	gone []string

	// standing is the host of each device, in the order of the inventory; nil when it
	// is nowhere.
	standing []*host
	// moves of devices, by their index in the inventory.
	moves map[int]*move

	// windows are the hosts whose machines have one, toLeave the agents with inverse
	// offers.
	windows []*host
	toLeave []*mesosbridge.Agent

	hosts map[string]*host // by host key
	arena []host
	// active hosts have a task, or a device for which one runs or would, sorted by name.
	active []*host
	// unreadable tasks, by id (rule 1).
	unreadable []*mesosbridge.Task
	// blockedBy is an unreadable task that may run on any host.
	blockedBy string
	// doubtful tasks of services, in no order.
	doubtful []*task
	// lost are agents with doubtful tasks whose host has another agent now, by id.
	lost     map[string]*lostAgent
	floating [kinds]floating
	ends     map[instanceKey]*end
	counters map[instanceKey]*counter
	// flood is until when an instance of which nothing is known waits, because
	// more tasks fail than the snapshot remembers.
	flood time.Time
	gate  gate
	// endedIDs are those of Snapshot.Ended; nil before somebody asked.
	endedIDs  map[string]bool
	bootstrap bootstrap
	// renewing: a service may have to be restarted for a new device.
	renewing bool
	probers  probers

	pools map[poolKey]*pool
	// reserver, and what it has looked up when somebody asked: the services that
	// devices ask for, and the agents on which an UNRESERVE was refused.
	reserver     reserver
	volumes      map[string]*volume // by device name
	asked        map[instanceKey]bool
	refusedFrees map[string]*mesosbridge.OperationState

	revives map[string]bool
	recheck time.Time
	result  Result

	// summaries of services of the wanted version, by status.
	summaries [s3][halting + 1]string
}

// wantedSpec is a spec, and what is derived from it once in a pass.
type wantedSpec struct {
	spec quobyte.Spec
	hash string
	need need
	role string // that its offers are allocated to
	// reserved: only agents that offer resources reserved for the role.
	reserved bool
}

func newPass(in Input) *pass {
	if in.Mesos == nil {
		in.Mesos = &mesosbridge.Snapshot{}
	}
	spec := &in.Cluster.Spec
	p := &pass{
		in:      in,
		now:     in.Now,
		snap:    in.Mesos,
		hosts:   make(map[string]*host, len(in.Mesos.Agents)),
		arena:   make([]host, 0, len(in.Mesos.Agents)+len(in.Mesos.Agents)/64+8),
		pools:   map[poolKey]*pool{},
		revives: map[string]bool{},
		gone:    in.Cluster.GoneAgents(),

		reserver: reserverOf(in.Cluster),
	}
	p.setMode()
	if len(spec.Placement.Hosts) > 0 {
		p.allowed = make(map[string]bool, len(spec.Placement.Hosts))
		for _, name := range spec.Placement.Hosts {
			p.allowed[name] = true
		}
	}
	if len(spec.Placement.CordonedHosts) > 0 {
		p.cordoned = make(map[string]bool, len(spec.Placement.CordonedHosts))
		for _, name := range spec.Placement.CordonedHosts {
			p.cordoned[name] = true
		}
	}
	p.settleCourse()
	p.probers.want(in.Prober, p.specs[registry].role)
	return p
}

func (p *pass) setMode() {
	c := p.in.Cluster
	deleted := c.DeletionTimestamp != nil
	p.teardown = deleted && c.Spec.DeletionPolicy == v1alpha1.DeletionTeardown
	switch {
	case p.teardown, !deleted && c.Spec.State == v1alpha1.StateStopped:
		p.mode = stopping
	}
	switch {
	case !p.snap.Connected:
		p.frozen = "waits for the connection to Mesos"
	case deleted && !p.teardown:
		p.frozen = "the cluster is being deleted with deletionPolicy Orphan: nothing is started or stopped"
	case c.Spec.Suspend:
		p.frozen = "spec.suspend is true: nothing is started or stopped"
	}
}

func wantedSpecOf(cluster *v1alpha1.QuobyteCluster, k kind) wantedSpec {
	spec := quobyte.SpecOf(cluster, services[k])
	return launchable(cluster, k, spec, spec.Hash())
}

// launchable derives from a spec what is needed to launch it.
func launchable(cluster *v1alpha1.QuobyteCluster, k kind, spec quobyte.Spec, hash string) wantedSpec {
	w := wantedSpec{spec: spec, hash: hash, need: needOf(spec), role: cluster.Spec.Mesos.Role}
	if w.role == "" {
		w.role = "*"
	}
	if public := cluster.Spec.Placement.PublicRole; public != "" && k.floats() {
		w.role, w.reserved = public, true
	}
	return w
}

// at notes a time at which the decisions change by time alone.
func (p *pass) at(t time.Time) {
	if t.After(p.now) && (p.recheck.IsZero() || t.Before(p.recheck)) {
		p.recheck = t
	}
}

// sortActive puts the hosts with services into the order in which they are
// gone through.
func (p *pass) sortActive() {
	slices.SortFunc(p.active, func(a, b *host) int { return strings.Compare(a.name, b.name) })
}

// versionOf returns the version of a task's spec; empty when it is unknown.
func (p *pass) versionOf(t *task) string {
	switch {
	case t.id.Legacy:
		return ""
	case !t.outdated:
		return p.specs[t.kind].spec.Version
	case t.id.Hash == p.course.asked[t.kind].hash:
		return p.course.asked[t.kind].spec.Version
	}
	return p.in.Specs[SpecKey{services[t.kind], t.id.Hash}].Version
}
