package simulation

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// scenario is what a seed chooses: a cluster, and all that happens to it.
type scenario struct {
	hosts []string
	// layout are the disks at the start.
	layout []disk
	// probed: probers find the devices; else the user declares them.
	probed   bool
	reserved bool
	// ending is what the user wants in the end.
	ending       ending
	registration time.Duration
	interval     time.Duration // of the probers
	timeline     []item
}

// disk is a device: of the user's manifests, or with a marker that probers find.
type disk struct {
	name, host, path string
	types            []string
	bootstrap        bool
	// leaves: a person has deleted or decommissioned it. vanished: its object or its
	// disk is not there for a while.
	leaves, deleted, vanished bool
}

// serial of the marker of a disk that is found.
func (d *disk) serial() string { return "serial-" + d.name }

// ending is what the user wants in the end.
type ending int

const (
	endRunning ending = iota
	endStopped
	endOrphaned
	endTornDown
)

func (e ending) String() string { return [...]string{"Running", "Stopped", "Orphan", "Teardown"}[e] }

// item is one thing that happens.
type item struct {
	number int
	at     time.Duration
	event  *event
}

// event is a kind of thing that can happen. do has it happen, and says what it did in
// words; empty: it cannot happen now.
type event struct {
	name   string
	side   side
	weight int
	do     func(w *world, d dice) string
}

// side says who does it.
type side int

const (
	byUser side = iota
	byFault
)

func (s side) String() string { return [...]string{"user", "fault"}[s] }

func newScenario(seed uint64) scenario {
	d := dice{rand.New(rand.NewPCG(seed, 1))}
	s := scenario{probed: d.chance(50), reserved: d.chance(50), interval: 2 * time.Minute}
	if d.chance(50) {
		s.registration = d.between(0, 2*time.Second)
	}
	for i := range 3 + d.IntN(6) {
		s.hosts = append(s.hosts, fmt.Sprintf("node%d", i+1))
	}
	s.layOut(d)
	if n := d.IntN(100); n >= 70 {
		s.ending = ending(1 + (n-70)/10)
	}
	at := d.between(0, 2*time.Minute)
	for i := range 6 + d.IntN(16) {
		s.timeline = append(s.timeline, item{number: i, at: at, event: draw(d)})
		switch gap := d.IntN(10); {
		case gap < 3:
			at += d.between(0, 2*time.Second)
		case gap < 9:
			at += d.between(2*time.Second, time.Minute)
		default:
			at += d.between(time.Minute, 12*time.Minute)
		}
	}
	return s
}

// layOut puts disks on hosts: registries on an odd number of hosts mostly, each type
// somewhere.
func (s *scenario) layOut(d dice) {
	registries := []int{1, 2, 3, 3, 3, 3, 4, 5}[d.IntN(8)]
	for i, host := range s.hosts {
		var types []string
		if i < registries {
			types = append(types, "REGISTRY")
		}
		if i == 0 || d.chance(60) {
			types = append(types, "METADATA")
		}
		if i == 0 || d.chance(70) {
			types = append(types, "DATA")
		}
		if d.chance(50) && len(types) > 1 {
			for _, t := range types {
				s.addDisk(host, t)
			}
		} else if len(types) > 0 {
			s.addDisk(host, types...)
		}
	}
	s.layout[0].bootstrap = true // of type REGISTRY, on the first host
}

func (s *scenario) addDisk(host string, types ...string) {
	n := len(s.layout) + 1
	s.layout = append(s.layout, disk{name: fmt.Sprintf("disk%d", n), host: host, path: fmt.Sprintf("/mnt/disk%d", n), types: types})
}

// draw chooses an event by its weight.
func draw(d dice) *event {
	all, total := events(), 0
	for i := range all {
		total += all[i].weight
	}
	n := d.IntN(total)
	for i := range all {
		if n -= all[i].weight; n < 0 {
			return &all[i]
		}
	}
	panic("unreachable")
}

// agents have room for everything, in three racks.
func (s *scenario) agents() []mesostest.Agent {
	agents := mesostest.Agents(len(s.hosts))
	for i := range agents {
		agents[i].CPUs, agents[i].Mem = 16, 65536
		agents[i].Attributes = map[string]string{"rack": fmt.Sprintf("r%d", i%3)}
		agents[i].IP = fmt.Sprintf("10.0.0.%d", i+1)
	}
	return agents
}

func (s *scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d hosts, probed %v, reserved %v, in the end %s\n", len(s.hosts), s.probed, s.reserved, s.ending)
	for _, d := range s.layout {
		fmt.Fprintf(&b, "  %s on %s: %s\n", d.name, d.host, strings.Join(d.types, ","))
	}
	for _, i := range s.timeline {
		fmt.Fprintf(&b, "  %12s %-5s %s\n", i.at, i.event.side, i.event.name)
	}
	return b.String()
}
