package main

import (
	"fmt"
	"net"
	"strconv"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// describeAgents: their ports follow the master's, as those of the recorded
// cluster do.
func (o *options) describeAgents() ([]mesostest.Agent, error) {
	_, port, err := net.SplitHostPort(o.listen)
	if err != nil {
		return nil, fmt.Errorf("-listen: %w", err)
	}
	master, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("-listen: the port %q is no number", port)
	}
	agents := mesostest.Agents(o.agents)
	for i := range agents {
		switch o.ports {
		case "default":
			agents[i].Ports = []mesostest.PortRange{{Begin: 8888, End: 8889}, {Begin: 21000, End: 22999}}
		case "recorded":
			first := uint64(21000 + 1000*i)
			agents[i].Ports = []mesostest.PortRange{{Begin: first, End: first + 999}}
		default:
			return nil, fmt.Errorf("-ports: want default or recorded, not %q", o.ports)
		}
		if master != 0 {
			agents[i].Port = master + 1 + i
		}
	}
	return agents, nil
}
