package mesostest_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// operatorCall sends a recorded call to the operator API.
func (p *player) operatorCall(r record) {
	body, err := json.Marshal(p.ids.translateAll(r.Body))
	if err != nil {
		p.t.Fatal(err)
	}
	p.operatorAnswers = append(p.operatorAnswers, p.operatorRequest(http.MethodPost, "/api/v1", body))
}

func (p *player) operatorRequest(method, path string, body []byte) answer {
	req, err := http.NewRequest(method, p.url+path, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	return readAnswer(p.t, resp)
}

// operatorResponse compares the oldest answer to an operator call.
func (p *player) operatorResponse(r record) {
	if len(p.operatorAnswers) == 0 {
		p.t.Error("no answer")
		return
	}
	got := p.operatorAnswers[0]
	p.operatorAnswers = p.operatorAnswers[1:]
	p.compareView(r, got)
}

// httpRequest makes a recorded request for one of the master's pages.
func (p *player) httpRequest(r record) {
	method, path, _ := strings.Cut(r.Request, " ")
	p.compareView(r, p.operatorRequest(method, path, nil))
}

func (p *player) compareView(r record, got answer) {
	if got.status != r.Status {
		p.t.Fatalf("want %d %q\n got %v", r.Status, r.Text, got)
	}
	if r.Body == nil {
		if got.text != r.Text {
			p.t.Errorf("want %q, got %q", r.Text, got.text)
		}
		return
	}
	var view map[string]any
	if err := json.Unmarshal([]byte(got.text), &view); err != nil {
		p.t.Fatal(err)
	}
	if err := p.ids.compare("view", arrange(r.Body), arrange(view)); err != nil {
		p.t.Errorf("%v: %v", r.Body["type"], err)
	}
}

// arrange makes two views comparable: agents come in the order of a hash map, and
// the recorded master had served the frameworks of other recordings before.
func arrange(node any) any {
	switch node := node.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, value := range node {
			switch name {
			case "completed_frameworks", "completed_tasks":
				out[name] = []any{}
			case "agents", "slaves":
				agents := slices.Clone(value.([]any))
				slices.SortFunc(agents, func(a, b any) int { return cmp.Compare(hostname(a), hostname(b)) })
				out[name] = arrange(agents)
			default:
				out[name] = arrange(value)
			}
		}
		return out
	case []any:
		out := make([]any, len(node))
		for i := range node {
			out[i] = arrange(node[i])
		}
		return out
	}
	return node
}

func hostname(agent any) string {
	a := agent.(map[string]any)
	if info, ok := a["agent_info"].(map[string]any); ok {
		a = info
	}
	name, _ := a["hostname"].(string)
	return name
}
