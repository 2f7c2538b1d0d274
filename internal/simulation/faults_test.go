package simulation

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/simulation/checker"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// fates is what becomes of the status updates, in percent of them.
type fates struct{ lost, late, repeated float64 }

func (w *world) fateOf(*mesos.TaskStatus) (f mesostest.Fate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.healed {
		return f
	}
	f.Lost = w.dice.Float64() < w.fates.lost
	if w.dice.Float64() < w.fates.late {
		f.Late = time.Duration(w.dice.Float64() * float64(20*time.Second))
	}
	if w.dice.Float64() < w.fates.repeated {
		f.Repeated = 1
	}
	return f
}

func (w *world) setFates(d dice, change func(f *fates, share float64)) string {
	lasts, share := d.between(10*time.Second, 3*time.Minute), 0.1+0.5*d.Float64()
	set := func(share float64) {
		w.mu.Lock()
		defer w.mu.Unlock()
		change(&w.fates, share)
	}
	set(share)
	w.later(lasts, func() { set(0) })
	return fmt.Sprintf("%.0f%% of them for %s", 100*share, lasts.Round(time.Second))
}

func (w *world) loseUpdates(d dice) string {
	return w.setFates(d, func(f *fates, share float64) { f.lost = share })
}

func (w *world) delayUpdates(d dice) string {
	return w.setFates(d, func(f *fates, share float64) { f.late = share })
}

func (w *world) repeatUpdates(d dice) string {
	return w.setFates(d, func(f *fates, share float64) { f.repeated = share })
}

func (w *world) breakStreams(dice) string {
	w.mesos.BreakStreams()
	return "all"
}

func (w *world) stallStreams(d dice) string {
	lasts := d.between(time.Second, 3*time.Minute)
	w.mesos.StallStreams(true)
	w.later(lasts, func() { w.mesos.StallStreams(false) })
	return "for " + lasts.Round(time.Second).String()
}

func (w *world) refuseConnections(d dice) string {
	lasts := d.between(time.Second, 2*time.Minute)
	w.mesos.RefuseConnections(true)
	w.later(lasts, func() { w.mesos.RefuseConnections(false) })
	return "for " + lasts.Round(time.Second).String()
}

func (w *world) failMasterOver(d dice) string {
	o := mesostest.FailoverOptions{ToStandby: d.chance(50)}
	if d.chance(50) {
		o.Downtime = d.between(time.Second, 30*time.Second)
	}
	o.AgentsReturnAfter, o.AgentsReturnEvery = d.between(10*time.Millisecond, 20*time.Second), d.between(0, 20*time.Second)
	stays := pick(d, w.plan.hosts)
	w.mesos.FailoverMaster(o)
	if d.chance(30) {
		w.mesos.StopAgent(stays)
		w.later(d.between(time.Minute, 15*time.Minute), func() { w.mesos.StartAgent(stays) })
	} else {
		stays = "none"
	}
	return fmt.Sprintf("%+v, away stays %s", o, stays)
}

// dropCall cuts one of the next calls of a type.
func (w *world) dropCall(d dice) string {
	call := pick(d, []scheduler.Call_Type{scheduler.Call_ACCEPT, scheduler.Call_ACCEPT, scheduler.Call_ACCEPT, scheduler.Call_KILL, scheduler.Call_KILL,
		scheduler.Call_ACKNOWLEDGE, scheduler.Call_RECONCILE, scheduler.Call_DECLINE, scheduler.Call_REVIVE, scheduler.Call_SUBSCRIBE, scheduler.Call_TEARDOWN})
	when, word := mesostest.Before, "before"
	if d.chance(50) {
		when, word = mesostest.After, "after"
	}
	w.mesos.DropNext(call, when)
	w.covers("call dropped " + word + " it is taken")
	return fmt.Sprintf("the next %s, %s it is taken", call, word)
}

func (w *world) loseAgent(d dice) string {
	host, lasts := pick(d, w.plan.hosts), d.between(time.Second, 10*time.Minute)
	w.mesos.StopAgent(host)
	w.later(lasts, func() { w.mesos.StartAgent(host) })
	return fmt.Sprintf("%s for %s", host, lasts.Round(time.Second))
}

// replaceAgent has an agent lose its id. The old containers live on, or the host has
// booted.
func (w *world) replaceAgent(d dice) string {
	host := pick(d, w.plan.hosts)
	old := w.agentID(host)
	if old == "" {
		return ""
	}
	text := host
	if d.chance(50) {
		w.mesos.StopAgent(host)
		text += ", after a while"
		w.later(d.between(time.Second, 2*time.Minute), func() { w.replace(host, d.chance(50)) })
		return text
	}
	w.replace(host, d.chance(50))
	return text
}

func (w *world) replace(host string, booted bool) {
	old := w.agentID(host)
	w.mesos.ReplaceAgent(host)
	w.mu.Lock()
	w.lost = append(w.lost, &lostAgent{host: host, id: old})
	w.mu.Unlock()
	w.covers("agent replaced, its containers live: " + fmt.Sprint(!booted))
	if booted {
		w.boot(host)
	}
	w.listen()
}

// lostAgent is the id of one in whose place another one is.
type lostAgent struct {
	host, id string
	declared bool
}

func (w *world) agentID(host string) string {
	for _, h := range w.mesos.Hosts() {
		if h.Host == host {
			return h.ID
		}
	}
	return ""
}

// boot ends what an agent of before has left on the host.
func (w *world) boot(host string) {
	w.mesos.KillOrphans(host)
	if w.probers != nil {
		w.probers.Reboot(host)
	}
	w.act(checker.Act{Kind: checker.HostBooted, Host: host})
}

// listen tells the probers on which ports somebody listens.
func (w *world) listen() {
	if w.probers == nil {
		return
	}
	for _, host := range w.plan.hosts {
		var ports []uint64
		for _, t := range w.mesos.Running(host) {
			for _, r := range t.Info.Resources {
				for _, p := range r.GetRanges().GetRange() {
					for n := p.Begin; n <= p.End; n++ {
						ports = append(ports, n)
					}
				}
			}
		}
		w.probers.Listen(host, ports...)
	}
}

func (w *world) bootHost(d dice) string {
	one := pick(d, w.lostAgents())
	if one == nil {
		return ""
	}
	w.boot(one.host)
	w.listen()
	return one.host
}

// declareGone names a lost agent in the annotation, when its host has booted; rarely
// when it has not.
func (w *world) declareGone(d dice) string {
	one := pick(d, w.lostAgents())
	if one == nil || !w.nameGone(one) {
		return ""
	}
	return one.id + " of " + one.host
}

func (w *world) lostAgents() []*lostAgent {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []*lostAgent
	for _, l := range w.lost {
		if !l.declared {
			list = append(list, l)
		}
	}
	return list
}

// nameGone says what a person can know: that nothing of the agent runs any more. When
// something does, they are wrong.
func (w *world) nameGone(l *lostAgent) bool {
	kind := checker.AgentGone
	if slices.ContainsFunc(w.mesos.Running(l.host), func(t mesostest.TaskRecord) bool { return t.AgentID == l.id }) {
		kind = checker.AgentGoneWrongly
		w.covers("agent declared gone wrongly")
	}
	if !w.edit(func(c *v1alpha1.QuobyteCluster) {
		if c.Annotations == nil {
			c.Annotations = map[string]string{}
		}
		have := c.Annotations[v1alpha1.AnnotationGoneAgents]
		c.Annotations[v1alpha1.AnnotationGoneAgents] = strings.Trim(have+","+l.id, ",")
	}) {
		return false
	}
	l.declared = true
	w.act(checker.Act{Kind: kind, AgentID: l.id, Host: l.host})
	return true
}

func (w *world) markGone(d dice) string {
	host := pick(d, w.plan.hosts)
	// Who runs Mesos says so of an agent that hears it, and ends. Of one that is away
	// nobody knows that its containers end.
	hears := slices.ContainsFunc(w.mesos.Hosts(), func(a mesostest.AgentRecord) bool { return a.Host == host && a.Running && a.Registered })
	if !hears {
		return ""
	}
	// The machine is taken out, and another one with its name comes.
	w.mesos.MarkGone(host)
	w.later(d.between(time.Second, 2*time.Minute), func() { w.replace(host, true) })
	return host
}

func (w *world) failTask(d dice) string {
	t, ok := w.some(d)
	if !ok || w.mesos.FailTask(t.ID, "for the simulation") != nil {
		return ""
	}
	return t.ID
}

func (w *world) finishTask(d dice) string {
	t, ok := w.some(d)
	if !ok || w.mesos.FinishTask(t.ID) != nil {
		return ""
	}
	return t.ID
}

func (w *world) sickenTask(d dice) string {
	t, ok := w.some(d)
	if !ok || w.mesos.SetHealth(t.ID, false) != nil {
		return ""
	}
	if d.chance(70) {
		w.later(d.between(time.Second, 5*time.Minute), func() { _ = w.mesos.SetHealth(t.ID, true) })
	}
	return t.ID
}

// sickenRegistries is a quorum that is lost for a while: all look unhealthy.
func (w *world) sickenRegistries(d dice) string {
	n := 0
	lasts := d.between(time.Second, 15*time.Minute) // spec.health.restartAfter is 5m
	for _, t := range w.running() {
		if t.Info.Name == "registry" && w.mesos.SetHealth(t.ID, false) == nil {
			n++
			w.later(lasts, func() { _ = w.mesos.SetHealth(t.ID, true) })
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d for %s", n, lasts.Round(time.Second))
}

func (w *world) some(d dice) (mesostest.TaskRecord, bool) {
	tasks := w.running()
	return pick(d, tasks), len(tasks) > 0
}

func (w *world) crashBefore(d dice) string { return w.crash(d, false) }
func (w *world) crashAfter(d dice) string  { return w.crash(d, true) }

func (w *world) crash(d dice, after bool) string {
	c := crash{calls: d.IntN(30), after: after}
	w.present().crashAt(c)
	return fmt.Sprintf("after %d calls", c.calls)
}

// crashAfterLaunch has the process die when Mesos has taken a launch, before anything that
// follows from it is written. Now and then its agent is another one before the next
// process asks for it.
func (w *world) crashAfterLaunch(d dice) string {
	replaced, booted := d.chance(70), d.chance(30)
	w.present().crashAtLaunch(func(agentID string) {
		for _, h := range w.mesos.Hosts() {
			if replaced && h.ID == agentID && w.isUnhealed() {
				w.replace(h.Host, booted)
			}
		}
	})
	if replaced {
		return "and its agent is replaced"
	}
	return "its next one"
}

func (w *world) isUnhealed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.healed
}

func (w *world) killOperator(dice) string {
	w.present().kill()
	return w.present().name()
}

func (w *world) usurpOperator(dice) string {
	if w.present().isDead() {
		return ""
	}
	w.usurp()
	return w.present().name() + " leads"
}

func (w *world) restartDelay() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.healed || w.dice.Float64() < 0.6 {
		return time.Duration(w.dice.Float64() * float64(3*time.Second))
	}
	return time.Duration(w.dice.Float64() * float64(2*time.Minute))
}

func (w *world) planMaintenance(d dice) string {
	i := d.IntN(len(w.plan.hosts))
	host, starts, lasts := w.plan.hosts[i], d.between(0, 5*time.Minute), d.between(time.Minute, 10*time.Minute)
	w.schedule(fmt.Sprintf(`{"machine_ids":[{"hostname":%q,"ip":"10.0.0.%d"}],"unavailability":{"start":{"nanoseconds":%d},"duration":{"nanoseconds":%d}}}`,
		host, i+1, time.Now().Add(starts).UnixNano(), lasts.Nanoseconds()))
	w.act(checker.Act{Kind: checker.MaintenancePlanned, Host: host})
	return fmt.Sprintf("%s in %s for %s", host, starts.Round(time.Second), lasts.Round(time.Second))
}

func (w *world) endMaintenance(dice) string {
	w.schedule("")
	return "no windows"
}

// schedule sets the windows, as an operator of Mesos does.
func (w *world) schedule(windows string) {
	transport := w.mesos.Transport()
	defer transport.CloseIdleConnections()
	body := `{"type":"UPDATE_MAINTENANCE_SCHEDULE","update_maintenance_schedule":{"schedule":{"windows":[` + windows + `]}}}`
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.mesos.LeaderURL()+"/api/v1", strings.NewReader(body))
	w.must(err)
	r.Header.Set("Content-Type", "application/json")
	if res, err := transport.RoundTrip(r); err == nil {
		if res.StatusCode >= 300 {
			w.must(fmt.Errorf("the schedule is refused: %s", res.Status))
		}
		_ = res.Body.Close()
	}
}

func (w *world) silence(host string, yes bool) {
	w.probers.Silence(host, yes)
	kind := checker.ProberHeard
	if yes {
		kind = checker.ProberSilenced
	}
	w.act(checker.Act{Kind: kind, Host: host})
}

func (w *world) silenceProber(d dice) string {
	if w.probers == nil {
		return ""
	}
	host, lasts := pick(d, w.plan.hosts), d.between(time.Minute, 10*time.Minute)
	w.silence(host, true)
	w.later(lasts, func() { w.silence(host, false) })
	return fmt.Sprintf("%s for %s", host, lasts.Round(time.Second))
}
