package quobyte

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

func placed(spec Spec) Placement {
	return Placement{
		TaskID:  NewTaskID(spec.Service, "node1", "hqpbwmzcvl2a", "n1"),
		AgentID: "5999771f-18d5-4913-951e-29202cd4bd59-S0",
		Host:    "node1",
		Resources: []mesos.Resource{{
			Name:           "cpus",
			Type:           mesos.SCALAR.Enum(),
			Scalar:         &mesos.Value_Scalar{Value: float64(spec.MilliCPUs) / 1000},
			AllocationInfo: &mesos.Resource_AllocationInfo{Role: new("quobyte")},
		}},
		Registry: "_registry._tcp.quobyte.mesos",
	}
}

func TestTaskInfosStayAsTheyAre(t *testing.T) {
	cluster := smallest()
	cluster.Spec.Services.S3.Hostname = "s3.example.com"
	cluster.Spec.Services.Metadata.ExtraConfig = "a=1\nb=2\n"
	cluster.Spec.Services.Client.Image = "docker-registry.corp:5000/quobyte-client"
	cluster.Spec.Services.Client.Env = []v1alpha1.EnvVar{{Name: "LANG", Value: "C"}}
	cluster.Spec.Services.Data.Env = []v1alpha1.EnvVar{{Name: "QUOBYTE_DEBUG_PORT", Value: "5005"}, {Name: "LANG", Value: "C"}}
	for _, s := range Services() {
		t.Run(string(s), func(t *testing.T) {
			spec := SpecOf(cluster, s)
			got, err := json.Marshal(TaskInfo(spec, placed(spec)))
			if err != nil {
				t.Fatal(err)
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, got, "", "  "); err != nil {
				t.Fatal(err)
			}
			pretty.WriteByte('\n')
			checkGolden(t, "task-"+string(s)+".json", pretty.Bytes())
		})
	}
}

func checkGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs. What runs keeps the old form until it is restarted for another reason; if that is right, run with -update.\n got:\n%s", file, got)
	}
}

// TestMesosNeverKillsWhatIsUnhealthy: rule 13, whatever is asked of the checks.
func TestMesosNeverKillsWhatIsUnhealthy(t *testing.T) {
	for _, health := range []v1alpha1.HealthSpec{
		smallest().Spec.Health,
		{Enabled: true, Path: "/status", Interval: lasting(time.Second), Timeout: lasting(time.Hour)},
		{Enabled: true, Path: "/", Interval: lasting(time.Hour), Timeout: lasting(time.Second), GracePeriod: lasting(24 * time.Hour), RestartAfter: lasting(time.Second)},
	} {
		cluster := smallest()
		cluster.Spec.Health = health
		for _, s := range Services() {
			spec := SpecOf(cluster, s)
			check := TaskInfo(spec, placed(spec)).HealthCheck
			if s == Client {
				if check != nil || spec.Checked() {
					t.Errorf("%s has no status page, and health check %v", s, check)
				}
				continue
			}
			if check == nil || !spec.Checked() || check.GetConsecutiveFailures() != math.MaxUint32 {
				t.Errorf("%s: got health check %v", s, check)
			}
		}
	}
}

func TestHealthIsCheckedAsAsked(t *testing.T) {
	cluster := smallest()
	cluster.Spec.Health = v1alpha1.HealthSpec{Enabled: true, Path: "/status?full=1", Interval: lasting(1500 * time.Millisecond),
		Timeout: lasting(2 * time.Second), GracePeriod: lasting(time.Hour)}
	cluster.Spec.Ports.Base = 31000
	spec := SpecOf(cluster, Metadata)
	check := TaskInfo(spec, placed(spec)).HealthCheck
	if check.GetHTTP().GetPath() != "/status?full=1" || check.GetHTTP().GetPort() != 31003 {
		t.Errorf("asks %+v", check.GetHTTP())
	}
	if check.GetIntervalSeconds() != 1.5 || check.GetTimeoutSeconds() != 2 || check.GetGracePeriodSeconds() != 3600 {
		t.Errorf("asks as %+v", check)
	}
}

// TestNobodyChecksWhatIsOff: it is looked up all the same.
func TestNobodyChecksWhatIsOff(t *testing.T) {
	off, except := smallest(), smallest()
	off.Spec.Health.Enabled = false
	except.Spec.Health.Except = []v1alpha1.ServiceName{"data", "s3"}
	for name, test := range map[string]struct {
		cluster *v1alpha1.QuobyteCluster
		checked []Service
	}{
		"off":    {off, nil},
		"except": {except, []Service{Registry, Metadata, API, Webconsole}},
	} {
		for _, s := range Services() {
			spec := SpecOf(test.cluster, s)
			info := TaskInfo(spec, placed(spec))
			want := slices.Contains(test.checked, s)
			if got := info.HealthCheck != nil; got != want || spec.Checked() != want {
				t.Errorf("%s: %s is checked: %v and %v, want %v", name, s, got, spec.Checked(), want)
			}
			if s != Client && info.Discovery.GetName() != string(s) {
				t.Errorf("%s: %s is looked up as %v", name, s, info.Discovery)
			}
		}
	}
}

func TestTaskInfoOnTheWire(t *testing.T) {
	for _, s := range Services() {
		spec := SpecOf(smallest(), s)
		info := TaskInfo(spec, placed(spec))
		data, err := info.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		var back mesos.TaskInfo
		if err := back.Unmarshal(data); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, info) {
			t.Errorf("%s: sent %+v\nreceived %+v", s, info, back)
		}
	}
}

func TestUserNeverOverridesWhatTheOperatorSets(t *testing.T) {
	spec := SpecOf(smallest(), API)
	set := environment(spec, "registry:21000").Variables
	for _, v := range set {
		spec.Env = append(spec.Env, v1alpha1.EnvVar{Name: v.Name, Value: "user's"})
	}
	spec.Env = append(spec.Env, v1alpha1.EnvVar{Name: "OWN", Value: "user's"})

	got := environment(spec, "registry:21000").Variables
	if len(got) != len(set)+1 || got[len(set)].Name != "OWN" || got[len(set)].GetValue() != "user's" {
		t.Fatalf("got %v after %v", got, set)
	}
	for i := range set {
		if got[i].Name != set[i].Name || got[i].GetValue() != set[i].GetValue() {
			t.Errorf("got %v, want %v", got[i], set[i])
		}
	}
}

func TestNothingOfATaskPassesThroughAShell(t *testing.T) {
	spec := SpecOf(smallest(), Data)
	p := placed(spec)
	p.Host, p.Registry = "$(reboot)", "$(reboot):21000"
	info := TaskInfo(spec, p)
	if c := info.Command; c.GetShell() || c.Value != nil || len(c.Arguments) > 0 {
		t.Errorf("got command %v, want the image's entry point alone", c)
	}
	for _, parameter := range info.Container.Docker.Parameters {
		if strings.Contains(parameter.Value, "reboot") {
			t.Errorf("got parameter %v", parameter)
		}
	}
}
