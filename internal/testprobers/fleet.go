// Package testprobers stands in for the probers of simulated agents: thousands of
// them in one process, without a file system. What they report is set by the test.
package testprobers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quobyte/mesos-operator/internal/probe"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// Fleet answers for the probers of all hosts. Its methods may be called from any
// goroutine at any time.
type Fleet struct {
	mu    sync.Mutex
	epoch int64
	hosts map[string]*host
}

// host is what a prober there would see.
type host struct {
	name        string
	bootID      string
	mounts      []probe.Mount // by path
	directories []string
	listening   []uint64
	outcomes    []probe.Initialization
	silent      bool
	prober      *prober
}

// New returns a Fleet in which nothing is mounted anywhere.
func New() *Fleet { return &Fleet{hosts: map[string]*host{}} }

// Simulate is for mesostest.Config.SimulateExecutor.
func (f *Fleet) Simulate(start mesostest.ExecutorStart, send func([]byte)) mesostest.SimulatedExecutor {
	f.mu.Lock()
	h := f.host(start.Host)
	f.epoch++
	p := &prober{fleet: f, host: h, send: send, epoch: f.epoch}
	h.prober = p
	f.mu.Unlock()
	p.report("", nil)
	return p
}

// Disk is a mounted file system with a marker; types are REGISTRY, METADATA, DATA.
func Disk(path, serial string, types ...string) probe.Mount {
	return probe.Mount{Path: path, FileSystem: "xfs", Number: "8:" + serial, Marked: true, Serial: serial,
		Model: "TESTDISK", Types: types, CapacityBytes: 8 << 40, FreeBytes: 6 << 40}
}

// Bootstrap is a Disk of type REGISTRY with device.bootstrap=true.
func Bootstrap(path, serial string) probe.Mount {
	m := Disk(path, serial, "REGISTRY")
	m.Bootstrap = true
	return m
}

// Empty is a mounted file system without a marker.
func Empty(path, number string) probe.Mount {
	return probe.Mount{Path: path, FileSystem: "xfs", Number: number, CapacityBytes: 8 << 40, FreeBytes: 8 << 40}
}

// Mount mounts file systems on a host; its prober reports it.
func (f *Fleet) Mount(hostName string, mounts ...probe.Mount) {
	f.change(hostName, func(h *host) {
		for _, m := range mounts {
			h.mounts = slices.DeleteFunc(h.mounts, func(old probe.Mount) bool { return old.Path == m.Path })
			h.mounts = append(h.mounts, m)
		}
		slices.SortFunc(h.mounts, func(a, b probe.Mount) int { return strings.Compare(a.Path, b.Path) })
	})
}

// Unmount takes file systems away.
func (f *Fleet) Unmount(hostName string, paths ...string) {
	f.change(hostName, func(h *host) {
		h.mounts = slices.DeleteFunc(slices.Clone(h.mounts), func(m probe.Mount) bool { return slices.Contains(paths, m.Path) })
	})
}

// Directories are those that the host has.
func (f *Fleet) Directories(hostName string, paths ...string) {
	f.change(hostName, func(h *host) { h.directories = paths })
}

// Listen sets the ports on which somebody listens there.
func (f *Fleet) Listen(hostName string, ports ...uint64) {
	f.change(hostName, func(h *host) { h.listening = ports })
}

// Silence has a prober hang: it says nothing more; or ends that.
func (f *Fleet) Silence(hostName string, silent bool) {
	f.change(hostName, func(h *host) { h.silent = silent })
}

// Reboot gives the host another boot id.
func (f *Fleet) Reboot(hostName string) {
	f.change(hostName, func(h *host) { h.bootID += "+" })
}

// change changes what is on a host, and has its prober report.
func (f *Fleet) change(hostName string, change func(*host)) {
	f.mu.Lock()
	h := f.host(hostName)
	change(h)
	p := h.prober
	f.mu.Unlock()
	if p != nil {
		p.report("", nil)
	}
}

func (f *Fleet) host(name string) *host {
	h := f.hosts[name]
	if h == nil {
		h = &host{name: name, bootID: "boot-of-" + name}
		f.hosts[name] = h
	}
	return h
}

// Run has each prober report once an interval, spread evenly over it, until ctx
// ends.
func (f *Fleet) Run(ctx context.Context, interval time.Duration) {
	const steps = 100
	tick := time.NewTicker(max(interval/steps, time.Millisecond))
	defer tick.Stop()
	for step := 0; ; step = (step + 1) % steps {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		f.mu.Lock()
		var due []*prober
		for name, h := range f.hosts {
			if h.prober != nil && spread(name)%steps == step {
				due = append(due, h.prober)
			}
		}
		f.mu.Unlock()
		for _, p := range due {
			p.report("", nil)
		}
	}
}

// spread is a number that differs from host to host.
func spread(name string) int {
	n := 0
	for _, c := range name {
		n = (31*n + int(c)) & 0xffffff
	}
	return n
}

// prober is one executor.
type prober struct {
	fleet *Fleet
	host  *host
	send  func([]byte)
	epoch int64
	seq   uint64
}

// Message implements mesostest.SimulatedExecutor.
func (p *prober) Message(data []byte) {
	request, err := probe.DecodeRequest(data)
	if err != nil {
		return // as the real one does, which logs it
	}
	p.report(request.ID, request)
}

// Ended implements mesostest.SimulatedExecutor.
func (p *prober) Ended() {
	p.fleet.mu.Lock()
	defer p.fleet.mu.Unlock()
	if p.host.prober == p {
		p.host.prober = nil
	}
}

func (p *prober) report(answers string, request *probe.Request) {
	p.fleet.mu.Lock()
	h := p.host
	if h.silent {
		p.fleet.mu.Unlock()
		return
	}
	r := &probe.Report{Protocol: probe.Protocol, Epoch: p.epoch, BootID: h.bootID, Answers: answers}
	if request != nil {
		for i := range request.Initialize {
			h.initialize(&request.Initialize[i])
		}
		r.Asked = request.Ports
		for _, port := range request.Ports {
			if slices.Contains(h.listening, port) {
				r.Listening = append(r.Listening, port)
			}
		}
	}
	p.seq++
	r.Seq = p.seq
	r.Mounts, r.Directories, r.Initializations = slices.Clone(h.mounts), slices.Clone(h.directories), slices.Clone(h.outcomes)
	p.fleet.mu.Unlock()
	p.send(probe.Encode(r))
}

// initialize carries out an order as the real prober does, as far as there is
// anything to carry it out on.
func (h *host) initialize(o *probe.Order) {
	outcome := probe.Initialization{ID: o.ID}
	i := slices.IndexFunc(h.mounts, func(m probe.Mount) bool { return m.Path == o.Path })
	serial := "new-" + o.ID
	switch {
	case i < 0:
		outcome.Refused = o.Path + " is not mounted"
	case h.mounts[i].Marked && h.mounts[i].Serial != serial:
		outcome.Refused = fmt.Sprintf("%s is a Quobyte device already, serial %s", o.Path, h.mounts[i].Serial)
	default:
		mounts := slices.Clone(h.mounts)
		m := &mounts[i]
		m.Marked, m.Serial, m.Types, m.Bootstrap = true, serial, o.Types, o.Bootstrap
		h.mounts, outcome.Serial = mounts, serial
	}
	h.outcomes = slices.DeleteFunc(h.outcomes, func(old probe.Initialization) bool { return old.ID == o.ID })
	h.outcomes = append(h.outcomes, outcome)
}
