package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/quobyte"
)

func (f *fixture) annotate(name string, at time.Time) {
	metav1.SetMetaDataAnnotation(&f.cluster.ObjectMeta, name, at.Format(time.RFC3339))
}

func TestRestartOnRequest(t *testing.T) {
	const at = v1alpha1.AnnotationRestartedAt
	all := []string{
		"registry node1", "registry node2", "registry node3", "metadata node1", "metadata node2", "metadata node3",
		"data node1", "data node2", "data node3", "api node1",
	}
	tests := map[string]struct {
		ask  func(l *live)
		want []string
	}{
		"the cluster": {func(l *live) { l.annotate(at, l.now) }, all},
		"one service": {func(l *live) { l.annotate(at+"-data", l.now) }, all[6:9]},
		"api":         {func(l *live) { l.annotate(at+"-api", l.now) }, all[9:]},
		"a device":    {func(l *live) { metav1.SetMetaDataAnnotation(&l.devices[1].ObjectMeta, at, l.now.Format(time.RFC3339)) }, []string{all[1], all[4], all[7]}},
		"long ago":    {func(l *live) { l.annotate(at, noon.Add(-time.Hour)) }, nil},
		"two times":   {func(l *live) { l.annotate(at, noon.Add(-time.Hour)); l.annotate(at+"-data", l.now) }, all[6:9]},
		"another order": {func(l *live) {
			l.cluster.Spec.Update.Order = []v1alpha1.ServiceName{"api"}
			l.annotate(at, l.now)
		}, append([]string{all[9]}, all[:9]...)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := liveCluster(t)
			l.relaunch()
			l.now = l.now.Add(time.Minute)
			test.ask(l)
			l.cluster.Spec.Update.MinReady = metav1.Duration{Duration: 30 * time.Second}
			var told []v1alpha1.UpdateStatus
			for range 100 {
				r := l.pass()
				if u := r.Update; u != nil {
					told = append(told, *u)
				}
				if len(r.Kills) > 1 {
					t.Fatalf("stops %v", kills(r))
				}
				l.now = l.now.Add(10 * time.Second)
			}
			var stops []string
			for _, entry := range l.log {
				if entry[:5] == "stop " {
					stops = append(stops, entry[5:])
				}
			}
			wantList(t, "stops", stops, test.want...)
			l.wantVersion("1.1.5")
			if (len(told) > 0) != (len(test.want) > 0) || l.cluster.Status.Update != nil {
				t.Errorf("%d passes told of it, at the end %+v", len(told), l.cluster.Status.Update)
			}
			for _, u := range told {
				if u.State != v1alpha1.UpdateProgressing || u.From != "1.1.5" || u.To != "1.1.5" || !IsRestart(&u) {
					t.Errorf("%+v", u)
				}
			}
		})
	}
}

// relaunch gives all tasks ids that tell when they were launched: half an hour ago.
func (l *live) relaunch() {
	for _, k := range []kind{registry, metadata, data} {
		l.launchedAt(k, noon.Add(-30*time.Minute))
	}
	x := l.find(api, "node1")
	delete(l.snap.Tasks, x.ID)
	x.ID = quobyte.NewTaskID(quobyte.API, "node1", l.hashOf(api), quobyte.NewNonce(noon.Add(-30*time.Minute), "01234567"))
	l.snap.Tasks[x.ID] = x
}

func TestRestartWaitsForUpdatesAndItsTime(t *testing.T) {
	l := liveCluster(t)
	l.relaunch()
	later := noon.Add(10 * time.Minute)
	l.annotate(v1alpha1.AnnotationRestartedAt+"-registry", later)
	r := l.pass()
	wantList(t, "before its time", kills(r))
	if !r.Recheck.Equal(later) || r.Update != nil {
		t.Errorf("looks again at %v, update %+v", r.Recheck, r.Update)
	}
	l.now = later
	l.cluster.Spec.Services.API.ExtraConfig = "new"
	r = l.plan()
	wantList(t, "the update first", kills(r), "api node1")
	if IsRestart(r.Update) {
		t.Errorf("%+v", r.Update)
	}
	l.cluster.Spec.Services.API.ExtraConfig = ""
	l.cluster.Spec.Update.Paused = true
	r = l.pass()
	wantList(t, "paused", kills(r))
	wantState(t, r, v1alpha1.UpdatePaused)
	wantText(t, waits(t, r, registry, "node1"), "waits for its restart on request")
	l.cluster.Spec.Update.Paused = false
	r = l.pass()
	wantList(t, "then", kills(r), "registry node1")
	if r.Kills[0].Cause != "restart on request" {
		t.Error(r.Kills[0].Cause)
	}
	wantText(t, r.Update.Message, "restart on request waits for registry on node1, which is being stopped")
}

// TestRestartOfWhatDoesNotSayItsAge has tasks whose ids do not tell when they were
// launched: they were, long ago.
func TestRestartOfWhatDoesNotSayItsAge(t *testing.T) {
	l := liveCluster(t)
	l.annotate(v1alpha1.AnnotationRestartedAt+"-metadata", noon.Add(-24*time.Hour))
	l.run(5)
	wantList(t, "log", slices.DeleteFunc(l.log, func(s string) bool { return s[:4] != "stop" }),
		"stop metadata node1", "stop metadata node2", "stop metadata node3")
}

func TestRestartTimeThatCannotBeRead(t *testing.T) {
	l := liveCluster(t)
	l.cluster.Annotations = map[string]string{
		v1alpha1.AnnotationRestartedAt:           "now",
		v1alpha1.AnnotationRestartedAt + "-dta":  noon.Format(time.RFC3339),
		v1alpha1.AnnotationRestartedAt + "-data": "2026-11-21 12:00",
	}
	metav1.SetMetaDataAnnotation(&l.devices[0].ObjectMeta, v1alpha1.AnnotationRestartedAt, "yesterday")
	metav1.SetMetaDataAnnotation(&l.devices[1].ObjectMeta, v1alpha1.AnnotationRestartedAt+"-data", noon.Format(time.RFC3339))
	r := l.pass()
	wantList(t, "kills", kills(r))
	for _, says := range []string{
		`annotation mesos.quobyte.com/restarted-at is "now", which is no time in RFC 3339 such as 2026-11-21T12:00:00Z`,
		`annotation mesos.quobyte.com/restarted-at-dta: there is no service "dta", but registry, metadata, data, s3, api, webconsole, client`,
		`annotation mesos.quobyte.com/restarted-at-data is "2026-11-21 12:00"`,
		`annotation mesos.quobyte.com/restarted-at of device dev-001 is "yesterday"`,
		`annotation mesos.quobyte.com/restarted-at-data of device dev-005: one service is restarted by an annotation of the cluster`,
	} {
		found := slices.ContainsFunc(r.Reasons, func(reason v1alpha1.Reason) bool {
			return len(reason.Message) >= len(says) && reason.Message[:len(says)] == says
		})
		if !found {
			t.Errorf("no reason says %s: %+v", says, r.Reasons)
		}
		wantText(t, noticed(r, NoticeBadRestartTime), says)
	}
	about := slices.IndexFunc(r.Notices, func(n Notice) bool { return n.Device == l.devices[0].Name })
	if about < 0 || r.Notices[about].Reason != NoticeBadRestartTime || strings.Contains(r.Notices[about].Message, "dta") {
		t.Errorf("notices %+v", r.Notices)
	}
	if r.Phase != PhaseReady {
		t.Errorf("phase %s", r.Phase)
	}
}

func noticed(r Result, reason string) string {
	for _, n := range r.Notices {
		if n.Reason == reason {
			return n.Message
		}
	}
	return ""
}

func TestUpdateIsAnnounced(t *testing.T) {
	tests := []struct{ from, to, tells, warns string }{
		{"1.1.5", "1.1.10", "update from version 1.1.5 to 1.1.10", ""},
		{"1.1.10", "1.1.5", "update from version 1.1.10 to 1.1.5", "version 1.1.5 is asked for, which is older than 1.1.10, which runs"},
		{"1.1.5", "1.1", "update from version 1.1.5 to 1.1", "older"},
		{"1.1", "1.1.0", "update from version 1.1 to 1.1.0", ""},
		{"2.0", "nightly", "update from version 2.0 to nightly", ""},
		{"2.0", "1.9-rc1", "update from version 2.0 to 1.9-rc1", ""},
		{"1.1.5", "1.1.5", "settings of services change", ""},
	}
	for _, test := range tests {
		f := newFixture(t)
		f.cluster.Spec.Version = test.from
		l := liveCluster(t)
		l.cluster.Spec.Version = test.from
		l.run(3)
		l.cluster.Spec.Version = test.to
		l.cluster.Spec.Services.Data.ExtraConfig = "new"
		first := l.pass()
		wantText(t, noticed(first, NoticeUpdate), test.tells)
		if warns := noticed(first, NoticeDowngrade); (warns == "") != (test.warns == "") {
			t.Errorf("%+v: %q", test, warns)
		} else {
			wantText(t, warns, test.warns)
		}
		for _, n := range first.Notices {
			if n.Normal != (n.Reason == NoticeUpdate) {
				t.Errorf("%+v", n)
			}
		}
		for range 20 { // told once, as the words stay the same
			l.now = l.now.Add(10 * time.Second)
			if r := l.pass(); r.Update != nil && noticed(r, NoticeUpdate) != noticed(first, NoticeUpdate) {
				t.Errorf("%q, then %q", noticed(first, NoticeUpdate), noticed(r, NoticeUpdate))
			}
		}
	}
}
