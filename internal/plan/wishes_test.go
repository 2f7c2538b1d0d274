package plan

import (
	"fmt"
	"slices"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

func (s *history) someDisk(which func(*v1alpha1.QuobyteDevice, *modelDisk) bool) (*v1alpha1.QuobyteDevice, *modelDisk) {
	var list []*v1alpha1.QuobyteDevice
	for _, d := range s.devices {
		if which(d, s.disk(d)) {
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	d := draw(s, list)
	return d, s.disk(d)
}

func (s *history) loseDisk() {
	if _, disk := s.someDisk(func(*v1alpha1.QuobyteDevice, *modelDisk) bool { return true }); disk != nil {
		disk.missing, disk.unseen = s.chance(60), s.chance(40)
	}
}

func (s *history) findDisk() {
	if _, disk := s.someDisk(func(_ *v1alpha1.QuobyteDevice, disk *modelDisk) bool { return disk.missing || disk.unseen }); disk != nil {
		disk.missing, disk.unseen = false, false
		disk.appeared = s.now.Truncate(time.Second)
	}
}

// moveDisk carries a disk to another host. One that is on its way waits.
func (s *history) moveDisk() {
	_, disk := s.someDisk(func(_ *v1alpha1.QuobyteDevice, disk *modelDisk) bool { return disk.prev == "" && s.probing })
	if a := s.someAgent(func(*modelAgent) bool { return true }); disk != nil && a != nil && a.host != disk.host {
		disk.prev, disk.host, disk.missing = disk.host, a.host, false
		disk.appeared = s.now.Truncate(time.Second)
	}
}

// showDisk lets a disk turn up on a host that was probed without it.
func (s *history) showDisk() {
	if a := s.someAgent(func(a *modelAgent) bool { return a.up }); a != nil && s.probing {
		s.disk(s.addDevice(a.host, s.drawTypes()...)).appeared = s.now.Truncate(time.Second)
	}
}

func (s *history) decommission() {
	s.edit(func(d *v1alpha1.QuobyteDevice) {
		if d.Spec.State = v1alpha1.DeviceDecommissioned; s.chance(20) {
			d.Spec.State = v1alpha1.DeviceOnline
		}
	})
}

func (s *history) changeClients() {
	c := s.cluster.DeepCopy()
	c.Spec.Services.Client.Enabled = s.chance(60)
	s.cluster = c
	if a := s.someAgent(func(*modelAgent) bool { return true }); a != nil {
		s.mountPoints[a.host] = s.chance(60)
	}
}

func (s *history) changeProber() {
	c := s.cluster.DeepCopy()
	c.Spec.Prober.Image = draw(s, []string{"operator:v1", "operator:v2"})
	s.cluster = c
}

func (s *history) changeSpec() {
	c := s.cluster.DeepCopy()
	switch rapid.IntRange(0, 2).Draw(s.t, "change") {
	case 0:
		c.Spec.Version = draw(s, []string{"1.1.5", "1.1.6", "1.2"})
	case 1:
		c.Spec.Services.Data.Resources.CPUs = resource.MustParse(draw(s, []string{"2", "4", "3500m"}))
	case 2:
		c.Spec.Services.API.ExtraConfig = draw(s, []string{"", "x"})
	}
	s.cluster = c
}

func (s *history) changeInstances() {
	c := s.cluster.DeepCopy()
	c.Spec.Services.API.Instances = draw(s, []int32{0, 1, 2, 3})
	c.Spec.Services.S3.Hostname = draw(s, []string{"", "s3.corp"})
	s.cluster = c
}

func (s *history) changeState() {
	c := s.cluster.DeepCopy()
	c.Spec.State = v1alpha1.StateRunning
	if s.chance(20) {
		c.Spec.State = v1alpha1.StateStopped
	}
	c.Spec.Suspend = s.chance(20)
	s.cluster = c
}

func (s *history) changePlacement() {
	c := s.cluster.DeepCopy()
	c.Spec.Placement.Hosts = draw(s, [][]string{nil, nil, {"node0", "node1"}, {"node2", "node3", "node4"}})
	c.Spec.Placement.PublicRole = draw(s, []string{"", "", "public"})
	c.Spec.Placement.SpreadBy = draw(s, []string{"", "rack"})
	c.Spec.Placement.Attributes = draw(s, [][]v1alpha1.AttributeRequirement{nil, nil,
		{{Attribute: "rack", Operator: v1alpha1.AttributeNotIn, Values: []string{"r0"}}}})
	s.cluster = c
}

func (s *history) changeReservation() {
	c := s.cluster.DeepCopy()
	c.Spec.Mesos.Reservation = draw(s, []v1alpha1.Reservation{v1alpha1.ReservationNone, v1alpha1.ReservationDynamic, v1alpha1.ReservationDynamic})
	s.cluster = c
}

func (s *history) addSomeDevice() {
	s.addDevice(fmt.Sprintf("node%d", rapid.IntRange(0, 6).Draw(s.t, "host")), s.drawTypes()...)
}

// edit replaces a device by a changed copy: results may still show the old one.
func (s *history) edit(change func(*v1alpha1.QuobyteDevice)) {
	if len(s.devices) == 0 {
		return
	}
	i := rapid.IntRange(0, len(s.devices)-1).Draw(s.t, "device")
	s.devices = slices.Clone(s.devices)
	s.devices[i] = s.devices[i].DeepCopy()
	change(s.devices[i])
}

func (s *history) deleteDevice() {
	s.edit(func(d *v1alpha1.QuobyteDevice) { d.DeletionTimestamp = &metav1.Time{Time: s.now} })
}

func (s *history) vanishDevices() {
	if s.chance(30) {
		s.devices = slices.DeleteFunc(slices.Clone(s.devices), func(*v1alpha1.QuobyteDevice) bool { return s.chance(50) })
	}
}

func (s *history) refuseDevice() {
	s.edit(func(d *v1alpha1.QuobyteDevice) { d.Spec.Path = "/srv/" + d.Name })
}

// maintenance changes the schedule: what is offered of the machine is rescinded.
func (s *history) maintenance() {
	a := s.someAgent(func(*modelAgent) bool { return true })
	if a == nil {
		return
	}
	for id := range a.offers {
		s.withdraw(a, id)
	}
	if a.inverse != "" {
		a.inverse, a.told = "", nil
	}
	a.askAgain = time.Time{}
	after := func(minutes int) time.Time { return s.now.Add(time.Duration(minutes) * time.Minute) }
	a.window = draw(s, []*mesos.Unavailability{nil, window(s.now, 1000*time.Hour), window(after(2), 10*time.Minute), window(after(8), 1000*time.Hour)})
}

func (s *history) cordon() {
	c := s.cluster.DeepCopy()
	c.Spec.Placement.CordonedHosts = draw(s, [][]string{nil, {"node0"}, {"node1", "node2"}})
	s.cluster = c
}

func (s *history) changeTimes() {
	c := s.cluster.DeepCopy()
	s.drawTimes(c)
	s.cluster = c
}

func (s *history) drawTimes(c *v1alpha1.QuobyteCluster) {
	c.Spec.Health.RestartAfter.Duration = draw(s, []time.Duration{0, time.Minute, 3 * time.Minute})
	c.Spec.Placement.UnreachableTimeout.Duration = draw(s, []time.Duration{time.Minute, 5 * time.Minute})
	c.Spec.Maintenance.LeadTime.Duration = draw(s, []time.Duration{0, 5 * time.Minute})
}
