package mesosbridge_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/quobyte/mesos-operator/mesosbridge"
	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// operate calls the master's operator API.
func (w *world) operate(body string) string {
	w.Helper()
	cl := http.Client{Transport: w.transport}
	resp, err := cl.Post(w.mesos.URL()+"/api/v1", "application/json", strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.Fatalf("%s: %d %s, %v", body, resp.StatusCode, text, err)
	}
	return string(text)
}

// schedule replaces the maintenance schedule by one window of some hosts, or none.
func (w *world) schedule(start time.Time, hosts ...string) {
	w.Helper()
	windows := ""
	if len(hosts) > 0 {
		var ids []string
		for _, h := range hosts {
			ids = append(ids, `{"hostname":"`+h+`","ip":"127.0.0.1"}`)
		}
		windows = fmt.Sprintf(`{"machine_ids":[%s],"unavailability":{"start":{"nanoseconds":%d},"duration":{"nanoseconds":%d}}}`,
			strings.Join(ids, ","), start.UnixNano(), time.Hour)
	}
	w.operate(`{"type":"UPDATE_MAINTENANCE_SCHEDULE","update_maintenance_schedule":{"schedule":{"windows":[` + windows + `]}}}`)
}

// answered is what Mesos's operator sees of the answers to inverse offers, by host.
func (w *world) answered() map[string]string {
	w.Helper()
	var view struct {
		Get struct {
			Status struct {
				Draining []struct {
					ID       struct{ Hostname string }
					Statuses []struct{ Status string }
				} `json:"draining_machines"`
			}
		} `json:"get_maintenance_status"`
	}
	if err := json.Unmarshal([]byte(w.operate(`{"type":"GET_MAINTENANCE_STATUS"}`)), &view); err != nil {
		w.Fatal(err)
	}
	said := map[string]string{}
	for _, m := range view.Get.Status.Draining {
		for _, s := range m.Statuses {
			said[m.ID.Hostname] += s.Status
		}
	}
	return said
}

func (b *bridge) untilAsked(hosts ...string) (ids []string) {
	b.w.Helper()
	b.w.until("the master asks to leave "+fmt.Sprint(hosts), func() bool {
		ids = nil
		for _, h := range hosts {
			for _, i := range b.agent(h).InverseOffers {
				ids = append(ids, i.ID)
			}
		}
		return len(ids) == len(hosts)
	})
	return ids
}

// knows says whether the window of a host is known to begin then.
func (b *bridge) knows(host string, start time.Time) bool {
	u := b.agent(host).Unavailability
	return u != nil && u.Start.Nanoseconds == start.UnixNano()
}

// A maintenance from its announcement to its end, as maintenance.jsonl has it.
func TestMaintenanceOfAHost(t *testing.T) {
	inWorld(t, two(), func(w *world) {
		b := w.start(w.config(&identity{}))
		b.run("node1", "t1")
		b.untilReady("node1", "node2")
		start := time.Now().Add(time.Hour)
		announced := time.Now()
		w.schedule(start, "node1")
		id := b.untilAsked("node1")
		if a := b.agent("node1"); !b.knows("node1", start) || a.UnavailabilitySaid.Before(announced) {
			w.Errorf("%+v", a)
		}
		if a := b.agent("node2"); a.Unavailability != nil || len(a.InverseOffers) != 0 {
			w.Errorf("%+v", a)
		}
		b.AnswerInverse(append(id, "no-such-offer"), false, 30*time.Second)
		if len(b.agent("node1").InverseOffers) != 0 || !b.knows("node1", start) {
			w.Errorf("%+v", b.agent("node1"))
		}
		w.rest(10 * time.Second)
		if said := w.answered(); said["node1"] != "DECLINE" || len(said) != 1 {
			w.Errorf("Mesos's operator sees %v", said)
		}
		if n := len(b.agent("node1").InverseOffers); n != 0 {
			w.Errorf("%d inverse offers in spite of the filter", n)
		}
		// It is asked again; what runs there is stopped first.
		id = b.untilAsked("node1")
		b.Kill("t1")
		w.until("it has ended", func() bool { return b.Snapshot().Tasks["t1"] == nil })
		b.AnswerInverse(id, true, 10*time.Minute)
		w.rest(time.Second)
		if said := w.answered(); said["node1"] != "ACCEPT" {
			w.Errorf("Mesos's operator sees %v", said)
		}
		if n := w.count(ofType(scheduler.Call_DECLINE_INVERSE_OFFERS)) + w.count(ofType(scheduler.Call_ACCEPT_INVERSE_OFFERS)); n != 2 {
			w.Errorf("%d answers", n)
		}
		// REVIVE asks again too, and the end of the maintenance clears all.
		b.Revive([]string{"quobyte"})
		last := b.untilAsked("node1")[0]
		b.untilReady("node1")
		w.schedule(time.Time{})
		w.until("it is over", func() bool {
			a := b.agent("node1")
			return a.Unavailability == nil && len(a.InverseOffers) == 0 && len(a.Offers) == 1
		})
		b.run("node1", "t2")
		_ = b.end()
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, words := range []string{
			`"event"="INVERSE_OFFERS" "inverseOffers"=["` + last + ` on agent `, start.UTC().Format(time.RFC3339),
			`"event"="RESCIND_INVERSE_OFFER" "inverseOffer"="` + last,
			`"call"="DECLINE_INVERSE_OFFERS" "inverseOffers"=["`,
			`"call"="ACCEPT_INVERSE_OFFERS" "inverseOffers"=["` + id[0] + `"] "refuse"=600`,
		} {
			if !strings.Contains(w.log.String(), words) {
				w.Errorf("the debug log does not say %s", words)
			}
		}
	})
}

// The window of a host that is full, so that no offer tells of it, changes and is
// cancelled.
func TestMaintenanceOfAFullHost(t *testing.T) {
	inWorld(t, mesostest.Config{Agents: []mesostest.Agent{{Host: "node1", CPUs: 0.1, Mem: 32}}}, func(w *world) {
		id := &identity{}
		b := w.start(w.config(id))
		b.run("node1", "t1")
		first, second := time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		w.schedule(first, "node1")
		b.untilAsked("node1")
		w.schedule(second, "node1")
		w.until("the other window is known", func() bool { return b.knows("node1", second) && len(b.agent("node1").InverseOffers) == 1 })
		w.schedule(time.Time{})
		w.until("none is known", func() bool {
			a := b.agent("node1")
			return a.Unavailability == nil && len(a.InverseOffers) == 0
		})
		// A bridge that knows nothing has the agent's first word by an inverse offer.
		w.schedule(first, "node1")
		_ = b.end()
		b = w.start(w.config(id))
		agentID := w.mesos.Hosts()[0].ID
		held := func() *mesosbridge.Agent {
			if a := b.Snapshot().Agents[agentID]; a != nil && len(a.InverseOffers) == 1 {
				return a
			}
			return nil
		}
		w.until("it is asked", func() bool { return held() != nil })
		if a := held(); !a.Registered || a.Host != "" || a.Unavailability.Start.Nanoseconds != first.UnixNano() {
			w.Errorf("%+v", a)
		}
		b.w.until("it is behind its barrier", func() bool { return held().Behind })
		_ = b.end()
	})
}

// Inverse offers are void with the subscription and with the agent, and are made
// anew: the ids of before are passed over.
func TestInverseOffersAcrossFaults(t *testing.T) {
	for name, fault := range map[string]func(w *world){
		"stream": func(w *world) { w.mesos.BreakStreams() },
		"failover": func(w *world) {
			w.mesos.FailoverMaster(mesostest.FailoverOptions{Downtime: time.Second, AgentsReturnAfter: 5 * time.Second})
		},
		"agent": func(w *world) {
			w.mesos.StopAgent("node1")
			w.until("the master has lost it", func() bool { return !w.mesos.Hosts()[0].Registered })
			w.mesos.StartAgent("node1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, two(), func(w *world) {
				b := w.start(w.config(&identity{}))
				b.run("node1", "t1")
				start := time.Now().Add(time.Hour)
				w.schedule(start, "node1")
				old := b.untilAsked("node1")
				fault(w)
				w.until("it is asked anew", func() bool {
					a := b.agent("node1")
					return len(a.InverseOffers) == 1 && a.InverseOffers[0].ID != old[0]
				})
				if !b.knows("node1", start) {
					w.Errorf("%+v", b.agent("node1"))
				}
				b.AnswerInverse(old, true, time.Hour)
				w.rest(time.Second)
				if n := w.count(ofType(scheduler.Call_ACCEPT_INVERSE_OFFERS)); n != 0 || len(b.agent("node1").InverseOffers) != 1 {
					w.Errorf("%d answers to ids that are void", n)
				}
				b.AnswerInverse(b.untilAsked("node1"), true, time.Hour)
				w.until("Mesos's operator sees it", func() bool { return w.answered()["node1"] == "ACCEPT" })
				_ = b.end()
			})
		})
	}
}

// An answer that is lost ends the subscription, as that of every call; the next one
// is asked anew.
func TestAnswerToInverseOfferIsLost(t *testing.T) {
	for _, when := range []mesostest.When{mesostest.Before, mesostest.After} {
		inWorld(t, two(), func(w *world) {
			b := w.start(w.config(&identity{}))
			b.run("node1", "t1")
			w.schedule(time.Now().Add(time.Hour), "node1", "node2")
			ids := b.untilAsked("node1", "node2")
			w.mesos.DropNext(scheduler.Call_ACCEPT_INVERSE_OFFERS, when)
			b.AnswerInverse(ids, true, time.Hour)
			w.until("it breaks", func() bool { return w.count(ofType(scheduler.Call_SUBSCRIBE)) == 2 })
			b.AnswerInverse(b.untilAsked("node1", "node2"), true, time.Hour)
			w.until("Mesos's operator sees it", func() bool {
				said := w.answered()
				return said["node1"] == "ACCEPT" && said["node2"] == "ACCEPT"
			})
			_ = b.end()
		})
	}
}
