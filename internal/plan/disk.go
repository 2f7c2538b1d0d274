package plan

import (
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"

	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// diskOf finds the MOUNT disk with the root, or the volume on it, in what the agent
// has offered to the role.
func diskOf(a *mesosbridge.Agent, role, root string) (disk *mesos.Resource, held bool) {
	for _, o := range a.Offers {
		if o.Role != role {
			continue
		}
		for i := range o.Resources {
			if mountRoot(&o.Resources[i]) == root {
				return &o.Resources[i], true
			}
		}
	}
	declined := a.Declined[role]
	for i := range declined {
		if mountRoot(&declined[i]) == root {
			return &declined[i], false
		}
	}
	return nil, false
}

// mountRoot is the root of a MOUNT disk; empty for any other resource.
func mountRoot(r *mesos.Resource) string {
	source := r.GetDisk().GetSource()
	if source == nil || source.Type != mesos.Resource_DiskInfo_Source_MOUNT || r.ProviderID != nil || r.Revocable != nil || r.Shared != nil {
		return ""
	}
	return source.GetMount().GetRoot()
}

// volumeOn is the persistent volume on a disk.
func (r *reserver) volumeOn(disk mesos.Resource, id string) mesos.Resource {
	disk.Disk = &mesos.Resource_DiskInfo{
		Persistence: &mesos.Resource_DiskInfo_Persistence{ID: id, Principal: &r.principal},
		Volume:      &mesos.Volume{ContainerPath: "devices-" + id, Mode: mesos.RW.Enum()},
		Source:      disk.Disk.Source,
	}
	return disk
}

func withoutVolume(v mesos.Resource) mesos.Resource {
	v.Disk = &mesos.Resource_DiskInfo{Source: v.Disk.Source}
	return v
}

func reservedDynamically(res *mesos.Resource) bool {
	n := len(res.Reservations)
	return res.Reservation != nil || n > 0 && res.Reservations[n-1].GetType() == mesos.Resource_ReservationInfo_DYNAMIC
}

// deviceOf says for which device of the cluster a disk is reserved.
func (r *reserver) deviceOf(res *mesos.Resource) (name string, ours bool) {
	if !reservedDynamically(res) || len(res.Reservations) == 0 {
		return "", false
	}
	owner, ok := quobyte.OwnerOf(res.Reservations[len(res.Reservations)-1].Labels)
	return owner.Device, ok && owner.Cluster == r.cluster && owner.Device != ""
}

func (r *reserver) reservedForDevice(res mesos.Resource, role, device string) mesos.Resource {
	return r.reserved(res, role, quobyte.Owner{Cluster: r.cluster, Device: device})
}

// freeDisks gives back disks that were reserved and have no volume, and whose device
// is not there any more: a RESERVE without its CREATE, a DESTROY without its UNRESERVE.
func (p *pass) freeDisks(a *mesosbridge.Agent, o *mesosbridge.Offer) {
	for i := range o.Resources {
		res := &o.Resources[i]
		if mountRoot(res) == "" || res.Disk.Persistence != nil {
			continue
		}
		name, ours := p.reserver.deviceOf(res)
		if !ours || p.asksForDisk(name) || p.hostOfAgent(a) == nil || p.unreserveWaits(a.ID) {
			continue
		}
		pool := p.pool(a, o.Role)
		pool.used = true
		p.operate(a, pool, calls.OpUnreserve(*res))
	}
}

func (p *pass) asksForDisk(name string) bool {
	if p.teardown {
		return false
	}
	v := p.volumes[name]
	return v != nil && !givenUp(v.device)
}
