package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// idleValues tells of values in the cluster object that name nothing there is, and so
// do nothing: most of them are misspelt.
func (p *pass) idleValues(book *reasonBook) {
	if p.mode == stopping || !p.mayStop() {
		return
	}
	var idle []string
	tell := func(message string) {
		if message != "" {
			idle = append(idle, message)
			book.add(wholeCluster, &wait{code: codeRequest, message: message}, "")
		}
	}
	tell(p.hostsAsAgents())
	if !p.recent(p.snap.Since) { // agents are told of one by one, and by their offers
		tell(p.idleCordons())
		tell(p.idleDomain())
	}
	if len(idle) > 0 {
		p.notice(NoticeNoEffect, strings.Join(idle, "; "))
	}
	// What has done its work is forgotten, and stays in the annotation: that is no fault.
	if unknown := p.unknownAgents(); len(unknown) > 0 && !p.recent(p.snap.Since) {
		book.add(wholeCluster, &wait{code: codeRequest, message: fmt.Sprintf(
			"annotation %s: nothing is known of agent %s; an entry that has done its work can be taken out",
			v1alpha1.AnnotationGoneAgents, nameSome(unknown))}, "")
	}
}

// hostsAsAgents says which entries of the annotation for agents that are gone are host
// names, and the ids that may be meant; empty: none is.
func (p *pass) hostsAsAgents() string {
	var wrong []string
	for _, name := range p.gone {
		if ids := p.agentsOf(name); len(ids) > 0 {
			wrong = append(wrong, fmt.Sprintf("%s is a host: name the id of its agent, %s", bounded(name), strings.Join(ids, " or ")))
		}
	}
	if len(wrong) == 0 {
		return ""
	}
	return "annotation " + v1alpha1.AnnotationGoneAgents + ": " + nameSome(wrong)
}

// agentsOf are the ids of the agents that the host has, or had: those first that are
// not registered.
func (p *pass) agentsOf(host string) []string {
	var away, here []string
	for _, a := range p.snap.Agents {
		switch {
		case a.Host != host:
		case a.Registered:
			here = append(here, a.ID+" (which is registered)")
		default:
			away = append(away, a.ID)
		}
	}
	for _, t := range p.doubtful {
		if t.host.name == host && t.AgentID != "" && t.agent == nil && !slices.Contains(away, t.AgentID) {
			away = append(away, t.AgentID)
		}
	}
	slices.Sort(away)
	slices.Sort(here)
	return append(away, here...)
}

// unknownAgents are entries of the annotation of which nobody has heard.
func (p *pass) unknownAgents() []string {
	if len(p.gone) == 0 {
		return nil
	}
	heard := map[string]bool{}
	for _, a := range p.snap.Agents {
		heard[a.ID], heard[a.Host] = true, true
	}
	for _, t := range p.snap.Tasks {
		heard[t.AgentID] = true
	}
	for _, t := range p.snap.Ended {
		heard[t.AgentID] = true
	}
	for _, t := range p.doubtful {
		heard[t.host.name] = true
	}
	var unknown []string
	for _, name := range p.gone {
		if !heard[name] {
			unknown = append(unknown, bounded(name))
		}
	}
	return unknown
}

// idleCordons says which cordoned hosts no agent has; empty: all are known.
func (p *pass) idleCordons() string {
	var unknown []string
	for _, name := range p.in.Cluster.Spec.Placement.CordonedHosts {
		if h := p.hosts[quobyte.HostKey(name)]; h == nil || h.known == nil {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return ""
	}
	return "spec.placement.cordonedHosts: no agent is known with the host name " + nameSome(unknown)
}

// idleDomain says that spec.update.domainBy parts no hosts; empty: it does, or no agent
// has offered anything yet.
func (p *pass) idleDomain() string {
	by := p.in.Cluster.Spec.Update.DomainBy
	if by == "" {
		return ""
	}
	known := false
	for _, a := range p.snap.Agents {
		if a.Host == "" {
			continue
		}
		if v := attributeOf(a, by); !v.none() {
			return ""
		}
		known = true
	}
	if !known {
		return ""
	}
	return "spec.update.domainBy: no agent has the attribute " + by + ", and updates go host by host"
}

// nameSome names the first few.
func nameSome(names []string) string {
	if more := len(names) - maxNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), more)
	}
	return strings.Join(names, ", ")
}
