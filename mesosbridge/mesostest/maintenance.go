package mesostest

import (
	"net"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	inverseoffers "github.com/mesos/mesos-go/api/v1/lib/allocator"
	"github.com/mesos/mesos-go/api/v1/lib/maintenance"
)

// machine is what a maintenance schedule names: a host name and an address, and
// an agent is on it when both are the agent's (MachineID in include/mesos/v1).
type machine struct{ host, ip string }

func machineOf(id *mesos.MachineID) machine {
	return machine{strings.ToLower(id.GetHostname()), id.GetIP()}
}

func (a *agent) machine() machine { return machine{strings.ToLower(a.host), a.ip} }

// unavailability of the agent's machine, nil when none is scheduled.
func (m *master) unavailability(a *agent) *mesos.Unavailability {
	return m.windows[a.machine()]
}

// updateSchedule replaces the maintenance schedule. All offers of all agents are
// rescinded and made anew, those of machines without a window included
// (maintenance; updateUnavailability in master/master.cpp).
func (c *Cluster) updateSchedule(schedule maintenance.Schedule) (problem string) {
	windows, problem := windowsOf(schedule)
	if problem != "" {
		return problem
	}
	m := c.master
	m.schedule, m.windows = schedule, windows
	agents := c.registeredAgents()
	// One machine after the other, in the order of a hash map; recorded: the one
	// with an inverse offer is the last.
	for _, a := range agents {
		c.rescindAll(a)
	}
	for _, a := range agents {
		c.forgetInverse(a)
	}
	c.allocate(agents)
	return ""
}

// windowsOf checks a schedule, in the words of master/maintenance.cpp.
func windowsOf(schedule maintenance.Schedule) (windows map[machine]*mesos.Unavailability, problem string) {
	windows = map[machine]*mesos.Unavailability{}
	for i := range schedule.Windows {
		w := &schedule.Windows[i]
		if len(w.MachineIDs) == 0 {
			return nil, "List of machines in the maintenance window is empty"
		}
		if w.Unavailability.GetDuration().GetNanoseconds() < 0 {
			return nil, "Unavailability 'duration' is negative"
		}
		for j := range w.MachineIDs {
			id := machineOf(&w.MachineIDs[j])
			if id == (machine{}) {
				return nil, "Both 'hostname' and 'ip' for a machine are empty"
			}
			if id.ip != "" && net.ParseIP(id.ip).To4() == nil {
				return nil, "Failed to parse the IP"
			}
			if windows[id] != nil {
				return nil, `Machine '{"hostname":"` + id.host + `","ip":"` + id.ip +
					`"}' appears more than once in the schedule`
			}
			windows[id] = &w.Unavailability
		}
	}
	return windows, ""
}

// maintenanceStatus says what frameworks have answered to their inverse offers.
func (c *Cluster) maintenanceStatus() maintenance.ClusterStatus {
	var status maintenance.ClusterStatus
	for i := range c.master.schedule.Windows {
		for _, id := range c.master.schedule.Windows[i].MachineIDs {
			draining := maintenance.ClusterStatus_DrainingMachine{ID: id}
			for _, a := range c.registeredAgents() {
				if a.machine() == machineOf(&id) {
					draining.Statuses = append(draining.Statuses, a.answers()...)
				}
			}
			status.DrainingMachines = append(status.DrainingMachines, draining)
		}
	}
	return status
}

func (a *agent) answers() (list []inverseoffers.InverseOfferStatus) {
	for _, id := range sortedKeys(a.inverse) {
		if answer := a.inverse[id].answer; answer != nil {
			list = append(list, *answer)
		}
	}
	return list
}
