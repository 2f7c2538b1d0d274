package mesostest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli/httpsched"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

func TestBothCodecsOverBothListeners(t *testing.T) {
	for _, json := range []bool{false, true} {
		for _, memory := range []bool{false, true} {
			t.Run(map[bool]string{true: "json", false: "protobuf"}[json]+map[bool]string{true: "/memory", false: "/loopback"}[memory], func(t *testing.T) {
				c := mesostest.New(mesostest.Config{Agents: mesostest.Agents(2), AllocationInterval: 10 * time.Millisecond})
				if memory {
					c.StartInMemory()
				} else if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(c.Close)
				s := newClient(t, c)
				if !memory {
					s.http = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
				}
				s.json = json
				task := func(o mesos.Offer) mesos.TaskInfo {
					info := taskInfo(o, "t")
					info.HealthCheck = &mesos.HealthCheck{Type: mesos.HealthCheck_TCP}
					return info
				}
				s.subscribe()
				o := s.offers("node1", "node2")["node1"]
				s.call(launch(0, task(o), o))
				for status := s.status(mesos.TASK_RUNNING); status.Healthy == nil; {
					status = s.status(mesos.TASK_RUNNING)
				}
				if rest := s.offers("node1")["node1"]; scalarOf(rest, "cpus") != 7.5 {
					t.Errorf("offered %v cpus, want 7.5", scalarOf(rest, "cpus"))
				}
				s.call(kill("t"))
				if status := s.status(mesos.TASK_KILLED); !status.GetHealthy() || status.GetMessage() != "Command terminated with signal Terminated" {
					t.Errorf("killed: %v", status)
				}
				s.call(&scheduler.Call{Type: scheduler.Call_TEARDOWN})
				if err := s.ends(); err != io.EOF {
					t.Errorf("stream ended with %v", err)
				}
			})
		}
	}
}

// The scheduler client of mesos-go is what the bridge is built on; it follows the
// redirect of a standby master.
func TestMesosGoClientFollowsRedirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := mesostest.New(mesostest.Config{Agents: mesostest.Agents(1)})
		c.StartInMemory()
		defer c.Close()
		transport := c.Transport()
		defer transport.CloseIdleConnections()
		caller := httpsched.NewCaller(httpcli.New(
			httpcli.Endpoint(c.StandbyURL()+"/api/v1/scheduler"),
			httpcli.Codec(codecs.ByMediaType[codecs.MediaTypeProtobuf]),
			httpcli.Do(httpcli.With(httpcli.RoundTripper(transport)))))
		info := frameworkInfo("quobyte")
		resp, err := caller.Call(context.Background(), calls.Subscribe(&info))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Close()
		for _, want := range []scheduler.Event_Type{scheduler.Event_SUBSCRIBED, scheduler.Event_HEARTBEAT, scheduler.Event_OFFERS, scheduler.Event_HEARTBEAT} {
			var e scheduler.Event
			if err := resp.Decode(&e); err != nil || e.Type != want {
				t.Fatalf("got %v, %v, want %v", e.Type, err, want)
			}
		}
	})
}

func TestAcceptNegotiation(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		s := newClient(t, c)
		call := &scheduler.Call{Type: scheduler.Call_SUBSCRIBE, Subscribe: &scheduler.Call_Subscribe{FrameworkInfo: &s.info}}
		body, err := call.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		for accept, want := range map[string]struct {
			status int
			media  string
		}{
			"":                       {200, "application/json"},
			"*/*":                    {200, "application/json"},
			"application/x-protobuf": {200, "application/x-protobuf"},
			"application/json;q=0, application/x-protobuf": {200, "application/x-protobuf"},
			"text/html": {406, "text/plain; charset=utf-8"},
		} {
			req, err := http.NewRequest(http.MethodPost, c.URL()+"/master/api/v1/scheduler", strings.NewReader(string(body)))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-protobuf")
			req.Header["Accept"] = []string{accept}
			resp, err := s.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != want.status || resp.Header.Get("Content-Type") != want.media {
				t.Errorf("Accept %q: %s %s", accept, resp.Status, resp.Header.Get("Content-Type"))
			}
			resp.Body.Close()
		}
	})
}

// A fake clock that is stepped by hand moves the cluster, too.
func TestFakeClock(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Unix(1e9, 0))
	c := mesostest.New(mesostest.Config{Clock: clock, Agents: mesostest.Agents(1)})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := newClient(t, c)
	s.subscribe()
	o := s.offers("node1")["node1"]
	s.call(launch(0, taskInfo(o, "t"), o))
	if r, _ := c.Task("t"); r.State != mesos.TASK_STAGING {
		t.Fatalf("the task is %v before time has passed", r.State)
	}
	clock.Step(time.Second)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := c.Wait(ctx, func() bool { r, _ := c.Task("t"); return r.State == mesos.TASK_STARTING })
	if err != nil {
		t.Fatal(err)
	}
}

func TestWaitAndOnCall(t *testing.T) {
	run(t, mesostest.Config{}, func(t *testing.T, c *mesostest.Cluster) {
		seen := make(chan mesostest.CallRecord, 100)
		c.OnCall(func(r mesostest.CallRecord) { seen <- r })
		s := newClient(t, c)
		s.runs("t")
		if r := <-seen; r.Call.Type != scheduler.Call_SUBSCRIBE || r.FrameworkID != s.id || r.Status != 200 {
			t.Errorf("first call: %v", r)
		}
		if n := c.Calls()[scheduler.Call_ACKNOWLEDGE]; n != 2 {
			t.Errorf("%d acknowledgements counted", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Wait(ctx, func() bool { return len(c.Tasks()) == 2 }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waited for what cannot be: %v", err)
		}
	})
}
