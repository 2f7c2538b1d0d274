package mesostest_test

import (
	"flag"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

var mesosMaster = flag.String("mesos-master", "", "play the recordings against the master at this URL, too; "+
	"it has agents as hack/mesos -ports recorded has")

// notFromOutside says why a recording cannot be played against a foreign master.
func notFromOutside(name string, records []record) string {
	switch name {
	case "authentication":
		return "needs a master that asks for credentials"
	case "redirect":
		return "needs a second master"
	case "executor-messages":
		return "needs the recorded executor on the agents, /opt/prober"
	}
	if slices.ContainsFunc(records, func(r record) bool { return r.Kind == "fault" }) {
		return "stops agents or masters"
	}
	return ""
}

// TestConformanceOfMaster plays the recordings against the master of the flag
// -mesos-master, in real time.
func TestConformanceOfMaster(t *testing.T) {
	if *mesosMaster == "" {
		t.Skip("there is no -mesos-master")
	}
	files, err := filepath.Glob("testdata/recordings/*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	// agent-gone is the last: it takes an agent away for ever.
	slices.SortStableFunc(files, func(a, b string) int {
		return strings.Count(a, "agent-gone") - strings.Count(b, "agent-gone")
	})
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".jsonl")
		if strings.HasSuffix(name, ".executor") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			records := readRecording(t, file)
			if reason := notFromOutside(name, records); reason != "" {
				t.Skip(reason)
			}
			p := newRealPlayer(t, name, strings.TrimSuffix(*mesosMaster, "/"))
			defer p.close()
			defer p.tearDown()
			p.play(records)
		})
	}
}

// TestConformanceOfProcesses plays recordings in real time, on real sockets, and
// their commands as real processes.
func TestConformanceOfProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 12 seconds")
	}
	for _, name := range []string{"task-exits", "task-lifecycle", "health-check", "reservation-and-volume", "docker-task-without-docker"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := recordedCluster(name)
			cfg.Script, cfg.Processes = nil, &mesostest.Processes{Dir: t.TempDir()}
			c := mesostest.New(cfg)
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			p := newRealPlayer(t, name, c.URL())
			defer p.close()
			p.play(readRecording(t, "testdata/recordings/"+name+".jsonl"))
		})
	}
}

// tearDown removes what a recording that was not played to its end has left.
func (p *player) tearDown() {
	for recorded, ours := range p.ids.ours {
		if frameworkID.MatchString(recorded) {
			p.operatorRequest(http.MethodPost, "/api/v1", []byte(`{"type":"TEARDOWN","teardown":{"framework_id":{"value":"`+ours+`"}}}`))
		}
	}
}

var frameworkID = regexp.MustCompile(`^[0-9a-f-]{36}-\d{4}$`)

// newRealPlayer plays against the master at a URL.
func newRealPlayer(t *testing.T, name, url string) *player {
	p := &player{t: t, name: name, url: url,
		ids:      &bindings{ours: map[string]string{}, theirs: map[string]string{}},
		sessions: map[string]*session{}}
	p.client = &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	round := roundOfOffers(t, url)
	p.sleep(time.Until(round.Add(time.Second - firstRound(name))))
	p.start = time.Now()
	return p
}

// roundOfOffers is when the master made a round of offers: what is declined
// without a filter comes again in the next one.
func roundOfOffers(t *testing.T, url string) time.Time {
	s := &client{t: t, http: &http.Client{Transport: &http.Transport{}}, url: url, info: frameworkInfo("quobyte")}
	defer s.http.CloseIdleConnections()
	defer s.hangUp()
	s.subscribe()
	var ids []mesos.OfferID
	for _, o := range s.next(scheduler.Event_OFFERS).Offers.Offers {
		ids = append(ids, o.ID)
	}
	none := 0.0
	s.call(&scheduler.Call{Type: scheduler.Call_DECLINE,
		Decline: &scheduler.Call_Decline{OfferIDs: ids, Filters: &mesos.Filters{RefuseSeconds: &none}}})
	s.next(scheduler.Event_OFFERS)
	round := time.Now()
	s.call(&scheduler.Call{Type: scheduler.Call_TEARDOWN})
	return round
}
