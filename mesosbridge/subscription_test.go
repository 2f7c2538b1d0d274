package mesosbridge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

func two() mesostest.Config { return mesostest.Config{Agents: mesostest.Agents(2)} }

func TestNewFramework(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		id := &identity{err: errors.New("not yet")}
		b := w.start(w.config(id))
		id.set(func(i *identity) {
			i.err = nil
			i.onAdopt = func() {
				time.Sleep(3 * time.Second) // offers come meanwhile
				if snap := b.Snapshot(); snap.Connected || len(snap.Agents) > 0 || snap.FrameworkID != "" {
					w.Errorf("the framework is used before it is adopted: %+v", snap)
				}
			}
		})
		b.untilReady("node1", "node2")
		snap := b.Snapshot()
		if len(id.adopts) != 1 || snap.FrameworkID != id.adopts[0] || snap.FrameworkID == "" {
			w.Errorf("framework %q, adopted %q", snap.FrameworkID, id.adopts)
		}
		if snap.Leader != w.mesos.URL() || snap.Problem != (mesosbridge.Problem{}) || !snap.Reconciled {
			w.Errorf("%+v", snap)
		}
		if err := b.end(); err != nil {
			w.Error(err)
		}
		if snap := b.Snapshot(); snap.Connected || len(b.agent("node1").Offers) > 0 {
			w.Error("still connected after Run")
		}
		fw := w.mesos.Frameworks()[0]
		info := fw.Info
		if !info.GetCheckpoint() || info.GetFailoverTimeout() != 604800 || info.Name != "quobyte" || info.GetHostname() != "operator" ||
			len(info.Capabilities) != 4 || len(info.Roles) != 1 || info.GetWebUiURL() != "http://operator/" {
			w.Errorf("%+v", info)
		}
		if !fw.Removed.IsZero() {
			w.Error("the framework was removed")
		}
	})
}

func TestAdoptConflictTearsDown(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		id := &identity{adopt: errors.New("conflict")}
		b := w.start(w.config(id))
		w.until("the new framework is torn down", func() bool { return w.count(ofType(scheduler.Call_TEARDOWN)) == 1 })
		w.rest(time.Millisecond)
		if p := b.Snapshot().Problem; p.Reason != "FrameworkIDUnknown" || b.Snapshot().FrameworkID != "" {
			w.Errorf("%+v", p)
		}
		id.set(func(i *identity) { i.adopt = nil })
		b.untilConnected()
		_ = b.end()
		var left []string
		for _, f := range w.mesos.Frameworks() {
			if f.Removed.IsZero() {
				left = append(left, f.ID)
			}
		}
		if len(left) != 1 || left[0] != id.id {
			w.Errorf("frameworks left: %v, adopted %s", left, id.id)
		}
	})
}

// The write was made and its answer lost: the framework must live.
func TestAdoptedInSpiteOfAnError(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		id := &identity{adopt: errors.New("timeout")}
		id.onAdopt = func() { id.id = id.adopts[0] }
		b := w.start(w.config(id))
		b.untilReady("node1")
		if n := w.count(ofType(scheduler.Call_TEARDOWN)); n > 0 {
			w.Error("torn down")
		}
		_ = b.end()
	})
}

// Without a confirmed identity nobody subscribes.
func TestNoSubscribeWithoutIdentity(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		id := &identity{err: errors.New("lease lost")}
		b := w.start(w.config(id))
		w.until("it was tried", func() bool { return id.times() > 3 })
		if p := b.Snapshot().Problem; p.Reason != "FrameworkIDUnknown" || !strings.Contains(p.Message, "lease lost") {
			w.Errorf("%+v", p)
		}
		if n := w.count(ofType(scheduler.Call_SUBSCRIBE)); n != 0 {
			w.Errorf("%d SUBSCRIBEs", n)
		}
		id.set(func(i *identity) { i.err = nil })
		b.untilConnected()
		// The id is lost: that is no reason for a second framework.
		id.set(func(i *identity) { i.id = "" })
		w.mesos.BreakStreams()
		w.rest(5 * time.Minute)
		if n := w.count(ofType(scheduler.Call_SUBSCRIBE)); n != 1 || b.Snapshot().Problem.Reason != "FrameworkIDUnknown" {
			w.Errorf("%d SUBSCRIBEs, %+v", n, b.Snapshot().Problem)
		}
		_ = b.end()
	})
}

func TestRedirect(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		cfg := w.config(&identity{})
		cfg.Masters = []string{"http://nobody.test:5050", w.mesos.StandbyURL() + "/"}
		b := w.start(cfg)
		b.untilReady("node1")
		if b.Snapshot().Leader != w.mesos.URL() {
			w.Errorf("leader %s", b.Snapshot().Leader)
		}
		w.mesos.FailoverMaster(mesostest.FailoverOptions{ToStandby: true, Downtime: 3 * time.Second, AgentsReturnAfter: 10 * time.Second})
		w.until("the connection is lost", func() bool { return !b.Snapshot().Connected })
		b.untilReady("node1", "node2")
		if b.Snapshot().Leader != w.mesos.StandbyURL() || w.mesos.LeaderURL() != w.mesos.StandbyURL() {
			w.Errorf("leader %s", b.Snapshot().Leader)
		}
		_ = b.end()
	})
}

func TestAuthentication(t *testing.T) {
	inWorld(t, mesostest.Config{Agents: mesostest.Agents(1), Credentials: map[string]string{"fw": "sesame"}}, func(w *world) {
		cfg := w.config(&identity{})
		cfg.Framework.Principal = "fw"
		cfg.Credential = &mesosbridge.Credential{Principal: "fw", Secret: "hunter2"}
		b := w.start(cfg)
		w.until("it is refused", func() bool { return b.Snapshot().Problem.Reason == "Unauthorized" })
		if text := b.Snapshot().Problem.Message + w.log.String(); strings.Contains(text, "hunter2") {
			w.Error("the secret is told")
		}
		cfg.Credential = &mesosbridge.Credential{Principal: "fw", Secret: "sesame"}
		if err := b.Reconfigure(cfg); err != nil {
			w.Fatal(err)
		}
		b.run("node1", "t1")
		_ = b.end()
	})
}

func TestSilentStreamIsReplaced(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.run("node1", "t1")
		w.rest(10 * time.Minute)
		if n := w.count(ofType(scheduler.Call_SUBSCRIBE)); n != 1 {
			w.Fatalf("%d subscriptions in quiet times", n)
		}
		w.mesos.StallStreams(true)
		w.rest(70 * time.Second)
		w.until("the stream counts as silent", func() bool { return !b.Snapshot().Connected })
		snap := b.Snapshot()
		if task := snap.Tasks["t1"]; task == nil || task.Heard || task.State != mesos.TASK_RUNNING {
			w.Errorf("%+v", task)
		}
		for _, a := range snap.Agents {
			if a.Behind || a.Registered || len(a.Offers) > 0 {
				w.Errorf("%+v", a)
			}
		}
		w.mesos.StallStreams(false)
		b.untilReady("node1", "node2")
		w.until("the task is heard of", func() bool { return b.Snapshot().Tasks["t1"].Heard })
		_ = b.end()
	})
}

func TestBrokenStreamIsReplaced(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.run("node1", "t1")
		for range 5 {
			w.mesos.BreakStreams()
			w.until("it breaks", func() bool { return !b.Snapshot().Connected })
			if err := b.launch("node2", "never"); !errors.Is(err, mesosbridge.ErrStale) {
				w.Errorf("launched without a subscription: %v", err)
			}
			b.untilReady("node1", "node2")
		}
		if n := w.count(ofType(scheduler.Call_SUBSCRIBE)); n != 6 {
			w.Errorf("%d subscriptions", n)
		}
		_ = b.end()
	})
}

func TestTakeover(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		id := &identity{}
		first := w.start(w.config(id))
		first.run("node1", "t1")
		second := w.start(w.config(id))
		if err := first.wait(); !errors.Is(err, mesosbridge.ErrFailedOver) {
			w.Errorf("Run: %v", err)
		}
		second.untilState("t1", mesos.TASK_RUNNING)
		_ = second.end()
	})
}

// Who hears before its next SUBSCRIBE that another process leads must not go on telling
// what it knew.
func TestWhoLeadsNoMoreEnds(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		id := &identity{}
		b := w.start(w.config(id))
		b.run("node1", "t1")
		id.set(func(i *identity) { i.err = fmt.Errorf("the lease is held by another: %w", mesosbridge.ErrFailedOver) })
		w.mesos.BreakStreams()
		if err := b.wait(); !errors.Is(err, mesosbridge.ErrFailedOver) {
			w.Errorf("Run: %v", err)
		}
	})
}

func TestTeardownAndRemovedFramework(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		id := &identity{}
		b := w.start(w.config(id))
		b.run("node1", "t1")
		if err := b.Teardown(context.Background()); err != nil {
			w.Fatal(err)
		}
		if err := b.wait(); err != nil {
			w.Error(err)
		}
		if fw := w.mesos.Frameworks(); len(fw) != 1 || fw[0].Removed.IsZero() {
			w.Errorf("%+v", fw)
		}

		b = w.start(w.config(id))
		w.until("the framework is known as removed", func() bool { return b.Snapshot().Problem.Reason == "FrameworkRemoved" })
		asked := id.times()
		w.rest(24 * time.Hour)
		if id.times() != asked {
			w.Error("subscribed again with a removed framework")
		}
		// A person decides for a new framework.
		id.set(func(i *identity) { i.id = "" })
		if err := b.Reconfigure(w.config(id)); err != nil {
			w.Fatal(err)
		}
		b.run("node1", "t2")
		_ = b.end()
	})
}

func TestTeardownOfRemovedOrNoFramework(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		id := &identity{}
		b := w.start(w.config(id))
		b.untilConnected()
		w.mesos.DropNext(scheduler.Call_TEARDOWN, mesostest.After)
		if err := b.Teardown(context.Background()); err != nil {
			w.Fatal(err)
		}
		if err := b.wait(); err != nil {
			w.Error(err)
		}
		w.mesos.RefuseConnections(true)
		b = w.start(w.config(&identity{}))
		w.until("nobody answers", func() bool { return b.Snapshot().Problem.Reason == "Unreachable" })
		if err := b.Teardown(context.Background()); err != nil {
			w.Fatal(err)
		}
		if err := b.wait(); err != nil {
			w.Error(err)
		}
		w.mesos.RefuseConnections(false)
	})
}

func TestTeardownIsWithdrawn(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		id := &identity{}
		b := w.start(w.config(id))
		b.run("node1", "t1")
		w.mesos.RefuseConnections(true)
		w.mesos.BreakStreams()
		w.until("it breaks", func() bool { return !b.Snapshot().Connected })
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := b.Teardown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			w.Errorf("Teardown: %v", err)
		}
		w.mesos.RefuseConnections(false)
		b.untilReady("node1")
		w.rest(time.Minute)
		if n := w.count(ofType(scheduler.Call_TEARDOWN)); n != 0 || len(w.mesos.Running("node1")) != 1 {
			w.Error("torn down though nobody wants it any more")
		}
		_ = b.end()
	})
}

func TestRelease(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		id := &identity{}
		b := w.start(w.config(id))
		b.run("node1", "t1")
		decade := 10 * 365 * 24 * time.Hour
		if err := b.Release(context.Background(), decade); err != nil {
			w.Fatal(err)
		}
		if err := b.wait(); err != nil {
			w.Error(err)
		}
		w.rest(30 * 24 * time.Hour)
		fw := w.mesos.Frameworks()[0]
		if fw.Info.GetFailoverTimeout() != decade.Seconds() || fw.Connected || !fw.Removed.IsZero() || len(w.mesos.Running("node1")) != 1 {
			w.Errorf("%+v", fw)
		}
	})
}

// TestReleaseIsWithdrawn: the master answers the SUBSCRIBE with the time-out when nobody
// waits for it any more. Nobody would know that the framework was left: it goes on, with
// its own time-out, until the next one asks.
func TestReleaseIsWithdrawn(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.run("node1", "t1")
		own := w.mesos.Frameworks()[0].Info.GetFailoverTimeout()
		w.mesos.StallStreams(true)
		decade := 10 * 365 * 24 * time.Hour
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := b.Release(ctx, decade); !errors.Is(err, context.DeadlineExceeded) {
			w.Errorf("Release: %v", err)
		}
		w.mesos.StallStreams(false)
		w.until("it goes on", func() bool {
			fw := w.mesos.Frameworks()[0]
			return fw.Info.GetFailoverTimeout() == own && fw.Connected && b.Snapshot().Connected
		})
		if err := b.Release(context.Background(), decade); err != nil {
			w.Error(err)
		}
		if err := b.wait(); err != nil {
			w.Error(err)
		}
		w.rest(time.Minute)
		if fw := w.mesos.Frameworks()[0]; fw.Info.GetFailoverTimeout() != decade.Seconds() || fw.Connected {
			w.Errorf("%+v", fw)
		}
	})
}

// TestTeardownIsWithdrawnTooLate: the master has torn the framework down, and its answer
// comes when nobody waits for it any more.
func TestTeardownIsWithdrawnTooLate(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.run("node1", "t1")
		w.mesos.OnCall(func(r mesostest.CallRecord) {
			if r.Call.Type == scheduler.Call_TEARDOWN {
				time.Sleep(2 * time.Second)
			}
		})
		w.mesos.StallStreams(true) // that the framework is removed is told in the stream, too
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := b.Teardown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			w.Errorf("Teardown: %v", err)
		}
		w.until("the framework is known as removed", func() bool { return b.Snapshot().Problem.Reason == "FrameworkRemoved" })
		if err := b.Teardown(context.Background()); err != nil {
			w.Error(err)
		}
		if err := b.wait(); err != nil {
			w.Error(err)
		}
	})
}

func TestReconfigure(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		cfg := w.config(&identity{})
		b := w.start(cfg)
		b.run("node1", "t1")
		cfg.Framework.FailoverTimeout = time.Hour
		cfg.Framework.Roles = []string{"quobyte", "public"}
		if err := b.Reconfigure(cfg); err != nil {
			w.Fatal(err)
		}
		w.until("the master knows", func() bool { return w.mesos.Frameworks()[0].Info.GetFailoverTimeout() == 3600 })
		b.untilState("t1", mesos.TASK_RUNNING)
		if err := b.Reconfigure(mesosbridge.Config{Masters: []string{"http://user:pass@host:5050"}, Identity: &identity{}}); err == nil || strings.Contains(err.Error(), "pass@") {
			w.Errorf("credentials in a URL: %v", err)
		}
		_ = b.end()
	})
}
