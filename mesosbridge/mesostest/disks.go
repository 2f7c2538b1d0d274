package mesostest

import (
	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// Mount is a file system that an agent offers whole, as a disk of its own with a
// source of type MOUNT (docs/multiple-disk.md).
type Mount struct {
	Root string
	Size float64 // megabytes
	// Role that it is reserved for statically; empty: it is not.
	Role string
}

func (m Mount) quantity() quantity {
	q := scalar("disk", m.Size)
	if m.Role != "" {
		q = q.reservedAs(staticReservation(m.Role))
	}
	return q.onDisk(&mesos.Resource_DiskInfo{Source: &mesos.Resource_DiskInfo_Source{
		Type:  mesos.Resource_DiskInfo_Source_MOUNT,
		Mount: &mesos.Resource_DiskInfo_Source_Mount{Root: &m.Root},
	}})
}

// onDisk is q as a volume or a disk of its own; nil: a part of the root disk.
func (q quantity) onDisk(disk *mesos.Resource_DiskInfo) quantity {
	q.volume, q.disk = disk, ""
	if disk != nil {
		// Two are the same when all is the same that is said of them.
		q.disk = disk.String()
	}
	return q
}

// withoutVolume is what a volume was made of.
func (q quantity) withoutVolume() quantity {
	if q.volume.GetSource() == nil {
		return q.onDisk(nil)
	}
	return q.onDisk(&mesos.Resource_DiskInfo{Source: q.volume.Source})
}

// indivisible: volumes and MOUNT disks are taken whole or not at all
// (subtractable in common/resources.cpp).
func (q quantity) indivisible() bool {
	return q.volume.GetPersistence() != nil ||
		q.volume.GetSource().GetType() == mesos.Resource_DiskInfo_Source_MOUNT
}

// diskText is how the master writes a disk (common/resources.cpp).
func diskText(disk *mesos.Resource_DiskInfo) string {
	if disk == nil {
		return ""
	}
	var text string
	if s := disk.Source; s != nil {
		text = s.Type.String()
		if root := s.GetMount().GetRoot() + s.GetPath().GetRoot(); root != "" {
			text += ":" + root
		}
	}
	if disk.Persistence != nil {
		if text != "" {
			text += ","
		}
		text += disk.Persistence.ID
	}
	if v := disk.Volume; v != nil {
		text += ":"
		if v.HostPath != nil {
			text += *v.HostPath + ":"
		}
		text += v.ContainerPath
		if v.HostPath != nil && v.Mode != nil {
			text += map[mesos.Volume_Mode]string{mesos.RW: ":rw", mesos.RO: ":ro"}[*v.Mode]
		}
	}
	return "[" + text + "]"
}
