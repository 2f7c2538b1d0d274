package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/simulation/checker"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

const (
	// patience is how long it may take until all is as it is wanted: agents of a lost
	// master are given up after ten minutes, failures wait for five at most, and an update
	// takes half a minute for each instance.
	patience = 25 * time.Minute
	// staysFor is how long it must then stay so.
	staysFor = 30 * time.Second
)

// heal ends all faults, and has the user want what can be.
func (w *world) heal() {
	w.mu.Lock()
	w.healed = true
	w.trouble, w.bad, w.fates = trouble{}, nil, fates{}
	w.mu.Unlock()
	w.trace.add("fault", "all faults end")
	w.mesos.StallStreams(false)
	w.mesos.RefuseConnections(false)
	for _, d := range w.disks {
		if d.vanished {
			w.bringBack(d)
		}
	}
	for _, host := range w.plan.hosts {
		w.mesos.StartAgent(host)
		for _, h := range w.mesos.Hosts() {
			if h.Host == host && !h.Running { // It was marked gone.
				w.replace(host, true)
			}
		}
		w.boot(host)
		if w.probers != nil {
			w.silence(host, false)
		}
	}
	w.listen()
	w.schedule("")
	w.settleWishes()
	w.act(checker.Act{Kind: checker.Healed})
}

// cure makes all tasks healthy.
func (w *world) cure() {
	for _, t := range w.running() {
		if t.Healthy != nil && !*t.Healthy {
			_ = w.mesos.SetHealth(t.ID, true)
		}
	}
	for _, t := range w.services() {
		// What hangs gets its image at last; a play that goes on goes on by itself.
		if t.State == mesos.TASK_STAGING && time.Since(t.Launched) > 5*time.Minute {
			_ = w.mesos.Report(t.ID, mesostest.Step{State: mesos.TASK_RUNNING})
			_ = w.mesos.SetHealth(t.ID, true)
		}
	}
}

// settleWishes has the user want the ending.
func (w *world) settleWishes() {
	none := dice{}
	if w.wants.saved != nil {
		w.nameAllGone()
		w.awaitThat("the deleted cluster is gone", func() string {
			w.edit(func(c *v1alpha1.QuobyteCluster) { c.Spec.Suspend = false })
			w.act(checker.Act{Kind: checker.Resumed})
			if w.cluster() != nil {
				return "it is there"
			}
			return ""
		})
		w.recreate(none)
	}
	w.edit(func(c *v1alpha1.QuobyteCluster) {
		c.Spec.Suspend, c.Spec.Placement.Hosts, c.Spec.Placement.CordonedHosts = false, nil, nil
		c.Spec.Update.Paused, c.Spec.Update.OnFailure = false, v1alpha1.FailurePause
		c.Spec.Update.MinReady.Duration = 30 * time.Second // an update waits so long for each instance
	})
	w.act(checker.Act{Kind: checker.Resumed})
	w.act(checker.Act{Kind: checker.Cordoned})
	w.act(checker.Act{Kind: checker.Placed})
	w.act(checker.Act{Kind: checker.MinReadyChanged, Least: 30 * time.Second})
	if w.wants.rollsBack {
		// What was rolled back is tried again when something else is wanted.
		w.updateVersion(dice{rand.New(rand.NewPCG(1, 2))})
	}
	if !w.plan.probed || w.plan.ending == endTornDown { // No probers are started for a teardown.
		w.nameAllGone()
	}
	if w.plan.ending == endStopped {
		w.stop(none)
	} else {
		w.start(none)
	}
}

// nameAllGone names all lost agents: their hosts have booted.
func (w *world) nameAllGone() {
	for _, l := range w.lostAgents() {
		w.nameGone(l)
	}
}

// doAsTold names lost agents, all of whose hosts have booted, where the operator asks for
// it: a prober cannot tell of duplicates. Where it says that the word about one is used
// up it is taken out of the annotation, and named again some seconds later.
func (w *world) doAsTold() {
	c := w.cluster()
	if c == nil {
		return
	}
	told := func(l *lostAgent, what string) bool {
		return slices.ContainsFunc(c.Status.Reasons, func(r v1alpha1.Reason) bool {
			return strings.Contains(r.Message, l.id) && strings.Contains(r.Message, what)
		})
	}
	asks := !w.plan.probed || w.plan.ending == endTornDown
	for _, l := range w.lostAgents() {
		if asks || told(l, "when nothing of it runs any more") {
			w.covers("agent declared gone as told")
			w.nameGone(l)
		}
	}
	w.mu.Lock()
	named := slices.DeleteFunc(slices.Clone(w.lost), func(l *lostAgent) bool { return !l.declared })
	w.mu.Unlock()
	for _, l := range named {
		if !told(l, "name it again") {
			continue
		}
		w.covers("agent named gone again")
		l.declared = !w.edit(func(c *v1alpha1.QuobyteCluster) {
			left := slices.DeleteFunc(c.GoneAgents(), func(id string) bool { return id == l.id })
			c.Annotations[v1alpha1.AnnotationGoneAgents] = strings.Join(left, ",")
		})
	}
}

// await waits for the ending, and that it stays.
func (w *world) await() {
	switch w.plan.ending {
	case endRunning, endStopped:
		w.awaitThat("the cluster is "+w.plan.ending.String(), w.unsettled)
	case endOrphaned:
		w.awaitThat("the cluster is Running", w.unsettled)
		w.delete(v1alpha1.DeletionOrphan)
		w.awaitThat("the cluster is let go", w.undeleted)
	case endTornDown:
		w.awaitThat("the cluster can be deleted", func() string {
			if c := w.cluster(); c == nil || len(c.Finalizers) == 0 || w.anyDeleting() {
				return "it has no finalizer, or a device is being deleted"
			}
			return ""
		})
		w.delete(v1alpha1.DeletionTeardown)
		w.awaitThat("the cluster is torn down", w.undeleted)
	}
}

// awaitThat waits until nothing is missing, and stays so.
func (w *world) awaitThat(what string, missing func() string) {
	if len(w.problems) > 0 {
		return
	}
	began, since := time.Now(), time.Time{}
	for step := 200 * time.Millisecond; ; step = min(2*step, 5*time.Second) {
		now := time.Now()
		if step == 5*time.Second {
			w.doAsTold()
		}
		why := missing()
		switch {
		case why != "":
			since = time.Time{}
		case since.IsZero():
			since = now
		case now.Sub(since) >= staysFor:
			w.trace.add("rest", what, "after", since.Sub(began))
			return
		}
		if now.Sub(began) > patience {
			w.problem("liveness: it does not come to it within %s that %s: %s\n  the status says: %s", patience, what, why, w.untrue())
			return
		}
		time.Sleep(step)
	}
}

func (w *world) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.problems = append(w.problems, text)
	w.trace.add("PROBLEM", text)
}

// wanted are the instances that the user wants: how many tasks of each service on
// each host, and of floating services in all.
func (w *world) wanted() map[string]int {
	want := map[string]int{}
	if w.wants.stopped {
		return want
	}
	for _, d := range w.inService() {
		for _, t := range d.types {
			want[strings.ToLower(t)+" on "+d.host] = 1
		}
	}
	for service, n := range w.wants.floats {
		if n > 0 {
			want[service] = n
		}
	}
	return want
}

// lives are the tasks that live, counted in the same way.
func (w *world) lives() map[string]int {
	have := map[string]int{}
	for _, t := range w.services() {
		if _, floats := w.wants.floats[t.Info.Name]; floats {
			have[t.Info.Name]++
		} else {
			have[t.Info.Name+" on "+t.Host]++
		}
	}
	return have
}

// unsettled says what is not as it is wanted; empty: all is.
func (w *world) unsettled() string {
	w.cure()
	if why := differ(w.wanted(), w.lives()); why != "" {
		return why
	}
	for _, t := range w.services() {
		if t.State != mesos.TASK_RUNNING || t.Healthy != nil && !*t.Healthy {
			return fmt.Sprintf("%s is %s", t.ID, t.State)
		}
		if got := t.Info.Container.GetDocker().GetImage(); got != "quobyte-server:"+version(w.wants.version) {
			return fmt.Sprintf("%s runs %s, and %s is wanted", t.ID, got, version(w.wants.version))
		}
	}
	return w.untrue()
}

func differ(want, have map[string]int) string {
	var wrong []string
	for what, n := range want {
		if have[what] != n {
			wrong = append(wrong, fmt.Sprintf("%d of %d of %s", have[what], n, what))
		}
	}
	for what, n := range have {
		if want[what] == 0 {
			wrong = append(wrong, fmt.Sprintf("%d of %s, and none is wanted", n, what))
		}
	}
	sort.Strings(wrong)
	return strings.Join(wrong, "; ")
}

// untrue says in what the status differs from what is so; empty: in nothing.
func (w *world) untrue() string {
	c := w.cluster()
	if c == nil {
		return "there is no cluster"
	}
	ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return "the status has no condition Ready"
	}
	reason := v1alpha1.ReasonReady
	if w.wants.stopped {
		reason = v1alpha1.ReasonStopped
	}
	if ready.Status != metav1.ConditionTrue || ready.Reason != reason || ready.ObservedGeneration != c.Generation || c.Status.ObservedGeneration != c.Generation {
		text := fmt.Sprintf("Ready is %s, %s: %s (generation %d of %d)", ready.Status, ready.Reason, ready.Message, ready.ObservedGeneration, c.Generation)
		for _, r := range c.Status.Reasons {
			text += "; " + r.Service + ": " + r.Message
		}
		return text
	}
	running := map[string]int32{}
	for _, t := range w.services() {
		running[t.Info.Name]++
	}
	for _, s := range c.Status.Services {
		n := running[s.Name]
		if s.Running != n || s.Wanted != n || s.Ready != n || s.Updated != n {
			return fmt.Sprintf("%d of %s run, and the status says %+v", n, s.Name, s)
		}
	}
	return w.devicesUntrue()
}

// devicesUntrue is untrue of the devices.
func (w *world) devicesUntrue() string {
	for _, d := range w.disks {
		o := w.object(d)
		switch {
		case d.deleted:
			if o != nil {
				return d.name + " was deleted, and is there"
			}
		case o == nil:
			return d.name + " has no object"
		case o.Status.ObservedGeneration != o.Generation:
			return d.name + " has a status of before"
		case d.leaves && o.Status.Phase != v1alpha1.PhaseDecommissioned:
			return fmt.Sprintf("%s is %s, and was decommissioned", d.name, o.Status.Phase)
		case !d.leaves && !w.wants.stopped:
			if o.Status.Phase != v1alpha1.PhaseOnline || o.Status.Host != d.host || len(o.Status.Services) != len(d.types) {
				return fmt.Sprintf("%s is %s on %s with %d services: %s", d.name, o.Status.Phase, o.Status.Host, len(o.Status.Services), o.Status.Summary)
			}
		}
	}
	return ""
}

// undeleted says what a deletion has not come to yet; empty: it is done.
func (w *world) undeleted() string {
	if c := w.cluster(); c != nil {
		why := "the object is there"
		if ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
			why += ": " + ready.Message
		}
		return why
	}
	if w.plan.ending == endOrphaned {
		if w.keptFrameworkID() == "" {
			return "the framework id is not kept"
		}
		return differ(w.wanted(), w.lives())
	}
	if n := len(w.mesos.Tasks()); n > 0 {
		return fmt.Sprintf("%d tasks live", n)
	}
	if w.keptFrameworkID() != "" {
		return "the framework id is kept"
	}
	return ""
}

// judge checks all that happened.
func (w *world) judge() outcome {
	w.trace.close()
	r := checker.Record{Entries: w.trace.record(), Tasks: w.mesos.History(), Frameworks: w.mesos.Frameworks(),
		End: time.Now(), Rested: len(w.problems) == 0, Hearing: hearing}
	out := outcome{covered: w.covered, virtual: time.Since(w.began), problems: slices.Clone(w.problems)}
	for _, v := range checker.Check(r) {
		out.problems = append(out.problems, fmt.Sprintf("rule %s at %.4f: %s", v.Rule, v.At.Sub(w.began).Seconds(), v.Text))
	}
	return out
}
