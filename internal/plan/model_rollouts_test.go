package plan

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// rollouts is what the model knows of versions.
type rollouts struct {
	// bad is a version that does not come up; of the service badFor alone, when that is
	// set. hangs: its tasks stay in STAGING; else they fail.
	bad, badFor string
	hangs       bool
	// manifests by the hash of a spec that was launched from them.
	manifests map[string]*v1alpha1.QuobyteCluster
}

// isBad says that the task does not come up.
func (m *model) isBad(t *modelTask) bool {
	id, _ := quobyte.ParseTaskID(t.t.ID)
	spec, known := m.specs[SpecKey{id.Service, id.Hash}]
	return known && m.bad != "" && spec.Version == m.bad && (m.badFor == "" || m.badFor == t.service)
}

// comeUpBadly is the first step of a task of a bad version.
func (m *model) comeUpBadly(t *modelTask) {
	if !m.hangs {
		m.end(t, mesos.TASK_FAILED)
	} else if t.t.Launching {
		m.set(t, mesos.TASK_STAGING)
	}
}

// noteManifest remembers what a launched spec was made from.
func (m *model) noteManifest(s quobyte.Service, hash string) {
	if s != quobyte.ProberService && quobyte.SpecOf(m.cluster, s).Hash() == hash {
		if m.manifests == nil {
			m.manifests = map[string]*v1alpha1.QuobyteCluster{}
		}
		m.manifests[hash] = m.cluster
	}
}

// manifestOf is what the spec of a launch was made from; nil: nobody ever asked for it.
func (m *model) manifestOf(s quobyte.Service, hash string) *v1alpha1.QuobyteCluster {
	if s == quobyte.ProberService || quobyte.SpecOf(m.cluster, s).Hash() == hash {
		return m.cluster
	}
	return m.manifests[hash]
}

func (m *model) revision() string {
	var hashes []string
	for _, s := range quobyte.Services() {
		hashes = append(hashes, quobyte.SpecOf(m.cluster, s).Hash())
	}
	return quobyte.Revision(hashes)
}

// goesBack says that a rollback is in force.
func (m *model) goesBack() bool {
	s := &m.cluster.Status
	return m.cluster.Spec.Update.OnFailure == v1alpha1.FailureRollback && s.Update != nil && s.Update.Failed != nil &&
		s.Update.Failed.Revision == m.revision() && s.Good != nil && s.Good.Revision != m.revision()
}

// good is the hash of what ran well last; empty: nobody knows.
func (m *model) good(s quobyte.Service) string {
	return hashIn(m.cluster.Status.Good, s)
}

func hashIn(good *v1alpha1.GoodRevision, s quobyte.Service) string {
	if good != nil {
		for _, spec := range good.Specs {
			if spec.Service == string(s) {
				return spec.Hash
			}
		}
	}
	return ""
}

// pursued is the hash of what the service is to run in the end.
func (m *model) pursued(s quobyte.Service) string {
	if good := m.good(s); good != "" && m.goesBack() {
		return good
	}
	return quobyte.SpecOf(m.cluster, s).Hash()
}

// restartDue says that somebody asked for a restart after the task was launched.
func (m *model) restartDue(t *modelTask) bool {
	id, ok := quobyte.ParseTaskID(t.t.ID)
	if !ok {
		return false
	}
	launched, known := id.Launched()
	due := func(o map[string]string, name string, since time.Time) bool {
		at, err := time.Parse(time.RFC3339, o[name])
		return err == nil && !at.After(m.now) && !at.Before(since) && (!known || launched.Before(at))
	}
	if due(m.cluster.Annotations, v1alpha1.AnnotationRestartedAt, time.Time{}) || due(m.cluster.Annotations, v1alpha1.AnnotationRestartedAt+"-"+t.service, time.Time{}) {
		return true
	}
	return !quobyte.Service(t.service).Floats() && slices.ContainsFunc(m.devices, func(d *v1alpha1.QuobyteDevice) bool {
		return m.placeOf(d) == t.host && due(d.Annotations, v1alpha1.AnnotationRestartedAt, m.cameTo(d))
	})
}

// cameTo is when the disk of a device turned up where it is; zero: nobody has seen it
// come.
func (m *model) cameTo(d *v1alpha1.QuobyteDevice) time.Time {
	if disk := m.disk(d); disk != nil {
		return disk.appeared
	}
	return time.Time{}
}

// young says that what serves has done so for less than minReady.
func (m *model) young(t *modelTask) bool {
	return m.now.Before(t.t.Steady.Add(m.cluster.Spec.Update.MinReady.Duration))
}

// limit is how many of so many may be away.
func (m *model) limit(wanted int) int {
	asked := m.cluster.Spec.Update.MaxUnavailable
	n, err := intstr.GetScaledValueFromIntOrPercent(&asked, wanted, false)
	if err != nil {
		panic(err)
	}
	return max(n, 1)
}

// record writes what the status keeps.
func (m *model) record(r *Result) {
	s := &m.cluster.Status
	s.Revision, s.Good, s.Update = r.Revision, r.Good, r.Update
}

// rollout checks what is launched, and that nothing is stopped for an update that is
// halted.
func (c *checker) rollout() {
	m, r := c.m, c.r
	for _, l := range r.Launches {
		s := l.Spec.Service
		if l.Prober != nil {
			continue
		}
		if l.Hash != l.Spec.Hash() {
			c.fail("%s is launched with hash %s, and has %s", s, l.Hash, l.Spec.Hash())
		}
		asked, good := quobyte.SpecOf(m.cluster, s).Hash(), m.good(s)
		switch {
		case m.ranLast(s, l.Host) == l.Hash && (good == "" || !m.goesBack()): // as it was
		case l.Hash != asked && l.Hash != good && good != "":
			c.fail("%s is launched with neither what is asked for nor what ran well", s)
		case m.goesBack() && l.Hash != m.pursued(s):
			c.fail("%s is launched with what failed, in a rollback", s)
		case m.manifestOf(s, l.Hash) == nil:
			c.fail("%s is launched with what nobody has asked for", s)
		}
	}
	u := r.Update
	for _, k := range r.Kills {
		update := strings.HasPrefix(k.Cause, "update of its") || strings.HasPrefix(k.Cause, "update to") && !strings.HasSuffix(k.Cause, "prober") ||
			strings.HasPrefix(k.Cause, "rollback") || k.Cause == restartMessage
		if update && (m.cluster.Spec.Update.Paused || u == nil || u.State == v1alpha1.UpdateFailed || u.State == v1alpha1.UpdatePaused) {
			c.fail("%s on %s is stopped (%s), and the update is %+v", k.Service, k.Host, k.Cause, u)
		}
	}
	if u != nil && (u.Updated > u.Total || u.State == "") {
		c.fail("update %+v", u)
	}
	if m.goesBack() && m.connected && !m.stops() && (u == nil || u.Failed == nil) {
		c.fail("forgets what failed: %+v", u)
	}
	if good := r.Good; good != nil && !reflect.DeepEqual(good, m.cluster.Status.Good) {
		c.newGood(good)
	}
}

// ranLast is the hash of the last task of an instance, as far as the planner is told;
// empty: it is not.
func (m *model) ranLast(s quobyte.Service, host string) string {
	hash := ""
	note := func(taskID string) {
		if id, ok := quobyte.ParseTaskID(taskID); ok && id.Service == s && (s.Floats() || id.HostKey == quobyte.HostKey(host)) {
			hash = id.Hash
		}
	}
	for _, f := range m.cluster.Status.Failures {
		note(f.TaskID)
	}
	for _, t := range m.ended {
		note(t.ID)
	}
	return hash
}

// runsAnother says that a service runs with another spec than is asked for.
func (m *model) runsAnother() bool {
	for _, t := range m.tasks {
		if id, ok := quobyte.ParseTaskID(t.t.ID); ok && t.service != string(quobyte.ProberService) && id.Hash != quobyte.SpecOf(m.cluster, id.Service).Hash() {
			return true
		}
	}
	return false
}

// newGood checks that what ran well did.
func (c *checker) newGood(good *v1alpha1.GoodRevision) {
	m, was := c.m, c.m.cluster.Status.Good
	if good.Stopped {
		is := *was
		is.Stopped = true
		for _, t := range m.tasks {
			if t.agent.up && t.agent.behind && t.service != string(quobyte.ProberService) && c.r.Phase != PhaseStopped {
				c.fail("%+v counts as stopped, and %s runs", good, t.t.ID)
			}
		}
		if !m.stops() || !reflect.DeepEqual(&is, good) {
			c.fail("%+v counts as good and stopped", good)
		}
		return
	}
	if was != nil && was.Stopped && m.runsAnother() {
		is := *was
		is.Stopped = false
		if reflect.DeepEqual(&is, good) {
			return // The start after state Stopped is over: something else is asked for.
		}
	}
	if good.Revision != m.revision() || m.cluster.Spec.Update.Paused || m.cluster.Spec.Suspend || m.stops() || m.goesBack() {
		c.fail("%+v counts as good", good)
	}
	steady := map[quobyte.Service]int{}
	for _, t := range m.tasks {
		s := quobyte.Service(t.service)
		switch {
		case s.Floats() || s.DeviceType() == "" || !m.wants(s, t.host):
		case t.serves() && !m.young(t) && strings.Contains(t.t.ID, "."+hashIn(good, s)+"."):
			steady[s]++
		case c.r.Phase == PhaseReady || !m.outOfReach(t):
			c.fail("%+v counts as good, and %s is not steady", good, t.t.ID)
		}
	}
	for _, s := range quobyte.Services()[:3] {
		if all := m.wantedHosts(s); 2*steady[s] <= all && all > 0 {
			c.fail("%+v counts as good, and %d of %d of %s run it", good, steady[s], all, s)
		}
	}
}

// outOfReach says that something outside keeps the task from being updated.
func (m *model) outOfReach(t *modelTask) bool {
	a, p := m.aloneOn(t.host), &m.cluster.Spec.Placement
	return a == nil || !a.behind || t.hidden || mesosbridge.Doubtful(t.t.State) ||
		m.drains(t.host) || len(p.Hosts)+len(p.Attributes) > 0 || contains(p.CordonedHosts, t.host) ||
		slices.ContainsFunc(m.tasksOf(a), func(other *modelTask) bool { return other.service == "" || other.host != t.host }) ||
		m.probing && !m.confirmed(quobyte.Service(t.service), t.host)
}

// drawRollout draws how updates go.
func (s *history) drawRollout(c *v1alpha1.QuobyteCluster) {
	u := &c.Spec.Update
	u.MinReady.Duration = draw(s, []time.Duration{0, 10 * time.Second, 40 * time.Second})
	u.MaxUnavailable = draw(s, []intstr.IntOrString{intstr.FromInt(1), intstr.FromInt(1), intstr.FromInt(2), intstr.FromString("40%"), intstr.FromString("100%")})
	u.Timeout.Duration = draw(s, []time.Duration{time.Minute, 3 * time.Minute, 10 * time.Minute})
	u.OnFailure = draw(s, []v1alpha1.FailurePolicy{v1alpha1.FailurePause, v1alpha1.FailureRollback})
	u.Order = draw(s, [][]v1alpha1.ServiceName{nil, nil, {"api", "data"}, {"client", "metadata", "registry"}})
	u.DomainBy = draw(s, []string{"", "", "rack"})
	u.Paused = s.chance(15)
}

func (s *history) changeRollout() {
	c := s.cluster.DeepCopy()
	s.drawRollout(c)
	s.cluster = c
}

// worsen lets a version be bad from now on, or none.
func (s *history) worsen() {
	s.bad, s.hangs = draw(s, []string{"", "1.1.6", "1.2"}), s.chance(50)
	s.badFor = draw(s, []string{"", "registry", "data", "api"})
}

func (s *history) askRestart() {
	at := draw(s, []string{s.now.Format(time.RFC3339), s.now.Add(time.Minute).Format(time.RFC3339), "now", s.now.Add(-time.Minute).Format(time.RFC3339)})
	if s.chance(30) {
		s.edit(func(d *v1alpha1.QuobyteDevice) {
			metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.AnnotationRestartedAt, at)
		})
		return
	}
	c := s.cluster.DeepCopy()
	metav1.SetMetaDataAnnotation(&c.ObjectMeta, v1alpha1.AnnotationRestartedAt+draw(s, []string{"", "-data", "-api", "-registry", "-client"}), at)
	s.cluster = c
}

// mendRollouts ends all that keeps an update from ending.
func (s *history) mendRollouts(c *v1alpha1.QuobyteCluster) {
	c.Spec.Update.Paused, c.Spec.Update.OnFailure = false, v1alpha1.FailurePause
	s.bad = ""
}

// settled says that no update or restart is under way, and wants that then nothing is
// left of them.
func (s *history) settled(r *Result) bool {
	if r.Update != nil {
		return false
	}
	for _, t := range s.tasks {
		if t.service != "" && t.service != "prober" && s.restartDue(t) && (s.wants(quobyte.Service(t.service), t.host) || quobyte.Service(t.service).Floats()) {
			s.t.Fatalf("Ready, and %s was not restarted", t.t.ID)
		}
	}
	return true
}

// trouble is what happens to hosts and tasks in the midst of a rollback.
var trouble = []func(*history){
	(*history).calm, (*history).calm, (*history).progress, (*history).progress, (*history).giveOffers, (*history).openBarriers,
	(*history).failTask, (*history).changeHealth, (*history).loseAgent, (*history).returnAgent, (*history).reconnect, (*history).reconnect,
}

// TestRollbacks leads a cluster that ran well to a version that does not come up,
// through trouble of all kinds. In the end all runs what ran well before.
func TestRollbacks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newHistory(t)
		s.heal()
		s.converge()
		for range 20 {
			s.now = s.now.Add(5 * time.Second)
			s.pass()
		}
		before := s.cluster.Status.Good
		if before == nil || before.Revision != s.revision() {
			t.Fatalf("good %+v", before)
		}
		c := s.cluster.DeepCopy()
		c.Spec.Version, c.Spec.Update.OnFailure = "2.0", v1alpha1.FailureRollback
		c.Spec.Services.Client.Image = "quobyte-client"
		s.cluster, s.bad, s.hangs, s.badFor = c, "2.0", s.chance(50), draw(s, []string{"", "registry", "metadata", "data"})
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			s.now = s.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
			draw(s, trouble)(s)
			s.pass()
		}
		s.mend()
		s.rollBack()
		for _, task := range s.tasks {
			if service := quobyte.Service(task.service); service != quobyte.ProberService && !strings.Contains(task.t.ID, "."+s.good(service)+".") {
				t.Fatalf("%s is left", task.t.ID)
			}
		}
		if !reflect.DeepEqual(s.cluster.Status.Good, before) {
			t.Fatalf("good was %+v, is %+v", before, s.cluster.Status.Good)
		}
	})
}

// mend ends all trouble but the bad version.
func (s *history) mend() {
	if !s.connected {
		s.reconnect()
	}
	for _, id := range slices.Sorted(maps.Keys(s.agents)) {
		a := s.agents[id]
		if !a.up {
			clear(a.declined)
			clear(a.filtered)
		}
		a.up = true
		s.openBarrier(a)
	}
	for _, id := range slices.Sorted(maps.Keys(s.tasks)) {
		if t := s.tasks[id]; t.dead {
			s.end(t, mesos.TASK_FAILED)
		} else if t.t.Healthy != nil {
			t.t.Healthy, t.t.Steady = yes(), s.now
		}
	}
}

// rollBack lets time pass until the rollback is over, and nothing happens any more.
func (s *history) rollBack() {
	quiet := 0
	for range 2000 {
		s.now = s.now.Add(15 * time.Second)
		for _, id := range slices.Sorted(maps.Keys(s.tasks)) {
			if t := s.tasks[id]; t != nil {
				s.step(t)
				s.speak(t)
			}
		}
		s.allocate()
		r := Plan(s.input())
		s.pass()
		if r.Phase == PhaseRolledBack && len(r.Kills)+len(r.Launches) == 0 && !s.halting() {
			if quiet++; quiet > 10 {
				return
			}
		} else {
			quiet = 0
		}
	}
	r := Plan(s.input())
	s.t.Fatalf("not rolled back but %s: %+v\nreasons %+v", r.Phase, r.Update, r.Reasons)
}
