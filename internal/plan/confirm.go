package plan

import (
	"time"

	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/probe"
)

// trustMemory is how long after the subscription, or after its prober came up, a
// service waits for a prober that says nothing at all. Then what the inventory remembers is enough: a prober that
// does not run must not keep storage down.
const trustMemory = 3 * time.Minute

// knownOf returns what is known of the host by its prober; nil: nothing.
func (p *pass) knownOf(h *host) *inventory.Host { return p.in.Hosts[h.name] }

// reportOf returns the present report of the host's prober; nil when there is none.
func (p *pass) reportOf(h *host) *probe.Report {
	if known := p.knownOf(h); known != nil && h.agent != nil {
		return known.Report
	}
	return nil
}

// confirmWait is why a service is not started though it is wanted: nobody has seen
// its device, or its mount point, there since this process began.
func (p *pass) confirmWait(k kind, h *host) *wait {
	s := &h.slots[k]
	if !p.in.Probing || k.floats() || s.confirmed {
		return nil
	}
	if p.reportOf(h) != nil {
		if k == client {
			return nil // its directory has gone, and it is not wanted any more
		}
		return &wait{code: codeProbe, host: h.name,
			message: "its prober does not see a usable " + devicesOf(k) + " (the device says why)", generic: "probers do not see the devices"}
	}
	if k.bound() && !s.remembered {
		return &wait{code: codeProbe, host: h.name,
			message: "its " + devicesOf(k) + " is seen on another host, and " + h.name + " does not say that it has gone", generic: "have devices that are seen on other hosts"}
	}
	since := p.snap.Since
	switch {
	case h.prober != nil:
		since = latest(since, h.prober.Since) // it came back later, and is about to speak
	case h.proberLaunched && s.task != nil:
		since = p.now // as the next pass sees it, which is to stop no more than this one
	}
	if trust := since.Add(trustMemory); k.bound() {
		if !p.now.Before(trust) {
			return nil
		}
		p.at(trust)
	}
	return &wait{code: codeProbe, host: h.name, message: "waits for the word of " + h.name + "'s prober", generic: "wait for the word of their probers"}
}
