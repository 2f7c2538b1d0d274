package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

const (
	// runsWell is how long an instance must be available for its failures to be
	// forgotten.
	runsWell = 10 * time.Minute
	// The second failure waits for firstRetry, each further one twice as long,
	// up to lastRetry. After the first one it is tried again at once.
	firstRetry = 10 * time.Second
	lastRetry  = 5 * time.Minute
	// holdOffers is how long offers are kept for the next try; for longer they are
	// declined, and revived when the time has come.
	holdOffers = time.Minute
	// maxMessage bounds what is kept of a message of Mesos.
	maxMessage = 256
)

// instanceKey names an instance over time: a device-bound service by its host;
// the instances of a floating service share one key, with an empty host.
type instanceKey struct {
	kind kind
	host string
}

func keyOf(k kind, hostKey string) instanceKey {
	if k.floats() {
		hostKey = ""
	}
	return instanceKey{k, hostKey}
}

// end is the last task of an instance that ended.
type end struct {
	task *mesosbridge.Task
	hash string
}

// counter counts the failures of an instance.
type counter struct {
	v1alpha1.Failure
	hash string // of the task that failed last
	// stored: it comes from the status. Since when says next: the index in
	// Snapshot.Ended of the first end that it does not count yet.
	stored bool
	next   int
}

// failed says that the end of a task is a failure of its instance: nobody asked
// for it, and the agent was not gone.
func failed(t *mesosbridge.Task) bool {
	if !t.Killing.IsZero() {
		return false
	}
	switch t.State {
	case mesos.TASK_FAILED, mesos.TASK_ERROR, mesos.TASK_FINISHED, mesos.TASK_KILLED, mesos.TASK_DROPPED:
		return true
	}
	return false
}

// indexEnded remembers the last end of each instance.
func (p *pass) indexEnded() {
	p.ends = make(map[instanceKey]*end, len(p.snap.Ended))
	for _, t := range p.snap.Ended {
		id, ok := quobyte.ParseTaskID(t.ID)
		k, ours := kindOf(id.Service)
		switch {
		case !ok:
		case ours:
			p.ends[keyOf(k, id.HostKey)] = &end{task: t, hash: id.Hash}
			if k == registry {
				p.bootstrap.trace(id.HostKey)
			}
		default:
			p.probers.countEnd(t, &id)
		}
	}
}

// foldFailures adds the failures of the snapshot to the counters of the status.
func (p *pass) foldFailures() {
	p.loadCounters()
	failures := 0
	for i, t := range p.snap.Ended {
		id, ok := quobyte.ParseTaskID(t.ID)
		k, ours := kindOf(id.Service)
		if !ok || !ours {
			continue
		}
		key := keyOf(k, id.HostKey)
		c := p.counters[key]
		if c != nil && i >= c.next && id.Hash != c.hash {
			delete(p.counters, key) // superseded
			c = nil
		}
		ill := stoppedIll(t)
		if !ill && !failed(t) || ill && !p.restarted(k, &id) {
			continue
		}
		if !ill {
			failures++
		}
		if c == nil {
			c = &counter{Failure: v1alpha1.Failure{Service: k.String()}}
			p.counters[key] = c
		}
		switch {
		case i < c.next, t.ID == c.TaskID:
		case ill:
			c.countRestart(t, &id, p.hostByKey(id.HostKey).name)
		default:
			c.count(t, &id, p.hostByKey(id.HostKey).name)
		}
	}
	p.flood = p.floodOf(failures)
	for key, c := range p.counters {
		if p.superseded(key, c) || !p.counts(key, c) {
			delete(p.counters, key)
		}
	}
}

// superseded says that the instance was led to another spec since it failed. When it is
// led back to the one that failed, that is a new attempt, with all the time that it is
// due.
func (p *pass) superseded(key instanceKey, c *counter) bool {
	if key.kind.floats() {
		f := &p.floating[key.kind]
		same := func(h *host) bool { return h.slots[key.kind].task.id.Hash == c.hash }
		return len(f.kept) > 0 && f.missing() == 0 && !slices.ContainsFunc(f.kept, same)
	}
	h := p.hosts[key.host]
	if h == nil {
		return false
	}
	if t := h.slots[key.kind].task; t != nil {
		return t.id.Hash != c.hash
	}
	e := p.ends[key]
	return e != nil && e.hash != c.hash
}

// floodOf returns until when waits what the snapshot does not remember: so many
// fail that it forgets, and what it forgot may have failed just before its oldest.
// Zero: it remembers enough.
func (p *pass) floodOf(failures int) time.Time {
	if failures <= mesosbridge.EndedKept/2 || len(p.snap.Ended) < mesosbridge.EndedKept {
		return time.Time{}
	}
	return p.snap.Ended[0].Since.Truncate(time.Second).Add(lastRetry)
}

// loadCounters reads the status, and finds which ends are counted there. When
// the last one counted is not among the ends, they all came later: the snapshot of
// a new process begins empty, and one that forgets does so from the oldest.
func (p *pass) loadCounters() {
	p.counters = map[instanceKey]*counter{}
	byTask := map[string]*counter{}
	for _, f := range p.in.Cluster.Status.Failures {
		k, ours := kindOf(quobyte.Service(f.Service))
		if !ours {
			continue
		}
		id, _ := quobyte.ParseTaskID(f.TaskID)
		c := &counter{Failure: f, hash: id.Hash, stored: true}
		p.counters[keyOf(k, quobyte.HostKey(f.Host))] = c
		byTask[f.TaskID] = c
	}
	if len(byTask) == 0 {
		return
	}
	for i, t := range p.snap.Ended {
		if c := byTask[t.ID]; c != nil {
			c.next = i + 1
		}
	}
}

// count counts one failure. A counter begins anew after a long time, unless the status
// has kept it: then nothing had run well in between.
func (c *counter) count(t *mesosbridge.Task, id *quobyte.TaskID, host string) {
	if !c.stored && t.Since.Sub(c.Time.Time) >= runsWell {
		c.Count, c.Restarts, c.First = 0, 0, nil
	}
	if c.First == nil && c.Count == 0 {
		c.First = triedFrom(t, id)
	}
	c.Count++
	c.hash = id.Hash
	c.Host, c.TaskID = host, t.ID
	c.Time = metav1.NewTime(t.Since.UTC().Truncate(time.Second)) // as the API keeps it
	c.Message = failureMessage(t)
}

// triedFrom is when what ended in failure began: with its launch, unless it ran well in
// between.
func triedFrom(t *mesosbridge.Task, id *quobyte.TaskID) *metav1.Time {
	from := t.Since
	served := t.Healthy != nil && *t.Healthy
	if launched, known := id.Launched(); known && !served && launched.Before(from) && from.Sub(launched) < runsWell {
		from = launched
	}
	first := metav1.NewTime(from.UTC().Truncate(time.Second))
	return &first
}

// restarted says that the end of a task that was stopped while it was unhealthy counts
// as a restart for its health. Of another spec it was stopped for its update, unless
// updates are halted, or at a service that goes before it.
func (p *pass) restarted(k kind, id *quobyte.TaskID) bool {
	if p.in.Cluster.Spec.Health.RestartAfter.Duration <= 0 {
		return false
	}
	u := p.in.Cluster.Status.Update
	waits := p.in.Cluster.Spec.Update.Paused || u != nil && (u.State == v1alpha1.UpdateFailed || p.course.before(u.Service, k))
	return id.Hash == p.specs[k].hash || waits && p.asItWas(k, id.Hash)
}

// countRestart counts one restart for health. It is no failure: what waits after many
// failures goes by the time of the last one, which stays.
func (c *counter) countRestart(t *mesosbridge.Task, id *quobyte.TaskID, host string) {
	c.Restarts++
	c.hash = id.Hash
	c.Host, c.TaskID = host, t.ID
	at := metav1.NewTime(t.Since.UTC().Truncate(time.Second))
	if c.First == nil {
		c.First = triedFrom(t, id)
	}
	if c.Count <= 1 {
		c.Time = at
	}
	c.Message = "its health check failed"
}

func failureMessage(t *mesosbridge.Task) string {
	message := t.Message
	if message == "" {
		message = t.Reason
	}
	if message == "" {
		message = stateName(t.State)
	}
	return bounded(message)
}

// bounded is what is kept of a message of Mesos.
func bounded(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	cut := maxMessage
	for !utf8.RuneStart(message[cut]) {
		cut--
	}
	return message[:cut] + "..."
}

// counts says that a counter still matters: its instance is wanted and has not
// run well for a while. One that the status has forgotten, among too many, matters
// as long as one would wait because of it.
func (p *pass) counts(key instanceKey, c *counter) bool {
	if !c.stored && p.now.Sub(c.Time.Time) >= runsWell {
		return false
	}
	if key.kind.floats() {
		return p.floating[key.kind].want > 0 && !p.ranWell(key.kind, p.floating[key.kind].kept, p.floating[key.kind].want)
	}
	h := p.hosts[key.host]
	return h != nil && h.slots[key.kind].wanted && !p.ranWell(key.kind, []*host{h}, 1)
}

// ranWell says that the wanted instances on the hosts have all been available
// for long.
func (p *pass) ranWell(k kind, hosts []*host, want int) bool {
	if len(hosts) < want {
		return false
	}
	for _, h := range hosts {
		s := &h.slots[k]
		if !s.available(k) {
			return false
		}
		if until := latest(s.task.Since, s.task.Steady).Add(runsWell); p.now.Before(until) {
			p.at(until)
			return false
		}
	}
	return true
}

// retryAt is when a failed instance is tried again; zero: at once.
func (p *pass) retryAt(k kind, hostKey string) time.Time {
	c := p.counters[keyOf(k, hostKey)]
	switch {
	case c == nil && p.ends[keyOf(k, hostKey)] == nil:
		return p.flood
	case c == nil, c.hash != p.specFor(k, hostKey).hash:
		return time.Time{}
	}
	return c.retryAt(p.now)
}

// retryAt is when an instance is tried again with the spec that failed; zero: at once.
func (c *counter) retryAt(now time.Time) time.Time {
	// One of the future was written by another process, with a clock that was ahead.
	if c.Count <= 1 || c.Time.After(now) {
		return time.Time{}
	}
	return c.Time.Add(retryDelay(c.Count))
}

// retryDelay is how long the next try waits after so many failures, two or more.
func retryDelay(failures int32) time.Duration {
	if doublings := failures - 2; doublings < 5 {
		return min(firstRetry<<doublings, lastRetry)
	}
	return lastRetry
}

// retryWait is why an instance that failed is not started now.
func (p *pass) retryWait(k kind, hostKey, name string) *wait {
	at := p.retryAt(k, hostKey)
	if !p.now.Before(at) {
		return nil
	}
	p.at(at)
	c := p.counters[keyOf(k, hostKey)]
	if c == nil {
		return &wait{code: codeFailing, message: "so many tasks fail that starting others is put off; next try at " + clockTime(at)}
	}
	if name == "" {
		name = c.Host
	}
	return &wait{
		code: codeFailing,
		message: fmt.Sprintf("%s on %s failed %d times, last: %s; next try at %s",
			k, name, c.Count, c.Message, clockTime(at)),
		generic: "fail again and again",
	}
}

// holdForRetry keeps the offers that suffice for the next try when it is near.
func (p *pass) holdForRetry(k kind, h *host) {
	if at := p.retryAt(k, h.key); at.Sub(p.now) > holdOffers {
		return
	}
	p.keepWhatFits(k, h)
}

// failing says that the instance failed with the pursued spec and is about to be
// tried again. One that waits for much longer is kept away by something outside.
func (p *pass) failing(k kind, hostKey string) bool {
	c := p.counters[keyOf(k, hostKey)]
	if c == nil || c.hash != p.specs[k].hash {
		return false
	}
	return p.recent(c.Time.Time) || p.recent(c.retryAt(p.now))
}

// reportFailures keeps the most recent counters, ordered by service and host.
func (p *pass) reportFailures() {
	all := make([]v1alpha1.Failure, 0, len(p.counters))
	for _, c := range p.counters {
		all = append(all, c.Failure)
	}
	slices.SortFunc(all, func(a, b v1alpha1.Failure) int {
		if c := b.Time.Compare(a.Time.Time); c != 0 {
			return c
		}
		return compareFailures(a, b)
	})
	all = all[:min(len(all), v1alpha1.MaxFailures)]
	slices.SortFunc(all, compareFailures)
	p.result.Failures = all
}

func compareFailures(a, b v1alpha1.Failure) int {
	ka, _ := kindOf(quobyte.Service(a.Service))
	kb, _ := kindOf(quobyte.Service(b.Service))
	if ka != kb {
		return int(ka - kb)
	}
	return strings.Compare(a.Host, b.Host)
}
