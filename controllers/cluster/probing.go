package cluster

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/internal/probe"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

const (
	// askSilentEvery is how often a prober that has not reported to this process
	// is asked: after a restart of the operator all are silent.
	askSilentEvery = 30 * time.Second
	// askPortsEvery is how often a prober is asked the same about ports.
	askPortsEvery = 10 * time.Second
)

// asked remembers what the probers of a cluster were asked, and when.
type asked struct {
	mu    sync.Mutex
	times map[string]time.Time
	// now is the value of the annotation probe-now that was obeyed last.
	now   string
	began bool
	// gone are agents that are gone by a prober's word.
	gone map[string]bool
}

// due says whether a question may be asked, and notes that it is.
func (a *asked) due(question string, every time.Duration, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if last, was := a.times[question]; was && now.Sub(last) < every {
		return false
	}
	if a.times == nil {
		a.times = map[string]time.Time{}
	}
	if len(a.times) > 100_000 {
		clear(a.times) // Asking once too often costs a message.
	}
	a.times[question] = now
	return true
}

// probeNow says whether the annotation has a value that was not obeyed. That
// which a new process finds was obeyed by the one before it, or is by the questions
// to all probers that begin it.
func (a *asked) probeNow(value string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	fresh := a.began && value != "" && value != a.now
	a.began, a.now = true, value
	return fresh
}

// declareGone adds agents that are gone by a prober's word to those that a person
// named. The word holds as long as this process; should Mesos show the agent, the bridge
// takes it for used up.
func (a *asked) declareGone(gone []plan.Gone) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone == nil {
		a.gone = map[string]bool{}
	}
	for _, g := range gone {
		a.gone[g.AgentID] = true
	}
}

func (a *asked) goneAgents(named []string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := slices.Clone(named)
	for id := range a.gone {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// proberOf is what a prober of the cluster is to be; nil: none can run.
func (r *Reconciler) proberOf(cluster *v1alpha1.QuobyteCluster) *quobyte.Prober {
	url := ""
	if base := cluster.Spec.Mesos.WebUIURL; base != "" && r.ArtifactPath != "" {
		url = strings.TrimSuffix(base, "/") + r.ArtifactPath
	}
	return quobyte.ProberOf(cluster, url)
}

// askProbers sends the probers what they are to be asked: those that are silent,
// all on request, orders to initialise devices, and whether ports are in use.
func (r *Reconciler) askProbers(seen *observation, result plan.Result) {
	m, now := seen.member, r.Clock.Now()
	if m == nil || !seen.snapshot.Connected {
		return
	}
	all := m.asked.probeNow(seen.cluster.Annotations[v1alpha1.AnnotationProbeNow])
	// One that is late is asked, too, before it counts as hung and is replaced.
	late := 2 * seen.cluster.Spec.Prober.Interval.Duration
	for _, h := range seen.hosts {
		if h.ExecutorID == "" {
			continue
		}
		silent := h.Report == nil || now.Sub(h.Received) >= late
		if all || silent && m.asked.due("report "+h.ExecutorID, askSilentEvery, now) {
			r.request(m, h.AgentID, h.ExecutorID, probe.Request{})
		}
		if silent {
			seen.lookAgain(askSilentEvery)
		} else {
			seen.lookAgain(late - now.Sub(h.Received)) // a report without news wakes nobody
		}
	}
	r.sendOrders(seen, now)
	for _, q := range result.Questions {
		if m.asked.due(fmt.Sprint("ports ", q.ExecutorID, q.Ports), askPortsEvery, now) {
			r.request(m, q.AgentID, q.ExecutorID, probe.Request{Ports: q.Ports})
		}
		seen.lookAgain(askPortsEvery)
	}
	if len(result.Gone) == 0 {
		return
	}
	m.asked.declareGone(result.Gone)
	for _, g := range result.Gone {
		r.Log.Info("declare agent gone", "cluster", seen.key.String(), "host", g.Host, "agent", g.AgentID, "why", g.Why)
		r.Events.Eventf(seen.cluster, nil, corev1.EventTypeNormal, "AgentGone", "Declare gone "+shortHost(g.Host),
			"agent %s of %s is gone, and so are its services: %s", g.AgentID, g.Host, g.Why)
	}
	m.bridge.DeclareGone(m.asked.goneAgents(seen.cluster.GoneAgents()))
}

// sendOrders sends orders to initialise, each once an interval: one that was
// refused may be possible by then, and one that was carried out is not again.
func (r *Reconciler) sendOrders(seen *observation, now time.Time) {
	if seen.cluster.Spec.Suspend || seen.cluster.DeletionTimestamp != nil {
		return
	}
	every := max(seen.cluster.Spec.Prober.Interval.Duration, time.Second)
	for i := range seen.inventory.Devices {
		d := &seen.inventory.Devices[i]
		h := seen.hosts[d.Host]
		if d.Order == nil || h == nil || h.ExecutorID == "" || !volumeReady(d.Object) {
			continue
		}
		if seen.member.asked.due("order "+d.Order.ID+" "+h.ExecutorID, every, now) {
			r.request(seen.member, h.AgentID, h.ExecutorID, probe.Request{Initialize: []probe.Order{*d.Order}})
		}
		seen.lookAgain(every)
	}
}

// volumeReady says that nothing happens any more to the disk of a device that comes
// from Mesos.
func volumeReady(d *v1alpha1.QuobyteDevice) bool {
	return d.Spec.Source == nil || d.Status.Volume != nil && d.Status.Volume.State == plan.VolumeCreated
}

func (r *Reconciler) request(m *member, agentID, executorID string, request probe.Request) {
	request.Protocol, request.ID = probe.Protocol, r.Nonces()
	m.bridge.Message(agentID, executorID, probe.Encode(&request))
}

// probingCondition says whether devices are looked for.
func probingCondition(seen *observation, result plan.Result) metav1.Condition {
	if !seen.probing() {
		return condition(v1alpha1.ConditionProbing, false, v1alpha1.ReasonNoProber,
			"no prober can run, and devices count as they are declared: set spec.prober.image, or spec.mesos.webUIURL to the address under which Mesos' agents reach the operator's --artifacts-bind-address")
	}
	p := result.Probers
	message := fmt.Sprintf("%d of %d hosts are probed", p.Reporting, p.Wanted)
	if p.Waits != "" {
		message += ": " + p.Waits
	}
	return condition(v1alpha1.ConditionProbing, true, v1alpha1.ReasonAsExpected, message)
}

// probing: there is a way to run probers.
func (o *observation) probing() bool { return o.prober != nil }
