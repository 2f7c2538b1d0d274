package plan

import (
	"strconv"
	"strings"
)

// returningWait says that what the instance lacks may be what its last task there has
// given back, which comes with an offer within seconds; nil: it is something else, as an
// offer came since.
func (p *pass) returningWait(key instanceKey, h *host, k kind) *wait {
	e := p.ends[key]
	if e == nil || e.task.AgentID != h.agent.ID || !p.recent(e.task.Since) {
		return nil
	}
	for _, o := range h.agent.Offers {
		if o.Role == p.specs[k].role && !o.Received.Before(e.task.Since) {
			return nil
		}
	}
	return waitOn(h, codeOffers, "waits for the resources of its last task to be offered again")
}

// shortage says what the host lacks, from all that is known of what it has.
func (pool *pool) shortage(h *host, n need) *wait {
	if pool.nothing() {
		return waitOn(h, codeResources, "offers nothing to role "+pool.role+" at present")
	}
	short, ports := pool.lacks(n, true)
	var lacks []string
	if short[cpus] > 0 {
		lacks = append(lacks, cpuAmount(short[cpus])+" cpus")
	}
	if short[mem] > 0 {
		lacks = append(lacks, strconv.FormatInt((short[mem]+999)/1000, 10)+" MiB of memory")
	}
	if short[disk] > 0 {
		lacks = append(lacks, strconv.FormatInt((short[disk]+999)/1000, 10)+" MiB of disk")
	}
	switch {
	case len(ports) == 0:
		return &wait{code: codeResources, host: h.name, message: "offer lacks " + strings.Join(lacks, ", "), generic: "their offers lack resources"}
	case len(lacks) == 0:
		return &wait{code: codePorts, message: h.name + " does not offer " + portList(ports), generic: "hosts do not offer the ports"}
	}
	return &wait{
		code: codePorts, host: h.name,
		message: "does not offer " + portList(ports) + ", and its offer lacks " + strings.Join(lacks, ", "),
		generic: "hosts do not offer the ports",
	}
}

// cpuAmount prints fixed point with at least one digit after the point: "2.0".
func cpuAmount(milli int64) string {
	if milli%1000 == 0 {
		return strconv.FormatInt(milli/1000, 10) + ".0"
	}
	return strconv.FormatFloat(float64(milli)/1000, 'f', -1, 64)
}

func portList(ports []uint64) string {
	if len(ports) == 1 {
		return "port " + strconv.FormatUint(ports[0], 10)
	}
	text := make([]string, len(ports))
	for i, port := range ports {
		text[i] = strconv.FormatUint(port, 10)
	}
	return "ports " + strings.Join(text, ", ")
}
