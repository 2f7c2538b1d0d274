package mesosbridge_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/quobyte/mesos-operator/mesosbridge"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// hanging lets calls hang, not SUBSCRIBE, until they are cancelled.
type hanging struct {
	http.RoundTripper
	on    atomic.Bool
	calls atomic.Int32
}

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	if h.on.Load() && r.Header.Get("Mesos-Stream-Id") != "" {
		h.calls.Add(1)
		<-r.Context().Done()
		_ = r.Body.Close()
		return nil, r.Context().Err()
	}
	return h.RoundTripper.RoundTrip(r)
}

// A call that is never answered ends the subscription, and the launch stays in
// flight until the next one tells what became of it.
func TestCallThatHangs(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		h := &hanging{RoundTripper: w.transport}
		cfg := w.config(&identity{})
		cfg.Transport = h
		b := w.start(cfg)
		b.untilReady("node1")
		h.on.Store(true)
		if err := b.launch("node1", "t1"); err != nil {
			w.Fatal(err)
		}
		w.until("the subscription ends", func() bool { return !b.Snapshot().Connected })
		h.on.Store(false)
		if task := b.Snapshot().Tasks["t1"]; task == nil || !task.Launching || h.calls.Load() == 0 {
			w.Errorf("%+v", task)
		}
		b.untilState("t1", mesos.TASK_GONE)
		_ = b.end()
	})
}

// Real time, TCP and TLS, the bridge's own transport apart from the certificate;
// and no goroutine is left.
func TestHTTPS(t *testing.T) {
	before := runtime.NumGoroutine()
	c := mesostest.New(mesostest.Config{Agents: mesostest.Agents(3), AllocationInterval: 20 * time.Millisecond})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.FlushInterval = -1
	backend := &http.Transport{}
	proxy.Transport = backend
	tls := httptest.NewTLSServer(proxy)
	woken := make(chan struct{}, 1)
	b, err := mesosbridge.New(mesosbridge.Config{
		Masters: []string{tls.URL}, Identity: &identity{}, Transport: tls.Client().Transport,
		Framework: mesosbridge.Framework{Name: "quobyte", User: "root", FailoverTimeout: time.Hour},
		Wake: func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- b.Run(context.Background()) }()
	for ready := 0; ready < 3; {
		select {
		case <-woken:
		case <-time.After(20 * time.Second):
			t.Fatalf("%+v", b.Snapshot())
		}
		ready = 0
		for _, a := range b.Snapshot().Agents {
			if a.Behind && len(a.Offers) > 0 {
				ready++
			}
		}
	}
	if err := b.Teardown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	tls.Client().CloseIdleConnections()
	backend.CloseIdleConnections()
	tls.Close()
	c.Close()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if runtime.NumGoroutine() <= before {
			return
		}
	}
	buf := make([]byte, 1<<16)
	t.Errorf("goroutines are left:\n%s", buf[:runtime.Stack(buf, true)])
}

func TestRedirectsThatDoNotEnd(t *testing.T) {
	inWorld(t, mesostest.Config{}, func(w *world) {
		cfg := w.config(&identity{})
		var requests atomic.Int32
		cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			requests.Add(1)
			_ = r.Body.Close()
			return &http.Response{StatusCode: http.StatusTemporaryRedirect, Body: http.NoBody, Request: r,
				Header: http.Header{"Location": {"//x" + r.URL.Host + "/master/api/v1/scheduler"}}}, nil
		})
		b := w.start(cfg)
		w.until("it gives up", func() bool { return b.Snapshot().Problem.Reason == "Unreachable" })
		if p := b.Snapshot().Problem; !strings.Contains(p.Message, "redirected") {
			w.Errorf("%+v", p)
		}
		if n := requests.Load(); n > 5 {
			w.Errorf("%d requests", n)
		}
		w.rest(10 * time.Minute)
		if n := requests.Load(); n < 100 || n > 300 {
			w.Errorf("%d requests in ten minutes", n)
		}
		_ = b.end()
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestMetrics(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		reg := prometheus.NewRegistry()
		cfg := w.config(&identity{})
		cfg.Metrics = mesosbridge.NewMetrics(reg)
		b := w.start(cfg)
		b.run("node1", "t1")
		b.untilReady("node1", "node2")
		w.mesos.BreakStreams()
		w.until("it breaks", func() bool { return !b.Snapshot().Connected })
		b.untilReady("node1", "node2")
		got := gathered(w.T, reg)
		for series, want := range map[string]float64{
			"mesos_bridge_offers{cluster=test}":                                  2,
			"mesos_bridge_connected{cluster=test}":                               1,
			"mesos_bridge_subscriptions_total{cluster=test}":                     2,
			"mesos_bridge_tasks{cluster=test,state=TASK_RUNNING}":                1,
			"mesos_bridge_tasks{cluster=test,state=TASK_STAGING}":                0,
			"mesos_bridge_events_total{cluster=test,type=SUBSCRIBED}":            2,
			"mesos_bridge_calls_total{cluster=test,result=accepted,type=ACCEPT}": 1,
		} {
			if have, ok := got[series]; !ok || have != want {
				w.Errorf("%s is %v, in %v", series, have, got)
			}
		}
		_ = b.end()
		if _, ok := gathered(w.T, reg)["mesos_bridge_offers{cluster=test}"]; ok {
			w.Error("the gauges stay")
		}
	})
}

func gathered(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			out[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return out
}
