package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/plan"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

// logging collects the lines that the reconciler logs.
func logging(r *Reconciler) *[]string {
	lines := &[]string{}
	r.Log = funcr.New(func(_, args string) { *lines = append(*lines, args) }, funcr.Options{})
	return lines
}

func wantLogged(t *testing.T, lines []string, parts ...string) {
	t.Helper()
	found := slices.ContainsFunc(lines, func(line string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) })
	})
	if !found {
		t.Errorf("no line of the log has %q:\n%s", parts, strings.Join(lines, "\n"))
	}
}

// TestLogOfLaunchesAndKills has a real bridge launch a service and stop it.
func TestLogOfLaunchesAndKills(t *testing.T) {
	inReserved(t, func(w *reserved) {
		lines := logging(w.r)
		w.device("disk1", v1alpha1.DeviceRegistry)
		w.passes(3 * time.Second)
		task := w.running()[quobyte.Registry].ID
		if task == "" {
			t.Fatal("no registry runs")
		}
		wantLogged(t, *lines, `"msg"="launch"`, `"service"="registry"`, `"host"="node1"`, `"task"="`+task+`"`, `"version"="1.1.5"`)
		before := len(*lines)
		w.passes(3 * time.Second)
		if len(*lines) != before {
			t.Errorf("logs of nothing: %v", (*lines)[before:])
		}
		w.seen.cluster.Spec.State = v1alpha1.StateStopped
		w.passes(3 * time.Second)
		wantLogged(t, *lines, `"msg"="kill"`, `"service"="registry"`, `"host"="node1"`, `"task"="`+task+`"`, `"cause"="state Stopped"`)
		if n := len(*lines) - before; n != 1 {
			t.Errorf("%d lines tell of one stop", n)
		}
	})
}

func TestLogOfMany(t *testing.T) {
	r := &Reconciler{}
	lines := logging(r)
	key := types.NamespacedName{Namespace: "storage", Name: "quobyte"}
	kills, launches := make([]plan.Kill, loggedActions+1), make([]sentLaunch, loggedActions+1)
	for i := range launches {
		launches[i].Launch = &plan.Launch{}
	}
	r.logKills(key, kills)
	r.logLaunches(key, launches)
	if len(*lines) != 2 {
		t.Fatalf("%d lines", len(*lines))
	}
	wantLogged(t, *lines, `"msg"="kill"`, `"cluster"="storage/quobyte"`, `"count"=21`)
	wantLogged(t, *lines, `"msg"="launch"`, `"cluster"="storage/quobyte"`, `"count"=21`)
	r.logKills(key, kills[1:])
	if len(*lines) != 2+loggedActions {
		t.Errorf("%d lines", len(*lines))
	}
}

func TestLogOfGoneAgents(t *testing.T) {
	r := &Reconciler{}
	lines := logging(r)
	seen := &observation{cluster: &v1alpha1.QuobyteCluster{}, member: &member{}}
	for _, said := range []string{"", "a", "a", "a,b", "b", "b,a"} {
		seen.cluster.Annotations = map[string]string{v1alpha1.AnnotationGoneAgents: said}
		r.logSaidGone(seen)
	}
	var agents []string
	for _, line := range *lines {
		_, rest, _ := strings.Cut(line, `"agent"=`)
		agents = append(agents, rest[:3])
	}
	if fmt.Sprint(agents) != `["a" "b" "a"]` {
		t.Errorf("%v", *lines)
	}
}

func TestLogOfAnUpdate(t *testing.T) {
	r := &Reconciler{}
	lines := logging(r)
	at := func(state v1alpha1.UpdateState, updated int32) *v1alpha1.UpdateStatus {
		return &v1alpha1.UpdateStatus{State: state, From: "1.1.5", To: "1.1.6", Service: "data", Updated: updated}
	}
	history := []*v1alpha1.UpdateStatus{nil, at(v1alpha1.UpdateProgressing, 0), at(v1alpha1.UpdateProgressing, 1),
		at(v1alpha1.UpdateFailed, 1), at(v1alpha1.UpdateRollingBack, 0), nil, nil}
	for i, after := range history[1:] {
		r.logUpdate(types.NamespacedName{}, history[i], after)
	}
	if len(*lines) != 4 {
		t.Errorf("%d lines: %v", len(*lines), *lines)
	}
	wantLogged(t, *lines, `"msg"="update"`, `"from"="1.1.5"`, `"to"="1.1.6"`, `"state"="Progressing"`)
	wantLogged(t, *lines, `"msg"="update"`, `"state"="Failed"`)
	wantLogged(t, *lines, `"msg"="rollback"`, `"state"="RollingBack"`)
	wantLogged(t, *lines, `"msg"="rollback is over"`)
}

// TestNoticeOfADevice is told of the device, once, and of the cluster as well.
func TestNoticeOfADevice(t *testing.T) {
	inReserved(t, func(w *reserved) {
		d := w.device("disk1", v1alpha1.DeviceData)
		metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.AnnotationRestartedAt, "now")
		if got := w.seen.regarding("disk1"); got != d {
			t.Errorf("regards %v", got)
		}
		if got := w.seen.regarding(""); got != w.seen.cluster {
			t.Errorf("regards %v", got)
		}
		recorder := &regardingRecorder{}
		w.r.Events = recorder
		w.passes(time.Second)
		told := 0
		for _, about := range recorder.about {
			if about == "BadRestartTime disk1" {
				told++
			}
		}
		if told != 1 || !slices.Contains(recorder.about, "BadRestartTime quobyte") {
			t.Errorf("%v", recorder.about)
		}
	})
}

// regardingRecorder remembers what events are about.
type regardingRecorder struct{ about []string }

func (r *regardingRecorder) Eventf(regarding, _ runtime.Object, _, reason, _, _ string, _ ...any) {
	object, err := meta.Accessor(regarding)
	if err != nil {
		panic(err)
	}
	r.about = append(r.about, reason+" "+object.GetName())
}
