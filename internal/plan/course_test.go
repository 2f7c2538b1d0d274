package plan

import (
	"reflect"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// TestSpecOfAMissingInstance wants what is launched for a data service that is missing,
// while an update has come as far as metadata.
func TestSpecOfAMissingInstance(t *testing.T) {
	const newSpec, goodSpec = "1.1.6", "1.1.5"
	tests := map[string]struct {
		change func(l *live)
		want   string
	}{
		"nobody remembers":     {func(l *live) { delete(l.snap.Tasks, l.find(data, "node1").ID) }, goodSpec},
		"it ran what ran well": {func(l *live) { l.ended(l.find(data, "node1"), mesos.TASK_FAILED, l.now) }, goodSpec},
		"it ran what is asked for": {func(l *live) {
			delete(l.snap.Tasks, l.find(data, "node1").ID)
			l.ended(l.task(data, "node1"), mesos.TASK_FAILED, l.now)
		}, newSpec},
		"its failures tell": {func(l *live) {
			delete(l.snap.Tasks, l.find(data, "node1").ID)
			l.cluster.Status.Failures = []v1alpha1.Failure{{Service: "data", Host: "node1", Count: 1, Time: metav1.NewTime(l.now),
				TaskID: quobyte.NewTaskID(quobyte.Data, "node1", l.hashOf(data), "n1")}}
		}, newSpec},
		"its turn has come": {func(l *live) {
			l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"data"}
			l.ended(l.find(data, "node1"), mesos.TASK_FAILED, l.now)
		}, newSpec},
		"its turn has come, and another one tries": {func(l *live) {
			l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"data"}
			l.ended(l.find(data, "node1"), mesos.TASK_FAILED, l.now)
			delete(l.snap.Tasks, l.find(data, "node2").ID)
			task := l.task(data, "node2")
			task.State, task.Since, task.Steady = mesos.TASK_STARTING, l.now, l.now
		}, goodSpec},
		"it was stopped for its update, and another one tries": {func(l *live) {
			l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"data"}
			l.find(data, "node1").Killing = l.now
			l.ended(l.find(data, "node1"), mesos.TASK_KILLED, l.now)
			delete(l.snap.Tasks, l.find(data, "node2").ID)
			task := l.task(data, "node2")
			task.State, task.Since, task.Steady = mesos.TASK_STARTING, l.now, l.now
		}, newSpec},
		"what ran well is not stored": {func(l *live) {
			l.specs = nil
			l.ended(l.find(data, "node1"), mesos.TASK_FAILED, l.now)
		}, newSpec},
		"all is updated before": {func(l *live) {
			for _, k := range []kind{registry, metadata} {
				for _, host := range []string{"node1", "node2", "node3"} {
					delete(l.snap.Tasks, l.find(k, host).ID)
					l.task(k, host)
				}
			}
			l.ended(l.find(data, "node1"), mesos.TASK_FAILED, l.now)
		}, newSpec},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := liveCluster(t)
			l.cluster.Spec.Version = "1.1.6"
			l.cluster.Spec.Services.Data.Resources.CPUs.Set(5)
			test.change(l)
			r := l.plan()
			for _, launch := range r.Launches {
				if launch.Spec.Service != quobyte.Data {
					continue
				}
				if launch.Spec.Version != test.want || launch.Hash != launch.Spec.Hash() {
					t.Errorf("launches %s", launch.Spec.Version)
				}
				cpus := 0.0
				for _, res := range launch.Resources {
					if res.Name == "cpus" {
						cpus += res.Scalar.Value
					}
				}
				if want := float64(launch.Spec.MilliCPUs) / 1000; cpus != want {
					t.Errorf("takes %v cpus, needs %v", cpus, want)
				}
				return
			}
			t.Fatalf("launches %v", launches(r))
		})
	}
}

// TestBackoffIsOfWhatIsLaunched has an instance that failed three times with what ran
// well: that it waits for the next try depends on what it is tried with.
func TestBackoffIsOfWhatIsLaunched(t *testing.T) {
	for paused, want := range map[bool]int{true: 0, false: 1} {
		l := liveCluster(t)
		for range 3 {
			l.ended(l.task(data, "node1"), mesos.TASK_FAILED, l.now)
		}
		l.ended(l.find(data, "node1"), mesos.TASK_FAILED, l.now)
		l.cluster.Spec.Services.Data.ExtraConfig = "new"
		l.cluster.Spec.Update.Paused = paused
		if r := l.plan(); len(r.Launches) != want {
			t.Errorf("paused %v: launches %v", paused, launches(r))
		}
	}
}

func TestGoodIsWhatRunsWell(t *testing.T) {
	tests := map[string]struct {
		change func(f *fixture)
		good   bool
	}{
		"all run":           {func(*fixture) {}, true},
		"one is young":      {func(f *fixture) { f.find(data, "node1").Steady = f.now }, false},
		"one is missing":    {func(f *fixture) { delete(f.snap.Tasks, f.find(data, "node1").ID) }, false},
		"one is unhealthy":  {func(f *fixture) { f.find(api, "node1").Healthy = no() }, false},
		"one is outdated":   {func(f *fixture) { f.age(api) }, false},
		"paused":            {func(f *fixture) { f.cluster.Spec.Update.Paused = true }, false},
		"suspended":         {func(f *fixture) { f.cluster.Spec.Suspend = true }, false},
		"not connected":     {func(f *fixture) { f.snap.Connected = false }, false},
		"not reconciled":    {func(f *fixture) { f.snap.Reconciled = false }, false},
		"stopped":           {func(f *fixture) { f.cluster.Spec.State = v1alpha1.StateStopped; clear(f.snap.Tasks) }, false},
		"nothing asked for": {func(f *fixture) { f.devices = nil; clear(f.snap.Tasks) }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := threeHosts(t)
			f.cluster.Spec.Services.S3.Hostname = ""
			f.cluster.Spec.Services.S3.Instances = 0
			f.cluster.Spec.Update.MinReady = metav1.Duration{Duration: 30 * time.Second}
			before := &v1alpha1.GoodRevision{Revision: "before"}
			f.cluster.Status.Good = before
			test.change(f)
			r := f.plan()
			if !test.good {
				if r.Good.Revision != "before" || r.Good.Stopped != (r.Phase == PhaseStopped) {
					t.Errorf("good %+v", r.Good)
				}
				return
			}
			if r.Good.Revision != r.Revision || r.Good.Version != "1.1.5" || len(r.Good.Specs) != 5 {
				t.Fatalf("good %+v", r.Good)
			}
			for _, s := range r.Good.Specs {
				k, _ := kindOf(quobyte.Service(s.Service))
				if s.Hash != f.hashOf(k) {
					t.Errorf("%+v", s)
				}
			}
		})
	}
}

// TestGoodKeepsWhatNothingAsksFor has all metadata devices missing for a moment, while
// their services run on: a later rollback has to know what these ran.
func TestGoodKeepsWhatNothingAsksFor(t *testing.T) {
	l := liveCluster(t)
	before := l.cluster.Status.Good
	l.inventory = l.found().Devices
	for i := range l.devices {
		d := &l.inventory[i]
		d.Types = []v1alpha1.DeviceType{v1alpha1.DeviceRegistry, v1alpha1.DeviceData}
		gone := found(l.device(d.Host, v1alpha1.DeviceMetadata))
		gone.Wanted, gone.Claims, gone.Phase = false, true, v1alpha1.PhaseMissing
		l.inventory = append(l.inventory, gone)
	}
	if r := l.pass(); r.Phase != PhaseReady || !reflect.DeepEqual(r.Good, before) {
		t.Errorf("%s, good %+v, want %+v", r.Phase, r.Good, before)
	}
	l.cluster.Spec.Version = "1.1.6"
	l.run(20)
	if r := l.pass(); r.Phase != PhaseReady || r.Good.Revision == before.Revision || len(r.Good.Specs) != len(before.Specs)-1 {
		t.Errorf("that was never run by metadata: %s, good %+v", r.Phase, r.Good)
	}
}
