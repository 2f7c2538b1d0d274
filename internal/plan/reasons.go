package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

// maxHosts is how many hosts a reason names.
const maxHosts = 5

// reasonKey is what the instances of one reason have in common.
type reasonKey struct {
	kind   kind
	code   code
	common string
}

// reasonGroup gathers the instances of one reason.
type reasonGroup struct {
	reasonKey
	first  *wait
	reason v1alpha1.Reason
}

// wholeCluster stands for the kind in reasons that concern no single service.
const wholeCluster = kinds

// reasonBook groups the waits.
type reasonBook struct {
	groups map[reasonKey]*reasonGroup
	last   *reasonGroup
}

func (b *reasonBook) add(k kind, w *wait, host string) {
	key := reasonKey{k, w.code, w.generic}
	if key.common == "" {
		key.common = w.message
	}
	g := b.last
	if g == nil || g.reasonKey != key { // neighbours often wait for the same
		g = b.groups[key]
		if g == nil {
			g = &reasonGroup{reasonKey: key, first: w}
			if k != wholeCluster {
				g.reason.Service = k.String()
			}
			b.groups[key] = g
		}
		b.last = g
	}
	g.reason.Count++
	if host != "" && len(g.reason.Hosts) < maxHosts {
		g.reason.Hosts = append(g.reason.Hosts, host)
	}
}

// reportReasons groups all waits, the most important first.
func (p *pass) reportReasons() {
	book := &reasonBook{groups: map[reasonKey]*reasonGroup{}}
	p.clusterReasons(book)
	for k := range kinds {
		f := &p.floating[k]
		for range f.missing() {
			if f.wait != nil {
				book.add(k, f.wait, "")
			}
		}
		for _, h := range p.active {
			if w := h.slots[k].wait; w != nil {
				book.add(k, w, h.name)
			}
		}
	}
	p.result.Reasons = book.list()
}

// clusterReasons are those that concern no single instance.
func (p *pass) clusterReasons(book *reasonBook) {
	for _, t := range p.unreadable {
		host := ""
		if a := p.snap.Agents[t.AgentID]; a != nil {
			host = a.Host
		}
		book.add(wholeCluster, p.unreadableWait(t.ID, host), host)
	}
	for _, bad := range p.course.restarts.bad {
		book.add(wholeCluster, &wait{code: codeRequest, message: bad}, "")
	}
	for _, later := range p.course.restarts.later {
		book.add(wholeCluster, &wait{code: codeRequest, message: later, generic: "restarts are due later"}, "")
	}
	p.idleValues(book)
	p.reservationReasons(book)
	p.placementReasons(book)
	if len(p.probers.waits) > 0 && !p.recent(p.snap.Since) { // probers take a moment to come up
		for _, w := range p.probers.waits {
			book.add(wholeCluster, &wait{code: codeProbers, host: w.host, message: "no prober runs: " + w.message, generic: "hosts have no prober running"}, w.host)
		}
	}
	if p.mode == stopping && p.frozen == "" && !p.snap.Reconciled {
		book.add(wholeCluster, &wait{code: codeBarrier, message: "waits until Mesos has told which tasks run"}, "")
	}
	if p.mode == stopping && p.frozen != "" {
		book.add(wholeCluster, &wait{code: codeFrozen, message: p.frozen}, "")
	}
}

func (p *pass) unreadableWait(id, host string) *wait {
	w := &wait{code: codeUnreadable, host: host, generic: "tasks have ids that this version cannot read"}
	switch {
	case p.mode == stopping && p.teardown:
		w.message = "task " + id + " has an id that this version cannot read; it ends with the framework"
	case p.mode == stopping:
		w.message = "task " + id + " has an id that this version cannot read, and is not stopped: stop it by hand"
	case host == "":
		w.message = "task " + id + " has an id that this version cannot read, and nobody knows on which host it runs: it counts as every service until it ends"
	default:
		w.message = "task " + id + " has an id that this version cannot read: it counts as every service on this host until it ends"
	}
	return w
}

// list returns the reasons in their order; those beyond the bound are summed up.
func (b *reasonBook) list() []v1alpha1.Reason {
	if len(b.groups) == 0 {
		return nil
	}
	groups := make([]*reasonGroup, 0, len(b.groups))
	for _, g := range b.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *reasonGroup) int {
		switch {
		case a.code != b.code:
			return int(a.code - b.code)
		case a.kind != b.kind:
			return int(a.kind - b.kind)
		}
		return strings.Compare(a.common, b.common)
	})
	list := make([]v1alpha1.Reason, 0, min(len(groups), v1alpha1.MaxReasons))
	for n, g := range groups {
		if n == v1alpha1.MaxReasons-1 && len(groups) > v1alpha1.MaxReasons {
			return append(list, sumUp(groups[n:]))
		}
		g.reason.Message = g.message()
		list = append(list, g.reason)
	}
	return list
}

func (g *reasonGroup) message() string {
	w, more := g.first, g.reason.Count-1
	switch {
	case more == 0:
		return w.sentence()
	case w.generic != "" && w.code != codeUpdate: // of which the sentence says as much
		return fmt.Sprintf("%s (%d more: %s)", w.sentence(), more, w.generic)
	case w.host == "" && w.generic == "":
		return w.message
	}
	return fmt.Sprintf("%s (and %d more)", w.sentence(), more)
}

func sumUp(rest []*reasonGroup) v1alpha1.Reason {
	var count int32
	for _, g := range rest {
		count += g.reason.Count
	}
	return v1alpha1.Reason{Count: count, Message: "more instances wait, for other reasons; the devices tell why"}
}
