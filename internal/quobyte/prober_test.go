package quobyte

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

const ownURL = "http://operator:8082/artifacts/0123/quobyte-operator"

// proberCluster is the smallest manifest with the defaults of the prober.
func proberCluster() *v1alpha1.QuobyteCluster {
	c := smallest()
	q := resource.MustParse
	c.Spec.Prober = v1alpha1.ProberSpec{
		Interval: metav1.Duration{Duration: 2 * time.Minute}, User: "root",
		Resources: v1alpha1.ProberResources{CPUs: q("100m"), Memory: q("256Mi"), Disk: q("150Mi")},
	}
	return c
}

func proberOf(change func(*v1alpha1.QuobyteClusterSpec)) *Prober {
	c := proberCluster()
	change(&c.Spec)
	return ProberOf(c, ownURL)
}

func TestWhereTheProberComesFrom(t *testing.T) {
	c := proberCluster()
	if p := ProberOf(c, ""); p != nil {
		t.Errorf("got %+v without any source", p)
	}
	if p := ProberOf(c, ownURL); p.URL != ownURL || p.Image != "" {
		t.Errorf("got %+v, want the operator's own", p)
	}
	c.Spec.Prober.ArtifactURL = "http://files/prober"
	if p := ProberOf(c, ownURL); p.URL != "http://files/prober" || p.Image != "" {
		t.Errorf("got %+v, want the one of the manifest", p)
	}
	c.Spec.Prober.Image = "operator:v1"
	if p := ProberOf(c, ownURL); p.URL != "" || p.Image != "operator:v1" {
		t.Errorf("got %+v, want the image", p)
	}
}

// TestProberHash: who changes this hash replaces all probers of all installations.
func TestProberHash(t *testing.T) {
	const want = "y2c3ndimaamk"
	own := ProberOf(proberCluster(), ownURL)
	if got := own.Hash(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := ProberOf(proberCluster(), "http://operator:8082/artifacts/4567/quobyte-operator").Hash(); got != want {
		t.Errorf("an upgrade of the operator changes the hash to %s", got)
	}
	seen := map[string]string{want: "the smallest"}
	for name, change := range map[string]func(*v1alpha1.QuobyteClusterSpec){
		"image":     func(s *v1alpha1.QuobyteClusterSpec) { s.Prober.Image = "operator:v1" },
		"url":       func(s *v1alpha1.QuobyteClusterSpec) { s.Prober.ArtifactURL = "http://files/prober" },
		"directory": func(s *v1alpha1.QuobyteClusterSpec) { s.HostDeviceDirectory = "/srv" },
		"interval":  func(s *v1alpha1.QuobyteClusterSpec) { s.Prober.Interval.Duration = time.Minute },
		"client":    func(s *v1alpha1.QuobyteClusterSpec) { s.Services.Client.Enabled = true },
		"user":      func(s *v1alpha1.QuobyteClusterSpec) { s.Prober.User = "quobyte" },
		"cpus":      func(s *v1alpha1.QuobyteClusterSpec) { s.Prober.Resources.CPUs = resource.MustParse("1") },
		"memory":    func(s *v1alpha1.QuobyteClusterSpec) { s.Prober.Resources.Memory = resource.MustParse("1Gi") },
		"disk":      func(s *v1alpha1.QuobyteClusterSpec) { s.Prober.Resources.Disk = resource.MustParse("1Gi") },
	} {
		hash := proberOf(change).Hash()
		if other, taken := seen[hash]; taken {
			t.Errorf("%s has the hash of %s", name, other)
		}
		seen[hash] = name
	}
	if proberOf(func(s *v1alpha1.QuobyteClusterSpec) { s.Version = "2" }).Hash() != want {
		t.Error("the version of the services counts")
	}
}

func proberPlacement() Placement {
	role := "quobyte"
	amount := func(name string, value float64) mesos.Resource {
		return mesos.Resource{Name: name, Type: mesos.SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: value}, AllocationInfo: &mesos.Resource_AllocationInfo{Role: &role}}
	}
	reserved := amount("cpus", 0.004)
	reserved.Reservations = []mesos.Resource_ReservationInfo{{Type: mesos.Resource_ReservationInfo_STATIC.Enum(), Role: &role}}
	return Placement{
		TaskID: NewTaskID(ProberService, "node1", "h", "0tbgq60-89abcdef"), AgentID: "S0", Host: "node1",
		Resources: []mesos.Resource{reserved, amount("cpus", 0.096), amount("mem", 256), amount("disk", 150)},
	}
}

func TestProberTasksStayAsTheyAre(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.QuobyteClusterSpec){
		"image": func(s *v1alpha1.QuobyteClusterSpec) { s.Prober.Image = "operator:v1" },
		"url":   func(s *v1alpha1.QuobyteClusterSpec) { s.Services.Client.Enabled = true },
	} {
		got, err := json.MarshalIndent(proberOf(change).TaskInfo(proberPlacement()), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		checkGolden(t, "prober-"+name+".json", append(bytes.TrimSpace(got), '\n'))
	}
}

// A task and its executor take together what was offered, and each something.
func TestProberSharesItsResources(t *testing.T) {
	at := proberPlacement()
	info := proberOf(func(*v1alpha1.QuobyteClusterSpec) {}).TaskInfo(at)
	sum := func(list ...mesos.Resource) map[string]int64 {
		amounts := map[string]int64{}
		for _, r := range list {
			amounts[r.Name] += int64(r.Scalar.Value*1000 + 0.5)
		}
		return amounts
	}
	task, executor := sum(info.Resources...), sum(info.Executor.Resources...)
	if task["cpus"] != 10 || task["mem"] != 32_000 || executor["cpus"] != 90 || executor["mem"] != 224_000 || executor["disk"] != 150_000 {
		t.Errorf("task %v, executor %v", task, executor)
	}
	for _, r := range slices.Concat(info.Resources, info.Executor.Resources) {
		if r.AllocationInfo.GetRole() != "quobyte" {
			t.Errorf("%s is not allocated", r.Name)
		}
	}
	if got := sum(at.Resources...); got["cpus"] != 100 || got["mem"] != 256_000 {
		t.Errorf("the placement was changed to %v", got)
	}
}

func TestProberPassesNoShell(t *testing.T) {
	p := proberOf(func(s *v1alpha1.QuobyteClusterSpec) { s.HostDeviceDirectory = "/mnt/$(reboot)" })
	c := p.TaskInfo(proberPlacement()).Executor.Command
	if c.GetShell() || !slices.Contains(c.Arguments, "--directory=/mnt/$(reboot)") {
		t.Errorf("got %v", c)
	}
}
