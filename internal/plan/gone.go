package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quobyte/mesos-operator/internal/inventory"
)

// askAfter is how long after a prober's start, and after the subscription, its word
// about ports counts: what a host starts again by itself is up by then.
const askAfter = 30 * time.Second

// lostAgent is an agent that is not registered, on which services perhaps run, and
// whose host has another agent now.
type lostAgent struct {
	id   string
	host *host
	// tasks that perhaps run on it, and the ports of all of them.
	tasks []*task
	ports []uint64
	// unknown is a task of which nobody knows on which ports it listens.
	unknown string
	// note is for the wait of its tasks.
	note string
}

// askProbers asks whether what perhaps runs on a lost agent still listens. A known
// host name with a new agent id is not enough to say that it does not: the old
// containers may live. It suffices with the prober's word that nobody listens on the
// ports of any of its tasks (rule 5).
//
// A client has no ports. The containers of an agent go together, so that it needs
// another service of its agent to be asked after; alone, a person has to say it.
func (p *pass) askProbers() {
	if len(p.doubtful) == 0 || !p.in.Probing || p.frozen != "" {
		return
	}
	p.findLost()
	all := make([]*lostAgent, 0, len(p.lost))
	for _, l := range p.lost {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *lostAgent) int { return strings.Compare(a.id, b.id) })
	for _, l := range all {
		p.askAbout(l)
	}
}

// findLost gathers the doubtful tasks by their agent.
func (p *pass) findLost() {
	p.lost = map[string]*lostAgent{}
	slices.SortFunc(p.doubtful, func(a, b *task) int { return strings.Compare(a.ID, b.ID) })
	for _, t := range p.doubtful {
		if t.AgentID == "" || t.agent != nil && t.agent.Registered || slices.Contains(p.gone, t.AgentID) {
			continue
		}
		l := p.lost[t.AgentID]
		if l == nil {
			l = &lostAgent{id: t.AgentID, host: t.host}
			p.lost[t.AgentID] = l
		}
		l.tasks = append(l.tasks, t)
		ports, known := p.portsOf(t)
		l.ports = append(l.ports, ports...)
		if !known || l.host != t.host {
			l.unknown = t.ID
		}
	}
	for _, t := range p.unreadable {
		if l := p.lost[t.AgentID]; l != nil {
			l.unknown = t.ID
		}
	}
	for _, l := range p.lost {
		slices.Sort(l.ports)
		l.ports = slices.Compact(l.ports)
	}
}

// portsOf returns what a task listens on, by its spec.
func (p *pass) portsOf(t *task) (ports []uint64, known bool) {
	switch {
	case t.kind == client:
		return nil, true
	case t.id.Legacy:
		return nil, false
	case !t.outdated:
		return p.specs[t.kind].need.ports, true
	}
	ports = p.in.Specs[SpecKey{services[t.kind], t.id.Hash}].Ports()
	return ports, len(ports) > 0
}

// askAbout asks the prober of the host's present agent, or takes its word.
func (p *pass) askAbout(l *lostAgent) {
	h := l.host
	if h.agent == nil || h.agent.ID == l.id {
		return // the host has not come back, or is the same
	}
	if later := p.launchedLater(l); later != nil {
		p.result.Gone = append(p.result.Gone, Gone{
			AgentID: l.id, Host: h.name,
			Why: fmt.Sprintf("%s was launched there later, on the new agent %s: nothing is launched before it is proven that the old services have ended", later.ID, h.agent.ID),
		})
		return
	}
	switch {
	case l.unknown != "":
		l.note = "the host has a new agent, " + h.agent.ID + ", but nobody knows on which ports task " + l.unknown + " would listen"
		return
	case len(l.ports) == 0:
		return
	}
	l.note = "the host has a new agent, " + h.agent.ID + ", whose prober is asked whether anybody still listens on its " + portList(l.ports)
	known := p.knownOf(h)
	if !h.agent.Behind || h.prober == nil || h.prober.status != available || known == nil || known.Report == nil || known.ExecutorID != h.prober.ID {
		return
	}
	asked := latest(p.snap.Since, h.prober.Since).Add(askAfter)
	if p.now.Before(asked) {
		p.at(asked)
		return
	}
	silent, used := answer(known, l.ports, asked)
	if silent {
		p.result.Gone = append(p.result.Gone, Gone{
			AgentID: l.id, Host: h.name,
			Why: fmt.Sprintf("%s has a new agent, %s, and its prober says that nobody listens on %s", h.name, h.agent.ID, portList(l.ports)),
		})
		return
	}
	if used != 0 {
		l.note = fmt.Sprintf("the host has a new agent, %s, and its prober says that somebody listens on port %d: the old task may live", h.agent.ID, used)
	}
	p.result.Questions = append(p.result.Questions, Question{AgentID: h.agent.ID, ExecutorID: h.prober.ID, Ports: l.ports})
}

// launchedLater is a task that runs on the host's present agent, and was launched after
// one of the same service on the lost one; nil: there is none. Who launched it had the
// proof, and may have ended before a status told of it. Nobody can give it again: on the
// ports of the old task the new one listens.
func (p *pass) launchedLater(l *lostAgent) *task {
	for _, old := range l.tasks {
		s := &l.host.slots[old.kind]
		for _, t := range append([]*task{s.task}, s.more...) {
			if t == nil || t.AgentID != l.host.agent.ID || !t.Heard || t.status == doubtful {
				continue
			}
			then, known := old.id.Launched()
			if now, also := t.id.Launched(); known && also && now.After(then) {
				return t
			}
		}
	}
	return nil
}

// answer says whether the report of the host tells that nobody listens on any of the
// ports; used is one on which somebody does.
func answer(known *inventory.Host, ports []uint64, notBefore time.Time) (silent bool, used uint64) {
	if known.Received.Before(notBefore) {
		return false, 0
	}
	for _, port := range ports {
		if slices.Contains(known.Report.Listening, port) {
			return false, port
		}
		if !slices.Contains(known.Report.Asked, port) {
			return false, 0
		}
	}
	return true, 0
}

func latest(times ...time.Time) time.Time {
	return slices.MaxFunc(times, time.Time.Compare)
}
