package cluster

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/inventory"
	"github.com/quobyte/mesos-operator/internal/probe"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// probes holds what the probers of a cluster's hosts reported last to this
// process. Nobody else remembers it: what has to last stands on the devices.
type probes struct {
	log  logr.Logger
	wake func()

	mu    sync.Mutex
	words map[string]*word // by agent id
	// revision counts what changed in the words; seen is what hosts was made of.
	revision uint64
	seen     struct{ snapshot, words uint64 }
	hosts    map[string]*inventory.Host
}

// word is the last report from one agent.
type word struct {
	executorID string
	report     *probe.Report
	received   time.Time
	appeared   map[string]time.Time
	// used is the use in percent of each path when somebody was last woken for it.
	used map[string]int
}

func newProbes(log logr.Logger, wake func()) *probes {
	return &probes{log: log, wake: wake, words: map[string]*word{}}
}

// take takes in a message of a prober. Most reports say what the last one said,
// and wake nobody.
func (p *probes) take(agentID, executorID string, data []byte, now time.Time) {
	if !strings.HasPrefix(executorID, proberPrefix) {
		return // an executor of the earlier framework
	}
	report, err := probe.DecodeReport(data)
	if err != nil {
		p.log.Info("a prober's report cannot be read", "agent", agentID, "prober", executorID, "problem", err.Error())
		return
	}
	if report.Protocol != probe.Protocol {
		// Read by the rules of this version it might say that all devices are gone.
		p.log.Info("a prober's report is of another version, and is not used: its prober is to be replaced", "agent", agentID, "prober", executorID,
			"version", report.Protocol, "want", probe.Protocol)
		return
	}
	if p.keep(agentID, executorID, report, now) {
		p.wake()
	}
}

// keep says whether the report is news.
func (p *probes) keep(agentID, executorID string, report *probe.Report, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.words[agentID]
	if old != nil && old.overtook(executorID, report) {
		return false
	}
	next := &word{executorID: executorID, report: report, received: now}
	if old != nil && old.report.BootID == report.BootID {
		next.appeared, next.used = appeared(old, report, now), old.used
	}
	news := old == nil || old.executorID != executorID || differs(old, report)
	if news {
		next.used = usedPercents(report)
	}
	p.words[agentID] = next
	p.revision++
	return news
}

// overtook says that the report was overtaken by the word, or comes from a prober
// that was replaced. Which of two probers is the later one, their ids say: the clock
// of a host may have been set back in between, and the later one would not be heard
// for as long.
func (w *word) overtook(executorID string, came *probe.Report) bool {
	if executorID != w.executorID {
		have, known := launched(w.executorID)
		if at, ok := launched(executorID); ok && known && !at.Equal(have) {
			return at.Before(have)
		}
	}
	have := w.report
	return came.Epoch < have.Epoch || came.Epoch == have.Epoch && came.Seq <= have.Seq
}

// launched is when the prober was.
func launched(executorID string) (time.Time, bool) {
	id, ok := quobyte.ParseTaskID(executorID)
	if !ok {
		return time.Time{}, false
	}
	return id.Launched()
}

// appeared says which mounts of the report turned up since the last one. One
// that could not be looked at before was there already.
func appeared(old *word, report *probe.Report, now time.Time) map[string]time.Time {
	var times map[string]time.Time
	for i := range report.Mounts {
		m := &report.Mounts[i]
		at := old.appeared[m.Path]
		if j, had := mountAt(old.report, m.Path); !had || changed(&old.report.Mounts[j], m) {
			at = now
		}
		if at.IsZero() {
			continue
		}
		if times == nil {
			times = map[string]time.Time{}
		}
		times[m.Path] = at
	}
	return times
}

func mountAt(r *probe.Report, path string) (int, bool) {
	return slices.BinarySearchFunc(r.Mounts, path, func(m probe.Mount, path string) int { return strings.Compare(m.Path, path) })
}

func changed(before, now *probe.Mount) bool {
	if before.Number != now.Number {
		return true
	}
	return before.Problem == "" && now.Problem == "" && (before.Marked != now.Marked || before.Serial != now.Serial)
}

// differs says whether the report tells more than that the prober lives. Use that
// moves a little is no news.
func differs(old *word, report *probe.Report) bool {
	a, b := old.report, report
	if a.Protocol != b.Protocol || a.BootID != b.BootID || len(a.Mounts) != len(b.Mounts) || len(b.Asked) > 0 ||
		!slices.Equal(a.Directories, b.Directories) || !slices.Equal(a.Initializations, b.Initializations) {
		return true
	}
	for i := range b.Mounts {
		x, y := a.Mounts[i], b.Mounts[i]
		if was, is := old.used[y.Path], usedPercent(&y); is-was >= usedStep || was-is >= usedStep {
			return true
		}
		if !slices.Equal(x.Types, y.Types) {
			return true
		}
		x.Types, y.Types, x.FreeBytes, y.FreeBytes = nil, nil, 0, 0
		if !sameMount(&x, &y) {
			return true
		}
	}
	return false
}

func sameMount(x, y *probe.Mount) bool {
	return x.Path == y.Path && x.FileSystem == y.FileSystem && x.Number == y.Number && x.Marked == y.Marked &&
		x.Serial == y.Serial && x.Model == y.Model && x.Bootstrap == y.Bootstrap && x.CapacityBytes == y.CapacityBytes &&
		x.ReadOnly == y.ReadOnly && x.Problem == y.Problem
}

// usedStep is by how many percent the use of a device has to change to be told:
// the status shows steps of five.
const usedStep = 3

func usedPercent(m *probe.Mount) int {
	if m.CapacityBytes == 0 || m.FreeBytes > m.CapacityBytes {
		return 0
	}
	return int(100 * float64(m.CapacityBytes-m.FreeBytes) / float64(m.CapacityBytes))
}

func usedPercents(r *probe.Report) map[string]int {
	used := make(map[string]int, len(r.Mounts))
	for i := range r.Mounts {
		used[r.Mounts[i].Path] = usedPercent(&r.Mounts[i])
	}
	return used
}

// proberPrefix begins the task ids of probers, which are their executors' ids too.
const proberPrefix = "quobyte." + string(quobyte.ProberService) + "."

// on returns what is known of the hosts, by name: those with a registered agent,
// and those on which the status has devices. The map is shared with earlier and
// later passes, and not changed.
func (p *probes) on(s *mesosbridge.Snapshot, devices []*v1alpha1.QuobyteDevice) map[string]*inventory.Host {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hosts == nil || p.seen.snapshot != s.Revision || p.seen.words != p.revision {
		p.hosts = p.registered(s)
		p.seen.snapshot, p.seen.words = s.Revision, p.revision
	}
	return withAbandoned(p.hosts, s, devices)
}

func (p *probes) registered(s *mesosbridge.Snapshot) map[string]*inventory.Host {
	hosts := make(map[string]*inventory.Host, len(s.Agents))
	arena := make([]inventory.Host, 0, len(s.Agents))
	for id, a := range s.Agents {
		switch {
		case !a.Registered || a.Host == "":
			continue
		case hosts[a.Host] != nil:
			hosts[a.Host].AgentID = "" // rule 5: neither is used
			continue
		}
		arena = append(arena, inventory.Host{Name: a.Host, AgentID: id})
		hosts[a.Host] = &arena[len(arena)-1]
	}
	for id, t := range s.Tasks {
		if !strings.HasPrefix(id, proberPrefix) || t.State != mesos.TASK_RUNNING || !t.Killing.IsZero() {
			continue
		}
		a := s.Agents[t.AgentID]
		if a == nil || hosts[a.Host] == nil || hosts[a.Host].AgentID != t.AgentID {
			continue
		}
		h := hosts[a.Host]
		w := p.words[t.AgentID]
		if w != nil && w.executorID == id {
			h.ExecutorID, h.Report, h.Received, h.Appeared = id, w.report, w.received, w.appeared
		} else if h.Report == nil && id > h.ExecutorID {
			h.ExecutorID = id
		}
	}
	p.forget(s)
	return hosts
}

// forget drops the words of probers that have ended.
func (p *probes) forget(s *mesosbridge.Snapshot) {
	if !s.Connected || !s.Reconciled {
		return
	}
	for agentID, w := range p.words {
		// A report may come before the word that its task runs. And the last one of a
		// prober is what the next one's is compared with.
		if s.Tasks[w.executorID] == nil && s.Agents[agentID] == nil {
			delete(p.words, agentID)
		}
	}
}

// withAbandoned adds the hosts of devices on which nothing of ours may run: Mesos
// has told what it knows, and neither an agent of that name nor a task is there.
func withAbandoned(hosts map[string]*inventory.Host, s *mesosbridge.Snapshot, devices []*v1alpha1.QuobyteDevice) map[string]*inventory.Host {
	if !s.Connected || !s.Reconciled {
		return hosts
	}
	away := map[string]string{} // host name by host key
	for _, d := range devices {
		for _, name := range []string{d.Status.Host, d.Status.PreviousHost} {
			if name != "" && hosts[name] == nil {
				away[quobyte.HostKey(name)] = name
			}
		}
	}
	if len(away) == 0 {
		return hosts
	}
	for id := range s.Tasks {
		if task, ok := quobyte.ParseTaskID(id); !ok {
			return hosts // It may be anything, anywhere (rule 1).
		} else if task.Service != quobyte.ProberService {
			delete(away, task.HostKey)
		}
	}
	all := make(map[string]*inventory.Host, len(hosts)+len(away))
	for name, h := range hosts {
		all[name] = h
	}
	for _, name := range away {
		all[name] = &inventory.Host{Name: name, Abandoned: true}
	}
	return all
}

// latest returns when each host was heard of last, for the metrics.
func (p *probes) latest() map[string]time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	times := make(map[string]time.Time, len(p.hosts))
	for name, h := range p.hosts {
		if w := p.words[h.AgentID]; w != nil {
			times[name] = w.received
		}
	}
	return times
}
