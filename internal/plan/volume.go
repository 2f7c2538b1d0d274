package plan

import (
	"slices"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// The states of a device's persistent volume.
const (
	VolumeCreating   = "Creating"
	VolumeCreated    = "Created"
	VolumeDestroying = "Destroying"
	VolumeDestroyed  = "Destroyed"
)

// volume is the persistent volume of one device of source mesosDisk.
type volume struct {
	device *v1alpha1.QuobyteDevice
	// serial that the device is known by; empty: none yet.
	serial string
	// contradicts: the inventory does not accept it.
	contradicts bool
	host        *host
	status      *v1alpha1.VolumeStatus // as it is to be; nil: never asked for
	// message says what it waits for, or what became of it; empty: it is there.
	message string
	// found is the volume in an offer that is held, of the role; nil: it is in none.
	found *mesos.Resource
	// declined: it was offered and declined.
	declined bool
}

// PersistenceID is the id of a device's volume in Mesos. It is that of one object
// for ever, so that no other object is taken for it.
func PersistenceID(d *v1alpha1.QuobyteDevice) string { return "quobyte-" + string(d.UID) }

// settleVolumes decides about the volumes: creates those that are missing and
// destroys those that somebody gave up with reclaimPolicy Delete.
func (p *pass) settleVolumes() {
	for i := range p.in.Inventory.Devices {
		entry := &p.in.Inventory.Devices[i]
		d := entry.Object
		if d.Spec.Source == nil {
			continue
		}
		v := &volume{device: d, serial: entry.Serial, contradicts: entry.Phase == v1alpha1.PhaseConflict, host: p.hostOf(d.Spec.Host), status: d.Status.Volume.DeepCopy()}
		if p.volumes == nil {
			p.volumes = map[string]*volume{}
		}
		p.volumes[d.Name] = v
		p.settleVolume(v)
	}
}

// givenUp says that a person does not want the device any more.
func givenUp(d *v1alpha1.QuobyteDevice) bool {
	return d.DeletionTimestamp != nil || d.Spec.State == v1alpha1.DeviceDecommissioned
}

// MayDestroy says that a person has given up the device and wants its volume
// destroyed.
func MayDestroy(d *v1alpha1.QuobyteDevice) bool {
	return givenUp(d) && d.Spec.ReclaimPolicy == v1alpha1.ReclaimDelete
}

func (p *pass) settleVolume(v *volume) {
	h, root := v.host, v.device.Spec.Source.MesosDisk.Root
	if h.agent == nil {
		v.message = "its volume waits: " + p.agentAway(h)
		if givenUp(v.device) {
			v.message = keptMessage(v, v.message+"; to let go of it without, set reclaimPolicy to Retain")
		}
		return
	}
	role := p.specs[registry].role
	disk, held := diskOf(h.agent, role, root)
	id := PersistenceID(v.device)
	switch {
	case disk == nil:
		p.unofferedVolume(v)
	case disk.Disk.GetPersistence().GetID() == id:
		v.status = &v1alpha1.VolumeStatus{ID: id, State: VolumeCreated}
		if v.declined = !held; held {
			v.found = disk
		}
		if givenUp(v.device) {
			p.reclaim(v, role)
		}
	case disk.Disk.GetPersistence() != nil:
		v.message = "the disk " + root + " carries the persistent volume " + disk.Disk.GetPersistence().GetID() + ", which is not this device's: destroy it in Mesos if nobody needs it"
	case v.status != nil && (v.status.State == VolumeDestroying || v.status.State == VolumeDestroyed):
		v.status.State, v.message = VolumeDestroyed, "its volume is destroyed"
	case v.status != nil && v.status.State == VolumeCreated && givenUp(v.device) && v.device.Spec.ReclaimPolicy == v1alpha1.ReclaimDelete:
		// It was asked for by a process that could not write it down.
		v.status.State, v.message = VolumeDestroyed, "its volume is destroyed"
	case v.status != nil && v.status.State == VolumeCreated:
		// A disk that has been in use is not made anew by itself.
		v.message = "its volume " + id + " is gone from the agent: somebody has destroyed it; delete this object and create another one"
	case !givenUp(v.device):
		p.create(v, disk, held, role)
	}
}

func (p *pass) agentAway(h *host) string {
	if h.registered > 1 {
		return "two registered agents have the host name " + h.name
	}
	return "no agent " + h.name + " is registered with Mesos"
}

// unofferedVolume has no offer that shows its disk: a task uses it, an operation is
// under way, or the agent does not have it.
func (p *pass) unofferedVolume(v *volume) {
	switch {
	case p.pending(v.host.agent.ID, mesos.Offer_Operation_CREATE):
		v.status = &v1alpha1.VolumeStatus{ID: PersistenceID(v.device), State: VolumeCreating}
		v.message = "its volume is being created"
	case v.status != nil && v.status.State == VolumeCreated:
		if givenUp(v.device) {
			v.message = keptMessage(v, "its volume is kept until no task uses it")
		}
	case v.status != nil && v.status.State == VolumeDestroying:
		v.message = "its volume is being destroyed"
	case v.status != nil && v.status.State == VolumeDestroyed:
		v.message = "its volume is destroyed"
	case !givenUp(v.device):
		v.message = v.host.name + " offers no MOUNT disk with root " + v.device.Spec.Source.MesosDisk.Root + " (is it in the agent's --resources, and free for role " + p.specs[registry].role + "?)"
	}
}

// keptMessage is what is said of the volume of a device that was given up.
func keptMessage(v *volume, whileDelete string) string {
	if v.device.Spec.ReclaimPolicy == v1alpha1.ReclaimDelete {
		return whileDelete
	}
	return "its volume " + PersistenceID(v.device) + " and its data are kept (reclaimPolicy Retain)"
}

// create reserves the whole disk and creates the volume on it.
func (p *pass) create(v *volume, disk *mesos.Resource, held bool, role string) {
	h, r := v.host, &p.reserver
	by, reservedFor := r.deviceOf(disk)
	switch {
	case !r.reserves:
		v.message = "source.mesosDisk needs spec.mesos.reservation Dynamic (with a role and a principal)"
	case reservedFor && by != v.device.Name, !reservedFor && reservedDynamically(disk):
		v.message = "the disk " + v.device.Spec.Source.MesosDisk.Root + " is reserved for somebody else"
	case p.mode != running || p.frozen != "":
		v.message = "its volume is not created while nothing is started"
	case v.contradicts:
		v.message = "its volume is not created before the device is accepted"
	case p.blocked(h) != nil:
		v.message = "its volume waits: " + p.blocked(h).sentence()
	case p.createRefused(v):
	case !held:
		p.revives[role] = true
		v.message = "its volume waits for the disk to be offered again"
	default:
		pool := p.pool(h.agent, role)
		pool.used = true
		whole := *disk
		if !reservedFor && r.reservable(disk, role) {
			whole = r.reservedForDevice(whole, role, v.device.Name)
			p.operate(h.agent, pool, calls.OpReserve(whole))
		}
		p.operate(h.agent, pool, calls.OpCreate(r.volumeOn(whole, PersistenceID(v.device))))
		v.status = &v1alpha1.VolumeStatus{ID: PersistenceID(v.device), State: VolumeCreating}
		v.message = "its volume is being created"
	}
}

// createRefused says that Mesos has refused a volume on the host a short time ago.
func (p *pass) createRefused(v *volume) bool {
	o := p.refusedOperations(mesos.Offer_Operation_CREATE)[v.host.agent.ID]
	if o == nil || !p.within(o.Since, lastRetry) {
		return false
	}
	v.message = "Mesos refused to create its volume: " + bounded(o.Message) + "; next try at " + clockTime(o.Since.Add(lastRetry))
	if before := p.refusedOperations(mesos.Offer_Operation_RESERVE)[v.host.agent.ID]; before != nil && !before.Since.Before(o.Since) {
		v.message = "Mesos refused to reserve the disk: " + bounded(before.Message) + "; next try at " + clockTime(o.Since.Add(lastRetry))
	}
	return true
}

// reclaim destroys the volume of a device that was given up, when its policy says
// so and no task can be using it. This is the one place that destroys anything
// (rule 17): the volume is this very object's, by its id, and in an offer.
func (p *pass) reclaim(v *volume, role string) {
	d, h := v.device, v.host
	v.message = keptMessage(v, "its volume waits to be destroyed")
	if !MayDestroy(d) || p.teardown || p.frozen != "" {
		return
	}
	if why := p.othersDisk(v); why != "" {
		v.message = keptMessage(v, why)
		return
	}
	if k, used := p.mayUseDisk(v); used {
		v.message = "its volume is destroyed once " + k + " on " + h.name + " has stopped"
		return
	}
	if o := p.refusedOperations(mesos.Offer_Operation_DESTROY)[h.agent.ID]; o != nil && p.within(o.Since, lastRetry) {
		v.message = "Mesos refused to destroy its volume: " + bounded(o.Message) + "; next try at " + clockTime(o.Since.Add(lastRetry))
		return
	}
	if !h.agent.Behind {
		return
	}
	if v.found == nil {
		p.revives[role] = true
		return
	}
	pool := p.pool(h.agent, role)
	pool.used = true
	p.operate(h.agent, pool, calls.OpDestroy(*v.found)).Destroys = d.Name
	if _, ours := p.reserver.deviceOf(v.found); ours {
		p.operate(h.agent, pool, calls.OpUnreserve(withoutVolume(*v.found))).Destroys = d.Name
	}
	v.found = nil
	v.status = &v1alpha1.VolumeStatus{ID: PersistenceID(d), State: VolumeDestroying}
	v.message = "its volume is being destroyed"
}

// othersDisk says why what is mounted at the root of a volume may not be the disk of
// its device; empty: it is, or nothing is mounted there. Mesos knows a MOUNT disk by
// its root alone, and would empty whatever disk is there now.
func (p *pass) othersDisk(v *volume) string {
	root := v.device.Spec.Source.MesosDisk.Root
	for i := range p.in.Inventory.Devices {
		d := &p.in.Inventory.Devices[i]
		if d.Object != v.device && d.Host == v.host.name && d.Path == root && d.Phase != v1alpha1.PhaseMissing && d.Phase != v1alpha1.PhaseReplaced {
			return "its volume is not destroyed: device " + d.Object.Name + " is at " + root + " on " + d.Host
		}
	}
	if !p.in.Probing {
		return ""
	}
	report := p.reportOf(v.host)
	if report == nil {
		return "its volume is destroyed when the prober of " + v.host.name + " has said what is mounted at " + root
	}
	for i := range report.Mounts {
		m := &report.Mounts[i]
		switch {
		case m.Path != root:
		case m.Problem != "":
			return "its volume is not destroyed: nobody can tell what is mounted at " + root + " on " + v.host.name + ": " + m.Problem
		case m.Marked && m.Serial != v.serial:
			return "its volume is not destroyed: another device, of serial " + m.Serial + ", is mounted at " + root + " on " + v.host.name
		}
	}
	return ""
}

// mayUseDisk says which service may use the disk of a device, now or in a moment: a
// service sees all that is mounted on its host, whether its task took the volume or
// not, and whichever device it runs for.
func (p *pass) mayUseDisk(v *volume) (string, bool) {
	h := v.host
	if h.unreadable != "" || p.blockedBy != "" {
		return "a task whose id cannot be read", true
	}
	for k := range s3 {
		s := &h.slots[k]
		if usesDevice(v.device, k) && (s.task != nil || s.foreign != nil || s.wanted) {
			return k.String(), true
		}
	}
	return "", false
}

// usesDevice says that the service uses the device; of one whose types nobody has
// told any may.
func usesDevice(d *v1alpha1.QuobyteDevice, k kind) bool {
	types := slices.Concat(d.Spec.Types, d.Status.DeviceTypes)
	return len(types) == 0 || slices.Contains(types, k.deviceType())
}

// takeVolumes adds the volumes of the service's devices to what its task uses, so
// that Mesos knows them in use. A volume has one user: the first of its types.
func (p *pass) takeVolumes(k kind, h *host, taken []mesos.Resource) []mesos.Resource {
	for _, v := range p.volumesOf(k, h) {
		if v.found != nil {
			taken = append(taken, *v.found)
		}
	}
	return taken
}

// volumeDeclined says that a volume which the service is to take was declined, and
// has to be offered again first.
func (p *pass) volumeDeclined(k kind, h *host) bool {
	return slices.ContainsFunc(p.volumesOf(k, h), func(v *volume) bool { return v.declined })
}

func (p *pass) volumesOf(k kind, h *host) []*volume {
	var out []*volume
	if len(p.volumes) == 0 || !k.bound() {
		return nil
	}
	for i := range p.in.Inventory.Devices {
		d := p.in.Inventory.Devices[i].Object
		v := p.volumes[d.Name]
		if v == nil || v.host != h || givenUp(d) {
			continue
		}
		for first := range s3 {
			if usesDevice(d, first) {
				if first == k {
					out = append(out, v)
				}
				break
			}
		}
	}
	return out
}

// awaitsVolume says that no service is to be started for the device yet.
func awaitsVolume(d *v1alpha1.QuobyteDevice) bool {
	return d.Spec.Source != nil && (d.Status.Volume == nil || d.Status.Volume.State != VolumeCreated)
}

// holdsVolume says that a deleted device must not go yet: its volume is to be
// destroyed, and nobody else would know of it.
func (p *pass) holdsVolume(d *v1alpha1.QuobyteDevice) bool {
	v := p.volumes[d.Name]
	return v != nil && !p.teardown && d.Spec.ReclaimPolicy == v1alpha1.ReclaimDelete && v.status != nil && v.status.State != VolumeDestroyed
}

// pending says that an operation of the type is under way on the agent.
func (p *pass) pending(agentID string, t mesos.Offer_Operation_Type) bool {
	for _, o := range p.snap.Operations {
		if o.AgentID == agentID && o.Type == t {
			return true
		}
	}
	return false
}

// addVolume tells of the volume in the device's view.
func (p *pass) addVolume(v *DeviceView, d *v1alpha1.QuobyteDevice) {
	own := p.volumes[d.Name]
	if own == nil {
		return
	}
	v.Volume, v.VolumeMessage = own.status, own.message
	switch {
	case own.message == "" || own.contradicts:
	case givenUp(d):
		v.Summary += "; " + own.message
	default:
		v.Summary = own.message
	}
}
