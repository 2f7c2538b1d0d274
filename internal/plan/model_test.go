package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// model is a small Mesos cluster with its bridge and its API server, written
// without the planner: what really runs, what the bridge knows of it, and what
// the results of the planner do to both.
type model struct {
	rollouts
	now       time.Time
	cluster   *v1alpha1.QuobyteCluster
	devices   []*v1alpha1.QuobyteDevice
	agents    map[string]*modelAgent
	tasks     map[string]*modelTask
	ended     []*mesosbridge.Task
	connected bool
	since     time.Time
	revived   time.Time
	serial    int
	// streaks counts failures in a row, as a lower bound.
	streaks map[string]*streak
	// refusing: Mesos refuses all operations.
	refusing bool
	endedOps []*mesosbridge.OperationState
	// sick is a service that is unhealthy whenever it starts.
	sick string

	// probing: probers run.
	probing bool
	disks   map[string]*modelDisk
	// words by task id of the prober.
	words map[string]*modelWord
	// mountPoints are hosts on which a client could run.
	mountPoints map[string]bool
	// registries are hosts on which one was ever started; served: one was healthy.
	registries map[string]bool
	served     bool
	specs      map[SpecKey]quobyte.Spec
	// declared agents are gone by a prober's word.
	declared []Gone
	// released devices are let go of.
	released map[string]bool
}

// streak is how often one service failed on one host with one spec.
type streak struct {
	n    int
	spec string
	last time.Time
}

type modelAgent struct {
	id, host string
	up       bool // registered with the master, as far as the framework may know
	behind   bool
	free     stock
	offers   map[string]*modelOffer
	// filtered roles were declined and get nothing before something is freed.
	filtered map[string]bool
	declined map[string][]mesos.Resource
	// window in the schedule; told is what was heard of it, at said.
	window, told *mesos.Unavailability
	said         time.Time
	// inverse is the id of the inverse offer that is held, askAgain when there may be
	// another one.
	inverse  string
	askAgain time.Time
}

type modelOffer struct {
	role string
	has  stock
	made *mesosbridge.Offer
}

type modelTask struct {
	t       *mesosbridge.Task
	service string // empty: unreadable
	host    string
	agent   *modelAgent
	used    stock
	// hidden from the bridge: it was forgotten and not heard of since.
	hidden bool
	legacy bool
	// doomed: it uses what was not reserved.
	doomed bool
	// dead: its container has ended, and Mesos does not know.
	dead bool
}

func newModel() *model {
	m := &model{now: noon, cluster: testCluster(), agents: map[string]*modelAgent{}, tasks: map[string]*modelTask{}, streaks: map[string]*streak{}, connected: true, since: noon.Add(-time.Hour),
		disks: map[string]*modelDisk{}, words: map[string]*modelWord{}, mountPoints: map[string]bool{}, registries: map[string]bool{}, specs: map[SpecKey]quobyte.Spec{}}
	m.cluster.Namespace = "storage"
	m.cluster.Spec.Mesos.Role, m.cluster.Spec.Mesos.Principal = "quobyte", "keeper"
	return m
}

func (m *model) next() int { m.serial++; return m.serial }

// addAgent registers an agent: roomy has enough for everything.
func (m *model) addAgent(host string, free stock) *modelAgent {
	a := &modelAgent{
		id: fmt.Sprintf("S%d", m.next()), host: host, up: true, free: free,
		offers: map[string]*modelOffer{}, filtered: map[string]bool{}, declined: map[string][]mesos.Resource{},
	}
	m.agents[a.id] = a
	return a
}

func (m *model) addDevice(host string, types ...v1alpha1.DeviceType) *v1alpha1.QuobyteDevice {
	d := &v1alpha1.QuobyteDevice{}
	d.Name = fmt.Sprintf("dev-%04d", m.next())
	d.CreationTimestamp = metav1.NewTime(m.now)
	d.Spec = v1alpha1.QuobyteDeviceSpec{Host: host, Path: "/mnt/" + d.Name, Types: types}
	m.devices = append(m.devices, d)
	return d
}

// snapshot is what the bridge shows.
func (m *model) snapshot() *mesosbridge.Snapshot {
	s := &mesosbridge.Snapshot{
		Connected: m.connected, Since: m.since, FrameworkID: "f", Reconciled: m.connected,
		Agents: map[string]*mesosbridge.Agent{}, Tasks: map[string]*mesosbridge.Task{}, Ended: slices.Clone(m.ended),
		EndedOperations: slices.Clone(m.endedOps), Revived: m.revived,
	}
	for _, a := range m.agents {
		known := &mesosbridge.Agent{ID: a.id, Host: a.host, Registered: m.connected && a.up, Behind: m.connected && a.behind, Declined: maps.Clone(a.declined), Attributes: a.attributes()}
		if known.Registered && !a.behind {
			s.Reconciled = false
		}
		if known.Registered {
			known.Unavailability, known.UnavailabilitySaid = a.told, a.said
		}
		if a.inverse != "" {
			known.InverseOffers = []*mesosbridge.InverseOffer{{ID: a.inverse, AgentID: a.id, Unavailability: *a.window}}
		}
		for _, o := range a.offers {
			known.Offers = append(known.Offers, o.made)
		}
		if known.Registered || m.hasTasks(a) {
			s.Agents[a.id] = known
		}
	}
	for id, t := range m.tasks {
		if !t.hidden {
			clone := *t.t
			s.Tasks[id] = &clone
		}
	}
	return s
}

func (m *model) hasTasks(a *modelAgent) bool {
	for _, t := range m.tasks {
		if t.agent == a && !t.hidden {
			return true
		}
	}
	return false
}

func (m *model) input() Input {
	in := Input{Now: m.now, Cluster: m.cluster, Inventory: m.inventory(), Probing: m.probing, Hosts: m.hosts(), Mesos: m.snapshot(), Specs: m.specs}
	if m.probing {
		in.Prober = quobyte.ProberOf(m.cluster, "")
	}
	return in
}

// allocate offers what is free to the roles, each agent's in one piece.
func (m *model) allocate() {
	if !m.connected {
		return
	}
	roles := []string{m.cluster.Spec.Mesos.Role}
	if public := m.cluster.Spec.Placement.PublicRole; public != "" {
		roles = append(roles, public)
	}
	for _, id := range slices.Sorted(maps.Keys(m.agents)) {
		a := m.agents[id]
		for _, role := range roles {
			if a.up && !a.filtered[role] {
				m.offer(a, role, a.ownersFor(role)...)
			}
		}
		if a.up && a.window != nil && a.inverse == "" && !m.now.Before(a.askAgain) && len(m.tasksOf(a))+len(a.offers) > 0 {
			a.inverse = fmt.Sprintf("I%d", m.next())
			a.told, a.said = a.window, m.now
		}
	}
}

// ownersFor are those whose resources are offered to the role.
func (a *modelAgent) ownersFor(role string) []string {
	owners := []string{"", role}
	for owner := range a.free {
		if strings.HasPrefix(owner, role+"!") || strings.HasPrefix(owner, role+"?") {
			owners = append(owners, owner)
		}
	}
	return owners
}

// attributes of an agent: every third host is in rack r0, every third in none.
func (a *modelAgent) attributes() []mesos.Attribute {
	n := int(a.host[len(a.host)-1]-'0') % 3
	if n == 2 {
		return nil
	}
	return []mesos.Attribute{text("rack", fmt.Sprintf("r%d", n))}
}

// offer offers what is free of the owners to the role. What was declined before
// is in it, or taken by somebody else.
func (m *model) offer(a *modelAgent, role string, owners ...string) {
	has := stock{}
	for _, owner := range owners {
		if a.free[owner] != nil {
			has[owner] = maps.Clone(a.free[owner])
		}
	}
	if has.empty() {
		return
	}
	m.offerPart(a, role, has)
	delete(a.declined, role)
}

func (m *model) offerPart(a *modelAgent, role string, has stock) {
	a.free.add(has, -1)
	id := fmt.Sprintf("O%d", m.next())
	a.offers[id] = &modelOffer{role: role, has: has, made: &mesosbridge.Offer{
		ID: id, AgentID: a.id, Host: a.host, Role: role, Resources: has.resources(role), Received: m.now, Unavailability: a.window,
	}}
	a.told, a.said = a.window, m.now
}

func (m *model) withdraw(a *modelAgent, id string) {
	a.free.add(a.offers[id].has, 1)
	delete(a.offers, id)
}

// act does what the planner decided, in the order of the result.
func (m *model) act(r *Result) {
	m.launch(r)
	for _, k := range r.Kills {
		m.tasks[k.TaskID].t.Killing = m.now
	}
	for _, i := range r.InverseAnswers {
		a := m.agents[i.AgentID]
		a.inverse, a.askAgain, a.said = "", m.now.Add(i.Refuse), m.now // held until now, it told
	}
	for _, id := range r.Declines {
		for _, a := range m.agents {
			if o := a.offers[id]; o != nil {
				m.withdraw(a, id)
				a.said = m.now
				a.filtered[o.role] = true
				a.declined[o.role] = slices.Concat(a.declined[o.role], o.made.Resources)
			}
		}
	}
	for _, role := range r.Revives {
		m.revived = m.now
		for _, a := range m.agents {
			a.filtered[role] = false
			delete(a.declined, role)
		}
	}
	m.cluster.Status.Failures = r.Failures
	m.remember(r)
	m.released = map[string]bool{}
	for _, d := range m.devices {
		m.released[d.Name] = r.Devices[d.Name].Released
	}
}

func (m *model) launch(r *Result) {
	type group struct{ agent, role string }
	done := map[group]bool{}
	take := func(agent, role string, offers []string) *modelAgent {
		a := m.agents[agent]
		if g := (group{agent, role}); !done[g] {
			done[g] = true
			for _, id := range offers {
				m.withdraw(a, id)
			}
			a.said = m.now
		}
		return a
	}
	for _, o := range r.Operations {
		a := take(o.AgentID, o.Role, o.OfferIDs)
		end := mesos.OPERATION_ERROR
		if !m.refusing {
			from, to := conversion(&o.Operation)
			a.free.add(from, -1)
			a.free.add(to, 1)
			end = mesos.OPERATION_FINISHED
		}
		m.endedOps = append(m.endedOps, &mesosbridge.OperationState{
			ID: fmt.Sprint(m.next()), AgentID: a.id, Type: o.Operation.Type, State: end, Since: m.now})
	}
	for _, l := range r.Launches {
		a := take(l.AgentID, l.Role, l.OfferIDs)
		used, doomed := stockOf(l.Resources), false
		for owner := range used {
			doomed = doomed || m.refusing && strings.Contains(owner, "!")
		}
		if doomed {
			used = stock{}
		}
		a.free.add(used, -1)
		service, hash := launched(&l)
		id := quobyte.NewTaskID(service, l.Host, hash, quobyte.NewNonce(m.now, fmt.Sprintf("%08x", m.next())))
		m.specs[SpecKey{service, hash}] = l.Spec
		m.noteManifest(service, hash)
		if service == quobyte.Registry {
			m.registries[l.Host] = true
		}
		m.tasks[id] = &modelTask{
			t:       &mesosbridge.Task{ID: id, AgentID: a.id, State: mesos.TASK_STAGING, Launching: true, Since: m.now},
			service: string(service), host: l.Host, agent: a, used: used, doomed: doomed,
		}
	}
}

// launched names what a launch starts, and its spec.
func launched(l *Launch) (quobyte.Service, string) {
	if l.Prober != nil {
		return quobyte.ProberService, l.Prober.Hash()
	}
	return l.Spec.Service, l.Spec.Hash()
}

// set gives a task a state.
func (m *model) set(t *modelTask, state mesos.TaskState) {
	t.t.State, t.t.Since, t.t.Launching, t.t.Heard, t.hidden = state, m.now, false, true, false
	t.t.Steady = m.now
}

// end ends a task; what it used becomes free, and lifts the filters.
func (m *model) end(t *modelTask, state mesos.TaskState) {
	m.set(t, state)
	delete(m.tasks, t.t.ID)
	m.ended = append(m.ended, t.t)
	t.agent.free.add(t.used, 1)
	clear(t.agent.filtered)
	m.forgetStreak(t)
	if t.service == "" || !t.t.Killing.IsZero() || state == mesos.TASK_GONE || state == mesos.TASK_GONE_BY_OPERATOR {
		return
	}
	id, _ := quobyte.ParseTaskID(t.t.ID)
	f := m.streaks[t.service+" "+t.host]
	at, timed := id.Launched()
	ranWell := t.service == "prober" && (!timed || m.now.Sub(at) >= 10*time.Minute)
	// So long after the last failure, of which the status tells nothing, it is a first one.
	longAgo := f != nil && m.now.Sub(f.last) >= 10*time.Minute && !slices.ContainsFunc(m.cluster.Status.Failures, func(s v1alpha1.Failure) bool { return s.Service == t.service })
	if f == nil || f.spec != id.Hash || ranWell || longAgo {
		f = &streak{spec: id.Hash}
		m.streaks[t.service+" "+t.host] = f
	}
	f.n++
	f.last = m.now
}

// forgetStreak forgets the failures of another spec when a task is restarted for its
// health.
func (m *model) forgetStreak(t *modelTask) {
	what := t.service + " " + t.host
	if id, _ := quobyte.ParseTaskID(t.t.ID); stoppedIll(t.t) && m.streaks[what] != nil && m.streaks[what].spec != id.Hash {
		delete(m.streaks, what)
	}
}

// forgive ends the streaks of what runs well, or is not wanted.
func (m *model) forgive() {
	for what := range m.streaks {
		service, host, _ := strings.Cut(what, " ")
		if service == "prober" {
			continue
		}
		t := m.serving(quobyte.Service(service), host)
		if t != nil && m.now.Sub(t.t.Since) >= 10*time.Minute || !m.wants(quobyte.Service(service), host) || m.stops() {
			delete(m.streaks, what)
		}
	}
}

// openBarrier lets the bridge hear of all tasks of the agent.
func (m *model) openBarrier(a *modelAgent) {
	a.behind = true
	for _, t := range m.tasksOf(a) {
		t.hidden, t.t.Launching, t.t.Heard = false, false, true
		switch {
		case !mesosbridge.Doubtful(t.t.State):
		case m.isBad(t): // it never runs
			m.set(t, mesos.TASK_STAGING)
		default:
			m.set(t, mesos.TASK_RUNNING)
		}
	}
}

func (m *model) tasksOf(a *modelAgent) []*modelTask {
	var out []*modelTask
	for _, id := range slices.Sorted(maps.Keys(m.tasks)) {
		if m.tasks[id].agent == a {
			out = append(out, m.tasks[id])
		}
	}
	return out
}

// lose takes an agent away from the master. Its tasks may go on.
func (m *model) lose(a *modelAgent, told bool) {
	a.up, a.behind = false, false
	for id := range a.offers {
		m.withdraw(a, id)
	}
	clear(a.filtered)
	clear(a.declined)
	a.told, a.inverse = nil, ""
	for _, t := range m.tasksOf(a) {
		t.hidden = false // the status of the resources had remembered it
		delete(m.words, t.t.ID)
		if told {
			m.set(t, mesos.TASK_UNREACHABLE)
		} else {
			t.t.Heard = false
		}
	}
}

// disconnect ends the subscription; the bridge keeps what it knows, or, as after
// a restart of the operator, the ids of the tasks that are not on live agents.
func (m *model) disconnect(restart bool) {
	m.connected = false
	for _, a := range m.agents {
		a.behind = false
		for id := range a.offers {
			m.withdraw(a, id)
		}
		clear(a.filtered)
		clear(a.declined)
		a.told, a.inverse = nil, ""
	}
	for _, t := range m.tasks {
		t.t.Heard = false
		if restart {
			t.t.State, t.t.Healthy, t.t.Launching, t.t.Killing = mesos.TASK_UNKNOWN, nil, false, time.Time{}
			t.hidden = t.agent.up
		}
	}
	if restart {
		m.ended = nil
		clear(m.words)
		clear(m.streaks) // what failed since the last pass nobody knows
	}
}
