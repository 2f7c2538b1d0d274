package mesostest_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// record is one line of a recording.
type record struct {
	Kind        string            `json:"kind"`
	Session     string            `json:"session"`
	Ms          int               `json:"t_ms"`
	Body        map[string]any    `json:"body"`
	Status      int               `json:"status"`
	Text        string            `json:"text"`
	Headers     map[string]string `json:"headers"`
	Error       string            `json:"error"`
	What        string            `json:"what"`
	Request     string            `json:"request"`
	Credentials string            `json:"credentials"`
	Location    string            `json:"location"`
	Allow       string            `json:"allow"`
}

// TestConformance plays the calls of the recordings of a real master against the
// cluster, and compares what comes back: events per session and in order; answers,
// heartbeats and the batching of offers without.
func TestConformance(t *testing.T) {
	files, err := filepath.Glob("testdata/recordings/*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, ".executor.jsonl") })
	if len(files) != 26 {
		t.Fatalf("%d recordings found", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".jsonl")
		t.Run(name, func(t *testing.T) {
			records := readRecording(t, file)
			synctest.Test(t, func(t *testing.T) {
				p := newPlayer(t, name)
				defer p.close()
				p.play(records)
			})
		})
	}
}

func readRecording(t *testing.T, file string) []record {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var records []record
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%s:%d: %v", file, len(records)+1, err)
		}
		records = append(records, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return records
}

// recordedCluster is what the recordings were made on.
func recordedCluster(name string) mesostest.Config {
	agent := func(host string, port uint64) mesostest.Agent {
		return mesostest.Agent{Host: host, CPUs: 8, Mem: 32768, Disk: 100000,
			Ports: []mesostest.PortRange{{Begin: port, End: port + 999}}}
	}
	cfg := mesostest.Config{
		Agents:            []mesostest.Agent{agent("node1", 21000), agent("node2", 22000)},
		Script:            recordedScript(),
		PingTimeout:       17500 * time.Millisecond, // 5 pings of 3s, the last one times out, too
		RegistrationDelay: 3 * time.Second,
	}
	if name == "authentication" {
		cfg.Credentials = map[string]string{"fw": "right secret"}
		cfg.Agents = nil
	}
	return cfg
}

// fault translates what was done to the recorded cluster.
func (p *player) fault(what string) {
	switch {
	case strings.HasPrefix(what, "agent node1 stopped, then the master restarted"):
		p.cluster.StopAgent("node1")
		p.sleep(time.Second)
		p.cluster.FailoverMaster(mesostest.FailoverOptions{AgentsReturnAfter: 15 * time.Second})
	case strings.HasPrefix(what, "agent node1 stopped"):
		p.cluster.StopAgent("node1")
	case what == "agent node1 started again":
		p.cluster.StartAgent("node1")
	default:
		p.t.Fatalf("unknown fault: %s", what)
	}
}

// credentials of the sessions of the recording authentication.
func (p *player) setCredentials(what string) {
	switch what {
	case "none":
		p.principal, p.secret = "", ""
	case "wrong secret":
		p.principal, p.secret = "fw", "wrong secret"
	case "unknown principal":
		p.principal, p.secret = "who", "right secret"
	case "principal of framework info differs", "right":
		p.principal, p.secret = "fw", "right secret"
	default:
		p.t.Fatalf("unknown credentials: %s", what)
	}
}

// compare says where an event differs from the recorded one, and learns which of
// the cluster's ids stand for the recorded ones. Recorded values that are another
// each time must be there, and the same one must stand for the same one.
func (ids *bindings) compare(path string, want, got any) error {
	switch want := want.(type) {
	case map[string]any:
		gotMap, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: want an object, got %v", path, got)
		}
		for name := range gotMap {
			if _, ok := want[name]; !ok {
				return fmt.Errorf("%s.%s: not in the recording, got %v", path, name, gotMap[name])
			}
		}
		for name, value := range want {
			other, ok := gotMap[name]
			if !ok {
				return fmt.Errorf("%s.%s: missing, want %v", path, name, value)
			}
			if err := ids.compare(path+"."+name, value, other); err != nil {
				return err
			}
		}
		return nil
	case []any:
		gotList, ok := got.([]any)
		if !ok || len(gotList) != len(want) {
			return fmt.Errorf("%s: want %v, got %v", path, want, got)
		}
		for i := range want {
			if err := ids.compare(path+"[]", want[i], gotList[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return ids.compareLeaf(path, want, got)
}

// volatile are values that are free; bound are those for which the cluster may
// have its own, but always the same.
var (
	volatile = regexp.MustCompile(`\.timestamp(\.nanoseconds)?$|\.(master_info|leader_info)\.(hostname|ip|port|pid|address\..*)$|` +
		`\.(start_time|elected_time|registered_time|reregistered_time|estimated_drain_start_time)(\.nanoseconds)?$|` +
		`\.(build_date|build_time|git_branch|git_sha)$|^view\.(pid|leader|hostname)$`)
	bound = regexp.MustCompile(`(_id|\.id|\.uuid|\.container_id|\.offer_id)(\.value)?$|\.executor_pid$|` +
		`\.unreachable_time\.nanoseconds$|\.url\.address\.port$|\.agent_info\.port$|\.(agents|slaves)\[\]\.(port|pid)$`)
	fixed = regexp.MustCompile(`\.(task_id|executor_id)\.value$`)
)

func (ids *bindings) compareLeaf(path string, want, got any) error {
	if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
		return fmt.Errorf("%s: want %v, got %v", path, want, got)
	}
	switch {
	case volatile.MatchString(path):
		return nil
	case bound.MatchString(path) && !fixed.MatchString(path):
		return ids.bind(path, fmt.Sprint(want), fmt.Sprint(got))
	}
	if text, ok := want.(string); ok {
		want = ids.translate(text)
	}
	if want != got {
		return fmt.Errorf("%s:\n  want %v\n   got %v", path, want, got)
	}
	return nil
}

// bindings are the cluster's names for the recorded ids, and the reverse.
type bindings struct{ ours, theirs map[string]string }

func (ids *bindings) bind(path, recorded, actual string) error {
	ours, known := ids.ours[recorded]
	if known && ours != actual {
		return fmt.Errorf("%s: %s has been %s, now it is %s", path, recorded, ours, actual)
	}
	if theirs, known := ids.theirs[actual]; known && theirs != recorded {
		return fmt.Errorf("%s: %s stood for %s, now for %s", path, actual, theirs, recorded)
	}
	ids.ours[recorded], ids.theirs[actual] = actual, recorded
	return nil
}

var recordedID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(-[SO]?\d+)?`)

// translate puts our ids into a recorded text.
func (ids *bindings) translate(text string) string {
	if ours, ok := ids.ours[text]; ok {
		return ours
	}
	return recordedID.ReplaceAllStringFunc(text, func(id string) string {
		if ours, ok := ids.ours[id]; ok {
			return ours
		}
		return id
	})
}

// translateAll puts our ids into a recorded call.
func (ids *bindings) translateAll(node any) any {
	switch node := node.(type) {
	case map[string]any:
		out := make(map[string]any, len(node))
		for name, value := range node {
			out[name] = ids.translateAll(value)
		}
		return out
	case []any:
		out := make([]any, len(node))
		for i := range node {
			out[i] = ids.translateAll(node[i])
		}
		return out
	case string:
		return ids.translate(node)
	}
	return node
}
