package mesostest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// player plays one recording.
type player struct {
	t                 *testing.T
	name              string
	cluster           *mesostest.Cluster
	client            *http.Client
	start             time.Time
	ids               *bindings
	sessions          map[string]*session
	principal, secret string
	url               string
	operatorAnswers   []answer // that nobody has compared yet
	executors         sync.WaitGroup
}

func newPlayer(t *testing.T, name string) *player {
	cfg := recordedCluster(name)
	p := &player{t: t, name: name,
		ids:      &bindings{ours: map[string]string{}, theirs: map[string]string{}},
		sessions: map[string]*session{}}
	if name == "executor-messages" {
		cfg.StartExecutor = p.startExecutor
	}
	c := mesostest.New(cfg)
	c.StartInMemory()
	p.cluster, p.url = c, c.URL()
	p.client = &http.Client{
		Transport:     c.Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	time.Sleep(500*time.Millisecond - firstRound(name))
	p.start = time.Now()
	return p
}

// firstRound of offers of a recording, after its beginning: they begin in the
// middle of an allocation interval, and what ends before a round is in its offers.
func firstRound(name string) time.Duration {
	switch name {
	case "agent-gone":
		return 200 * time.Millisecond // 6703ms
	case "executor-messages":
		return 395 * time.Millisecond // 1394ms, 3398ms
	case "health-check":
		return 161 * time.Millisecond // 1161ms, before it is healthy
	case "maintenance":
		return 335 * time.Millisecond // 1335ms, 2338ms
	case "reservation-and-volume":
		return 470 * time.Millisecond // 3976ms, before a task ends
	}
	return 238 * time.Millisecond // task-exits: 738ms, before a task ends
}

func (p *player) close() {
	for _, s := range p.sessions {
		s.hangUp()
	}
	p.executors.Wait()
	p.client.CloseIdleConnections()
	if p.cluster != nil {
		p.cluster.Close()
	}
}

// An event may come this much before its time: the recorded master's rounds of
// offers came at other moments.
const early = 600 * time.Millisecond

// late is how much after its time an event may come when time is virtual.
const late = time.Second

// patience is how much (virtual) time an event may take longer than recorded.
const patience = 10 * time.Second

func (p *player) play(records []record) {
	for i, r := range records {
		p.waitUntil(r)
		switch r.Kind {
		case "call":
			p.call(r, records[i+1:])
		case "event":
			p.event(r)
		case "stream-end":
			p.streamEnd(r)
		case "fault":
			p.fault(r.What)
		case "note":
			p.setCredentials(r.Credentials)
		case "response":
			p.response(r)
		case "operator-call":
			p.operatorCall(r)
		case "operator-response":
			p.operatorResponse(r)
		case "http":
			p.httpRequest(r)
		default:
			p.t.Fatalf("unknown kind %q", r.Kind)
		}
		if p.t.Failed() {
			p.t.Fatalf("at t_ms=%d, session %q, %s %v", r.Ms, r.Session, r.Kind, r.Body["type"])
		}
	}
	p.sleep(100 * time.Millisecond)
	for name, s := range p.sessions {
		s.nothingLeft(p.t, name)
	}
}

// waitUntil the time of a call or a fault: they have their effect by when they
// come. Events are waited for otherwise.
func (p *player) waitUntil(r record) {
	if r.Kind == "call" || r.Kind == "fault" || r.Kind == "operator-call" || r.Kind == "http" || (r.Kind == "stream-end" && closedByClient(r)) {
		p.sleep(time.Until(p.start.Add(time.Duration(r.Ms) * time.Millisecond)))
	}
}

func (p *player) sleep(d time.Duration) { time.Sleep(d) } // of the bubble's clock

// closedByClient: the recording's client itself ended the stream.
func closedByClient(r record) bool {
	return strings.Contains(r.Error, "use of closed network connection")
}

// onTime fails for what came before its time, or in virtual time long after it.
func (p *player) onTime(r record, got received) {
	if ahead := time.Duration(r.Ms)*time.Millisecond - got.at.Sub(p.start); ahead > early {
		p.t.Errorf("%v came %v too early", got.body, ahead)
	} else if p.cluster != nil && ahead < -late {
		p.t.Errorf("%v came %v too late", got.body, -ahead)
	}
}

func (p *player) session(name string) *session {
	if p.sessions[name] == nil {
		p.sessions[name] = &session{changed: make(chan struct{}, 1)}
	}
	return p.sessions[name]
}

// call sends a recorded call. What its header was is not recorded; the answer
// tells.
func (p *player) call(r record, later []record) {
	s := p.session(r.Session)
	streamID := s.streamID
	i := slices.IndexFunc(later, func(x record) bool { return x.Kind == "response" && x.Session == r.Session })
	if i >= 0 {
		text := later[i].Text
		if strings.HasPrefix(text, "All non-subscribe calls") {
			streamID = ""
		} else if strings.Contains(text, "00000000-0000-0000-0000-000000000000") {
			streamID = "00000000-0000-0000-0000-000000000000"
		}
	}
	body, err := json.Marshal(p.ids.translateAll(r.Body))
	if err != nil {
		p.t.Fatal(err)
	}
	subscribe := r.Body["type"] == "SUBSCRIBE"
	if subscribe {
		streamID = ""
	}
	resp := p.send(http.MethodPost, "application/json", streamID, body)
	if !subscribe || resp.StatusCode != http.StatusOK {
		s.answers = append(s.answers, readAnswer(p.t, resp))
		return
	}
	s.answers = append(s.answers, answer{status: resp.StatusCode, headers: resp.Header})
	s.streamID = resp.Header.Get("Mesos-Stream-Id")
	s.body = resp.Body
	go s.read(resp.Body)
}

func (p *player) send(method, contentType, streamID string, body []byte) *http.Response {
	req, err := http.NewRequest(method, p.url+"/api/v1/scheduler", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", "application/json")
	if streamID != "" {
		req.Header.Set("Mesos-Stream-Id", streamID)
	}
	if p.principal != "" {
		req.SetBasicAuth(p.principal, p.secret)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp
}

func readAnswer(t *testing.T, resp *http.Response) answer {
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, string(text), resp.Header}
}

// event waits for a recorded event.
func (p *player) event(r record) {
	s := p.session(r.Session)
	switch r.Body["type"] {
	case "HEARTBEAT":
		err := s.await(func() bool {
			if s.beats == 0 {
				return false
			}
			s.beats--
			return true
		})
		if err != nil {
			p.t.Errorf("heartbeat: %v", err)
		}
	case "OFFERS":
		for _, o := range r.Body["offers"].(map[string]any)["offers"].([]any) {
			p.offer(s, r, o)
		}
	case "RESCIND":
		p.rescind(s, r)
	default:
		var next received
		err := s.await(func() bool {
			if len(s.events) == 0 {
				return false
			}
			next, s.events = s.events[0], s.events[1:]
			return true
		})
		if err == nil {
			err = p.ids.compare("", r.Body, next.body)
			p.onTime(r, next)
		}
		if err != nil {
			p.t.Errorf("%v: %v", r.Body, err)
		}
	}
}

// offer finds one that is the same but for its ids.
func (p *player) offer(s *session, r record, want any) {
	var last error
	var found received
	err := s.await(func() bool {
		for i, got := range s.offers {
			trial := p.ids.clone()
			if last = trial.compare("offer", want, got.body); last == nil {
				p.ids, found = trial, got
				s.offers = slices.Delete(s.offers, i, i+1)
				return true
			}
		}
		return false
	})
	if err == nil {
		p.onTime(r, found)
	} else {
		p.t.Errorf("offer %v: %v; what was wrong with the last other one: %v", want, err, last)
	}
}

func (ids *bindings) clone() *bindings {
	c := &bindings{ours: map[string]string{}, theirs: map[string]string{}}
	for k, v := range ids.ours {
		c.ours[k], c.theirs[v] = v, k
	}
	return c
}

// rescind: several in a row come in the order of a hash map.
func (p *player) rescind(s *session, r record) {
	err := s.await(func() bool {
		for i, got := range s.events {
			if got.body["type"] != "RESCIND" {
				return false
			}
			if p.ids.clone().compare("", r.Body, got.body) == nil {
				s.events = slices.Delete(s.events, i, i+1)
				return true
			}
		}
		return false
	})
	if err != nil {
		p.t.Errorf("%v: %v", r.Body, err)
	}
}

func (p *player) streamEnd(r record) {
	s := p.session(r.Session)
	if closedByClient(r) {
		s.closed = true
		s.hangUp()
		return
	}
	var end error
	err := s.await(func() bool { end = s.end; return end != nil })
	if err != nil {
		p.t.Errorf("end of the stream: %v", err)
	} else if end.Error() != r.Error {
		p.t.Errorf("the stream ended with %q, want %q", end, r.Error)
	}
}

// response compares the oldest answer of the session.
func (p *player) response(r record) {
	if r.Request != "" {
		p.plainRequest(r)
		return
	}
	s := p.session(r.Session)
	if len(s.answers) == 0 {
		p.t.Error("no answer")
		return
	}
	got := s.answers[0]
	s.answers = s.answers[1:]
	want := p.translateStreamID(r.Text)
	if got.status != r.Status || got.text != want {
		p.t.Errorf("want %d %q\n got %d %q", r.Status, want, got.status, got.text)
	}
	for name, value := range r.Headers {
		have := got.headers.Get(name)
		if name == "Date" || name == "Mesos-Stream-Id" {
			if have == "" {
				p.t.Errorf("there is no header %s", name)
			}
		} else if have != value {
			p.t.Errorf("header %s: want %q, got %q", name, value, have)
		}
		if name == "Mesos-Stream-Id" {
			if err := p.ids.bind(name, value, have); err != nil {
				p.t.Error(err)
			}
		}
	}
}

func (p *player) translateStreamID(text string) string {
	if p.name == "redirect" {
		return text
	}
	return p.ids.translate(text)
}

// plainRequest makes the requests that are described in words.
func (p *player) plainRequest(r record) {
	var got answer
	if contentType, ok := strings.CutPrefix(r.Request, "malformed body, Content-Type "); ok {
		got = readAnswer(p.t, p.send(http.MethodPost, contentType, "", []byte("not json")))
	} else if r.Request == "GET" {
		got = readAnswer(p.t, p.send(http.MethodGet, "application/json", "", nil))
	} else {
		resp, err := p.client.Get(p.cluster.StandbyURL() + r.Request)
		if err != nil {
			p.t.Fatal(err)
		}
		got = readAnswer(p.t, resp)
	}
	if got.status != r.Status || got.text != r.Text {
		p.t.Errorf("%s: want %d %q\n got %d %q", r.Request, r.Status, r.Text, got.status, got.text)
	}
	leader := strings.TrimPrefix(p.url, "http:")
	if want := strings.Replace(r.Location, "//127.0.0.1:5050", leader, 1); got.headers.Get("Location") != want {
		p.t.Errorf("%s: want location %q, got %q", r.Request, want, got.headers.Get("Location"))
	}
	if got.headers.Get("Allow") != r.Allow {
		p.t.Errorf("%s: want %q allowed, got %q", r.Request, r.Allow, got.headers.Get("Allow"))
	}
}
