package simulation

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/internal/simulation/checker"
)

// trace is all that happened in one simulation, in order. It is put into words only
// when somebody wants to read it.
type trace struct {
	mu      sync.Mutex
	began   time.Time
	lines   []line
	entries []checker.Entry
	// open: tracing goes on. What comes when all is being shut down is not told.
	closed bool
}

// line is one thing that happened.
type line struct {
	at    time.Time
	kind  string
	what  any // a string, a *scheduler.Call or *scheduler.Event
	extra []any
}

func (t *trace) add(kind string, what any, extra ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.append(kind, what, extra...)
}

func (t *trace) append(kind string, what any, extra ...any) {
	if !t.closed {
		t.lines = append(t.lines, line{at: time.Now(), kind: kind, what: what, extra: extra})
	}
}

// enter adds an entry that the checker sees, too.
func (t *trace) enter(kind string, e checker.Entry, extra ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	e.At = time.Now()
	t.entries = append(t.entries, e)
	switch {
	case e.Call != nil:
		t.append(kind, e.Call, extra...)
	case e.Event != nil:
		t.append(kind, e.Event, extra...)
	default:
		t.append(kind, fmt.Sprintf("%+v", *e.Act), extra...)
	}
}

func (t *trace) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
}

// record is what the checker is to see.
func (t *trace) record() []checker.Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.entries[:len(t.entries):len(t.entries)]
}

// write writes all of it to a file, and returns its name.
func (t *trace) write(seed uint64, head string) (string, error) {
	dir := filepath.Join(os.TempDir(), "quobyte-simulation")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the directory of traces: %w", err)
	}
	var b strings.Builder
	b.WriteString(head)
	t.mu.Lock()
	for _, l := range t.lines {
		fmt.Fprintf(&b, "%12.4f %-9s %s", l.at.Sub(t.began).Seconds(), l.kind, inWords(l.what))
		for _, e := range l.extra {
			fmt.Fprintf(&b, " %v", e)
		}
		b.WriteByte('\n')
	}
	t.mu.Unlock()
	name := filepath.Join(dir, fmt.Sprintf("seed-%d.txt", seed))
	if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
		return "", fmt.Errorf("write the trace: %w", err)
	}
	return name, nil
}

func inWords(what any) string {
	switch w := what.(type) {
	case string:
		return w
	case *scheduler.Call:
		c := *w
		c.FrameworkID = nil
		return asJSON(&c)
	case *scheduler.Event:
		return asJSON(w)
	}
	return asJSON(what)
}

func asJSON(what any) string {
	raw, err := json.Marshal(what)
	if err != nil {
		return fmt.Sprintf("%+v", what)
	}
	return string(raw)
}

// logTo is a logger into the trace.
func (t *trace) logger(operator int) logr.Logger {
	return logr.New(&sink{t: t, operator: operator})
}

type sink struct {
	t        *trace
	operator int
	values   []any
}

func (*sink) Init(logr.RuntimeInfo)  {}
func (*sink) Enabled(level int) bool { return level == 0 }

func (s *sink) Info(_ int, message string, values ...any) {
	s.t.add(fmt.Sprintf("log %d", s.operator), message, values...)
}

func (s *sink) Error(err error, message string, values ...any) {
	s.t.add(fmt.Sprintf("log %d", s.operator), message, append([]any{"error:", err}, values...)...)
}

func (s *sink) WithValues(values ...any) logr.LogSink {
	return &sink{t: s.t, operator: s.operator, values: append(s.values[:len(s.values):len(s.values)], values...)}
}

func (s *sink) WithName(string) logr.LogSink { return s }
