package plan

import (
	"slices"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// TestTurnOfWhatHasNoOffer: what the last metadata service leaves when it is stopped for
// its update, somebody else takes. The update goes on to the data services, each of which
// is stopped once, and comes back updated.
func TestTurnOfWhatHasNoOffer(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Version = "1.1.6"
	for range 100 {
		if len(instanceOf(t, l.plan(), metadata, "node3").Tasks) == 0 {
			for _, a := range l.snap.Agents {
				if a.Host == "node3" {
					a.Offers = nil
				}
			}
		}
		l.pass()
		l.now = l.now.Add(10 * time.Second)
	}
	for _, host := range []string{"node1", "node2"} {
		if !slices.Contains(l.log, "start data "+host+" 1.1.6") || slices.Contains(l.log, "start data "+host+" 1.1.5") {
			t.Errorf("data on %s: %v", host, l.log)
		}
	}
}

// TestTurnAfterAChangeOfCourse: metadata that was updated already goes back to what ran
// well, and another data service is to be replaced. What of these is missing meanwhile
// comes back as it was, and is not stopped before metadata runs again.
func TestTurnAfterAChangeOfCourse(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Services.Metadata.ExtraConfig = "new"
	l.pass()
	l.pass()
	l.cluster.Spec.Services.Metadata.ExtraConfig = ""
	l.cluster.Spec.Services.Data.ExtraConfig = "new"
	l.pass()
	l.pass()
	wantList(t, "before", l.log, "stop metadata node1", "start metadata node1 1.1.5", "stop metadata node1", "start metadata node1 1.1.5")
	l.find(metadata, "node1").Healthy = nil
	l.ended(l.find(data, "node1"), mesos.TASK_FAILED, l.now)
	l.log, l.stuck = nil, "1.1.5"
	l.pass()
	l.pass()
	wantList(t, "meanwhile", l.log, "start data node1 1.1.5")
	l.now = l.now.Add(l.cluster.Spec.Update.Timeout.Duration)
	if r := l.pass(); r.Update == nil || r.Update.Service != "data" {
		t.Errorf("after the time-out of metadata %+v", r.Update)
	}
}

// TestHealWaitsForWhatComesBackAsItWas: while registries are updated a data service fails
// and is started as it was. A sick one is no more restarted after that than before.
func TestHealWaitsForWhatComesBackAsItWas(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Health.RestartAfter = metav1.Duration{Duration: time.Minute}
	l.now = l.now.Add(time.Hour)
	sick := l.find(data, "node1")
	sick.Healthy, sick.Steady = no(), l.now.Add(-time.Minute)
	l.ended(l.find(data, "node2"), mesos.TASK_FAILED, l.now)
	l.cluster.Spec.Version, l.stuck = "1.1.6", "1.1.5"
	l.pass()
	l.pass()
	wantList(t, "at first", l.log, "stop registry node1", "start data node2 1.1.5", "start registry node1 1.1.6")
	l.log = nil
	l.now = l.now.Add(settleTime)
	l.pass()
	if !slices.Contains(l.log, "stop data node1") {
		t.Errorf("after %s %v", settleTime, l.log)
	}
}

// TestSickRegistriesWithoutAMajorityGoOneByOne, whatever spec.update.maxUnavailable says.
func TestSickRegistriesWithoutAMajorityGoOneByOne(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Health.RestartAfter = metav1.Duration{Duration: time.Minute}
	l.cluster.Spec.Update.MaxUnavailable.IntVal = 2
	l.now = l.now.Add(time.Hour)
	for _, host := range []string{"node1", "node2"} {
		sick := l.find(registry, host)
		sick.Healthy, sick.Steady = no(), l.now.Add(-time.Minute)
	}
	stopping := l.find(registry, "node3")
	stopping.Killing, stopping.State = l.now, mesos.TASK_KILLING
	if r := l.plan(); len(r.Kills) > 0 {
		t.Errorf("stops %v", kills(r))
	}
}

// TestUpdateOfWhatIsDownWaitsForWhatComesBackAsItWas, as it did before that was started.
func TestUpdateOfWhatIsDownWaitsForWhatComesBackAsItWas(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Health.RestartAfter.Duration = 0
	l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"data"}
	l.cluster.Spec.Version, l.stuck = "1.1.6", "1.1.5"
	delete(l.snap.Tasks, l.find(data, "node3").ID)
	l.cluster.Spec.Update.MinReady.Duration = time.Minute
	l.task(data, "node3").Steady = l.now // it tries the new version
	l.ended(l.find(data, "node1"), mesos.TASK_FAILED, l.now)
	l.find(data, "node2").Healthy = no()
	l.pass()
	l.pass()
	wantList(t, "passes", l.log, "start data node1 1.1.5")
}

// TestRestartBehindWhatItDoesNotConcern: a sick metadata service, of which nobody asked for
// a restart, holds up none of the data services.
func TestRestartBehindWhatItDoesNotConcern(t *testing.T) {
	l := liveCluster(t)
	l.now = l.now.Add(time.Hour)
	sick := l.find(metadata, "node3")
	sick.Healthy, sick.Steady = no(), l.now
	l.cluster.Spec.Health.RestartAfter.Duration = 0
	l.cluster.Annotations = map[string]string{v1alpha1.AnnotationRestartedAt + "-data": l.now.Format(time.RFC3339)}
	l.run(30)
	wantList(t, "restarts", l.log, "stop data node1", "start data node1 1.1.5", "stop data node2", "start data node2 1.1.5", "stop data node3", "start data node3 1.1.5")
}

// TestSickOfAVersionInBetween: what runs a version that was given up on the way is
// restarted for its health while updates are paused, as it would come back after a crash.
func TestSickOfAVersionInBetween(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Health.RestartAfter.Duration = time.Minute
	l.cluster.Spec.Version = "1.1.6"
	for len(l.log) < 4 {
		l.pass()
		l.now = l.now.Add(10 * time.Second)
	}
	l.cluster.Spec.Version, l.cluster.Spec.Update.Paused = "1.1.7", true
	sick := l.find(registry, "node1")
	sick.Healthy, sick.Steady = no(), l.now
	l.log = nil
	l.run(30)
	wantList(t, "restarts", l.log, "stop registry node1", "start registry node1 1.1.6")
}

// TestUpdateWithoutAMajorityOfRegistries stops nothing else that serves, and what would
// bring the registries back is not held up.
func TestUpdateWithoutAMajorityOfRegistries(t *testing.T) {
	l := manyData(t, 7)
	l.cluster.Spec.Update.MaxUnavailable.IntVal = 10
	l.cluster.Spec.Health.RestartAfter.Duration = 0
	for _, host := range []string{"node1", "node2"} {
		sick := l.find(registry, host)
		sick.Healthy, sick.Steady = no(), l.now
	}
	l.cluster.Spec.Services.Data.ExtraConfig = "new"
	if r := l.pass(); len(r.Kills) > 0 {
		t.Errorf("stops %v", kills(r))
	}
	l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"data"}
	l.cluster.Spec.Version = "1.1.6"
	l.run(60)
	l.wantVersion("1.1.6")
}

// TestHangingBeforeItsTurn: metadata hangs with a version that was given up, and the
// registries, which are updated first, wait for a machine that is away.
func TestHangingBeforeItsTurn(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Version, l.stuck = "1.1.6", "1.1.6"
	delete(l.snap.Tasks, l.find(metadata, "node1").ID)
	hung := l.taskOf(metadata, "node1", l.hashOf(metadata))
	hung.State, hung.Healthy = mesos.TASK_STAGING, nil
	l.specs[SpecKey{quobyte.Metadata, l.hashOf(metadata)}] = quobyte.SpecOf(l.cluster, quobyte.Metadata)
	for k := range s3 {
		l.find(k, "node3").State = mesos.TASK_UNREACHABLE
	}
	l.loseHost("node3")
	l.cluster.Spec.Version = "1.1.7"
	l.run(6)
	l.now = l.now.Add(l.cluster.Spec.Update.Timeout.Duration)
	l.run(200)
	wantList(t, "after the time-out", l.log, "stop metadata node1", "start metadata node1 1.1.5")
}

// TestWhatHangsAtItsEndHoldsUpNobody: an api of an old version that nobody wants any more
// does not end.
func TestWhatHangsAtItsEndHoldsUpNobody(t *testing.T) {
	l := liveCluster(t)
	l.now = l.now.Add(time.Hour)
	delete(l.snap.Tasks, l.find(api, "node1").ID)
	hung := l.old(api, "node1")
	hung.Killing, hung.State, hung.Steady = l.now, mesos.TASK_KILLING, l.now
	l.cluster.Spec.Services.API.Instances = 0
	l.cluster.Annotations = map[string]string{v1alpha1.AnnotationRestartedAt + "-data": l.now.Format(time.RFC3339)}
	r := l.run(300)
	if l.logged("start data", "") == 0 && len(l.log) == 0 {
		t.Errorf("restart of data never begins: phase %s update %+v reasons %+v alerts %+v", r.Phase, r.Update, r.Reasons, r.Alerts)
	}
}
