package simulation

import (
	"flag"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// How long each task takes in TestUpgradeTakesTheTimeOfItsTasks: to end, to start,
// and to be believed to be well (spec.update.minReady).
const (
	taskDies   = 5 * time.Second
	taskStarts = 20 * time.Second
	taskProves = 30 * time.Second
)

// upgraded is how many hosts are upgraded: make simulate-upgrade has 1,000.
var upgraded = flag.Int("hosts", 40, "how many hosts are upgraded")

// TestUpgradeTakesTheTimeOfItsTasks upgrades many hosts in virtual time: it takes as
// long as the tasks along the critical path, and five percent at most for all else.
func TestUpgradeTakesTheTimeOfItsTasks(t *testing.T) {
	hosts := *upgraded
	s := loadShared(t)
	for _, limit := range []intstr.IntOrString{intstr.FromInt(1), intstr.FromInt(10), intstr.FromString("10%")} {
		t.Run(limit.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				u := startUpgrade(t, s, hosts, limit)
				defer u.end()
				took := u.upgrade(t)
				path := u.criticalPath()
				fmt.Printf("%d hosts, maxUnavailable %s: %s, %.1f%% more than the %s of the tasks\n", hosts, limit.String(), took, 100*(took.Seconds()/path.Seconds()-1), path)
				if took > path*105/100 {
					t.Errorf("the upgrade took %s, and its tasks %s", took, path)
				}
				if took < path {
					t.Errorf("the upgrade took %s, less than its tasks, %s: more was away than may be", took, path)
				}
			})
		})
	}
}

// upgrade is a world of many hosts and no trouble.
type upgrade struct {
	*world
	hosts int
	limit intstr.IntOrString
}

func startUpgrade(t *testing.T, s *shared, hosts int, limit intstr.IntOrString) *upgrade {
	plan := scenario{}
	for i := range hosts {
		host := "node" + strconv.Itoa(i+1)
		plan.hosts = append(plan.hosts, host)
		types := []string{"DATA"}
		if i < 3 {
			types = append(types, "REGISTRY", "METADATA")
		}
		plan.addDisk(host, types...)
	}
	u := &upgrade{world: newWorldOf(s, 1, plan), hosts: hosts, limit: limit}
	u.startMesos(func(task mesos.TaskInfo) mesostest.Play {
		play := mesostest.Healthy(task)
		play.Steps[0].After, play.DiesAfter = taskStarts, taskDies
		return play
	})
	u.layDown()
	u.edit(func(c *v1alpha1.QuobyteCluster) { c.Spec.Update.MaxUnavailable = limit })
	u.lead()
	u.until(t, "all to run", time.Hour, func(c *v1alpha1.QuobyteCluster) bool { return c.Status.Good != nil })
	return u
}

// upgrade changes the version, and says how long it took.
func (u *upgrade) upgrade(t *testing.T) time.Duration {
	began := time.Now()
	u.edit(func(c *v1alpha1.QuobyteCluster) { c.Spec.Version = "1.1.6" })
	u.until(t, "the upgrade to be done", 48*time.Hour, func(c *v1alpha1.QuobyteCluster) bool {
		return c.Status.Good != nil && c.Status.Good.Version == "1.1.6" && c.Status.Update == nil
	})
	return time.Since(began)
}

// criticalPath is the time of the tasks that follow one another: of each service as
// many at once as may be away, and of the registries one, as two of three have to stay.
func (u *upgrade) criticalPath() time.Duration {
	rounds := 3 // registries
	for _, instances := range []int{3, u.hosts, 1, 1} {
		at, err := intstr.GetScaledValueFromIntOrPercent(&u.limit, instances, false)
		if err != nil {
			panic(err)
		}
		at = max(1, at)
		rounds += (instances + at - 1) / at
	}
	return time.Duration(rounds) * (taskDies + taskStarts + taskProves)
}

// until waits for the cluster to be Ready, and so.
func (u *upgrade) until(t *testing.T, what string, patience time.Duration, is func(*v1alpha1.QuobyteCluster) bool) {
	for began := time.Now(); time.Since(began) < patience; time.Sleep(time.Second) {
		c := u.cluster()
		if c.Status.ObservedGeneration == c.Generation && meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionReady) && is(c) {
			return
		}
	}
	t.Fatalf("waited in vain for %s: %+v", what, u.cluster().Status)
}
