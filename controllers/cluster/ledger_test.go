package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quobyte/mesos-operator/internal/simulation/apidouble"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// ledgerServer is an API server for ledgers, whose next write may fail.
type ledgerServer struct {
	*testing.T
	server *apidouble.Server
	// fails is what the next write comes to; made: it is made all the same.
	fails error
	// refuses is what all writes come to; nil: they are made.
	refuses error
	made    bool
	wrote   int
	// takes is how long each write takes.
	takes  time.Duration
	opened int
}

func newLedgerServer(t *testing.T) *ledgerServer {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	defaults, err := apidouble.LoadDefaults("../../config/crd/bases")
	if err != nil {
		t.Fatal(err)
	}
	return &ledgerServer{T: t, server: apidouble.New(scheme, defaults)}
}

func (s *ledgerServer) open() *ledger {
	s.Helper()
	c := s.server.Client(nil, func(_ context.Context, r apidouble.Request, do func() error) error {
		fails := s.fails
		if !r.Writes() {
			return do()
		}
		s.wrote++
		time.Sleep(s.takes)
		s.fails = nil
		if s.refuses != nil {
			return s.refuses
		}
		if fails == nil || s.made {
			if err := do(); err != nil {
				return err
			}
		}
		return fails
	})
	s.opened++
	l, err := openLedger(s.Context(), c.Reader(), c, types.NamespacedName{Namespace: "storage", Name: "quobyte"}, fmt.Sprint("process ", s.opened))
	if err != nil {
		s.Fatal(err)
	}
	return l
}

func (s *ledgerServer) note(l *ledger, now time.Time, ids ...string) error {
	tasks := map[string]string{}
	for _, id := range ids {
		tasks[id] = "agent of " + id
	}
	return l.note(s.Context(), tasks, now)
}

func (s *ledgerServer) settle(l *ledger, now time.Time, over ...string) time.Duration {
	s.Helper()
	again, err := l.settle(s.Context(), func(id string) bool {
		for _, o := range over {
			if o == id {
				return true
			}
		}
		return false
	}, now)
	if err != nil {
		s.Fatal(err)
	}
	return again
}

// want compares what a process that starts now would know.
func (s *ledgerServer) want(ids ...string) {
	s.Helper()
	have := s.open().remembered()
	ok := len(have) == len(ids)
	for i := range min(len(have), len(ids)) {
		ok = ok && have[i].TaskID == ids[i] && have[i].AgentID == "agent of "+ids[i]
	}
	if !ok {
		s.Errorf("stored: %v, want %v", have, ids)
	}
}

func TestLedgerShrinks(t *testing.T) {
	s, now := newLedgerServer(t), time.Now()
	l := s.open()
	if again := s.settle(l, now); again != 0 || s.wrote != 0 {
		t.Errorf("%d writes, again in %s, and nothing was launched", s.wrote, again)
	}
	if err := s.note(l, now, "a", "b"); err != nil {
		t.Fatal(err)
	}
	s.want("a", "b")
	if again := s.settle(l, now.Add(time.Second), "a"); again != ledgerLooks || s.wrote != 1 {
		t.Errorf("%d writes, again in %s: what one launch writes is enough for a while", s.wrote, again)
	}
	if err := s.note(l, now.Add(2*time.Second), "c"); err != nil {
		t.Fatal(err)
	}
	s.want("b", "c")
	s.settle(l, now.Add(10*time.Second), "b", "c")
	s.want()
	if wrote := s.wrote; wrote != 3 {
		t.Errorf("%d writes", wrote)
	}
	if again := s.settle(l, now.Add(11*time.Second)); again != 0 || s.wrote != 3 {
		t.Errorf("%d writes, again in %s, and all is settled", s.wrote, again)
	}
	if err := s.note(l, now.Add(12*time.Second), "d"); err != nil {
		t.Fatal(err)
	}
	if again := s.settle(l, now.Add(ledgerRests+13*time.Second)); again != 0 {
		t.Errorf("again in %s for what no status will ever list", again)
	}
	s.want("d")
}

// A write that failed may have been made.
func TestLedgerIsUnsureAfterAnError(t *testing.T) {
	for _, made := range []bool{false, true} {
		t.Run(fmt.Sprintf("made %t", made), func(t *testing.T) {
			s, now := newLedgerServer(t), time.Now()
			l := s.open()
			for i, id := range []string{"a", "b", "c"} {
				s.fails, s.made = errors.New("no answer"), made
				if err := s.note(l, now, id); err == nil {
					t.Errorf("note %d: no error", i)
				}
				if err := s.note(l, now, id); err != nil {
					t.Fatal(err)
				}
			}
			s.want("a", "b", "c")
			s.fails = errors.New("no answer")
			if _, err := l.settle(t.Context(), func(string) bool { return true }, now.Add(time.Minute)); err == nil {
				t.Error("settle: no error")
			}
			s.settle(l, now.Add(time.Minute), "a", "b", "c")
			s.want()
		})
	}
}

// A process that was overtaken and does not know it yet writes nothing over what its
// successor has written, nor the other way round: who leads reads all anew.
func TestLedgerOfTwoProcesses(t *testing.T) {
	s, now := newLedgerServer(t), time.Now()
	first := s.open()
	if err := s.note(first, now, "a"); err != nil {
		t.Fatal(err)
	}
	second := s.open()
	if err := s.note(second, now, "b"); err != nil {
		t.Fatal(err)
	}
	if err := s.note(first, now, "c"); err == nil {
		t.Error("the first process may launch, and the second has written")
	}
	for range 2 {
		if err := s.note(first, now, "d"); !errors.Is(err, errTaken) {
			t.Errorf("the first process does not hear of the second: %v", err)
		}
	}
	if _, err := first.settle(t.Context(), func(string) bool { return true }, now.Add(time.Minute)); !errors.Is(err, errTaken) {
		t.Errorf("settle: %v", err)
	}
	s.want("a", "b")
}

// What is no ledger keeps the operator from launching, and from nothing else; and it stays.
func TestDamagedLedger(t *testing.T) {
	ours := map[string]string{labelCluster: "quobyte"}
	tests := map[string]*corev1.ConfigMap{
		"somebody else's": {Data: map[string]string{"tasks": "mine"}},
		"empty":           {ObjectMeta: metav1.ObjectMeta{Labels: ours}},
		"cut off":         {ObjectMeta: metav1.ObjectMeta{Labels: ours}, BinaryData: map[string][]byte{ledgerKey: {0x1f, 0x8b, 8}}},
	}
	for name, object := range tests {
		t.Run(name, func(t *testing.T) {
			s, now := newLedgerServer(t), time.Now()
			object.Namespace, object.Name = "storage", "quobyte-tasks"
			c := s.server.Client(nil, func(_ context.Context, _ apidouble.Request, do func() error) error { return do() })
			if err := c.Create(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			l := s.open()
			if err := s.note(l, now, "a"); err == nil || !strings.Contains(err.Error(), "ConfigMap quobyte-tasks") {
				t.Errorf("note: %v", err)
			}
			if _, err := l.settle(t.Context(), func(string) bool { return true }, now.Add(time.Minute)); err == nil || s.wrote > 0 {
				t.Errorf("settle: %v, %d writes", err, s.wrote)
			}
			if name == "somebody else's" {
				if err := dropLedger(t.Context(), c.Reader(), c, l.key); err != nil {
					t.Error(err)
				}
			}
			if err := c.Delete(t.Context(), object); err != nil {
				t.Fatalf("it has gone: %v", err)
			}
			s.settle(l, now.Add(2*time.Minute))
			if err := s.note(l, now, "a"); err != nil {
				t.Error(err)
			}
			s.want("a")
		})
	}
}

// A large cluster starts all at once.
func TestLedgerHoldsManyTasks(t *testing.T) {
	s := newLedgerServer(t)
	l := s.open()
	tasks := map[string]string{}
	for i := range ledgerMost {
		host := fmt.Sprintf("%016x.rack%d.storage.example.com", uint64(i)*0x9e3779b97f4a7c15, i%40)
		tasks[fmt.Sprintf("quobyte.metadata.vvxizznml74n.0c2wforg2-%08x.%s", uint32(i)*2654435761, host)] =
			fmt.Sprintf("85136d21-dccf-4e1a-89e5-9124b190e8bc-S%d", i)
	}
	if err := l.note(t.Context(), tasks, time.Now()); err != nil {
		t.Fatal(err)
	}
	stored := &corev1.ConfigMap{}
	if err := l.reader.Get(t.Context(), l.name(), stored); err != nil {
		t.Fatal(err)
	}
	if size := len(stored.BinaryData[ledgerKey]); size > 1<<20 {
		t.Errorf("%d bytes", size)
	} else {
		t.Logf("%d bytes", size)
	}
	if l.room() != 0 || len(s.open().tasks) != ledgerMost {
		t.Errorf("room for %d, %d stored", l.room(), len(s.open().tasks))
	}
}

// What a damaged ledger lists is known to no bridge that was started with it: when it is
// mended, its tasks are not dropped as if they did not run. Somebody has to ask Mesos for
// them first.
func TestMendedLedgerIsNotForgotten(t *testing.T) {
	s, now := newLedgerServer(t), time.Now()
	if err := s.note(s.open(), now, "a"); err != nil {
		t.Fatal(err)
	}
	c := s.server.Client(nil, passes)
	label := func(value string) {
		stored := &corev1.ConfigMap{}
		l := s.open()
		if err := c.Get(t.Context(), l.name(), stored); err != nil {
			t.Fatal(err)
		}
		stored.Labels = map[string]string{labelCluster: value}
		if err := c.Update(t.Context(), stored); err != nil {
			t.Fatal(err)
		}
	}
	label("another") // a tool that labels all of a namespace
	l := s.open()    // the bridge is started with what it remembers: nothing
	if n := len(l.remembered()); n > 0 {
		t.Fatal(n, "tasks")
	}
	o := &observation{cluster: reservingCluster(), member: &member{ledger: l}, snapshot: &mesosbridge.Snapshot{}}
	if err := o.settleLedger(t.Context(), now); err == nil {
		t.Fatal("it is not damaged")
	}
	label("quobyte")
	err := o.settleLedger(t.Context(), now.Add(time.Minute))
	if err == nil && l.tasks["a"] == "" {
		t.Error("task a is forgotten, and the bridge was never told of it")
	}
}
