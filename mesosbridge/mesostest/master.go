package mesostest

import (
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/google/uuid"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/maintenance"
)

// master is all that a leading master knows. A failover replaces it by a new
// one, which knows nothing but the registry: the agents.
type master struct {
	id         string
	started    time.Time
	frameworks map[string]*framework
	// removed are the ids of frameworks that were torn down or timed out. A real
	// master forgets the oldest of more than 50 (--max_completed_frameworks).
	removed map[string]bool
	// completed are the last of them, oldest first.
	completed []*framework
	// agents by id, in whatever standing; those that were removed are not in it.
	agents   map[string]*agent
	offers   map[string]*offer
	inverse  map[string]*inverse // outstanding, by the id of the inverse offer
	schedule maintenance.Schedule
	windows  map[machine]*mesos.Unavailability
	// recovered is how many agents are known from the registry alone.
	recovered int

	nextFramework, nextAgent, nextOffer, nextOperation int
	allocator                                          allocator
}

func newMaster(id uuid.UUID, started time.Time) *master {
	return &master{
		started:    started,
		id:         id.String(),
		frameworks: map[string]*framework{},
		removed:    map[string]bool{},
		agents:     map[string]*agent{},
		offers:     map[string]*offer{},
		inverse:    map[string]*inverse{},
		allocator:  allocator{roles: map[string]*share{}},
	}
}

// complete files a framework that was removed (--max_completed_frameworks).
func (m *master) complete(fw *framework) {
	m.completed = append(m.completed, fw)
	if len(m.completed) > 50 {
		m.completed = m.completed[1:]
	}
}

func (m *master) newFrameworkID() string {
	m.nextFramework++
	return fmt.Sprintf("%s-%04d", m.id, m.nextFramework-1)
}

func (m *master) newAgentID() string {
	m.nextAgent++
	return m.id + "-S" + strconv.Itoa(m.nextAgent-1)
}

func (m *master) newOfferID() string {
	m.nextOffer++
	return m.id + "-O" + strconv.Itoa(m.nextOffer-1)
}

// mesosVersion is the version of Mesos that the recordings were made with.
const mesosVersion = "1.12.0"

// capabilityQuotaV2 is a capability of masters that mesos-go has no name for.
const capabilityQuotaV2 = mesos.MasterInfo_Capability_Type(3)

// info is how the leading master presents itself at addr.
func (m *master) info(addr string) *mesos.MasterInfo {
	host, portText, _ := net.SplitHostPort(addr)
	port, _ := strconv.ParseUint(portText, 10, 16)
	ip := host
	if net.ParseIP(host) == nil {
		ip = "127.0.0.1" // in memory, where the host has a name only
	}
	port32, version, pid := uint32(port), mesosVersion, "master@"+net.JoinHostPort(ip, portText)
	return &mesos.MasterInfo{
		ID: m.id,
		// The address's bytes as they lie in memory (recorded: 127.0.0.1 is 16777343).
		IP:       binary.LittleEndian.Uint32(net.ParseIP(ip).To4()),
		Port:     &port32,
		PID:      &pid,
		Hostname: &host,
		Version:  &version,
		Address:  &mesos.Address{Hostname: &host, IP: &ip, Port: int32(port)},
		Capabilities: []mesos.MasterInfo_Capability{
			{Type: mesos.MasterInfo_Capability_AGENT_UPDATE},
			{Type: mesos.MasterInfo_Capability_AGENT_DRAINING},
			{Type: capabilityQuotaV2},
		},
	}
}
