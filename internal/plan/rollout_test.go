package plan

import (
	"fmt"
	"slices"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// rollout tests run on a cluster whose plans are carried out.
type live struct {
	*fixture
	// broken versions fail whenever they start; stuck ones never leave STAGING.
	broken, stuck string
	// log of kills and launches, as "stop data node1" and "start data node1 1.1.6".
	log []string
}

// liveCluster is threeHosts, Ready on 1.1.5, with room for everything.
func liveCluster(t testing.TB) *live {
	f := threeHosts(t)
	f.cluster.Spec.Services.S3.Hostname = ""
	f.cluster.Spec.Services.Webconsole.Instances = 0
	delete(f.snap.Tasks, f.find(webconsole, "node2").ID)
	f.cluster.Spec.Services.S3.Instances = 0
	for _, a := range f.snap.Agents {
		f.offer(a, "*", large()...)
	}
	f.specs = map[SpecKey]quobyte.Spec{}
	for k := range kinds {
		f.specs[SpecKey{services[k], f.hashOf(k)}] = quobyte.SpecOf(f.cluster, services[k])
	}
	f.cluster.Spec.Update.OnFailure = v1alpha1.FailurePause
	l := &live{fixture: f}
	l.pass()
	if f.cluster.Status.Good == nil || f.cluster.Status.Update != nil {
		t.Fatalf("not good: %+v", f.cluster.Status)
	}
	return l
}

// pass plans, acts and remembers, and returns the result.
func (l *live) pass() Result {
	l.t.Helper()
	r := l.plan()
	for _, k := range r.Kills {
		l.log = append(l.log, "stop "+string(k.Service)+" "+k.Host)
		task := l.snap.Tasks[k.TaskID]
		task.Killing = l.now
		l.ended(task, mesos.TASK_KILLED, l.now)
	}
	for _, launch := range r.Launches {
		l.log = append(l.log, fmt.Sprintf("start %s %s %s", launch.Spec.Service, launch.Host, launch.Spec.Version))
		if launch.Hash != launch.Spec.Hash() {
			l.t.Fatalf("%s is launched with hash %s", launch.Spec.Service, launch.Hash)
		}
		l.specs[SpecKey{launch.Spec.Service, launch.Hash}] = launch.Spec
		l.serial++
		id := quobyte.NewTaskID(launch.Spec.Service, launch.Host, launch.Hash, quobyte.NewNonce(l.now, fmt.Sprintf("%08x", l.serial)))
		t := &mesosbridge.Task{ID: id, AgentID: launch.AgentID, State: mesos.TASK_RUNNING, Healthy: yes(), Heard: true, Since: l.now, Steady: l.now}
		l.snap.Tasks[id] = t
		switch launch.Spec.Version {
		case l.stuck:
			t.State, t.Healthy, t.Message = mesos.TASK_STAGING, nil, "pulling the image"
		case l.broken:
			t.Message = "exited with status 3"
			l.ended(t, mesos.TASK_FAILED, l.now)
		}
	}
	l.remember(&r)
	return r
}

// remember writes what the status keeps.
func (f *fixture) remember(r *Result) {
	s := &f.cluster.Status
	s.Revision, s.Good, s.Update, s.Failures = r.Revision, r.Good, r.Update, r.Failures
}

// run lets passes follow each other, ten seconds apart, until nothing happens for so
// many of them; it returns the last result.
func (l *live) run(quiet int) Result {
	l.t.Helper()
	var r Result
	for still, n := 0, 0; still < quiet; n++ {
		if n > 2000 {
			l.t.Fatalf("no end: %v", l.log[len(l.log)-20:])
		}
		l.now = l.now.Add(10 * time.Second)
		before := len(l.log)
		if r = l.pass(); len(l.log) == before {
			still++
		} else {
			still = 0
		}
	}
	return r
}

// versions are those that run, by service and host.
func (l *live) versions() map[string]string {
	out := map[string]string{}
	for _, i := range l.plan().Instances {
		if len(i.Tasks) > 0 {
			out[string(i.Service)+" "+i.Host] = i.Version
		}
	}
	return out
}

// restartOperator forgets what only the process knows.
func (l *live) restartOperator() {
	l.snap.Ended, l.snap.Since = nil, l.now
	for _, t := range l.snap.Tasks {
		t.Since, t.Steady, t.Killing = l.now, l.now, time.Time{}
	}
}

func (l *live) wantVersion(version string) {
	l.t.Helper()
	for what, v := range l.versions() {
		if v != version {
			l.t.Errorf("%s runs %q, want %s", what, v, version)
		}
	}
}

func wantState(t testing.TB, r Result, want v1alpha1.UpdateState) {
	t.Helper()
	if got := stateOf(r); got != want {
		t.Errorf("update is %q, want %q: %+v", got, want, r.Update)
	}
}

func stateOf(r Result) v1alpha1.UpdateState {
	if r.Update == nil {
		return ""
	}
	return r.Update.State
}

func TestUpdateEnds(t *testing.T) {
	l := liveCluster(t)
	good := l.cluster.Status.Good
	l.cluster.Spec.Update.MinReady = metav1.Duration{Duration: 30 * time.Second}
	l.cluster.Spec.Version = "1.1.6"
	began := l.now
	r := l.run(5)
	l.wantVersion("1.1.6")
	wantState(t, r, "")
	if r.Phase != PhaseReady || r.Good.Version != "1.1.6" || r.Good.Revision == good.Revision || r.Good.Revision != r.Revision {
		t.Errorf("%s, good %+v", r.Phase, r.Good)
	}
	// Ten instances one after the other, each half a minute, in passes of ten seconds.
	if took := l.now.Sub(began); took < 10*30*time.Second || took > 10*50*time.Second+time.Minute {
		t.Errorf("it took %v", took)
	}
	for n, entry := range l.log {
		if start := n%2 == 1; start != (entry[:5] == "start") {
			t.Fatalf("two stops in a row: %v", l.log)
		}
	}
}

func TestUpdateProgress(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Update.MinReady = metav1.Duration{Duration: 30 * time.Second}
	l.cluster.Spec.Version = "1.1.6"
	r := l.pass()
	want := v1alpha1.UpdateStatus{State: v1alpha1.UpdateProgressing, From: "1.1.5", To: "1.1.6", Service: "registry", Total: 3, Current: "node1",
		Message: "registry on node2: its update waits for registry on node1, which is being stopped; 1 may be away at a time"}
	if *r.Update != want {
		t.Errorf("got  %+v\nwant %+v", *r.Update, want)
	}
	l.now = l.now.Add(time.Second)
	l.pass() // starts it
	l.now = l.now.Add(10 * time.Second)
	want.Message = "registry on node2: its update waits for registry on node1, which has not run for minReady (30s) yet; 1 may be away at a time"
	if r = l.pass(); *r.Update != want {
		t.Errorf("while it is young: got  %+v\nwant %+v", *r.Update, want)
	}
	if r.Recheck.Sub(l.now) != 20*time.Second {
		t.Errorf("looks again at %v", r.Recheck)
	}
	l.now = r.Recheck
	if r = l.pass(); r.Update.Updated != 1 || r.Update.Current != "node2" || len(r.Kills) != 1 {
		t.Errorf("then: %+v, kills %v", r.Update, kills(r))
	}
}

// TestIdleClusterHasNoUpdate restarts the operator: all is young, and nothing is due.
func TestIdleClusterHasNoUpdate(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Update.MinReady = metav1.Duration{Duration: 30 * time.Second}
	before := l.cluster.Status.DeepCopy()
	l.restartOperator()
	for range 5 {
		r := l.pass()
		wantState(t, r, "")
		if r.Phase != PhaseReady || r.Good.Revision != before.Good.Revision {
			t.Errorf("%s, good %+v", r.Phase, r.Good)
		}
		l.now = l.now.Add(10 * time.Second)
	}
}

func TestNextServiceWaitsUntilTheLastIsSteady(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Update.MinReady = metav1.Duration{Duration: 30 * time.Second}
	l.cluster.Spec.Update.MaxUnavailable = intstr.FromInt(2)
	l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"metadata", "registry"}
	l.cluster.Spec.Version = "1.1.6"
	wantList(t, "at first", kills(l.pass()), "metadata node1", "metadata node2")
	l.now = l.now.Add(10 * time.Second)
	l.pass()
	wantList(t, "while they are young", kills(l.pass()))
	l.now = l.now.Add(30 * time.Second)
	wantList(t, "then", kills(l.pass()), "metadata node3")
	l.now = l.now.Add(10 * time.Second)
	l.pass()
	l.now = l.now.Add(29 * time.Second)
	wantList(t, "while the last is young", kills(l.pass()))
	l.now = l.now.Add(time.Second)
	wantList(t, "the next service", kills(l.pass()), "registry node1")
	l.run(5)
	l.wantVersion("1.1.6")
	stops := slices.DeleteFunc(slices.Clone(l.log), func(s string) bool { return s[:4] != "stop" })
	wantList(t, "services in their order", stops[5:], "stop registry node3", "stop data node1", "stop data node2", "stop data node3", "stop api node1")
}

func TestPercentageInParallel(t *testing.T) {
	f := newFixture(t)
	f.cluster.Status.Bootstrapped = true
	for n := range 30 {
		host := fmt.Sprintf("node%02d", n)
		f.agent(host)
		f.device(host, v1alpha1.DeviceData)
		f.old(data, host)
		if n < 3 {
			f.device(host, v1alpha1.DeviceRegistry)
			f.task(registry, host)
		}
	}
	for asked, want := range map[intstr.IntOrString]int{intstr.FromInt(1): 1, intstr.FromInt(10): 10, intstr.FromString("10%"): 3, intstr.FromString("100%"): 30} {
		f.cluster.Spec.Update.MaxUnavailable = asked
		if got := kills(f.plan()); len(got) != want {
			t.Errorf("%s: stops %v", asked.String(), got)
		}
	}
}

func TestChangeOfCourse(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Update.MinReady = metav1.Duration{Duration: time.Minute}
	l.cluster.Spec.Version = "1.1.6"
	l.pass()
	l.now = l.now.Add(time.Second)
	l.pass() // registry on node1 runs 1.1.6
	l.cluster.Spec.Version = "1.1.7"
	l.now = l.now.Add(time.Second)
	wantList(t, "the young one first", kills(l.pass()), "registry node1")
	l.run(10)
	l.wantVersion("1.1.7")
	for _, entry := range l.log[2:] {
		if entry[len(entry)-5:] == "1.1.6" {
			t.Errorf("%v", l.log)
		}
	}
}

// TestYoungGoesFirst has an instance of the spec before that came up just now, and
// others that have run for long: it counts as down already.
func TestYoungGoesFirst(t *testing.T) {
	f := threeHosts(t)
	f.cluster.Spec.Update.MinReady = metav1.Duration{Duration: time.Minute}
	f.age(data)
	f.find(data, "node3").Steady = noon.Add(-time.Second)
	wantList(t, "kills", kills(f.plan()), "data node3")
}

func TestPausedByHand(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Version = "1.1.6"
	l.pass()
	l.pass()
	l.cluster.Spec.Update.Paused = true
	l.now = l.now.Add(time.Minute)
	r := l.run(5)
	wantState(t, r, v1alpha1.UpdatePaused)
	if r.Phase != PhasePaused || r.Good.Version != "1.1.5" {
		t.Errorf("%s, good %+v", r.Phase, r.Good)
	}
	wantText(t, waits(t, r, data, "node1"), "spec.update.paused is true")
	if got := l.versions()["registry node2"]; got != "1.1.5" {
		t.Errorf("registry on node2 runs %s", got)
	}

	// What fails by chance comes back as it was, what was updated as it is now.
	for _, what := range []struct {
		k       kind
		host    string
		version string
	}{{registry, "node1", "1.1.6"}, {registry, "node2", "1.1.5"}, {data, "node3", "1.1.5"}} {
		l.ended(l.find(what.k, what.host), mesos.TASK_FAILED, l.now)
		l.pass()
		if got := l.versions()[what.k.String()+" "+what.host]; got != what.version {
			t.Errorf("%s on %s came back with %s", what.k, what.host, got)
		}
		l.now = l.now.Add(15 * time.Minute)
		l.pass()
	}
	l.cluster.Spec.Update.Paused = false
	wantState(t, l.run(5), "")
	l.wantVersion("1.1.6")

	l.cluster.Spec.Update.Paused = true
	if r := l.pass(); r.Phase != PhaseReady || r.Update != nil {
		t.Errorf("nothing to update: %s %+v", r.Phase, r.Update)
	}
}
