package endtoend

import (
	"cmp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// versionOf is the tag of a task's image.
func versionOf(info *mesos.TaskInfo) string {
	for _, label := range info.GetLabels().GetLabels() {
		if label.Key == "docker_image_version" {
			return label.GetValue()
		}
	}
	return ""
}

// succession is one instance that was replaced: when its old task was asked to end,
// and when the new one ran.
type succession struct {
	service, host string
	stopped, runs time.Time
}

// successions are the instances that now run the version and were replaced for it, in
// the order in which they were stopped.
func (w *world) successions(version string) []succession {
	var all []succession
	for _, task := range w.mesos.Tasks() {
		if versionOf(&task.Info) != version {
			continue
		}
		var before mesostest.TaskRecord
		for _, old := range w.mesos.History() {
			if old.Info.Name == task.Info.Name && old.Host == task.Host && len(old.Kills) > 0 && old.Launched.Before(task.Launched) && old.Launched.After(before.Launched) {
				before = old
			}
		}
		if before.ID != "" {
			all = append(all, succession{task.Info.Name, task.Host, before.Kills[0], task.Running})
		}
	}
	slices.SortFunc(all, func(a, b succession) int { return a.stopped.Compare(b.stopped) })
	return all
}

// updateIs waits for an update in that state.
func (w *world) updateIs(state v1alpha1.UpdateState) *v1alpha1.QuobyteCluster {
	w.t.Helper()
	return w.await("an update that is "+string(state), func(c *v1alpha1.QuobyteCluster) bool {
		return c.Status.ObservedGeneration == c.Generation && c.Status.Update != nil && c.Status.Update.State == state
	})
}

// readyWith starts a cluster of n hosts, with a merge patch of the spec applied.
func readyWith(t *testing.T, n int, script mesostest.Script, merge string) *world {
	t.Helper()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(n), Script: script, PingTimeout: time.Second})
	w.readyAs(n, merge)
	return w
}

func (w *world) readyAs(n int, merge string) {
	w.t.Helper()
	w.applyCluster()
	if merge != "" {
		w.patch(merge)
	}
	// All devices are there when it starts: what it starts before it has heard of the
	// last ones depends on who is faster.
	w.applyDevices(n)
	w.startAlone()
	w.awaitReadyOf(n)
}

// TestUpdateGoesServiceByService: registries, metadata, data, then the others; the
// next one is stopped only when the last has been ready for minReady; and the status
// shows the way.
func TestUpdateGoesServiceByService(t *testing.T) {
	t.Parallel()
	const minReady = time.Second
	w := readyWith(t, 3, nil, `{"spec":{"update":{"minReady":"1s"}}}`)
	w.patch(`{"spec":{"version":"1.1.6"}}`)
	seen := w.await("progress at data", func(c *v1alpha1.QuobyteCluster) bool {
		u := c.Status.Update
		return u != nil && u.Service == "data" && u.Updated == 1 && u.Current != ""
	})
	u := seen.Status.Update
	if u.State != v1alpha1.UpdateProgressing || u.From != "1.1.5" || u.To != "1.1.6" || u.Total != 3 || u.Current != "node2" {
		t.Errorf("progress %+v", *u)
	}
	if !has(seen, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonUpdating) {
		t.Errorf("during the update:\n%s", describe(seen))
	}
	if columns := w.api.Kubectl(t, "-n", w.namespace, "get", "quobyteclusters"); !strings.Contains(columns, "1.1.6: ") {
		t.Errorf("the columns do not show the update:\n%s", columns)
	}
	w.awaitReady()
	// The last one has still to prove itself.
	w.await("the end of the update", func(c *v1alpha1.QuobyteCluster) bool {
		return c.Status.Update == nil && c.Status.Summary.Update == ""
	})
	order := []string{"registry", "metadata", "data", "s3", "api", "webconsole", "client"}
	all := w.successions("1.1.6")
	if len(all) != services(3) {
		t.Fatalf("%d instances were replaced, want %d", len(all), services(3))
	}
	for i, next := range all[1:] {
		last := all[i]
		if slices.Index(order, next.service) < slices.Index(order, last.service) {
			t.Errorf("%s on %s was replaced before %s", last.service, last.host, next.service)
		}
		if ready := next.stopped.Sub(last.runs); ready < minReady {
			t.Errorf("%s on %s was stopped %v after %s on %s ran, want %v at least", next.service, next.host, ready, last.service, last.host, minReady)
		}
	}
	w.checkNoDuplicates()
}

// TestUpdateAsAsked: the order of the services, and how many at a time, by percentage.
func TestUpdateAsAsked(t *testing.T) {
	t.Parallel()
	w := readyWith(t, 6, mesostest.Delayed(300*time.Millisecond, mesostest.Healthy),
		`{"spec":{"update":{"order":["data","registry"],"maxUnavailable":"50%"}}}`)
	began := time.Now()
	w.patch(`{"spec":{"version":"1.1.6"}}`)
	w.awaitReady()
	all := w.successions("1.1.6")
	var services []string
	for _, s := range all {
		if len(services) == 0 || services[len(services)-1] != s.service {
			services = append(services, s.service)
		}
	}
	if got := strings.Join(services, " "); got != "data registry metadata api webconsole" {
		t.Errorf("the order was %s", got)
	}
	// Three of six data services go at once; of three registries a majority stays.
	if most := w.mostDown("data", began); most != 3 {
		t.Errorf("at most %d data services were down at once, want 3", most)
	}
	if most := w.mostDown("registry", began); most != 1 {
		t.Errorf("at most %d registries were down at once, want 1", most)
	}
	w.checkNoDuplicates()
}

// mostDown is how many instances of a service were down at once, of those that ran at
// the time.
func (w *world) mostDown(service string, since time.Time) int {
	type moment struct {
		at   time.Time
		down int
	}
	var moments []moment
	for _, task := range w.mesos.History() {
		if task.Info.Name != service {
			continue
		}
		if task.Running.After(since) {
			moments = append(moments, moment{task.Running, -1})
		}
		if task.Ended.After(since) {
			moments = append(moments, moment{task.Ended, 1})
		}
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return cmp.Or(a.at.Compare(b.at), a.down-b.down) })
	now, most := 0, 0
	for _, m := range moments {
		now += m.down
		most = max(most, now)
	}
	return most
}

// TestUpdateDomainByDomain: all of one rack before the next.
func TestUpdateDomainByDomain(t *testing.T) {
	t.Parallel()
	agents := mesostest.Agents(6)
	racks := map[string]string{}
	for i := range agents {
		rack := []string{"b", "a"}[i%2]
		agents[i].Attributes = map[string]string{"rack": rack}
		racks[agents[i].Host] = rack
	}
	w := newWorld(t, mesostest.Config{Agents: agents})
	w.readyAs(6, `{"spec":{"update":{"domainBy":"rack"}}}`)
	w.patch(`{"spec":{"version":"1.1.6"}}`)
	w.awaitReady()
	var way []string
	for _, s := range w.successions("1.1.6") {
		if s.service == "data" {
			way = append(way, racks[s.host])
		}
	}
	if got := strings.Join(way, ""); got != "aaabbb" {
		t.Errorf("the racks of the data services were gone through as %s", got)
	}
}

// TestPausedByHand: nothing more is stopped, and what fails comes back as it was.
func TestPausedByHand(t *testing.T) {
	t.Parallel()
	var sick atomic.Bool // the new version of metadata
	sick.Store(true)
	script := func(task mesos.TaskInfo) mesostest.Play {
		if sick.Load() {
			return failingAs("metadata", staysSick)(task)
		}
		return mesostest.Healthy(task)
	}
	w := readyWith(t, 3, script, `{"spec":{"health":{"restartAfter":"0s"}}}`)
	w.patch(`{"spec":{"version":"1.1.6"}}`)
	// It waits for the first metadata service, however late it is paused.
	w.awaitMesos("the registries and the first metadata service to be updated", func() bool { return w.versions()["1.1.6"] == 4 })
	w.patch(`{"spec":{"update":{"paused":true}}}`)
	paused := w.updateIs(v1alpha1.UpdatePaused)
	if !has(paused, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonPaused) {
		t.Errorf("paused:\n%s", describe(paused))
	}
	w.awaitQuiet()
	before := w.versions()
	if diff := gocmp.Diff(map[string]int{"1.1.5": services(3) - 4, "1.1.6": 4}, before); diff != "" {
		t.Fatalf("versions in the middle (-want +got):\n%s", diff)
	}
	failed := w.taskOn("data", "node3")
	if err := w.mesos.FailTask(failed, "Container exited with status 1"); err != nil {
		t.Fatal(err)
	}
	w.awaitMesos("data on node3 to come back", func() bool {
		for _, task := range w.mesos.Running("node3") {
			if task.Info.Name == "data" && task.ID != failed {
				return true
			}
		}
		return false
	})
	if diff := gocmp.Diff(before, w.versions()); diff != "" {
		t.Errorf("versions after a failure while paused (-before +after):\n%s", diff)
	}
	sick.Store(false)
	if err := w.mesos.SetHealth(w.taskOn("metadata", "node1"), true); err != nil {
		t.Fatal(err)
	}
	w.patch(`{"spec":{"update":{"paused":false}}}`)
	w.awaitReady()
	if diff := gocmp.Diff(map[string]int{"1.1.6": services(3)}, w.versions()); diff != "" {
		t.Errorf("versions that run (-want +got):\n%s", diff)
	}
}

// TestOperatorDiesDuringAnUpdate: at any point another one goes on from what runs.
func TestOperatorDiesDuringAnUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mesostest.Config{Agents: mesostest.Agents(4)})
	operator := w.startAlone()
	w.applyCluster()
	w.patch(`{"spec":{"update":{"minReady":"0.3s"}}}`)
	w.applyDevices(4)
	w.awaitReadyOf(4)
	began := time.Now()
	w.patch(`{"spec":{"version":"1.1.6"}}`)
	for i := range 3 {
		w.awaitMesos("progress", func() bool { return w.versions()["1.1.6"] > 3*i })
		if err := operator.Kill(); err != nil {
			t.Fatal(err)
		}
		operator = w.startAlone()
	}
	w.awaitReady()
	if diff := gocmp.Diff(map[string]int{"1.1.6": services(4)}, w.versions()); diff != "" {
		t.Errorf("versions that run (-want +got):\n%s", diff)
	}
	if n := w.killed(); n != services(4) {
		t.Errorf("%d tasks were stopped, want each of %d once", n, services(4))
	}
	w.checkNoDuplicates()
	w.checkNeverTwoDown(began)
}

// TestUpdateChangesCourse: a newer version is gone for at once, without finishing the
// first one; and one that is lower is announced.
func TestUpdateChangesCourse(t *testing.T) {
	t.Parallel()
	w := readyWith(t, 4, failingAs("metadata", staysSick), `{"spec":{"health":{"restartAfter":"0s"}}}`)
	began := time.Now()
	w.patch(`{"spec":{"version":"1.1.6"}}`)
	// It waits for the first metadata service, however late the next version comes.
	w.awaitMesos("the registries and the first metadata service to be updated", func() bool { return w.versions()["1.1.6"] == 4 })
	w.patch(`{"spec":{"version":"1.1.7"}}`)
	w.awaitReady()
	if diff := gocmp.Diff(map[string]int{"1.1.7": services(4)}, w.versions()); diff != "" {
		t.Errorf("versions that run (-want +got):\n%s", diff)
	}
	for _, task := range w.mesos.History() {
		if task.Info.Name == "data" && versionOf(&task.Info) == "1.1.6" {
			t.Errorf("%s ran 1.1.6, which was given up before its turn", task.ID)
		}
	}
	w.patch(`{"spec":{"version":"1.1.5"}}`)
	w.awaitReady()
	w.awaitEvent("Downgrade", "1.1.5")
	w.checkNoDuplicates()
	w.checkNeverTwoDown(began)
}

// awaitEvent waits for an event of that reason with the text in its note.
func (w *world) awaitEvent(reason, text string) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		out := w.api.Kubectl(w.t, "-n", w.namespace, "get", "events.events.k8s.io", "-o",
			`jsonpath={range .items[*]}{.reason}{"\t"}{.note}{"\n"}{end}`)
		for line := range strings.Lines(out) {
			if r, note, _ := strings.Cut(line, "\t"); r == reason && strings.Contains(note, text) {
				return
			}
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("there is no event %s with %q:\n%s", reason, text, out)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// TestWhatIsDownIsReplacedFirst: an update begins where nothing is taken away.
func TestWhatIsDownIsReplacedFirst(t *testing.T) {
	t.Parallel()
	w := readyWith(t, 4, nil, `{"spec":{"health":{"restartAfter":"0s"}}}`)
	sick := w.taskOn("data", "node3")
	if err := w.mesos.SetHealth(sick, false); err != nil {
		t.Fatal(err)
	}
	w.await("an unhealthy service", func(c *v1alpha1.QuobyteCluster) bool {
		return has(c, v1alpha1.ConditionReady, metav1.ConditionFalse, "")
	})
	w.patch(`{"spec":{"services":{"data":{"env":[{"name":"FOR_THE_TEST","value":"1"}]}}}}`)
	w.awaitReady()
	first := ""
	var at time.Time
	for _, task := range w.mesos.History() {
		if len(task.Kills) > 0 && (first == "" || task.Kills[0].Before(at)) {
			first, at = task.ID, task.Kills[0]
		}
	}
	if first != sick {
		t.Errorf("%s was stopped first, want %s, which was unhealthy", first, sick)
	}
	if n := w.killed(); n != 4 {
		t.Errorf("%d tasks were stopped, want the 4 data services", n)
	}
}

// taskOn is the id of the task of a service that runs on a host.
func (w *world) taskOn(service, host string) string {
	w.t.Helper()
	for _, task := range w.mesos.Running(host) {
		if task.Info.Name == service {
			return task.ID
		}
	}
	w.t.Fatalf("no %s runs on %s:\n%s", service, host, taskList(w.mesos.Tasks()))
	return ""
}
