package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// manyData is liveCluster with data services on so many hosts more, which are updated
// first.
func manyData(t testing.TB, more int) *live {
	l := liveCluster(t)
	for i := range more {
		host := fmt.Sprintf("disk%02d", i)
		l.node(host)
		l.device(host, v1alpha1.DeviceData)
		l.task(data, host)
	}
	l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"data"}
	l.pass()
	return l
}

// outage ends all tasks of the service, and says on which hosts they were.
func (l *live) outage(k kind, state mesos.TaskState) []string {
	var hosts []string
	for _, task := range l.snap.Tasks {
		if id, _ := quobyte.ParseTaskID(task.ID); id.Service == services[k] {
			l.ended(task, state, l.now)
			hosts = append(hosts, id.HostKey)
		}
	}
	return hosts
}

// rise makes passes, ten seconds apart. What they start becomes healthy after a while.
func (l *live) rise(span, after time.Duration, each func()) Result {
	var r Result
	for until := l.now.Add(span); l.now.Before(until); l.now = l.now.Add(10 * time.Second) {
		if each != nil {
			each()
		}
		r = l.pass()
		for _, task := range l.snap.Tasks {
			id, _ := quobyte.ParseTaskID(task.ID)
			at, known := id.Launched()
			switch {
			case !known || task.State != mesos.TASK_RUNNING:
			case l.now.Sub(at) < after:
				task.Healthy = nil
			case task.Healthy == nil:
				task.Healthy, task.Steady = yes(), l.now
			}
		}
	}
	return r
}

// count says how many tasks of the service run the version, healthy or not.
func (l *live) count(k kind, version string, healthy bool) int {
	n := 0
	for _, task := range l.snap.Tasks {
		id, _ := quobyte.ParseTaskID(task.ID)
		is := task.State == mesos.TASK_RUNNING && task.Healthy != nil
		if id.Service == services[k] && l.specs[SpecKey{id.Service, id.Hash}].Version == version && is == healthy {
			n++
		}
	}
	return n
}

// TestOutageInTheMiddleOfAnUpdate wants that not all of a service try the new version at
// once, because all are down when its turn has come.
func TestOutageInTheMiddleOfAnUpdate(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Spec.Version = "1.1.6"
	l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"data"}
	for _, host := range []string{"node1", "node2", "node3"} {
		l.ended(l.find(data, host), mesos.TASK_FAILED, l.now)
	}
	versions := []string{}
	for _, launch := range l.plan().Launches {
		versions = append(versions, launch.Host+" "+launch.Spec.Version)
	}
	wantList(t, "launches", versions, "node1 1.1.6", "node2 1.1.5", "node3 1.1.5")
	l.run(40) // each proves itself for five minutes
	l.wantVersion("1.1.6")
}

// TestOutageWithAVersionThatDoesNotComeUp: however long services take to come up after an
// outage, the bad version gets no more of them than may be away.
func TestOutageWithAVersionThatDoesNotComeUp(t *testing.T) {
	for _, k := range []kind{registry, data} {
		for _, after := range []time.Duration{10 * time.Second, 3 * time.Minute, 4 * time.Minute, 9 * time.Minute} {
			t.Run(fmt.Sprintf("%s after %s", k, after), func(t *testing.T) {
				l := manyData(t, 17)
				l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{v1alpha1.ServiceName(k.String())}
				l.cluster.Spec.Version, l.stuck = "1.1.6", "1.1.6"
				l.outage(k, mesos.TASK_FAILED)
				l.rise(25*time.Minute, after, nil)
				if bad := l.count(k, "1.1.6", false); bad > 1 {
					t.Errorf("%d are down with the new version", bad)
				}
			})
		}
	}
}

// TestOutageThatNobodyRemembers: the operator was restarted when the outage had ended the
// tasks.
func TestOutageThatNobodyRemembers(t *testing.T) {
	l := manyData(t, 9)
	l.cluster.Spec.Version, l.stuck = "1.1.6", "1.1.6"
	l.outage(data, mesos.TASK_FAILED)
	l.restartOperator()
	l.rise(25*time.Minute, time.Minute, nil)
	if bad, well := l.count(data, "1.1.6", false), l.count(data, "1.1.5", true); bad > 1 || well < 11 {
		t.Errorf("%d are down with the new version, %d run the old one", bad, well)
	}
}

// TestUpgradeWhileStopped has a person stop all, change the version, and start: whoever
// does so does not want the old version back, nor both at once.
func TestUpgradeWhileStopped(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		l := liveCluster(t)
		l.cluster.Spec.State = v1alpha1.StateStopped
		l.run(3)
		l.cluster.Spec.State, l.cluster.Spec.Version, l.log = v1alpha1.StateRunning, "1.1.6", nil
		if restarted {
			l.restartOperator()
		}
		r := l.run(10)
		l.wantVersion("1.1.6")
		for _, entry := range l.log {
			if !strings.HasSuffix(entry, "1.1.6") {
				t.Errorf("operator restarted: %v: %s", restarted, entry)
			}
		}
		if r.Phase != PhaseReady || r.Good.Stopped || r.Good.Version != "1.1.6" {
			t.Errorf("%s, good %+v", r.Phase, r.Good)
		}
	}
}

// TestMachinesComeBackOneByOne is an outage that does not end at once.
func TestMachinesComeBackOneByOne(t *testing.T) {
	l := manyData(t, 9)
	l.cluster.Spec.Version, l.stuck = "1.1.6", "1.1.6"
	hosts := l.outage(data, mesos.TASK_LOST)
	for _, host := range hosts {
		a := l.snap.Agents["agent-"+host]
		a.Registered, a.Behind = host[:4] == "node", host[:4] == "node"
	}
	l.rise(30*time.Minute, 30*time.Second, func() {
		if l.now.Sub(noon)%(130*time.Second) != 0 || len(hosts) == 0 {
			return
		}
		a := l.snap.Agents["agent-"+hosts[0]]
		a.Registered, a.Behind = true, true
		hosts = hosts[1:]
	})
	if bad := l.count(data, "1.1.6", false); bad > 1 {
		t.Errorf("%d are down with the new version", bad)
	}
}

// TestCureOfWhatCrashesIsNotHeldBack: what ran well crashes everywhere, as when a
// certificate has expired. The version that mends it starts at once.
func TestCureOfWhatCrashesIsNotHeldBack(t *testing.T) {
	l := manyData(t, 37)
	l.broken = "1.1.5"
	l.outage(data, mesos.TASK_FAILED)
	l.rise(10*time.Minute, time.Minute, nil)
	l.cluster.Spec.Version = "1.1.6"
	l.rise(2*time.Minute, time.Minute, nil)
	if n := l.count(data, "1.1.6", true); n != 40 {
		t.Errorf("%d of 40 run", n)
	}
}

// TestComesBackAsItWas has half of the data services run 1.1.6, and 1.1.5 ran well last, when
// a person asks for 1.1.7 and an outage follows. Nobody has asked for a way back to 1.1.5.
func TestComesBackAsItWas(t *testing.T) {
	l := manyData(t, 7)
	l.cluster.Spec.Version = "1.1.6"
	for len(l.log) < 10 {
		l.pass()
		l.now = l.now.Add(10 * time.Second)
	}
	l.cluster.Spec.Version = "1.1.7"
	l.pass()
	ran := map[string]string{}
	for _, task := range l.snap.Tasks {
		if id, _ := quobyte.ParseTaskID(task.ID); id.Service == quobyte.Data {
			ran[id.HostKey] = l.specs[SpecKey{id.Service, id.Hash}].Version
		}
	}
	l.outage(data, mesos.TASK_FAILED)
	l.now = l.now.Add(10 * time.Second)
	r := l.plan()
	if len(r.Launches) < 10 {
		t.Errorf("launches %v", launches(r))
	}
	for _, launch := range r.Launches {
		if was := ran[launch.Host]; launch.Spec.Version < was {
			t.Errorf("data on %s ran %s and is started with %s", launch.Host, was, launch.Spec.Version)
		}
	}
}
