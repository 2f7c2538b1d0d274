package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

const (
	// A prober that runs and says nothing for silentIntervals of its intervals and
	// silentGrace hangs.
	silentIntervals = 3
	silentGrace     = time.Minute
	// At most so many probers are replaced at a time: one in replacedShare of them,
	// and always replacedAtOnce.
	replacedShare  = 20
	replacedAtOnce = 10
)

// probers is what a pass knows of the probers as a whole. They are no services:
// nothing waits for them but what their word is needed for, and they pass no gate.
type probers struct {
	hash string
	role string
	need need
	all  []*task
	// ends by host key, of probers of the wanted hash.
	ends     map[string]*proberEnd
	failures int

	// absent hosts are to get one.
	absent []*host
	// misplaced hosts have probers that are of no use.
	misplaced []*host
	// hung and outdated ones are replaced, a few at a time.
	hung, outdated []*host
	// inMotion are those on their way up or down, and stuck the hosts of those that have
	// been for long.
	inMotion int
	stuck    []*host
	waits    []*wait
}

// proberEnd counts the failures of the probers of one host, as far as the snapshot
// remembers them.
type proberEnd struct {
	count   int32
	last    time.Time
	message string
}

func (r *probers) want(wanted *quobyte.Prober, role string) {
	if wanted == nil {
		return
	}
	r.role = role
	r.hash = wanted.Hash()
	r.need = need{kind: nobody, scalars: [scalars]int64{wanted.MilliCPUs, wanted.MemMiB * 1000, wanted.DiskMiB * 1000}}
}

// countEnd counts the failure of a prober. One that had run well begins anew.
func (r *probers) countEnd(t *mesosbridge.Task, id *quobyte.TaskID) {
	if !failed(t) {
		return
	}
	r.failures++
	if id.Hash != r.hash {
		return
	}
	e := r.ends[id.HostKey]
	if e == nil {
		if r.ends == nil {
			r.ends = map[string]*proberEnd{}
		}
		e = &proberEnd{}
		r.ends[id.HostKey] = e
	}
	if launched, ok := id.Launched(); ok && t.Since.Sub(launched) >= runsWell {
		e.count = 0
	}
	e.count++
	e.last, e.message = t.Since, failureMessage(t)
}

// indexProber puts a prober on its host. Those on agents that are not registered are
// left out: two probers on one host do no harm, and the host may need one to tell
// what became of the other agent.
func (p *pass) indexProber(t *task) {
	t.host = p.hostByKey(t.id.HostKey)
	if t.agent != nil && t.agent.Host != "" && t.agent.Host != t.host.name {
		t.host = p.hostOf(t.agent.Host)
	}
	t.status = p.statusOf(t)
	p.probers.all = append(p.probers.all, t)
	h := t.host
	switch {
	case h.agent == nil || h.agent.ID != t.AgentID:
	case h.prober == nil:
		h.prober = t
	case betterProber(t, h.prober):
		h.moreProbers = append(h.moreProbers, h.prober)
		h.prober = t
	default:
		h.moreProbers = append(h.moreProbers, t)
	}
}

func betterProber(a, b *task) bool {
	if a.outdated != b.outdated {
		return b.outdated
	}
	return better(a, b)
}

// runProbers keeps one prober on each host that may hold services, also of a cluster
// that is stopped: its devices are still to be seen.
func (p *pass) runProbers() {
	if p.teardown {
		return // stopAll stops them last
	}
	if p.in.Prober == nil {
		p.stopProbers("no prober is to run any more")
		return
	}
	for _, h := range p.hosts {
		if h.agent != nil {
			p.lookAtProber(h)
		}
	}
	p.stopMisplaced()
	p.replaceProbers()
	p.launchProbers()
}

// stopProbers stops all of which Mesos has told (rule 15); at a teardown all.
func (p *pass) stopProbers(cause string) {
	if !p.mayStop() {
		return
	}
	slices.SortFunc(p.probers.all, func(a, b *task) int { return strings.Compare(a.ID, b.ID) })
	for _, t := range p.probers.all {
		if p.teardown || t.agent != nil && t.agent.Behind {
			p.kill(t, cause, verdict{})
		}
	}
}

// stopping says that probers run that can be heard of.
func (r *probers) stopping() bool {
	return slices.ContainsFunc(r.all, func(t *task) bool { return t.status != doubtful })
}

// lookAtProber counts what is on the host, and notes what is to be done.
func (p *pass) lookAtProber(h *host) {
	r, t, may := &p.probers, h.prober, p.mayStart(h)
	counts := &p.result.Probers
	if may {
		counts.Wanted++
	}
	if t == nil {
		if may {
			r.absent = append(r.absent, h)
		}
		return
	}
	reports := t.status == available && p.reports(h)
	if may && t.status == available {
		counts.Running++
	}
	if may && reports {
		counts.Reporting++
	}
	if len(h.moreProbers) > 0 || !may && !h.devices || may && t.id.Legacy {
		r.misplaced = append(r.misplaced, h)
	}
	switch {
	case !may && !h.devices, t.id.Legacy:
	case t.status == halting, t.status == launching:
		r.inMotion++
		if p.silent(t.Since) {
			r.stuck = append(r.stuck, h)
		}
	case t.status != available:
	case p.hangs(h, t):
		r.hung = append(r.hung, h)
	case !reports:
		r.inMotion++
	case t.outdated:
		r.outdated = append(r.outdated, h)
	}
}

func (p *pass) reports(h *host) bool {
	known := p.knownOf(h)
	return known != nil && known.Report != nil && known.ExecutorID == h.prober.ID
}

// hangs says that a prober that runs has said nothing for long.
func (p *pass) hangs(h *host, t *task) bool {
	heard := latest(t.Since, p.snap.Since)
	if p.reports(h) {
		heard = latest(heard, p.knownOf(h).Received)
	}
	return p.silent(heard)
}

// silent says that a prober that was heard of then should have reported by now.
func (p *pass) silent(heard time.Time) bool {
	return !p.within(heard, silentIntervals*p.in.Prober.Interval+silentGrace)
}

// stopMisplaced stops what is of no use on its host, behind its barrier (rule 15).
func (p *pass) stopMisplaced() {
	if !p.mayStop() {
		return
	}
	slices.SortFunc(p.probers.misplaced, byName)
	for _, h := range p.probers.misplaced {
		if !h.agent.Behind {
			continue
		}
		slices.SortFunc(h.moreProbers, func(a, b *task) int { return strings.Compare(a.ID, b.ID) })
		for _, t := range h.moreProbers {
			p.kill(t, "another prober runs on its host", verdict{})
		}
		switch {
		case !p.mayStart(h) && !h.devices:
			p.kill(h.prober, "its host may hold no services any more, and has no devices", verdict{})
		case h.prober.id.Legacy && p.barred(h) == nil:
			p.kill(h.prober, "it is of the earlier framework", verdict{})
		}
	}
}

// replaceProbers stops those that hang or are not as wanted; the next pass starts
// them. A few at a time, so that a prober that does not work does not blind all, and
// only where they could come back.
func (p *pass) replaceProbers() {
	r := &p.probers
	if !p.mayStop() || len(r.hung)+len(r.outdated) == 0 {
		return
	}
	left := max(replacedAtOnce, p.result.Probers.Wanted/replacedShare) - r.inMotion
	replace := func(hosts []*host, cause string) {
		slices.SortFunc(hosts, byName)
		for _, h := range hosts {
			if left <= 0 {
				return
			}
			switch {
			case p.barred(h) != nil:
			case h.maintenance:
				p.keepOffers(h)
			default:
				p.kill(h.prober, cause, verdict{})
				left--
			}
		}
	}
	replace(r.hung, "it hangs: no report for long")
	replace(r.outdated, "update of the prober")
}

func byName(a, b *host) int { return strings.Compare(a.name, b.name) }

// launchProbers starts one on each host that has none.
func (p *pass) launchProbers() {
	r := &p.probers
	if p.frozen != "" {
		return
	}
	slices.SortFunc(r.absent, byName)
	flood := p.floodOf(r.failures)
	for _, h := range r.absent {
		if w := p.launchProber(h, flood); w != nil {
			r.waits = append(r.waits, w)
		}
	}
}

// launchProber starts a prober, or says why not; nil also when it is about to be.
func (p *pass) launchProber(h *host, flood time.Time) *wait {
	if w := p.barred(h); w != nil {
		if w.code == codeBarrier {
			return nil
		}
		return w
	}
	pool := p.poolOf(h, registry)
	if w := p.proberRetry(h, flood, pool); w != nil {
		return w
	}
	if h.maintenance {
		p.keepOffers(h)
		return p.maintenanceWait(h)
	}
	if resources, _, ok := pool.take(p.probers.need); ok {
		h.proberLaunched = true
		p.result.Launches = append(p.result.Launches, Launch{
			Prober: p.in.Prober, Host: h.name, AgentID: h.agent.ID,
			Role: pool.role, OfferIDs: pool.offers, Resources: resources,
		})
		return nil
	}
	if pool.fits(p.probers.need, true) {
		p.revives[pool.role] = true
		return nil
	}
	return pool.shortage(h, p.probers.need)
}

// proberRetry is why a prober that failed is not started now. The offers that it
// needs are kept when the next try is near.
func (p *pass) proberRetry(h *host, flood time.Time, pool *pool) *wait {
	e, at := p.probers.ends[h.key], flood
	if e != nil {
		at = time.Time{}
		if e.count > 1 {
			at = e.last.Add(retryDelay(e.count))
		}
	}
	if !p.now.Before(at) {
		return nil
	}
	p.at(at)
	if at.Sub(p.now) <= holdOffers && pool.fits(p.probers.need, false) {
		pool.keep = true
	}
	if e == nil {
		return waitOn(h, codeFailing, "so many probers fail that starting others is put off")
	}
	return &wait{code: codeFailing, host: h.name, message: fmt.Sprintf("its prober failed %d times, last: %s", e.count, e.message)}
}

// reportProbers sums up why some do not run.
func (p *pass) reportProbers() {
	var waits []*wait
	slices.SortFunc(p.probers.stuck, byName)
	for _, h := range p.probers.stuck {
		t := h.prober
		waits = append(waits, waitOn(h, codeFailing, "its prober is stuck in "+stateName(t.State)+" since "+t.Since.UTC().Format(time.RFC3339)))
	}
	waits = append(waits, p.probers.waits...)
	if len(waits) == 0 {
		return
	}
	p.result.Probers.Waits = waits[0].sentence()
	if more := len(waits) - 1; more > 0 {
		p.result.Probers.Waits += fmt.Sprintf(" (and %d more hosts without a prober)", more)
	}
}
