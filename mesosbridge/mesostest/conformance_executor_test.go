package mesostest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// executorPlayer is the executor of a recording, on its agent's API.
type executorPlayer struct {
	p       *player
	records []record
	ids     *bindings
	session *session
	agent   string
	answers []answer
}

// startExecutor plays the executor's side of a recording, and is what an agent
// starts for it. The recorded one needed 110ms to come up.
func (p *player) startExecutor(start mesostest.ExecutorStart) {
	e := &executorPlayer{p: p, records: readRecording(p.t, "testdata/recordings/"+p.name+".executor.jsonl"),
		ids:     &bindings{ours: map[string]string{}, theirs: map[string]string{}},
		session: &session{changed: make(chan struct{}, 1)},
		agent:   "http://" + start.Environment["MESOS_AGENT_ENDPOINT"] + "/api/v1/executor"}
	p.executors.Go(func() {
		p.sleep(110 * time.Millisecond)
		e.play(start.Environment)
		p.sleep(30 * time.Millisecond)
		p.cluster.ExecutorEnded(start.FrameworkID, start.Info.ExecutorID.Value, 0)
		e.session.hangUp()
	})
}

func (e *executorPlayer) play(environment map[string]string) {
	for _, r := range e.records {
		switch r.Kind {
		case "environment":
			e.environment(r.Body, environment)
		case "call":
			e.call(r)
		case "response":
			got := e.answers[0]
			e.answers = e.answers[1:]
			if got.status != r.Status || got.text != r.Text {
				e.p.t.Errorf("executor: want %d %q, got %v", r.Status, r.Text, got)
			}
		case "event":
			e.event(r)
		default:
			e.p.t.Errorf("executor: unknown kind %q", r.Kind)
		}
		if e.p.t.Failed() {
			e.p.t.Errorf("executor: at t_ms=%d, %s %v", r.Ms, r.Kind, r.Body["type"])
			return
		}
	}
}

// environment: directories differ in what is before the agent's part of them.
func (e *executorPlayer) environment(want map[string]any, got map[string]string) {
	for _, name := range []string{"MESOS_FRAMEWORK_ID", "MESOS_SLAVE_ID"} {
		if err := e.ids.bind(name, want[name].(string), got[name]); err != nil {
			e.p.t.Error(err)
		}
	}
	if err := e.ids.bind("container", path.Base(want["MESOS_SANDBOX"].(string)), path.Base(got["MESOS_SANDBOX"])); err != nil {
		e.p.t.Error(err)
	}
	for name, value := range want {
		wanted, have := e.ids.translate(value.(string)), got[name]
		if strings.HasPrefix(wanted, "/") {
			_, wanted, _ = strings.Cut(wanted, "/slaves/")
			_, have, _ = strings.Cut(have, "/slaves/")
		}
		if wanted != have {
			e.p.t.Errorf("executor: environment %s: want %q, got %q", name, wanted, got[name])
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			e.p.t.Errorf("executor: environment %s is not in the recording", name)
		}
	}
}

func (e *executorPlayer) call(r record) {
	body, err := json.Marshal(e.ids.translateAll(r.Body))
	if err != nil {
		e.p.t.Error(err)
		return
	}
	req, err := http.NewRequest(http.MethodPost, e.agent, bytes.NewReader(body))
	if err != nil {
		e.p.t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := e.p.client.Do(req)
	if err != nil {
		e.p.t.Errorf("executor: %v", err)
		return
	}
	if r.Body["type"] == "SUBSCRIBE" {
		e.session.body = resp.Body
		go e.session.read(resp.Body)
		return
	}
	e.answers = append(e.answers, readAnswer(e.p.t, resp))
}

func (e *executorPlayer) event(r record) {
	var next received
	err := e.session.await(func() bool {
		if len(e.session.events) == 0 {
			return false
		}
		next, e.session.events = e.session.events[0], e.session.events[1:]
		return true
	})
	if err == nil {
		err = e.ids.compare("", r.Body, next.body)
	}
	if err != nil {
		e.p.t.Errorf("executor: %v: %v", r.Body, err)
	}
}
